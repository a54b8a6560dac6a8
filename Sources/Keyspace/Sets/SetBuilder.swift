import Bytes
import Heap

/// A set that is being made, member by member, outside the keyspace, in the form in which it will be kept.
///
/// A new set's form follows from its members alone: integers if all are and there are few enough, packed if they are few and
/// short, large otherwise. (What has grown by SADD comes to the same, but for integers that are too many for their
/// form: they go to the large one at once.)
///
/// The value is not freed by itself: it ends with `Keyspace.place` or `Keyspace.discard`.
public struct SetBuilder {
  private(set) var form = CollectionForm.integers
  private var integers: [Int64] = []
  /// Whether the integers are in order and all different.
  private var isAscending = true
  private var packed: [UInt8] = []
  private var packedCount = 0
  private var root: UnsafeMutablePointer<DenseTable>?
  /// Whether members may come more than once.
  private let mayRepeat: Bool
  private let expectedTableBytes: Int
  private let limits: CollectionLimits
  private let heap: ShardHeap
  private let hasher: KeyHasher

  fileprivate init(
    mayRepeat: Bool, expectedTableBytes: Int, limits: CollectionLimits, heap: ShardHeap, hasher: KeyHasher
  ) {
    self.mayRepeat = mayRepeat
    self.expectedTableBytes = expectedTableBytes
    self.limits = limits
    self.heap = heap
    self.hasher = hasher
  }

  /// Members so far.
  public var count: Int {
    mutating get {
      orderIntegers()
      return root?.count ?? (form == .packed ? packedCount : integers.count)
    }
  }

  /// Adds a member, unless it is there.
  public mutating func add(_ member: Item) {
    switch form {
    case .integers:
      guard member.text == nil else {
        leaveIntegers()
        return add(member)
      }
      if let last = integers.last, last >= member.integer { isAscending = false }
      integers.append(member.integer)
      // Repeated ones are sorted out now and then.
      if integers.count > (isAscending ? integerMaximum : 2 * integerMaximum) { checkIntegers() }
    case .packed, .packedWithTimes:
      addPacked(member)
    case .large:
      insert(member)
    }
  }

  /// Calls `body` with every member.
  public mutating func forEach(_ body: (Item) -> Void) {
    orderIntegers()
    for integer in integers { body(Item(integer: integer, byteCount: 0)) }
    packed.withUnsafeBufferPointer {
      var reader = ItemReader($0)
      while let item = reader.read() { body(item) }
    }
    root?.forEach { body($0.entry.element) }
  }

  // MARK: Forms

  private var integerMaximum: Int { min(limits.setIntegerEntries, CollectionForm.compactCountMaximum) }
  private var packedMaximum: Int { min(limits.setPackedEntries, CollectionForm.compactCountMaximum) }

  private mutating func orderIntegers() {
    if isAscending { return }
    integers.sort()
    var last: Int64?
    integers.removeAll { integer in
      defer { last = integer }
      return integer == last
    }
    isAscending = true
  }

  private mutating func checkIntegers() {
    orderIntegers()
    if integers.count > integerMaximum { leaveIntegers() }
  }

  /// Takes another form than that of integers.
  private mutating func leaveIntegers() {
    orderIntegers()
    form = .packed
    let moved = integers
    integers = []
    for integer in moved { add(Item(integer: integer, byteCount: 0)) }
  }

  private mutating func addPacked(_ member: Item) {
    let element = Element(member)
    if mayRepeat, isPacked(element) { return }
    guard packedCount < packedMaximum, element.textCount <= limits.setPackedValueBytes else {
      leavePacked()
      return insert(member)
    }
    let start = packed.count
    packed.append(contentsOf: repeatElement(0, count: element.byteCount))
    packed.withUnsafeMutableBufferPointer { element.write(to: $0.baseAddress.unsafelyUnwrapped + start) }
    packedCount += 1
  }

  private func isPacked(_ element: Element) -> Bool {
    packed.withUnsafeBufferPointer { buffer in
      guard var next = buffer.baseAddress else { return false }
      let end = next + buffer.count
      while next != end {
        if element.isStored(at: next) { return true }
        next += ItemCode.byteCount(at: next)
      }
      return false
    }
  }

  private mutating func leavePacked() {
    form = .large
    root = DenseTable.make(hasValues: false, expectedBytes: expectedTableBytes, heap: heap)
    packed.withUnsafeBufferPointer {
      var reader = ItemReader($0)
      while let item = reader.read() { insert(item) }
    }
    packed = []
  }

  private func insert(_ member: Item) {
    guard let root else { return }
    let element = Element(member)
    let hash = member.hash(hasher)
    if mayRepeat, root.find(element, hash: hash) != nil { return }
    root.insert(element, hash: hash, heap: heap, hasher: hasher)
  }

  // MARK: The end

  /// Takes the final form.
  fileprivate mutating func finish() {
    if form == .integers { checkIntegers() }
  }

  /// Writes a compact set.
  fileprivate func write(to target: UnsafeMutablePointer<UInt8>, width: Int) {
    if form == .integers {
      var next = UnsafeMutableRawPointer(target)
      for integer in integers {
        SortedIntegers.store(integer, to: next, width: width)
        next += width
      }
    } else {
      packed.withUnsafeBufferPointer { source in
        if let start = source.baseAddress { copyBytes(from: start, to: target, source.count) }
      }
    }
  }

  /// Bytes of each integer.
  fileprivate var width: Int {
    guard let first = integers.first, let last = integers.last else { return 0 }
    return max(SortedIntegers.width(of: first), SortedIntegers.width(of: last))
  }

  fileprivate var compactByteCount: Int { form == .integers ? integers.count * width : packed.count }

  /// The table, which the builder forgets.
  fileprivate mutating func takeTable() -> UnsafeMutablePointer<DenseTable>? {
    defer { root = nil }
    return root
  }
}

extension Keyspace {
  /// Begins a set.
  ///
  /// - Parameters:
  ///   - mayRepeat: whether a member may be added more than once.
  ///   - expectedTableBytes: bytes that a dense table would need for the members; 0 if nobody knows.
  public mutating func setBuilder(mayRepeat: Bool, expectedTableBytes: Int = 0) -> SetBuilder {
    SetBuilder(
      mayRepeat: mayRepeat, expectedTableBytes: expectedTableBytes, limits: limits, heap: heap,
      hasher: hasher)
  }

  /// Gives a key the set that was made, which has at least one member.
  public mutating func place(
    _ builder: inout SetBuilder, at key: Key, in database: Int, replacing existing: Entry?,
    expiry: Int64? = nil
  ) {
    builder.finish()
    if let root = builder.takeTable() {
      _ = makeLarge(key, in: database, replacing: existing, kind: .set, root: root, expiry: expiry)
      return
    }
    let entry = makeCompact(
      key, in: database, replacing: existing, kind: .set, form: builder.form, count: builder.count,
      byteCount: builder.compactByteCount, expiry: expiry)
    builder.write(to: entry.compactBytes.baseAddress.unsafelyUnwrapped, width: builder.width)
  }

  /// Frees a set that was made and has served its purpose.
  public mutating func discard(_ builder: inout SetBuilder) {
    if let root = builder.takeTable() { released.release(root.header, heap: heap) }
  }
}
