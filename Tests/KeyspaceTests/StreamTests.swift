import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Streams")
struct StreamTests {
  private func text(_ id: StreamID) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: StreamID.textBytesMaximum) { text in
      let count = id.write(to: text.baseAddress!)
      return String(decoding: text.prefix(count), as: UTF8.self)
    }
  }

  @Test("IDs are ordered, counted through and printed")
  func identifiers() {
    #expect(StreamID(1, 9) < StreamID(2, 0))
    #expect(StreamID(2, 0) < StreamID(2, 1))
    #expect(StreamID(1, .max).successor == StreamID(2, 0))
    #expect(StreamID(2, 0).predecessor == StreamID(1, .max))
    #expect(StreamID.maximum.successor == nil)
    #expect(StreamID.zero.predecessor == nil)
    #expect(text(.zero) == "0-0")
    #expect(text(.maximum) == "18446744073709551615-18446744073709551615")
    #expect(text(.maximum).utf8.count == StreamID.textBytesMaximum)
  }

  @Test("numbers in groups of seven bits", arguments: [0, 1, 127, 128, 16_383, 16_384, 1 << 63, UInt64.max])
  func variableNumbers(_ number: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 10) { bytes in
      var target = bytes.baseAddress!
      Varint.write(number, &target)
      #expect(target - bytes.baseAddress! == Varint.byteCount(number))
      var source = UnsafePointer(bytes.baseAddress!)
      #expect(Varint.read(&source) == number)
      #expect(source == UnsafePointer(target))
    }
  }

  @Test("a stream of one entry is its root and one small block", .enabled(if: heapsAreMimalloc))
  func small() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in stream.append(StreamID(1_700_000_000_000, 0), "a", "b") }
      let bytes = keyspace.withEntry("s") { keyspace, entry in keyspace.allocatedBytes(of: entry) }
      // The key's block 16, the root 128, the block 48, the index 32, the slot 10.
      #expect(bytes! <= 240)
    }
  }

  @Test("entries with the fields of their block cost little more than their values")
  func packed() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        for number in 0..<UInt64(100_000) {
          stream.append(
            StreamID(1_700_000_000_000 + number * 10, 0), "sensor", "1234", "temperature", "23.125")
        }
      }
      let bytes = keyspace.withEntry("s") { keyspace, entry in keyspace.allocatedBytes(of: entry) }!
      // Two values of 3 and 7 bytes; length, milliseconds and sequence; the block's part.
      #expect(bytes / 100_000 <= 17)
    }
  }

  @Test("an entry longer than a block has a block of its own")
  func longEntries() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        let long = String(repeating: "x", count: 100_000)
        for number in 1...UInt64(3) {
          stream.append(StreamID(number, 0), "f", "short")
          stream.append(StreamID(number, 1), "f", long)
        }
        #expect(stream.blockCount == 6)
        #expect(stream.entries().map(\.items[1].count) == [5, 100_000, 5, 100_000, 5, 100_000])
      }
    }
  }

  @Test("blocks whose entries are all deleted vanish, the others give back what is deleted in them")
  func deleting() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        for number in 0..<UInt64(1_000) { stream.append(StreamID(number + 1, 0), "field", "value:\(number)") }
        #expect(stream.blockCount == 10)
        let full = stream.root.pointee.header.allocatedBytes
        for number in 0..<UInt64(1_000) where number % 10 != 0 {
          #expect(stream.delete(StreamID(number + 1, 0)))
        }
        #expect(stream.count == 100 && stream.blockCount == 10)
        #expect(stream.root.pointee.header.allocatedBytes * 2 < full)
        for number in 0..<UInt64(500) where number % 10 == 0 {
          #expect(stream.delete(StreamID(number + 1, 0)))
        }
        #expect(stream.blockCount == 5)
        #expect(!stream.delete(StreamID(1, 0)))
        #expect(stream.firstID == StreamID(501, 0))
        #expect(stream.greatestDeletedID == StreamID(1_000, 0))
      }
    }
  }

  @Test("approximate trimming takes whole blocks only")
  func trimming() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        for number in 1...UInt64(1_000) { stream.append(StreamID(number, 0), "field", "value") }
        func trim(_ threshold: StreamTrimming.Threshold, about: Bool, limit: Int? = nil) -> Int {
          stream.trim(StreamTrimming(threshold, isApproximate: about, limit: limit))
        }
        #expect(trim(.count(950), about: true) == 0)
        #expect(trim(.count(850), about: true) == 100)
        #expect(trim(.count(500), about: true, limit: 250) == 200)
        #expect(trim(.id(StreamID(401, 0)), about: true) == 100)
        #expect(trim(.id(StreamID(500, 1)), about: false) == 100)
        #expect(trim(.count(450), about: false) == 50)
        #expect(stream.firstID == StreamID(551, 0) && stream.count == 450)
        #expect(stream.greatestDeletedID == .zero)
        #expect(trim(.count(0), about: true) == 450)
        #expect(stream.blockCount == 0 && stream.firstID == nil && stream.lastPresentID == nil)
        #expect(stream.lastID == StreamID(1_000, 0))
      }
    }
  }

  @Test("a group knows how many entries it lacks, as long as that can be known")
  func lag() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        let group = withView(Array("g".utf8)) { stream.makeGroup($0, lastID: .zero, entriesRead: -1)! }
        #expect(group.lag == 0)
        for number in 1...UInt64(5) { stream.append(StreamID(number, 0), "a", "b") }
        #expect(group.lag == 5)
        group.advance(to: StreamID(1, 0))
        #expect(group.entriesRead == 1 && group.lag == 4)
        #expect(stream.delete(StreamID(3, 0)))
        #expect(group.lag == nil)
        group.advance(to: StreamID(2, 0))
        #expect(group.entriesRead == -1)
        group.advance(to: StreamID(5, 0))
        #expect(group.entriesRead == 5 && group.lag == 0)
      }
    }
  }

  @Test("a long stream with a long list of pending entries is freed in slices")
  func slices() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        let group = withView(Array("g".utf8)) { stream.makeGroup($0, lastID: .zero, entriesRead: 0)! }
        let consumers = ["a", "b"].map { name in
          withView(Array(name.utf8)) { group.makeConsumer($0, seenTime: 1) }
        }
        for number in 1...UInt64(20_000) {
          stream.append(StreamID(number, 0), "field", "value")
          group.setPending(
            StreamID(number, 0), of: consumers[Int(number % 2)], deliveryTime: 1,
            deliveryCount: number % 100 == 0 ? .max : 1)
        }
      }
      keyspace.delete("s")
      var sliceCount = 0
      while keyspace.hasRemovedValues {
        keyspace.releaseRemoved(blockMaximum: 50)
        sliceCount += 1
      }
      #expect(sliceCount > 20)
      #expect(keyspace.heap.liveBytes(.dataset) == 0)
    }
  }

  @Test("so is a group that is destroyed, while its stream lives on")
  func groupSlices() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        stream.append(StreamID(1, 0), "field", "value")
        let bytes = stream.root.pointee.header.allocatedBytes
        let group = withView(Array("g".utf8)) { stream.makeGroup($0, lastID: .zero, entriesRead: 0)! }
        let consumer = withView(Array("c".utf8)) { group.makeConsumer($0, seenTime: 1) }
        for number in 1...UInt64(20_000) {
          group.setPending(StreamID(number, 0), of: consumer, deliveryTime: 1, deliveryCount: 1)
        }
        // 48 bytes for each, in full nodes.
        #expect(stream.root.pointee.header.allocatedBytes - bytes < 20_000 * 54)
        keyspace.removeGroup(group)
        #expect(stream.root.pointee.header.allocatedBytes == bytes)
        #expect(stream.groupCount == 0 && keyspace.hasRemovedValues)
        while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 50) }
        #expect(stream.count == 1)
      }
    }
  }

  @Test("many groups and consumers are kept in the order of their names")
  func manyNames() {
    withKeyspace { keyspace in
      keyspace.withStream("s") { keyspace, stream in
        let names = (0..<500).map { Array("name:\($0)".utf8) }
        for name in names { withView(name) { _ = stream.makeGroup($0, lastID: .zero, entriesRead: 0) } }
        let group = withView(names[0]) { stream.group(named: $0)! }
        for name in names.shuffled() { withView(name) { _ = group.makeConsumer($0, seenTime: 0) } }
        var found: [[UInt8]] = []
        stream.forEachGroup { found.append($0.name.array) }
        #expect(found == names.sorted { $0.lexicographicallyPrecedes($1) })
        for name in names.shuffled() {
          withView(name) { _ = group.removeConsumer(group.consumer(named: $0)!) }
        }
        #expect(group.consumerCount == 0)
        for name in names.shuffled() { withView(name) { keyspace.removeGroup(stream.group(named: $0)!) } }
        #expect(stream.groupCount == 0)
      }
    }
  }
}
