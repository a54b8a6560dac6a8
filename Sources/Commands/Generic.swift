import Engine

let genericCommands: [any Command.Type] = []
