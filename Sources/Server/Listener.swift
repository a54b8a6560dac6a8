import Configuration
import Glibc

/// Why the server can't listen.
struct ListenError: Error, CustomStringConvertible {
  let description: String
}

/// A socket that accepts connections.
struct Listener {
  let descriptor: Int32
  let isUnixSocket: Bool
  /// What it listens on, for the log.
  let name: String

  /// Opens the sockets that the settings ask for.
  static func open(_ settings: Settings) throws(ListenError) -> [Listener] {
    var listeners: [Listener] = []
    if settings.port > 0 {
      for address in settings.bindAddresses {
        // A leading dash means that the address may be missing on this machine.
        let isOptional = address.hasPrefix("-")
        let host = isOptional ? String(address.dropFirst()) : address
        do throws(ListenError) {
          listeners.append(try openTCP(host, port: settings.port, backlog: settings.tcpBacklog))
        } catch {
          if !isOptional { throw error }
        }
      }
      if listeners.isEmpty, !settings.bindAddresses.isEmpty {
        throw ListenError(description: "none of the bind addresses can be listened on")
      }
    }
    if !settings.unixSocketPath.isEmpty {
      listeners.append(
        try openUnix(
          settings.unixSocketPath, permissions: settings.unixSocketPermissions, backlog: settings.tcpBacklog))
    }
    return listeners
  }

  private static func openTCP(_ host: String, port: Int, backlog: Int) throws(ListenError) -> Listener {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_family = host == "*" ? AF_INET : AF_UNSPEC
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host == "*" ? nil : host, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard code == 0, let info = found else {
      throw ListenError(description: "\(host):\(port): \(String(cString: gai_strerror(code)))")
    }
    let descriptor = socket(
      info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure("socket for \(host):\(port)") }
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    if info.pointee.ai_family == AF_INET6 { setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    guard bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0,
      listen(descriptor, Int32(backlog)) == 0
    else {
      let error = failure("\(host):\(port)")
      close(descriptor)
      throw error
    }
    return Listener(descriptor: descriptor, isUnixSocket: false, name: "\(host):\(port)")
  }

  private static func openUnix(_ path: String, permissions: Int, backlog: Int) throws(ListenError) -> Listener
  {
    unlink(path)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure("socket for \(path)") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { target in
      guard bytes.count < target.count else { return false }
      target.copyBytes(from: bytes)
      return true
    }
    guard fits else {
      close(descriptor)
      throw ListenError(description: "\(path): the path of a unix socket is limited to 107 bytes")
    }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(descriptor, Int32(backlog)) == 0 else {
      let error = failure(path)
      close(descriptor)
      throw error
    }
    if permissions != 0 { chmod(path, mode_t(permissions)) }
    return Listener(descriptor: descriptor, isUnixSocket: true, name: path)
  }

  private static func failure(_ what: String) -> ListenError {
    ListenError(description: "\(what): \(String(cString: strerror(errno)))")
  }
}

/// Sets an integer option of a socket. A system that refuses one of those used here works on without it.
func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
  var value = value
  setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
}

/// The two ends of a connection, as CLIENT LIST shows them.
struct ConnectionAddresses {
  var peer = ""
  var local = ""
  /// Whether the peer is on this machine.
  var isLocal = false

  init(of descriptor: Int32) {
    (peer, isLocal) = Self.describe { getpeername(descriptor, $0, $1) }
    local = Self.describe { getsockname(descriptor, $0, $1) }.text
  }

  init(unixSocketPath: String) {
    peer = unixSocketPath + ":0"
    local = unixSocketPath + ":0"
    isLocal = true
  }

  private static func describe(
    _ ask: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (text: String, isLocal: Bool) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard ask(address, &length) == 0 else { return ("?:0", false) }
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        guard
          getnameinfo(
            address, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
            NI_NUMERICHOST | NI_NUMERICSERV) == 0
        else { return ("?:0", false) }
        let hostText = text(host)
        let isLocal = hostText == "::1" || hostText.hasPrefix("127.") || hostText.hasPrefix("::ffff:127.")
        let shown = hostText.contains(":") ? "[\(hostText)]" : hostText
        return ("\(shown):\(text(service))", isLocal)
      }
    }
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
