import Heap

/// What one database holds of one type, counted as it changes.
///
/// The accounts of a database lie side by side, at an address that stays: the database's table knows it, and the root
/// of every large value has the address of its account. So a change costs an addition where it happens, and no figure
/// is ever collected.
struct TypeAccount {
  var keys = 0
  var bytes = 0
  /// Of collections only; of strings there are as many as keys.
  var elements = 0
  /// Keys that become larger than this, or were as large, are looked at: they may be among the largest. While a census
  /// is under way it is the least integer: every change is looked at.
  var threshold = 0
  let ledger: UnsafeMutablePointer<Ledger>?
  var database: Int
  let type: ValueType

  /// The type's figures.
  var usage: TypeUsage {
    TypeUsage(keys: keys, bytes: bytes, elements: type == .string ? keys : elements)
  }
}

/// The changes that the keyspace reports. `self` are the accounts of a database; with WITHOUT_LEDGER defined
/// (`PANTALA_WITHOUT_LEDGER` at build time) nothing is counted, to measure what counting costs.
extension UnsafeMutablePointer<TypeAccount> {
  /// A key is there that was not. Its value, if it is a collection, is attached when its bytes are written.
  @inline(__always)
  func addKey(_ handle: Handle, hash: UInt64) {
    #if !WITHOUT_LEDGER
      let account = self + handle.typeIndex
      let bytes = handle.countedBytes
      account.pointee.keys &+= 1
      account.pointee.bytes &+= bytes
      if bytes > account.pointee.threshold {
        account.note(TypeUsage(keys: 1, bytes: bytes), hash: hash, from: 0, to: bytes)
      }
    #endif
  }

  /// A key is about to go. Its value, if it is a collection, has been detached.
  @inline(__always)
  func removeKey(_ handle: Handle, hash: UInt64) {
    #if !WITHOUT_LEDGER
      let account = self + handle.typeIndex
      let bytes = handle.countedBytes
      account.pointee.keys &-= 1
      account.pointee.bytes &-= bytes
      if bytes >= account.pointee.threshold {
        account.note(TypeUsage(keys: -1, bytes: -bytes), hash: hash, from: bytes, to: 0)
      }
    #endif
  }

  /// A key gets another block; the old one is still there.
  ///
  /// - Parameter root: that of the value if it stays, outside the block.
  @inline(__always)
  func replaceBlock(
    _ old: Handle, by new: Handle, hash: UInt64, root: UnsafeMutablePointer<LargeValueHeader>? = nil
  ) {
    #if !WITHOUT_LEDGER
      guard old.typeIndex == new.typeIndex, root == nil else {
        return replaceBlockSpecially(old, by: new, hash: hash, root: root)
      }
      let account = self + new.typeIndex
      let before = old.countedBytes
      let after = new.countedBytes
      account.pointee.bytes &+= after &- before
      if after > account.pointee.threshold || before >= account.pointee.threshold {
        account.note(TypeUsage(bytes: after &- before), hash: hash, from: before, to: after)
      }
    #endif
  }

  @inline(never)
  private func replaceBlockSpecially(
    _ old: Handle, by new: Handle, hash: UInt64, root: UnsafeMutablePointer<LargeValueHeader>?
  ) {
    guard let root else {
      removeKey(old, hash: hash)
      return addKey(new, hash: hash)
    }
    let account = self + new.typeIndex
    let change = new.countedBytes - old.countedBytes
    let before = root.pointee.usageBytes
    root.pointee.keyBytes = UInt32(clamping: new.countedBytes)
    account.pointee.bytes &+= change
    account.note(TypeUsage(bytes: change), hash: hash, from: before, to: root.pointee.usageBytes)
  }

  /// A key's value has become one of another type in the same block.
  @inline(__always)
  func changeType(from old: Handle, to new: Handle, hash: UInt64) {
    #if !WITHOUT_LEDGER
      if old.typeIndex != new.typeIndex { replaceBlockSpecially(old, by: new, hash: hash, root: nil) }
    #endif
  }

