import Bytes
import Heap

/// Lists as collections among others.
enum ListType: CollectionType {
  static func elementCount(of entry: Entry) -> Int { entry.listCount }

  static func encodingName(of entry: Entry) -> StaticString { entry.isLarge ? "quicklist" : "listpack" }

  static func flatten(_ entry: Entry, now: Int64) -> FlatValue {
    let count = entry.listCount
    var value = FlatValue(kind: .list)
    value.items.reserveCapacity(
      entry.isLarge ? entry.root(as: LargeList.self).pointee.header.allocatedBytes : entry.compactBytes.count)
    var reader = entry.listReader(from: 0, count: count)
    while let item = reader.nextItem() {
      value.items.append(
        encoded: UnsafeBufferPointer(start: item, count: ItemCode.byteCount(at: item)), count: 1)
    }
    return value
  }

  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace
  ) {
    let count = value.items.count
    var cellBytes = 0
    value.items.withReader { reader in
      while let item = reader.read() { cellBytes += PackedCell.byteCount(ofItem: item.byteCount) }
    }
    let limits = keyspace.limits.list
    let heap = keyspace.heap
    value.items.bytes.withUnsafeBufferPointer { buffer in
      guard var item = buffer.baseAddress else { return }
      let end = item + buffer.count
      if limits.allowCompact(byteCount: cellBytes, count: count) {
        let entry = keyspace.makeCompact(
          key, in: database, replacing: existing, kind: .list, form: .packed, count: count,
          byteCount: cellBytes, expiry: expiry)
        var target = entry.compactBytes.baseAddress.unsafelyUnwrapped
        while item < end {
          let itemBytes = ItemCode.byteCount(at: item)
          copyBytes(from: item, to: target, itemBytes)
          PackedCell.writeLength(itemBytes, to: target + itemBytes)
          target += PackedCell.byteCount(ofItem: itemBytes)
          item += itemBytes
        }
      } else {
        let list = LargeList.make(heap: heap)
        while item < end {
          let itemBytes = ItemCode.byteCount(at: item)
          list.append(item, byteCount: itemBytes, limits: limits, heap: heap)
          item += itemBytes
        }
        list.trim(list.block(list.blockCount - 1), heap: heap)
        _ = keyspace.makeLarge(
          key, in: database, replacing: existing, kind: .list, root: list, expiry: expiry)
      }
    }
  }
}
