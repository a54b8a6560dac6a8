import Engine
import RESP

enum MonitorCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "monitor", arity: 1, flags: [.admin, .noScript, .loading, .stale], group: .server, since: "1.0.0",
    summary: "Shows every command that the server executes, as it comes.", complexity: "")

  static func execute(_ call: inout ClientCall) {
    // Who watches already gets no second answer.
    if call.client.pointee.flags.contains(.monitor) { return }
    call.client.pointee.flags.insert(.monitor)
    call.server.monitorCount.add(1, ordering: .relaxed)
    call.reply.pointee.ok()
  }
}

extension ClientCall {
  /// Ends the client's watching, if it watches.
  func stopMonitoring() {
    guard client.pointee.flags.contains(.monitor) else { return }
    client.pointee.flags.remove(.monitor)
    server.monitorCount.subtract(1, ordering: .relaxed)
  }
}
