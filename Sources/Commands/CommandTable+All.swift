import Engine

extension CommandTable {
  /// Every command of the server: a list for each family, in the order of the reference.
  public static func all() -> CommandTable {
    let families: [[any Command.Type]] = [
      stringCommands,
      listCommands,
      hashCommands,
      setCommands,
      sortedSetCommands,
      streamCommands,
      blockingCommands,
      bitmapCommands,
      geoCommands,
      hyperLogLogCommands,
      genericCommands,
      serializationCommands,
      sortCommands,
      pubSubCommands,
      transactionCommands,
      connectionCommands,
      serverCommands,
      memoryCommands,
      introspectionCommands,
    ]
    return CommandTable(families.flatMap { $0 })
  }
}
