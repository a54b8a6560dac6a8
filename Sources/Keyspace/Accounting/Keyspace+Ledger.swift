import Bytes

/// What the ledger says.
extension Keyspace {
  /// Keys, bytes and elements of one type in one database.
  public func usage(of type: ValueType, in database: Int) -> TypeUsage {
    table(database).pointee.accounts[Int(type.rawValue)].usage
  }

  /// The same of all types and databases.
  public var usage: TypeUsage {
    var sum = TypeUsage()
    for database in 0..<databaseCount {
      for type in ValueType.allCases { sum += usage(of: type, in: database) }
    }
    return sum
  }

  /// Bytes of values that are out of the keyspace and wait to be freed. With those of `usage` they are all live bytes of
  /// the heap's dataset.
  public var removedBytes: Int { ledger.pointee.removed.pointee.bytes }

  /// What the ledger itself takes.
  public var ledgerBytes: Int { ledger.pointee.allocatedBytes }

  /// Sets the number of elements of a compact value.
  @inline(__always)
  mutating func setCompactCount(of entry: Entry, to count: Int) {
    let handle = entry.slot.handle
    table(entry.database).pointee.accounts.changeElements(
      of: handle, by: count &- handle.compactCount, hash: entry.key.hash)
    entry.setCompactCount(count)
  }

  /// Takes the collection of a key out of its account, and frees what of it lies outside the block, now or later.
  mutating func discardValue(
    of handle: Handle, hash: UInt64, _ accounts: UnsafeMutablePointer<TypeAccount>
  ) {
    accounts.detachValue(of: handle, hash: hash)
    if let root = handle.largeRoot { released.release(root, heap: heap) }
  }
}

extension Keyspace {
  /// Offers the keys of a segment to the candidates that are renewed.
  @inline(never)
  func offerKeys(of segment: Segment, _ accounts: UnsafeMutablePointer<TypeAccount>) {
    let candidates = ledger.pointee.candidates
    segment.forEachPrefetched { handle in
      let type = handle.typeIndex
      guard candidates[type].isRenewing else { return }
      let bytes = handle.countedBytes + (handle.largeRoot?.pointee.allocatedBytes ?? 0)
      guard bytes > candidates[type].threshold else { return }
      candidates[type].offer(
        hasher.hash(handle.key), database: accounts.pointee.database, byteCount: bytes, heap: heap)
    }
    ledger.pointee.adoptThresholds()
  }
}

extension Handle {
  /// Elements of a compact value, as it says itself.
  @inline(__always)
  var compactCount: Int {
    Int(
      UnsafeRawPointer(value.baseAddress.unsafelyUnwrapped).loadUnaligned(fromByteOffset: 1, as: UInt16.self))
  }
}
