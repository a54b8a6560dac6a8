import Bytes

extension ErrorText {
  /// The error of arguments that a subcommand does not take, where the table can't tell it by their number.
  public static func subcommandSyntax(_ name: ByteView, of container: String) -> String {
    let shown = name.count > 128 ? name[0..<128] : name
    return "ERR unknown subcommand or wrong number of arguments for '\(shown.string)'. Try "
      + "\(container.uppercased()) HELP."
  }
}
