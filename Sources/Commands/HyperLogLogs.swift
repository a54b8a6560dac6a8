import Bytes
import Engine
import Keyspace
import RESP
import Sketches

/// The HyperLogLog family, in the order of the reference.
let hyperLogLogCommands: [any Command.Type] = [
  PfAddCommand.self, PfCountCommand.self, PfDebugCommand.self, PfMergeCommand.self, PfSelfTestCommand.self,
]

enum PfAddCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "pfadd", arity: -2, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .insert])],
    group: .hyperloglog, since: "2.8.9",
    summary: "Adds elements to a HyperLogLog, which is made if it is missing.",
    complexity: "O(1) for each element.",
    arguments: [.init("key", .key), .init("element", .string, optional: true, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    guard let existing = call.keyspace.lookup(key, in: call.database, for: .write) else {
      return makeSketch(&call)
    }
    guard existing.isString else { return call.refuseType() }
    guard let bytes = existing.mutableBytes, let start = bytes.baseAddress,
      let view = HyperLogLogView(ByteView(start: start, count: bytes.count))
    else { return call.reply.pointee.error(SketchError.notASketch) }
    if view.encoding == .sparse { return addToSparse(view, existing, &call) }
    let registers = DenseRegisters(of: start)
    var isChanged = false
    for index in 2..<call.arguments.count where registers.raise(Observation(of: call.arguments[index])) {
      isChanged = true
    }
    if isChanged {
      HyperLogLogView.invalidateCount(in: start)
      call.keyspace.dirty &+= 1
      call.changed(key, .string, "pfadd")
    }
    call.reply.pointee.integer(isChanged ? 1 : 0)
  }

  @inline(never)
  private static func makeSketch(_ call: inout KeyCall) {
    add(to: HyperLogLog(), from: 2, replacing: nil, isChanged: true, &call)
  }

  /// Goes on with a copy of the sketch as soon as an element changes it.
  @inline(never)
  private static func addToSparse(_ view: HyperLogLogView, _ existing: Entry, _ call: inout KeyCall) {
    for index in 2..<call.arguments.count {
      do {
        guard try view.isRaisedSparse(by: Observation(of: call.arguments[index])) else { continue }
      } catch {
        return call.reply.pointee.error(SketchError.corrupted)
      }
      return add(to: HyperLogLog(view), from: index, replacing: existing, isChanged: false, &call)
    }
    call.reply.pointee.integer(0)
  }

  /// Adds the elements from an argument on to a sketch that becomes the key's value.
  @inline(never)
  private static func add(
    to sketch: HyperLogLog, from first: Int, replacing existing: Entry?, isChanged: Bool,
    _ call: inout KeyCall
  ) {
    var sketch = sketch
    var isChanged = isChanged
    var isCorrupted = false
    let sparseBytesMaximum = call.shard.pointee.settings.hllSparseMaxBytes
    do {
      for index in first..<call.arguments.count
      where try sketch.add(Observation(of: call.arguments[index]), sparseBytesMaximum: sparseBytesMaximum) {
        isChanged = true
      }
    } catch {
      // What was added before stays added.
      isCorrupted = true
    }
    if isChanged {
      sketch.invalidateCount()
      let key = call.key(1)
      call.keyspace.set(sketch, at: key, in: call.database, replacing: existing)
      if isCorrupted { call.changedSilently(key) } else { call.changed(key, .string, "pfadd") }
    }
    if isCorrupted { return call.reply.pointee.error(SketchError.corrupted) }
    call.reply.pointee.integer(isChanged ? 1 : 0)
  }
}

