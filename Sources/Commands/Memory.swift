import Engine

let memoryCommands: [any Command.Type] = []
