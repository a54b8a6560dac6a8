extension Directive {
  /// Where the server listens.
  static let network: [Directive] = [
    .integer(
      "port", \.port, 0...65535, isMutable: false,
      summary: "TCP port to listen on; 0 listens on none"),
    bind,
    .boolean(
      "protected-mode", \.protectedMode,
      summary: "refuse clients on other machines while no password is set"),
    .integer(
      "tcp-backlog", \.tcpBacklog, 0...Int(Int32.max), isMutable: false,
      summary: "connections the kernel may keep waiting for accept"),
    .integer(
      "tcp-keepalive", \.tcpKeepaliveSeconds, 0...Int(Int32.max),
      summary: "seconds between TCP keep-alive probes; 0 sends none"),
    .path(
      "unixsocket", \.unixSocketPath, maximumBytes: PathLimit.unixSocketBytes,
      summary: "path of a Unix socket to listen on as well"),
    .octal(
      "unixsocketperm", \.unixSocketPermissions, 0...0o777, isMutable: false,
      summary: "permission bits of the Unix socket; 0 leaves them to the umask"),
  ]

  /// Redis's `CONFIG_BINDADDR_MAX`.
  private static let maximumBindAddresses = 16

  private static let bind = Directive(
    name: "bind", aliases: [], isMutable: false, isProtected: false, isSensitive: false,
    takesSeveralArguments: true, kind: .list(form: "<address> ..."),
    summary: "addresses to listen on; '-' before one lets it be missing on this machine",
    read: { $0.bindAddresses.joined(separator: " ") },
    write: { (settings, arguments) throws(ConfigurationError) in
      if arguments.count > maximumBindAddresses {
        throw .invalidValue(reason: "Too many bind addresses specified.")
      }
      if arguments.contains(where: { $0.utf8.contains(0) }) {
        throw .invalidValue(reason: "an address can't contain a NUL byte")
      }
      settings.bindAddresses = arguments == [""] ? [] : arguments
    },
    rewrite: { settings in
      let addresses = settings.bindAddresses
      let list = addresses.map(\.quotedForConfigurationIfNeeded).joined(separator: " ")
      return [
        RewrittenLine(
          text: "bind \(addresses.isEmpty ? "\"\"" : list)",
          isDefault: addresses == Settings().bindAddresses)
      ]
    })
}
