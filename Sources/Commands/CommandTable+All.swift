import Engine

extension CommandTable {
  /// Every command of the server: a list for each family, in the order of the reference.
  public static func all() -> CommandTable {
    CommandTable(
      stringCommands + setCommands + genericCommands + connectionCommands + serverCommands + memoryCommands
        + introspectionCommands + bitmapCommands + listCommands)
  }
}
