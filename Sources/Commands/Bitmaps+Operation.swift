import Bytes
import Engine
import Keyspace
import RESP

enum BitOpCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "bitop", arity: -4, flags: [.write, .denyOutOfMemory],
    keys: [
      .key(at: 2, [.overwrite, .update]), .keys(from: 3, [.readOnly, .access]),
    ],
    group: .bitmap, since: "2.6.0",
    summary: "Combines the strings of several keys bit by bit and stores the result.",
    complexity: "O(N) in the bytes of all strings.",
    arguments: [
      .init("operation", .string), .init("destkey", .key),
      .init("key", .key, multiple: true, keySpecification: 1),
    ],
    history: [("8.2.0", "Added the `DIFF`, `DIFF1`, `ANDOR` and `ONE` operations.")])

  static func execute(_ call: inout KeyCall) {
    let operation: BitOperation
    do throws(CommandError) {
      operation = try BitOperation(call.arguments)
    } catch {
      return call.reply.pointee.error(error.text)
    }
    let count = call.arguments.count - 3
    let result = withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: count * Keyspace.integerTextBytes
    ) { scratch -> [UInt8]? in
      var sources: [ByteView] = []
      sources.reserveCapacity(count)
      for index in 0..<count {
        let entry = call.keyspace.lookup(call.key(index + 3), in: call.database, for: .read)
        guard let entry else {
          sources.append(ByteView(""))
          continue
        }
        // The views stay valid: a lookup removes at most another key, one that has expired.
        let start = scratch.baseAddress.unsafelyUnwrapped + index * Keyspace.integerTextBytes
        guard let text = entry.text(scratch: start) else { return nil }
        sources.append(text)
      }
      return operation.result(of: sources)
    }
    guard let result else { return call.refuseType() }
    let target = call.key(2)
    let existing = call.keyspace.lookup(target, in: call.database, for: .write)
    if !result.isEmpty {
      result.withBytes {
        call.keyspace.setBytes(target, in: call.database, to: $0, replacing: existing, expiry: nil)
      }
      call.changed(target, .string, "set")
    } else if let existing {
      call.keyspace.remove(existing)
      call.changed(target, .generic, "del")
    }
    call.reply.pointee.integer(result.count)
  }

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    do throws(CommandError) {
      let bitOperation = try BitOperation(arguments)
      let values = try await operation.values(
        of: (3..<arguments.count).map { arguments[$0] }, allowing: [.bytes, .integer])
      let result = bitOperation.result(of: values.map { $0?.string ?? [] })
      await operation.store(
        result.isEmpty ? nil : ValueTransfer(bytes: result), at: arguments[2], .string, "set")
      operation.reply.pointee.integer(result.count)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

extension BitOperation {
  /// The operation that BITOP's arguments name.
  fileprivate init(_ arguments: Arguments) throws(CommandError) {
    let sourceCount = arguments.count - 3
    guard let known = Self.names.first(where: { arguments.isWord($0.name, at: 1) }) else {
      throw CommandError(ErrorText.syntax)
    }
    self = known.operation
    if self == .not, sourceCount != 1 {
      throw CommandError("ERR BITOP NOT must be called with a single source key.")
    }
    if sourceCount < 2, let refusal = known.refusalOfOneSource { throw CommandError(refusal) }
  }

  private static let names:
    [(name: StaticString, operation: BitOperation, refusalOfOneSource: StaticString?)] = [
      ("and", .and, nil), ("or", .or, nil), ("xor", .xor, nil), ("not", .not, nil), ("one", .one, nil),
      ("diff", .difference, "ERR BITOP DIFF must be called with at least two source keys."),
      ("diff1", .reverseDifference, "ERR BITOP DIFF1 must be called with at least two source keys."),
      ("andor", .andOr, "ERR BITOP ANDOR must be called with at least two source keys."),
    ]

  fileprivate func result<Source: ByteViewable>(of sources: [Source]) -> [UInt8] {
    let count = sources.reduce(0) { max($0, $1.withBytes { $0.count }) }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      combine(sources, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }
}
