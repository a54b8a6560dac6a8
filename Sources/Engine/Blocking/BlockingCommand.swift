import Bytes
import RESP

/// A command that waits, if it finds nothing, until it can be served: BLPOP and its like, XREAD with BLOCK, WAIT.
///
/// What a call waits for, and what it does when that comes, is a value of its own, its `WaitingRequest`. `execute` is what
/// the command does where nobody may wait, as inside a transaction: it finds something, or says that there is nothing.
/// Otherwise the call is an operation (`coordinate`), which waits. Keys must not be locked while it does: its locks, if
/// it needs any, are its own business (`Operation.serveOrWait`).
public protocol BlockingCommand: WaitingCommand {
  associatedtype Request: WaitingRequest

  /// Reads the arguments of a call. Throws the error that answers wrong ones.
  static func request(_ arguments: Arguments) throws(WaitingError) -> Request

  /// Writes that there is nothing: because nobody may wait here, or because the time is over.
  static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool)
}

extension BlockingCommand {
  public static var locksKeys: Bool { false }

  public static func mayWait(_ arguments: Arguments) -> Bool { true }

  public static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool) {
    reply.pointee.nullArray()
  }

  public static func execute(_ call: inout KeyCall) {
    do throws(WaitingError) {
      let request = try request(call.arguments)
      if !request.attempt(on: call.shard, in: call.database, .only, call.reply) {
        writeNothing(to: call.reply, afterWaiting: false)
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// Serves a call that has just come, or answers that it is wrong. Returns false, with nothing written, if it has to wait.
  static func serve(_ call: inout KeyCall) -> Bool {
    do throws(WaitingError) {
      return try request(call.arguments).attempt(on: call.shard, in: call.database, .first, call.reply)
    } catch {
      call.reply.pointee.error(error.text)
      return true
    }
  }

  public static func coordinate(_ operation: Operation) async {
    operation.keepArguments()
    do throws(WaitingError) {
      let request = try request(operation.arguments)
      if await !operation.serveOrWait(request) {
        writeNothing(to: operation.reply, afterWaiting: !operation.isInTransaction)
      }
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

/// Why a blocking call is refused: the error reply that says so.
public struct WaitingError: Error {
  public let text: StaticString

  public init(_ text: StaticString) { self.text = text }
}
