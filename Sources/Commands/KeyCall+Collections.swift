import Bytes
import Engine
import Keyspace
import RESP

/// What a lookup of a key that must hold a certain type comes to.
enum Found {
  case missing
  /// The key holds another type: WRONGTYPE is the answer.
  case otherType
  case entry(Entry)
}

extension KeyCall {
  /// Looks for a key that must hold a collection of this kind if it is there. Fields of a packed hash that have expired
  /// are removed on the way.
  @inline(__always)
  func find(_ key: Key, _ kind: ValueKind, for purpose: LookupPurpose) -> Found {
    guard let entry = keyspace.lookup(key, in: database, for: purpose) else { return .missing }
    if entry.kind != kind { return .otherType }
    if kind == .hash, !keyspace.keepsFields(entry) { return .missing }
    return .entry(entry)
  }
}

extension ReplyBuffer {
  /// A bulk string of an element.
  @inline(__always)
  mutating func bulk(_ item: Item) {
    if let text = item.text { bulk(text) } else { bulk(decimal: item.integer) }
  }
}
