import Engine

let serverCommands: [any Command.Type] = []
