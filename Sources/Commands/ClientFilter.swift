import Bytes
import Engine

/// Which clients a CLIENT KILL means: those that pass every test that is set.
struct ClientFilter: Sendable {
  var identifier: UInt64?
  var kind: ClientKind?
  var address: String?
  var localAddress: String?
  /// 0 for any age.
  var ageSecondsMinimum: Int64 = 0
  /// A client that is spared.
  var spared: UInt64?

  func matches(_ client: UnsafeMutablePointer<Client>, now: Int64) -> Bool {
    if let identifier, client.pointee.identifier != identifier { return false }
    if let kind, client.pointee.kind != kind { return false }
    if let address, client.pointee.address != address { return false }
    if let localAddress, client.pointee.localAddress != localAddress { return false }
    if ageSecondsMinimum > 0, (now - client.pointee.connectedAt) / 1_000 < ageSecondsMinimum { return false }
    return client.pointee.identifier != spared && !client.pointee.isLost
  }
}

/// An option of CLIENT LIST or CLIENT KILL that can't be followed, as the client is told.
struct ClientOptionError: Error {
  let text: [UInt8]

  static let syntax = ClientOptionError(ErrorText.syntax)

  init(text: [UInt8]) { self.text = text }

  init(_ text: StaticString) { self.text = ByteView(text).array }

  /// An error that repeats what the client sent.
  init(_ before: StaticString, quoting bytes: ByteView, _ after: StaticString) {
    text = errorText(before, quoting: bytes, after)
  }
}

extension ClientKind {
  /// The class of this name.
  init(named name: ByteView) throws(ClientOptionError) {
    if name.equalsIgnoringCase("normal") {
      self = .normal
    } else if name.equalsIgnoringCase("replica") || name.equalsIgnoringCase("slave") {
      self = .replica
    } else if name.equalsIgnoringCase("master") {
      self = .master
    } else if name.equalsIgnoringCase("pubsub") {
      self = .pubSub
    } else {
      throw ClientOptionError("ERR Unknown client type '", quoting: name, "'")
    }
  }
}
