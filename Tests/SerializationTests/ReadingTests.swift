import Bytes
import Keyspace
import TestSupport
import Testing

@testable import Serialization

@Suite struct ReadingTests {
  @Test(arguments: capturedPayloads + craftedPayloads)
  func knownPayloadsHoldWhatTheyShould(_ known: KnownPayload) throws {
    let value = try readPayload(known.bytes).get()
    #expect(value.expiry == nil)
    #expect(value.collection?.kindName ?? "string" == known.kind)
    let texts = known.texts.map(\.latin1)
    if let collection = value.collection {
      let expected = FlatValue(kind: collection.kind, texts: texts, hasTimes: collection.hasTimes)
      #expect(collection.comparable == expected.comparable)
    } else {
      #expect(value.string == texts[0])
    }
  }

  @Test(arguments: capturedPayloads + craftedPayloads)
  func shortenedPayloadsAreRefused(_ known: KnownPayload) {
    let body = known.bytes.dropLast(DumpPayload.footerBytes)
    for count in 1..<body.count {
      let outcome = readPayload(sealed(Array(body.prefix(count)) + [10, 0]))
      #expect(outcome.error != nil, "\(count) of \(body.count) bytes")
    }
  }

  @Test func theFooterIsLookedAtFirst() {
    let known = capturedPayloads[0].bytes
    #expect(readPayload([]).error == .wrongChecksum)
    #expect(readPayload(Array(known.suffix(10))).error == .wrongChecksum)
    #expect(readPayload(sealed([10])).error == .wrongChecksum)
    #expect(readPayload(sealed([10, 0])).error == .truncated)
    #expect(readPayload(payload(.string, [1, 0x61], version: 13)).error == .unsupportedVersion(13))
    #expect(readPayload(payload(.string, [1, 0x61], version: 1)).texts == [[0x61]])
    for index in known.indices {
      var changed = known
      changed[index] ^= 0x10
      let error = readPayload(changed).error
      #expect(
        error == .wrongChecksum || error == .unsupportedVersion(0x100a) || error == .unsupportedVersion(26))
    }
  }

  @Test(arguments: [6, 7, 8, 26, 100, 255] as [UInt8])
  func typesThatNobodyKnows(_ type: UInt8) {
    #expect(readPayload(payload(typeByte: type, [0])).error == .unknownType(type))
  }

  @Test func bytesBehindTheValue() {
    #expect(readPayload(payload(.string, [1, 0x61, 0x62])).error == .trailingBytes)
  }

  @Test(
    arguments: [.list, .set, .hash, .sortedSet, .sortedSetWithTexts, .listNodes, .listNodesOfZiplists]
      as [SerialType])
  func emptyCollections(_ type: SerialType) {
    #expect(readPayload(payload(type, [0])).error == .emptyCollection)
    // Many elements are said to follow, and none does.
    #expect(
      readPayload(payload(type, [0x81, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).error == .truncated)
    #expect(
      readPayload(payload(type, [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).error
        == .invalidLength)
  }

  @Test func emptyPackedRuns() {
    let listpack: [UInt8] = [7, 7, 0, 0, 0, 0, 0, 0xff]
    let ziplist: [UInt8] = [11, 11, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0xff]
    for type in [.setListpack, .hashListpack, .sortedSetListpack, .hashListpackWithTimesOnly] as [SerialType]
    {
      #expect(readPayload(payload(type, listpack)).error == .emptyCollection)
    }
    for type in [.listZiplist, .hashZiplist, .sortedSetZiplist] as [SerialType] {
      #expect(readPayload(payload(type, ziplist)).error == .emptyCollection)
    }
    #expect(readPayload(payload(.listNodes, [1, 2] + listpack)).error == .emptyCollection)
    #expect(readPayload(payload(.setIntegers, [8, 2, 0, 0, 0, 0, 0, 0, 0])).error == .emptyCollection)
    #expect(readPayload(payload(.hashZipmap, [2, 0, 0xff])).error == .emptyCollection)
  }

  @Test func duplicatesAreFoundAmongMany() {
    for count in [2, 3, 100, 5_000] {
      var writer = SerialWriter()
      writer.write(count: count)
      for number in 0..<count { withView(Array("member \(number)".utf8)) { writer.write(string: $0) } }
      #expect(readPayload(payload(.set, writer.bytes)).texts?.count == count)
      var again = SerialWriter()
      again.write(count: count + 1)
      let body = writer.bytes.dropFirst(count < 64 ? 1 : 2)
      withView(Array("member \(count / 2)".utf8)) { again.write(string: $0) }
      #expect(readPayload(payload(.set, again.bytes + body)).error == .duplicate)
    }
    // The same text as an integer and as bytes.
    #expect(readPayload(payload(.set, [2, 0xc0, 0x05, 1, 0x35])).error == .duplicate)
    // Only fields must differ.
    #expect(readPayload(payload(.hash, [2, 1, 0x61, 1, 0x62, 1, 0x62, 1, 0x62])).texts?.count == 4)
    #expect(readPayload(payload(.hash, [2, 1, 0x61, 1, 0x62, 1, 0x61, 1, 0x63])).error == .duplicate)
  }

  @Test func sortedSetsAreOrderedWhateverComes() {
    var random = SeededRandom(test: "Reading.order")
    for count in [1, 2, 10, 300] {
      var writer = SerialWriter()
      writer.write(count: count)
      for number in Array(0..<count).shuffled(using: &random) {
        withView(Array("\(number)".utf8)) { writer.write(string: $0) }
        writer.write(integer: Double(number / 4).bitPattern)
      }
      let texts = readPayload(payload(.sortedSet, writer.bytes)).texts ?? []
      let members = stride(from: 0, to: texts.count, by: 2).map { (texts[$0 + 1], texts[$0]) }
      let expected = (0..<count).map { (number: $0 / 4, text: "\($0)") }.sorted { $0 < $1 }
      #expect(members.map { String(decoding: $0.1, as: UTF8.self) } == expected.map(\.text))
    }
  }

  @Test func scoresThatAreNone() {
    let nan = withUnsafeBytes(of: Double.nan.bitPattern) { Array($0) }
    #expect(readPayload(payload(.sortedSet, [1, 1, 0x61] + nan)).error == .invalidScore)
    #expect(readPayload(payload(.sortedSetWithTexts, [1, 1, 0x61, 253])).error == .invalidScore)
    #expect(readPayload(payload(.sortedSetWithTexts, [1, 1, 0x61, 1, 0x78])).error == .invalidScore)
    #expect(
      readPayload(payload(.sortedSetWithTexts, [1, 1, 0x61, 254])).texts == [[0x61], Array("inf".utf8)])
    #expect(
      readPayload(payload(.sortedSetWithTexts, [1, 1, 0x61, 255])).texts == [[0x61], Array("-inf".utf8)])
  }

  @Test func timesThatAreNone() {
    func fields(_ earliest: Int64, _ distance: UInt64) -> SerializationError? {
      var writer = SerialWriter()
      writer.write(integer: earliest)
      writer.write(count: 1)
      writer.write(length: distance)
      return readPayload(payload(.hashWithTimes, writer.bytes + [1, 0x61, 1, 0x62])).error
    }
    #expect(fields(1_000, 1) == nil)
    #expect(fields(1 << 48 - 1, 1) == nil)
    #expect(fields(0, 0) == nil)
    #expect(fields(1 << 48 - 1, 2) == .invalidTime)
    #expect(fields(-5, 1) == .invalidTime)
    #expect(fields(0, 1) == .invalidTime)
    #expect(fields(1_000, .max) == .invalidTime)
    #expect(fields(1_000, UInt64(Int64.max)) == .invalidTime)
  }

  @Test func expiredFieldsAreLeftOut() throws {
    for name in ["hash with times", "packed hash with times"] {
      let known = try #require(craftedPayloads.first { $0.name == name })
      func fields(now: Int64) throws -> FlatValue? {
        try withView(known.bytes) { view in
          Outcome { () throws(SerializationError) in try DumpPayload.read(view, now: now) }
        }.get().collection
      }
      let first: Int64 = 1_900_000_000_000
      #expect(try fields(now: first - 1)?.items.count == 9)
      #expect(try fields(now: first)?.items.count == 6)
      let last = try fields(now: first + 5)
      #expect(last?.texts == [Array("b".utf8), Array("2".utf8)])
      #expect(last?.hasTimes == false)
    }
    let body: [UInt8] = [0xe8, 3, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0x61, 1, 0x62]
    let gone = try withView(payload(.hashWithTimes, body)) { view in
      Outcome { () throws(SerializationError) in try DumpPayload.read(view, now: 1_000) }
    }.get()
    #expect(gone.collection?.items.count == 0)
  }

  @Test func packedIntegersMustAscend() {
    #expect(
      readPayload(payload(.setIntegers, [12, 2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 5, 0])).error == .invalidIntegers)
    #expect(
      readPayload(payload(.setIntegers, [12, 2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 4, 0])).error == .invalidIntegers)
    #expect(
      readPayload(payload(.setIntegers, [12, 2, 0, 0, 0, 3, 0, 0, 0, 5, 0, 6, 0])).error == .invalidIntegers)
    #expect(
      readPayload(payload(.setIntegers, [12, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 6, 0])).error == .invalidIntegers)
  }

  @Test func nodesMustBeOfAKnownForm() {
    #expect(readPayload(payload(.listNodes, [1, 3, 1, 0x61])).error == .invalidNode)
    #expect(readPayload(payload(.listNodes, [1, 0xc0, 1, 1, 0x61])).error == .invalidLength)
    #expect(readPayload(payload(.listNodes, [1, 2, 0xc0, 1])).error == .invalidString)
  }
}
