import TestSupport
import Testing

@testable import Engine
@testable import Keyspace

/// Events of a cluster's keys, in order.
private final class EventRecord {
  private(set) var events: [KeyEvent] = []

  init(of cluster: Cluster) {
    for shard in cluster.shards { shard.pointee.eventListener = { [self] in events.append($0) } }
  }

  /// The events since the last call: `<event> <key>`, with the database where it is another than 0. A change without an
  /// event is a dot.
  func take() -> [String] {
    defer { events = [] }
    return events.map { event in
      let name = event.name.utf8CodeUnitCount == 0 ? "." : "\(event.name)"
      return "\(name) \(shown(event.key))" + (event.database == 0 ? "" : " \(event.database)")
    }
  }
}

/// Commands, each with the events that it is to cause, by the families they belong to.
private let scripts = ownScripts.merging(collectionEventScripts) { first, _ in first }

private let ownScripts: [String: [(command: String, events: String)]] = [
  "strings": [
    ("SET a 1", "new a, set a"), ("SET a 2 EX 100", "set a, expire a"), ("SET a 2 KEEPTTL", "set a"),
    ("SET a 3 NX", ""), ("SET b 3 XX", ""), ("SET b 3 GET", "keymiss b, new b, set b"),
    ("SET b x PXAT 1", "set b, expire b, expired b"),
    ("SET b x PXAT 1", "new b, set b, expire b, expired b"),
    ("SET a 4 IFEQ 3", ""), ("SET a 4 IFEQ 2", "set a"), ("SETNX a 1", ""), ("SETNX c 1", "new c, set c"),
    ("SETEX c 100 1", "set c, expire c"), ("PSETEX c 100000 1", "set c, expire c"),
    ("GETSET c x", "set c"),
    ("MSET c 1 d 2 c 3", "set c, new d, set d, set c"), ("MSETNX c 1 e 2", ""),
    ("MSETNX e 1 f 2", "new e, set e, new f, set f"), ("INCR e", "incrby e"),
    ("DECR new", "new new, incrby new"),
    ("INCRBY e 5", "incrby e"), ("DECRBY e 5", "incrby e"), ("INCRBYFLOAT e 0.5", "incrbyfloat e"),
    ("INCR e", ""), ("APPEND e x", "append e"), ("APPEND g x", "new g, append g"),
    ("SETRANGE g 3 x", "setrange g"),
    ("SETRANGE g 3 ''", ""), ("SETRANGE h 3 ''", ""), ("GETDEL g", "del g"), ("GETDEL g", "keymiss g"),
    ("GETEX f", ""), ("GETEX f EX 100", "expire f"), ("GETEX f PERSIST", "persist f"),
    ("GETEX f PERSIST", ""),
    ("GETEX f PXAT 1", "del f"), ("DELIFEQ e y", ""), ("DELIFEQ d 2", "del d"),
    ("GET none", "keymiss none"),
    ("MGET c none", "keymiss none"), ("STRLEN none", "keymiss none"),
    ("GETRANGE none 0 1", "keymiss none"),
  ],
  "generic": [
    ("MSET a 1 b 2", "new a, set a, new b, set b"), ("DEL a none a", "del a"), ("UNLINK b b", "del b"),
    ("SET a 1", "new a, set a"), ("RENAME a b", "new b, rename_from a, rename_to b"), ("RENAME b b", ""),
    ("SET a 1", "new a, set a"), ("RENAME a b", "new b, rename_from a, rename_to b"),
    ("RENAMENX b b", ""),
    ("RENAMENX b c", "new c, rename_from b, rename_to c"), ("COPY c d", "new d, copy_to d"),
    ("COPY c d", ""),
    ("COPY c d REPLACE", "new d, copy_to d"), ("COPY c c DB 1", "new c 1, copy_to c 1"),
    ("COPY none c", "keymiss none"), ("RENAME none c", ""),
    ("MOVE c 1", ""), ("MOVE d 1", "new d 1, move_from d, move_to d 1"), ("EXPIRE c 100", "expire c"),
    ("EXPIRE c 50 GT", ""), ("PEXPIREAT c 1", "del c"), ("EXPIRE c 1", ""),
    ("SETEX c 9 x", "new c, set c, expire c"),
    ("PERSIST c", "persist c"), ("PERSIST c", ""), ("TTL none", "keymiss none"),
    ("TYPE none", "keymiss none"),
    ("EXISTS c none", "keymiss none"), ("TOUCH c none", "keymiss none"), ("OBJECT ENCODING none", ""),
    ("DUMP none", "keymiss none"), ("FLUSHALL", ""),
  ],
  "bitmaps and HyperLogLogs": [
    ("SETBIT a 7 0", "new a, setbit a"), ("SETBIT a 7 0", ""), ("SETBIT a 7 1", "setbit a"),
    ("SETBIT a 15 0", "setbit a"), ("SET n 7", "new n, set n"), ("SETBIT n 0 0", ""),
    ("BITFIELD a GET u8 0", ""), ("BITFIELD a SET u8 0 1", ""), ("BITFIELD a SET u8 0 2", "setbit a"),
    ("BITFIELD a INCRBY u8 0 0", ""), ("BITFIELD a SET u8 80 0", "setbit a"),
    ("BITFIELD a OVERFLOW FAIL INCRBY u2 0 7", ""), ("BITOP NOT b a", "new b, set b"),
    ("BITOP NOT b a", "set b"),
    ("BITOP AND b none none", "keymiss none, keymiss none, del b"),
    ("BITOP AND b none none", "keymiss none, keymiss none"),
    ("PFADD h", "new h, pfadd h"), ("PFADD h", ""), ("PFADD h x", "pfadd h"), ("PFADD h x", ""),
    ("PFCOUNT h", ". h"), ("PFCOUNT h", ""), ("PFMERGE m h", "keymiss m, new m, pfadd m"),
    ("PFMERGE m h", "pfadd m"),
    ("PFADD a x", ""),
  ],
  "hashes": [
    ("HSET h f 1 g 2", "new h, hset h"), ("HSET h f 1", "hset h"), ("HMSET h f 1", "hset h"),
    ("HSETNX h f 1", ""),
    ("HSETNX h i 1", "hset h"), ("HINCRBY h f 1", "hincrby h"),
    ("HINCRBYFLOAT h f 1.5", "hincrbyfloat h"),
    ("HINCRBY h f 1", ""), ("HDEL h none", ""), ("HDEL h f none", "hdel h"),
    ("HDEL h g i", "hdel h, del h"),
    ("HINCRBY h f 1", "new h, hincrby h"), ("HINCRBYFLOAT e f 1", "new e, hincrbyfloat e"),
    ("HEXPIRE h 10 FIELDS 2 f none", "hexpire h"), ("HEXPIRE h 10 NX FIELDS 1 f", ""),
    ("HPERSIST h FIELDS 2 f none", "hpersist h"), ("HPERSIST h FIELDS 1 f", ""),
    ("HPEXPIREAT h 1 FIELDS 1 f", "hdel h, del h"), ("HSETEX h FIELDS 1 f 1", "new h, hset h"),
    ("HSETEX h FNX FIELDS 1 f 1", ""), ("HSETEX h EX 10 FIELDS 1 g 1", "hset h, hexpire h"),
    ("HSETEX h PXAT 1 FIELDS 1 g 1", "hset h, hdel h"), ("HGETEX h FIELDS 1 f", ""),
    ("HGETEX h EX 10 FIELDS 1 f", "hexpire h"), ("HGETEX h PERSIST FIELDS 1 f", "hpersist h"),
    ("HGETEX h PERSIST FIELDS 1 f", ""), ("HGETDEL h FIELDS 1 none", ""),
    ("HGETDEL h FIELDS 1 f", "hdel h, del h"),
    ("HGET h f", "keymiss h"),
  ],
]

