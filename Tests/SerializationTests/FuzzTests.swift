import Bytes
import Heap
import Keyspace
import TestSupport
import Testing

@testable import Serialization

/// Payloads with bytes changed, cut out and put in, and with a checksum that fits again: each must give a value or an
/// error, and a value must be one that can be written and read, and that a key can have.
@Suite struct FuzzTests {
  @Test func noPayloadDoesHarm() {
    var random = SeededRandom(test: "Serialization.fuzz")
    let originals = (capturedPayloads + craftedPayloads).map { Array($0.bytes.dropLast(10)) }
    var readCount = 0
    withKeyspace { keyspace in
      for _ in 0..<steps(60_000) {
        var bytes = originals[random.below(originals.count)]
        for _ in 0...random.below(3) { mutate(&bytes, &random) }
        if bytes.isEmpty { continue }
        guard case .success(let value) = readPayload(sealed(bytes + [12, 0])) else { continue }
        readCount += 1
        check(value, random, in: &keyspace)
      }
    }
    // Most changes are within texts, or harmless.
    #expect(readCount > 1_000)
  }

  /// The packed forms, changed inside their string, whose length stays right.
  @Test func noPackedRunDoesHarm() {
    var random = SeededRandom(test: "Serialization.fuzzRuns")
    let packed = Set<SerialType>([
      .hashZipmap, .listZiplist, .setIntegers, .sortedSetZiplist, .hashZiplist, .hashListpack,
      .sortedSetListpack,
      .setListpack, .hashListpackWithTimesOnly,
    ])
    let originals = (capturedPayloads + craftedPayloads).map(\.bytes).filter {
      SerialType(rawValue: $0[0]).map(packed.contains) ?? false
    }
    withKeyspace { keyspace in
      for _ in 0..<steps(60_000) {
        let payload = changedRun(originals[random.below(originals.count)], &random)
        if case .success(let value) = readPayload(payload) { check(value, random, in: &keyspace) }
      }
    }
  }

  private func changedRun(_ original: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var blob = withView(Array(original.dropFirst().dropLast(10))) { view in
      var reader = SerialReader(view)
      return (try? reader.readBlob().array) ?? []
    }
    for _ in 0...random.below(3) { mutate(&blob, &random) }
    // The size that the run itself states is put right half of the time, or nothing would come further.
    if blob.count > 6, random.below(2) == 0 {
      for index in 0..<4 { blob[index] = UInt8(truncatingIfNeeded: blob.count >> (8 * index)) }
    }
    var writer = SerialWriter(compresses: random.below(2) == 0)
    writer.write(blob: blob)
    return payload(typeByte: original[0], writer.bytes)
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    let place = random.below(bytes.count + 1)
    switch random.below(6) {
    case 0 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2 where place < bytes.count:
      bytes[place] = [0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xfe, 0xff][random.below(9)]
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + random.below(5)))
    case 4: bytes.insert(contentsOf: random.bytes(random.below(5)), at: place)
    default:
      let end = min(bytes.count, place + random.below(20))
      bytes.insert(contentsOf: Array(bytes[place..<end]), at: random.below(bytes.count + 1))
    }
  }

  private func check(_ value: ValueTransfer, _ random: SeededRandom, in keyspace: inout Keyspace) {
    let again = readPayload(DumpPayload.make(value, limits: CollectionLimits()))
    guard case .success(let same) = again else {
      Issue.record("\(random): written, but not read: \(again)")
      return
    }
    let collection = value.collection
    if value.string != same.string
      || collection?.withoutActiveTimes.comparable != same.collection?.comparable
    {
      Issue.record("\(random): a value changes when it is written and read")
    }
    if let collection {
      #expect(collection.items.count > 0)
      let stride = collection.hasTimes ? 3 : collection.kind == .hash || collection.kind == .sortedSet ? 2 : 1
      #expect(collection.items.count % stride == 0)
    }
    if value.string != nil { return }
    withView([0x6b]) { name in
      let key = Key(name, hasher: keyspace.hasher)
      keyspace.place(value, at: key, in: 0, replacing: keyspace.lookup(key, in: 0, for: .write))
      guard let entry = keyspace.lookup(key, in: 0, for: .read) else {
        Issue.record("\(random): a value was placed and is not there")
        return
      }
      let kept = keyspace.transfer(of: entry).collection?.comparable ?? []
      let given = collection?.comparable ?? []
      if kept != given {
        let place = zip(kept, given).enumerated().first { $1.0 != $1.1 }
        Issue.record("\(random): a \(entry.kind) changes when a key has it: \(String(describing: place))")
      }
    }
  }

  /// Calls `body` with a keyspace at the time 0, which must give all its memory back.
  private func withKeyspace(_ body: (inout Keyspace) -> Void) {
    let heap = ShardHeap()
    defer { heap.destroy() }
    do {
      var keyspace = Keyspace(heap: heap, hasher: KeyHasher(seed: 1, 2), databaseCount: 1)
      body(&keyspace)
    }
    #expect(heap.liveBytes == 0)
  }
}