  /// A collection in its key's block has more elements, or fewer.
  @inline(__always)
  func changeElements(of handle: Handle, by count: Int, hash: UInt64) {
    #if !WITHOUT_LEDGER
      let account = self + handle.typeIndex
      account.pointee.elements &+= count
      if account.pointee.threshold < 0 { account.note(TypeUsage(elements: count), hash: hash) }
    #endif
  }

  /// The collection in a key's block, or behind it, now belongs to the key.
  func attachValue(of handle: Handle, hash: UInt64) {
    #if !WITHOUT_LEDGER
      guard handle.isCollection else { return }
      guard let root = handle.largeRoot else {
        return changeElements(of: handle, by: handle.compactCount, hash: hash)
      }
      let account = self + handle.typeIndex
      root.pointee.keyBytes = UInt32(clamping: handle.countedBytes)
      root.pointee.attach(to: account, hash: hash)
      account.pointee.bytes &+= root.pointee.allocatedBytes
      account.pointee.elements &+= root.pointee.count
      account.note(
        TypeUsage(bytes: root.pointee.allocatedBytes, elements: root.pointee.count), hash: hash,
        from: Int(root.pointee.keyBytes), to: root.pointee.usageBytes)
    #endif
  }

  /// The collection in a key's block, or behind it, is to go elsewhere.
  func detachValue(of handle: Handle, hash: UInt64) {
    #if !WITHOUT_LEDGER
      guard handle.isCollection else { return }
      guard let root = handle.largeRoot else {
        return changeElements(of: handle, by: -handle.compactCount, hash: hash)
      }
      let account = self + handle.typeIndex
      root.pointee.detach()
      account.pointee.bytes &-= root.pointee.allocatedBytes
      account.pointee.elements &-= root.pointee.count
      account.note(
        TypeUsage(bytes: -root.pointee.allocatedBytes, elements: -root.pointee.count), hash: hash,
        from: root.pointee.usageBytes, to: Int(root.pointee.keyBytes))
    #endif
  }

  // MARK: One account

  /// Tells the ledger of a change that may concern the largest keys, or a census.
  @inline(never)
  func note(_ change: TypeUsage, hash: UInt64, from old: Int, to new: Int) {
    guard let ledger = pointee.ledger else { return }
    if pointee.threshold < 0 { note(change, hash: hash) }
    let candidates = ledger.pointee.candidates + Int(pointee.type.rawValue)
    let threshold = candidates.pointee.threshold
    if new > threshold {
      candidates.pointee.offer(hash, database: pointee.database, byteCount: new, heap: ledger.pointee.heap)
      if candidates.pointee.threshold != threshold { ledger.pointee.adoptThresholds() }
    } else if old >= threshold {
      candidates.pointee.remove(hash, database: pointee.database)
    }
  }

  /// Tells a census of a change.
  @inline(never)
  fileprivate func note(_ change: TypeUsage, hash: UInt64) {
    pointee.ledger?.pointee.census?.pointee.note(
      change, type: pointee.type, database: pointee.database, hash: hash)
  }
}

extension LargeValueHeader {
  /// Bytes of the value and of its key's block.
  @inline(__always)
  var usageBytes: Int { allocatedBytes &+ Int(keyBytes) }

  /// Counts a change of `allocatedBytes`.
  @inline(__always)
  func countBytes(since before: Int) {
    #if !WITHOUT_LEDGER
      guard let account else { return }
      let change = allocatedBytes &- before
      account.pointee.bytes &+= change
      let size = usageBytes
      let previous = size &- change
      if size > account.pointee.threshold || previous >= account.pointee.threshold {
        account.note(TypeUsage(bytes: change), hash: hash, from: previous, to: size)
      }
    #endif
  }

  /// Counts a change of `count`.
  @inline(__always)
  func countElements(since before: Int) {
    #if !WITHOUT_LEDGER
      guard let account else { return }
      account.pointee.elements &+= count &- before
      if account.pointee.threshold < 0 { account.note(TypeUsage(elements: count &- before), hash: hash) }
    #endif
  }
}