@Suite("Events of keys")
struct KeyEventsTests {
  @Test("are what Redis publishes, in its order", arguments: scripts.keys.sorted(), [1, 3])
  func families(name: String, shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let record = EventRecord(of: cluster)
      let client = cluster.connect()
      for (command, events) in scripts[name] ?? [] {
        client.deliver(encoded(command.split(separator: " ").map { $0 == "''" ? "" : String($0) }))
        let answer = client.answer()
        let seen = record.take()
        let expected = events.isEmpty ? [] : events.split(separator: ", ").map(String.init)
        if shardCount == 1 {
          #expect(seen == expected, "\(command) answers \(answer)")
        } else {
          // Of different shards' keys, either may come first.
          #expect(byKey(seen) == byKey(expected), "\(command) answers \(answer)")
        }
      }
    }
  }

  private func byKey(_ events: [String]) -> [String: [String]] {
    Dictionary(grouping: events) { $0.split(separator: " ").dropFirst().joined(separator: " ") }
  }

  // MARK: What no command reports

  @Test("tell that a key expired, before what is done to it next")
  func expiry() {
    withCluster(shardCount: 1) { cluster in
      let record = EventRecord(of: cluster)
      let client = cluster.connect()
      _ = client.ask(bytes: "SET a 1 PX 10\r\nSET b 1 PX 10\r\nSET c 1 PX 10\r\nSET d 1 PX 10\r\n")
      _ = record.take()
      cluster.shards[0].pointee.keyspace.now += 10
      _ = client.ask("GET", "a")
      #expect(record.take() == ["expired a", "keymiss a"])
      _ = client.ask("SET", "b", "2")
      #expect(record.take() == ["expired b", "new b", "set b"])
      _ = client.ask(bytes: "GET x\r\nDEL c\r\n")
      #expect(record.take() == ["keymiss x", "expired c"])
      _ = cluster.shards[0].pointee.keyspace.sweep(segmentMaximum: .max, expires: true)
      cluster.shards[0].reportNotes()
      #expect(record.take() == ["expired d"])
    }
  }

  @Test("tell that fields of a hash expired, and that the hash went with the last", arguments: [10, 0])
  func fieldExpiry(packedEntries: Int) {
    withCluster(shardCount: 1) { cluster in
      let record = EventRecord(of: cluster)
      let client = cluster.connect()
      cluster.shards[0].pointee.keyspace.limits.hashPackedEntries = packedEntries
      _ = client.ask(bytes: "HSETEX h PX 10 FIELDS 1 f 1\r\nHSETEX h PX 20 FIELDS 1 g 1\r\n")
      _ = record.take()
      cluster.shards[0].pointee.keyspace.now += 10
      _ = client.ask("HGETALL", "h")
      #expect(record.take() == ["hexpired h"])
      cluster.shards[0].pointee.keyspace.now += 10
      _ = cluster.shards[0].pointee.keyspace.sweep(segmentMaximum: .max, expires: true)
      cluster.shards[0].reportNotes()
      #expect(record.take() == ["hexpired h", "del h"])
    }
  }

  @Test("are not noted while nobody observes")
  func nobody() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      let shard = cluster.shards[0]
      #expect(shard.pointee.observers.isEmpty)
      _ = client.ask(bytes: "SET a 1 PX 10\r\nGET x\r\n")
      shard.pointee.keyspace.now += 10
      _ = shard.pointee.keyspace.lookup(
        withView("a") { Key($0, hasher: shard.pointee.keyspace.hasher) }, in: 0, for: .read)
      let hasNotes = shard.pointee.keyspace.hasNotes
      #expect(!hasNotes)
    }
  }

  @Test("are noted as far as the configuration asks for them", arguments: notedKinds)
  func classes(letters: String, kinds: KeyNoteKinds) {
    withCluster(shardCount: 1) { cluster in
      let answer = cluster.connect().ask("CONFIG", "SET", "notify-keyspace-events", letters)
      let noted = cluster.shards[0].pointee.keyspace.notedKinds
      let observers = cluster.shards[0].pointee.observers
      #expect(answer == "+OK\\r\\n")
      #expect(noted == kinds)
      #expect(observers.isEmpty == kinds.isEmpty)
    }
  }

  private static let notedKinds: [(String, KeyNoteKinds)] = [
    ("KA", [.expired]), ("En", [.expired, .created]), ("Km", [.expired, .missed]),
    ("KEAmn", [.expired, .created, .missed]), ("KE", []), ("A", []), ("", []),
  ]
}
