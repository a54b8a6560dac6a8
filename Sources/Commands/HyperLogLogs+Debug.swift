import Bytes
import Engine
import Keyspace
import RESP
import Sketches

enum PfDebugCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "pfdebug", arity: 3, flags: [.write, .denyOutOfMemory, .admin],
    keys: [.key(at: 2, [.readWrite, .access])],
    group: .hyperloglog, since: "2.8.9", summary: "Shows how a HyperLogLog is kept, for tests.",
    complexity: "O(1)", arguments: [.init("subcommand", .string), .init("key", .key)],
    isSystem: true)

  static func execute(_ call: inout KeyCall) {
    let key = call.key(2)
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .write) else {
      return call.reply.pointee.error("ERR The specified key does not exist")
    }
    guard entry.isString else { return call.refuseType() }
    guard let bytes = entry.mutableBytes, let start = bytes.baseAddress,
      let view = HyperLogLogView(ByteView(start: start, count: bytes.count))
    else { return call.reply.pointee.error(SketchError.notASketch) }
    if call.arguments.isWord("getreg", at: 1) {
      guard makeDense(view, entry, &call) else { return }
      replyRegisters(key, call)
    } else if call.arguments.isWord("decode", at: 1) {
      guard let text = view.decodedText else {
        return call.reply.pointee.error("ERR HLL encoding is not sparse")
      }
      call.reply.pointee.bulk(text)
    } else if call.arguments.isWord("encoding", at: 1) {
      call.reply.pointee.simple(view.encoding == .dense ? "dense" : "sparse")
    } else if call.arguments.isWord("todense", at: 1) {
      let isSparse = view.encoding == .sparse
      if makeDense(view, entry, &call) { call.reply.pointee.integer(isSparse ? 1 : 0) }
    } else {
      call.reply.pointee.error(errorText("ERR Unknown PFDEBUG subcommand '", quoting: call.arguments[1], "'"))
    }
  }

  /// Makes a sketch dense if it is not; replies with an error, and returns false, if that can't be.
  private static func makeDense(_ view: HyperLogLogView, _ entry: Entry, _ call: inout KeyCall) -> Bool {
    guard view.encoding == .sparse else { return true }
    var sketch = HyperLogLog(view)
    do {
      try sketch.makeDense()
    } catch {
      call.reply.pointee.error(SketchError.corrupted)
      return false
    }
    call.keyspace.set(sketch, at: entry.key, in: call.database, replacing: entry)
    return true
  }

  private static func replyRegisters(_ key: Key, _ call: KeyCall) {
    guard let bytes = call.keyspace.lookup(key, in: call.database, for: .peek)?.mutableBytes,
      let start = bytes.baseAddress
    else { return }
    let registers = DenseRegisters(of: start)
    call.reply.pointee.array(HyperLogLog.registerCount)
    for register in 0..<HyperLogLog.registerCount {
      call.reply.pointee.integer(Int64(registers[register]))
    }
  }
}

enum PfSelfTestCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "pfselftest", arity: 1, flags: [.admin], group: .hyperloglog, since: "2.8.9",
    summary: "Tests the HyperLogLog algorithms on this machine.", complexity: "O(1), a few milliseconds.",
    isSystem: true)

  static func execute(_ call: inout ClientCall) {
    if let failure = HyperLogLog.selfTest() {
      call.reply.pointee.error("TESTFAILED \(failure)")
    } else {
      call.reply.pointee.ok()
    }
  }
}
