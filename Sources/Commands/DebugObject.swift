import Bytes
import Engine
import Keyspace
import RESP
import Serialization

/// DEBUG OBJECT: where a key's value lies and how it is kept.
enum DebugObject {
  /// What the key's shard tells.
  private struct Facts: Sendable {
    var address: UInt
    var encoding: String
    var serializedBytes: Int
    var idleSeconds: Int
    var now: Int64
  }

  static func coordinate(_ operation: Operation) async {
    let name = operation.arguments[2]
    let database = operation.database
    let facts = await operation.onShard(operation.shard(of: name)) { shard -> Facts? in
      gather(name, in: database, on: shard)
    }
    guard let facts else { return operation.reply.pointee.error(ErrorText.noSuchKey) }
    // The clock of 24 bits that Redis keeps with each key: the second when it was last touched.
    let touchedAt = (facts.now / 1_000 - Int64(facts.idleSeconds)) & 0xff_ffff
    let text = """
      Value at:0x\(String(facts.address, radix: 16)) refcount:1 encoding:\(facts.encoding) \
      serializedlength:\(facts.serializedBytes) lru:\(touchedAt) lru_seconds_idle:\(facts.idleSeconds)
      """
    operation.reply.pointee.append(Array("+\(text)\r\n".utf8))
  }

  private static func gather(
    _ name: ByteView, in database: Int, on shard: UnsafeMutablePointer<Shard>
  ) -> Facts? {
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .peek) else { return nil }
    return Facts(
      address: shard.pointee.keyspace.address(of: entry),
      encoding: "\(entry.encodingName)",
      serializedBytes: shard.pointee.keyspace.serializedBytes(of: entry),
      idleSeconds: shard.pointee.keyspace.idleSeconds(of: entry), now: shard.pointee.keyspace.now)
  }
}

extension Keyspace {
  /// Bytes that the value takes in Redis's file format, its type and its key not counted.
  fileprivate func serializedBytes(of entry: Entry) -> Int {
    var writer = SerialWriter()
    entry.withText { text in
      if let text { writer.write(string: text) }
    }
    if entry.isCollection { writer.write(SerialValue(transfer(of: entry), limits: limits)) }
    return writer.byteCount
  }
}
