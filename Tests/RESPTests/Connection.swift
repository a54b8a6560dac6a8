import Bytes
import Heap
import TestSupport

@testable import RESP

/// What a connection's input came to.
struct ParsedInput: Equatable, CustomStringConvertible {
  var commands: [[[UInt8]]] = []
  var error: RequestError?
  /// Bytes of an incomplete command at the end.
  var restCount = 0

  var description: String {
    let shownCommands = commands.map { "[" + $0.map { shown($0) }.joined(separator: ", ") + "]" }
    return
      "\(shownCommands.joined(separator: " ")) error \(error.map { shown($0.text) } ?? "none"), rest \(restCount)"
  }
}

/// Input that arrives in pieces and is read as a loop reads it: what is left of an incomplete command is kept, and
/// reading goes on there when more has arrived.
final class Connection {
  private let limits: RequestLimits
  private let memory: GuardedMemory
  private var buffer: [UInt8] = []
  private var store: ArgumentStore
  private var partial = PartialRequest()
  /// As the parser said: there is no whole command in fewer bytes.
  private(set) var bytesNeeded = 0
  private(set) var parsed = ParsedInput()

  init(heap: ShardHeap, limits: RequestLimits = RequestLimits(), capacity: Int = 1 << 16) {
    self.limits = limits
    memory = GuardedMemory(capacity: capacity)
    store = ArgumentStore(heap: heap)
  }

  /// Reads what can be read once `bytes` have arrived.
  func receive(_ bytes: some Collection<UInt8>) {
    guard parsed.error == nil else { return }
    buffer += bytes
    while parseOne() {}
    parsed.restCount = buffer.count
  }

  /// Reads one command; false if there is none.
  private func parseOne() -> Bool {
    let base = memory.place(buffer)
    let outcome = RequestParser.parse(
      base, from: 0, to: buffer.count, partial: &partial, into: &store, limits: limits)
    switch outcome {
    case .command(let end):
      let arguments = Arguments(base: base, ranges: store.ranges, count: store.count)
      parsed.commands.append(arguments.arrays)
      drop(end)
      return true
    case .nothing(let end):
      drop(end)
      return true
    case .incomplete(let needed):
      bytesNeeded = needed
      return false
    case .failure(let error):
      parsed.error = error
      buffer = []
      return false
    }
  }

  private func drop(_ count: Int) {
    buffer.removeFirst(count)
    store.truncate(to: 0)
    bytesNeeded = 0
  }

  /// What `pieces` come to on a new connection.
  static func parse(
    _ pieces: [some Collection<UInt8>], heap: ShardHeap, limits: RequestLimits = RequestLimits(),
    capacity: Int = 1 << 16
  ) -> ParsedInput {
    let connection = Connection(heap: heap, limits: limits, capacity: capacity)
    for piece in pieces { connection.receive(piece) }
    return connection.parsed
  }

  static func parse(_ text: String, heap: ShardHeap, limits: RequestLimits = RequestLimits()) -> ParsedInput {
    parse([Array(text.utf8)], heap: heap, limits: limits, capacity: max(1 << 16, text.utf8.count))
  }
}
