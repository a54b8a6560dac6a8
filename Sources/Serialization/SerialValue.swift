import Bytes
import Keyspace

/// A value and the form in which it is written: the packed one where Redis would keep the value packed.
///
/// Forms are those that Redis 7.0 reads, but for hashes whose fields have expiry times, which only came with 7.4.
public struct SerialValue {
  public let type: SerialType
  let transfer: ValueTransfer
  let limits: CollectionLimits

  public init(_ transfer: ValueTransfer, limits: CollectionLimits) {
    self.transfer = transfer
    self.limits = limits
    type = transfer.collection.map { Self.type(of: $0, limits) } ?? .string
  }

  private static func type(of value: FlatValue, _ limits: CollectionLimits) -> SerialType {
    switch value.kind {
    case .bytes, .integer: return .string
    case .list: return .listNodes
    case .set: return isIntegerSet(value.items, limits) ? .setIntegers : .set
    case .hash:
      let isPacked = value.items.fits(
        elements: limits.hashPackedEntries, of: value.hasTimes ? 3 : 2, textCount: limits.hashPackedValueBytes
      )
      if value.hasTimes { return isPacked ? .hashListpackWithTimes : .hashWithTimes }
      return isPacked ? .hashListpack : .hash
    case .sortedSet:
      let isPacked = value.items.fits(
        elements: limits.sortedSetPackedEntries, of: 2, textCount: limits.sortedSetPackedValueBytes)
      return isPacked ? .sortedSetListpack : .sortedSet
    case .stream: return .streamListpacks2
    }
  }

  /// (Redis 7.0 knows no sets in listpacks.)
  private static func isIntegerSet(_ items: ItemArray, _ limits: CollectionLimits) -> Bool {
    guard items.count <= limits.setIntegerEntries else { return false }
    return items.withReader { reader in
      while let item = reader.read() { if item.text != nil { return false } }
      return true
    }
  }

  /// The version of the file format that a reader must know to read this.
  public var version: UInt16 { max(type.version, SerialVersion.usual) }
}

extension ItemArray {
  /// Whether this is no more than so many elements of `itemCount` items each, none of them a longer text than `textCount`.
  fileprivate func fits(elements: Int, of itemCount: Int, textCount: Int) -> Bool {
    guard count / itemCount <= elements else { return false }
    guard bytes.count < Listpack.bytesMaximum / 2 else { return false }
    return withReader { reader in
      while let item = reader.read() { if item.textCount > textCount { return false } }
      return true
    }
  }
}