enum PfCountCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "pfcount", arity: -2, flags: [.readOnly],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: -1, step: 1, limit: 0), flags: [.readWrite, .access],
        notes: "RW because it may change the internal representation of the key, and propagate to replicas")
    ],
    group: .hyperloglog, since: "2.8.9",
    summary: "Estimates how many different elements one or several HyperLogLogs have together.",
    complexity: "O(1) for one key whose count was computed before; else O(N) in the number of keys.",
    arguments: [.init("key", .key, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    if call.arguments.count == 2 { return countOne(&call) }
    do throws(CommandError) {
      var union = SketchUnion()
      for index in 1..<call.arguments.count { try union.add(call.key(index), call) }
      call.reply.pointee.integer(union.count)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// Answers with the count that the sketch carries, or computes it and puts it there.
  private static func countOne(_ call: inout KeyCall) {
    let key = call.key(1)
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .read) else {
      return call.reply.pointee.integer(0)
    }
    guard entry.isString else { return call.refuseType() }
    guard let bytes = entry.mutableBytes, let start = bytes.baseAddress,
      let view = HyperLogLogView(ByteView(start: start, count: bytes.count))
    else { return call.reply.pointee.error(SketchError.notASketch) }
    if let count = view.storedCount { return call.reply.pointee.integer(count) }
    do {
      let count = try view.count()
      HyperLogLogView.store(count: count, in: start)
      call.keyspace.dirty &+= 1
      call.changedSilently(key)
      call.reply.pointee.integer(count)
    } catch {
      call.reply.pointee.error(SketchError.corrupted)
    }
  }

  static func coordinate(_ operation: Operation) async {
    let keys = (1..<operation.arguments.count).map { operation.arguments[$0] }
    let values = await operation.fetch(keys, allowing: [.bytes, .integer])
    do throws(CommandError) {
      var union = SketchUnion()
      for value in values { try union.add(value) }
      operation.reply.pointee.integer(union.count)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

enum PfMergeCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "pfmerge", arity: -2, flags: [.write, .denyOutOfMemory],
    keys: [.key([.readWrite, .access, .insert]), .keys(from: 2, [.readOnly, .access])],
    group: .hyperloglog, since: "2.8.9",
    summary: "Adds the elements of HyperLogLogs to another one, which is made if it is missing.",
    complexity: "O(N) in the number of keys.",
    arguments: [
      .init("destkey", .key), .init("sourcekey", .key, multiple: true, keySpecification: 1),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      var union = SketchUnion()
      for index in 1..<call.arguments.count { try union.add(call.key(index), call) }
      let key = call.key(1)
      let existing = call.keyspace.lookup(key, in: call.database, for: .write)
      let old = existing?.withText { text in text.flatMap(HyperLogLogView.init).map(HyperLogLog.init) } ?? nil
      let sketch = try union.merged(
        with: old, sparseBytesMaximum: call.shard.pointee.settings.hllSparseMaxBytes)
      call.keyspace.set(sketch, at: key, in: call.database, replacing: existing)
      call.changed(key, .string, "pfadd")
      call.reply.pointee.ok()
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ operation: Operation) async {
    let keys = (1..<operation.arguments.count).map { operation.arguments[$0] }
    let values = await operation.fetch(keys, allowing: [.bytes, .integer])
    do throws(CommandError) {
      var union = SketchUnion()
      for value in values { try union.add(value) }
      var old: HyperLogLog?
      var expiry: Int64?
      if case .value(let target) = values[0], let bytes = target.string {
        old = bytes.withBytes { HyperLogLogView($0).map(HyperLogLog.init) }
        expiry = target.expiry
      }
      let sketch = try union.merged(
        with: old, sparseBytesMaximum: operation.localShard.pointee.settings.hllSparseMaxBytes)
      await operation.store(
        ValueTransfer(bytes: sketch.bytes, expiry: expiry), at: keys[0], .string, "pfadd")
      operation.reply.pointee.ok()
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

enum SketchError {
  static let notASketch: StaticString = "WRONGTYPE Key is not a valid HyperLogLog string value."
  static let corrupted: StaticString = "INVALIDOBJ Corrupted HLL object detected"
}

/// The union of the sketches of several keys.
private struct SketchUnion {
  private var ranks = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
  /// Whether one of them is dense: then their union, where it is stored, is dense as well.
  private var hasDense = false

  mutating func add(_ key: Key, _ call: KeyCall) throws(CommandError) {
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .read) else { return }
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) {
      (scratch) throws(CommandError) in
      guard let text = entry.text(scratch: scratch.baseAddress.unsafelyUnwrapped) else {
        throw CommandError(ErrorText.wrongType)
      }
      try add(text)
    }
  }

  mutating func add(_ value: FetchedValue) throws(CommandError) {
    switch value {
    case .missing: return
    case .otherType: throw CommandError(ErrorText.wrongType)
    case .value(let value):
      try (value.string ?? []).withUnsafeBufferPointer { (buffer) throws(CommandError) in
        try add(ByteView(start: buffer.baseAddress ?? UnsafePointer(ByteView("").start), count: buffer.count))
      }
    }
  }

  private mutating func add(_ text: ByteView) throws(CommandError) {
    guard let view = HyperLogLogView(text) else { throw CommandError(SketchError.notASketch) }
    if view.encoding == .dense { hasDense = true }
    do {
      try ranks.withUnsafeMutableBufferPointer { (buffer) throws(HyperLogLog.Corruption) in
        try view.merge(into: buffer.baseAddress.unsafelyUnwrapped)
      }
    } catch {
      throw CommandError(SketchError.corrupted)
    }
  }

  var count: Int64 {
    ranks.withUnsafeBufferPointer { RankHistogram(ranks: $0.baseAddress.unsafelyUnwrapped).estimate }
  }

  /// The union with a sketch, which is among those that were added; a new one if there is none.
  func merged(with sketch: HyperLogLog?, sparseBytesMaximum: Int) throws(CommandError) -> HyperLogLog {
    var sketch = sketch ?? HyperLogLog()
    do {
      if hasDense { try sketch.makeDense() }
      try ranks.withUnsafeBufferPointer { (buffer) throws(HyperLogLog.Corruption) in
        try sketch.raise(to: buffer.baseAddress.unsafelyUnwrapped, sparseBytesMaximum: sparseBytesMaximum)
      }
    } catch {
      throw CommandError(SketchError.corrupted)
    }
    sketch.invalidateCount()
    return sketch
  }
}

extension Keyspace {
  /// Makes a sketch the value of a key that holds one, or nothing. The expiry time stays.
  mutating func set(_ sketch: HyperLogLog, at key: Key, in database: Int, replacing existing: Entry?) {
    sketch.bytes.withBytes { bytes in
      setBytes(key, in: database, to: bytes, replacing: existing, expiry: existing?.expiry)
    }
  }
}
