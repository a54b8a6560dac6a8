/// The versions that the server gives of itself.
public enum ServerVersion {
  /// The version of Redis whose commands are spoken: what HELLO and INFO give, since clients choose by it.
  public static let compatible = "7.4.0"
  /// Pantala's own.
  public static let own = "0.1.0"
}
