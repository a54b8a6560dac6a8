import Bytes

/// How keys are put together by what their names begin with.
public struct PrefixRule: Sendable {
  /// Bytes of a key that are looked at: a prefix is not longer.
  public static let byteMaximum = 1_024
  public static let separatorBytesMaximum = 64

  private let separator: [UInt8]
  private let depth: Int

  /// - Parameters:
  ///   - separator: what stands between the parts of names, at least a byte.
  ///   - depth: how many parts make a prefix.
  public init(separator: [UInt8], depth: Int) {
    precondition(!separator.isEmpty && depth > 0, "a prefix ends somewhere")
    self.separator = separator
    self.depth = depth
  }

  /// The key's prefix: up to its `depth`-th separator, that included, or to the last if it has fewer; empty if it has none.
  func prefix(of key: ByteView) -> ByteView {
    separator.withUnsafeBufferPointer { separator in
      let last = min(key.count, Self.byteMaximum) - separator.count
      var end = 0
      var found = 0
      var index = 0
      while index <= last, found < depth {
        if key.start[index] == separator[0], Self.isSeparator(separator, at: key.start + index) {
          index += separator.count
          end = index
          found += 1
        } else {
          index += 1
        }
      }
      return ByteView(start: key.start, count: end)
    }
  }

  @inline(__always)
  private static func isSeparator(_ separator: UnsafeBufferPointer<UInt8>, at start: UnsafePointer<UInt8>)
    -> Bool
  {
    for index in 1..<max(separator.count, 1) where start[index] != separator[index] { return false }
    return true
  }
}

/// What the keys with a prefix hold: counted, or estimated from a sample.
public struct PrefixUsage: Sendable {
  public var prefix: [UInt8]
  public var sums: PrefixSums
}

public struct PrefixSums: Sendable, BitwiseCopyable {
  public var keys = 0.0
  /// What MEMORY USAGE of the keys adds up to.
  public var bytes = 0.0
  /// The variance of `bytes`, as far as they were estimated.
  public var variance = 0.0

  public init(keys: Double = 0, bytes: Double = 0, variance: Double = 0) {
    self.keys = keys
    self.bytes = bytes
    self.variance = variance
  }

  public static func += (left: inout PrefixSums, right: PrefixSums) {
    left.keys += right.keys
    left.bytes += right.bytes
    left.variance += right.variance
  }
}

/// Sums by prefix. There is a limit to the number of prefixes: what comes beyond it is not told apart.
public struct PrefixTable: Sendable {
  private static let rowMaximum = 32_768
  private static let textMaximum = 4 << 20

  private struct Row: BitwiseCopyable {
    var hash: UInt64
    var offset: Int
    var count: Int
    var sums: PrefixSums
  }

  private let hasher: KeyHasher
  private var text: [UInt8] = []
  private var rows: [Row] = []
  /// Places of rows by hash, one more each; 0 is free.
  private var slots: [UInt32] = Array(repeating: 0, count: 64)
  /// Keys whose prefixes found no room.
  public private(set) var rest = PrefixSums()

  public init(hasher: KeyHasher) { self.hasher = hasher }

  /// Prefixes that are told apart.
  public var count: Int { rows.count }

  /// Adds to the sums of a prefix.
  public mutating func add(_ sums: PrefixSums, to prefix: ByteView) {
    let hash = hasher.hash(prefix)
    var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[index] != 0 {
      let number = Int(slots[index]) - 1
      if rows[number].hash == hash, has(number, prefix) {
        rows[number].sums += sums
        return
      }
      index = (index + 1) & (slots.count - 1)
    }
    guard rows.count < Self.rowMaximum, text.count + prefix.count <= Self.textMaximum else {
      rest += sums
      return
    }
    rows.append(Row(hash: hash, offset: text.count, count: prefix.count, sums: sums))
    text.append(contentsOf: prefix.buffer)
    slots[index] = UInt32(rows.count)
    if rows.count * 2 > slots.count { grow() }
  }

  /// The same, of a prefix from elsewhere.
  public mutating func add(_ usage: PrefixUsage) {
    usage.prefix.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return add(usage.sums, to: ByteView("")) }
      add(usage.sums, to: ByteView(start: start, count: bytes.count))
    }
  }

  private func has(_ number: Int, _ prefix: ByteView) -> Bool {
    let row = rows[number]
    guard row.count == prefix.count else { return false }
    return text.withUnsafeBufferPointer { text in
      guard let start = text.baseAddress else { return true }
      return equalBytes(start + row.offset, prefix.start, row.count)
    }
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for (number, row) in rows.enumerated() {
      var index = Int(truncatingIfNeeded: row.hash) & (slots.count - 1)
      while slots[index] != 0 { index = (index + 1) & (slots.count - 1) }
      slots[index] = UInt32(number + 1)
    }
  }

  /// Some of the prefixes, by their places.
  public func usages(_ places: Range<Int>) -> [PrefixUsage] {
    places.clamped(to: rows.indices).map { usage($0) }
  }

  private func usage(_ number: Int) -> PrefixUsage {
    let row = rows[number]
    return PrefixUsage(prefix: Array(text[row.offset..<(row.offset + row.count)]), sums: row.sums)
  }

  /// The prefixes that hold the most, in descending order.
  public func largest(_ countMaximum: Int) -> [PrefixUsage] {
    rows.indices.sorted { rows[$0].sums.bytes > rows[$1].sums.bytes }.prefix(countMaximum).map { usage($0) }
  }

  /// Adds the sums of another table, each by factors.
  mutating func add(_ other: PrefixTable, _ scale: (PrefixSums) -> PrefixSums) {
    for row in other.rows {
      other.text.withUnsafeBufferPointer { text in
        let start = text.baseAddress ?? ByteView("").start
        add(scale(row.sums), to: ByteView(start: start + row.offset, count: row.count))
      }
    }
    rest += scale(other.rest)
  }
}
