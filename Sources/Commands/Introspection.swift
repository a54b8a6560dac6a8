import Engine

let introspectionCommands: [any Command.Type] = []
