import Bytes

/// The integers of a set in its `integers` form: sorted, each in `width` bytes (2, 4 or 8), which is the width that
/// the widest ever needed. A view: valid until the set is next changed.
struct SortedIntegers {
  let start: UnsafeMutableRawPointer
  let count: Int
  let width: Int

  /// The bytes that an integer needs.
  @inline(__always)
  static func width(of value: Int64) -> Int {
    if Int16(exactly: value) != nil { return 2 }
    return Int32(exactly: value) != nil ? 4 : 8
  }

  @inline(__always)
  static func load(_ source: UnsafeRawPointer, width: Int) -> Int64 {
    switch width {
    case 2: Int64(source.loadUnaligned(as: Int16.self))
    case 4: Int64(source.loadUnaligned(as: Int32.self))
    default: source.loadUnaligned(as: Int64.self)
    }
  }

  @inline(__always)
  static func store(_ value: Int64, to target: UnsafeMutableRawPointer, width: Int) {
    switch width {
    case 2: target.storeBytes(of: Int16(truncatingIfNeeded: value), as: Int16.self)
    case 4: target.storeBytes(of: Int32(truncatingIfNeeded: value), as: Int32.self)
    default: target.storeBytes(of: value, as: Int64.self)
    }
  }

  @inline(__always)
  subscript(index: Int) -> Int64 {
    get { Self.load(start + index &* width, width: width) }
    nonmutating set { Self.store(newValue, to: start + index &* width, width: width) }
  }

  /// The number that a value has among the integers or would get, and whether it is one of them.
  @inline(__always)
  func place(of value: Int64) -> (index: Int, isPresent: Bool) {
    if Self.width(of: value) > width { return (value < 0 ? 0 : count, false) }
    let index =
      switch width {
      case 2: lowerBound(Int16(truncatingIfNeeded: value))
      case 4: lowerBound(Int32(truncatingIfNeeded: value))
      default: lowerBound(value)
      }
    return (index, index < count && self[index] == value)
  }

  /// How many integers are below `value`.
  @inline(__always)
  private func lowerBound<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) -> Int {
    let stride = MemoryLayout<Integer>.size
    var first = 0
    var length = count
    // The compiler makes a conditional move of the choice: no branch that is mispredicted half of the time.
    while length > 1 {
      let half = length >> 1
      let middle = start.loadUnaligned(fromByteOffset: (first &+ half &- 1) &* stride, as: Integer.self)
      first = middle < value ? first &+ half : first
      length &-= half
    }
    if length == 1, start.loadUnaligned(fromByteOffset: first &* stride, as: Integer.self) < value {
      first &+= 1
    }
    return first
  }
}

extension Entry {
  /// The integers of a set that is kept as such.
  @inline(__always)
  var sortedIntegers: SortedIntegers {
    let bytes = compactBytes
    let count = compactCount
    // There is at least one integer; the width follows from the bytes.
    let width = bytes.count == count &* 2 ? 2 : bytes.count == count &* 4 ? 4 : 8
    return SortedIntegers(
      start: UnsafeMutableRawPointer(bytes.baseAddress.unsafelyUnwrapped), count: count, width: width)
  }
}

extension Keyspace {
  /// Adds an integer to a set that is kept as integers. Returns false if it is there already.
  @inline(__always)
  mutating func addInteger(_ value: Int64, to entry: Entry) -> Bool {
    let integers = entry.sortedIntegers
    let (index, isPresent) = integers.place(of: value)
    if isPresent { return false }
    guard integers.count < min(limits.setIntegerEntries, CollectionForm.compactCountMaximum) else {
      makeLarge(entry, adding: Element(value))
      return true
    }
    let width = integers.width
    if SortedIntegers.width(of: value) > width {
      widen(entry, for: value)
    } else {
      let target = splice(entry, at: index &* width, removing: 0, inserting: width)
      SortedIntegers.store(value, to: UnsafeMutableRawPointer(target), width: width)
      setCompactCount(of: entry, to: integers.count &+ 1)
    }
    return true
  }

  /// Gives all integers of a set more bytes each, and adds the one that needs them: it is either below or above all
  /// others.
  @inline(never)
  private mutating func widen(_ entry: Entry, for value: Int64) {
    let old = entry.sortedIntegers
    let width = SortedIntegers.width(of: value)
    let added = (old.count + 1) * width - old.count * old.width
    _ = splice(entry, at: old.count * old.width, removing: 0, inserting: added)
    let start = UnsafeMutableRawPointer(entry.compactBytes.baseAddress.unsafelyUnwrapped)
    let narrow = SortedIntegers(start: start, count: old.count, width: old.width)
    let wide = SortedIntegers(start: start, count: old.count + 1, width: width)
    let shift = value < 0 ? 1 : 0
    // From the end: a widened integer lies behind where it was.
    for index in stride(from: old.count - 1, through: 0, by: -1) { wide[index + shift] = narrow[index] }
    wide[value < 0 ? 0 : old.count] = value
    setCompactCount(of: entry, to: old.count + 1)
  }
}
