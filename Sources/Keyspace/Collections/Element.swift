import Bytes

/// An element on its way into a collection, or looked for in one: classified once, then written or compared any
/// number of times.
public struct Element {
  /// The text; nil if the element is an integer.
  let text: ByteView?
  let integer: Int64
  /// The first byte of the encoding.
  private let lead: UInt8
  /// Bytes between it and the text: an integer or a length, low byte first.
  private let payload: UInt64
  private let payloadCount: UInt8

  /// The element of a text as a client sent it.
  @inline(__always)
  public init(_ text: ByteView) {
    if text.count <= decimalBytesMax, let integer = parseInt64(text) {
      self.init(integer)
    } else {
      self.init(plainText: text)
    }
  }

  /// The element of a text that does not spell an integer.
  @inline(__always)
  init(plainText text: ByteView) {
    self.text = text
    integer = 0
    if text.count < 64 {
      lead = ItemCode.text6 | UInt8(truncatingIfNeeded: text.count)
      payload = 0
      payloadCount = 0
    } else if text.count < 4_096 {
      lead = ItemCode.text12 | UInt8(truncatingIfNeeded: text.count >> 8)
      payload = UInt64(text.count & 0xff)
      payloadCount = 1
    } else {
      lead = ItemCode.text32
      payload = UInt64(text.count)
      payloadCount = 4
    }
  }

  /// The element of an integer.
  public init(_ integer: Int64) {
    text = nil
    self.integer = integer
    let bits = UInt64(bitPattern: integer)
    if 0...127 ~= integer {
      lead = UInt8(truncatingIfNeeded: integer)
      payload = 0
      payloadCount = 0
    } else if -4_096...4_095 ~= integer {
      lead = ItemCode.integer13 | UInt8(truncatingIfNeeded: (bits >> 8) & 0x1f)
      payload = bits & 0xff
      payloadCount = 1
    } else if Int16(exactly: integer) != nil {
      lead = ItemCode.integer16
      payload = bits & 0xffff
      payloadCount = 2
    } else if -1 << 23..<1 << 23 ~= integer {
      lead = ItemCode.integer24
      payload = bits & 0xff_ffff
      payloadCount = 3
    } else if Int32(exactly: integer) != nil {
      lead = ItemCode.integer32
      payload = bits & 0xffff_ffff
      payloadCount = 4
    } else {
      lead = ItemCode.integer64
      payload = bits
      payloadCount = 8
    }
  }

  /// The element that an item is.
  public init(_ item: Item) {
    if let text = item.text { self.init(plainText: text) } else { self.init(item.integer) }
  }

  /// The element of a sorted set's score: an integer where the score is one, otherwise the eight bytes of the
  /// double, written to `scratch`, which must stay until the element is used. Negative zero becomes zero.
  init(score: Double, scratch: UnsafeMutablePointer<UInt8>) {
    if let whole = Int64(exactly: score), whole.magnitude < 1 << 53 {
      self.init(whole)
    } else {
      UnsafeMutableRawPointer(scratch).storeBytes(of: score.bitPattern, as: UInt64.self)
      self.init(plainText: ByteView(start: UnsafePointer(scratch), count: 8))
    }
  }

  /// Whether the element is kept as an integer.
  var isInteger: Bool { text == nil }

  /// Bytes of the encoding.
  @inline(__always)
  var byteCount: Int { 1 &+ Int(payloadCount) &+ (text?.count ?? 0) }

  /// Bytes of the element as text.
  var textCount: Int {
    if let text { return text.count }
    return decimalDigitCount(integer.magnitude) + (integer < 0 ? 1 : 0)
  }

  /// Writes the encoding at `target`, which has room for `byteCount` bytes.
  @inline(__always)
  func write(to target: UnsafeMutablePointer<UInt8>) {
    target[0] = lead
    var rest = payload
    for index in 0..<Int(payloadCount) {
      target[1 + index] = UInt8(truncatingIfNeeded: rest)
      rest >>= 8
    }
    if let text { copyBytes(from: text.start, to: target + 1 + Int(payloadCount), text.count) }
  }

  /// Whether the item at `start` is this element.
  @inline(__always)
  func isStored(at start: UnsafePointer<UInt8>) -> Bool {
    guard start[0] == lead else { return false }
    var rest = payload
    for index in 0..<Int(payloadCount) {
      if start[1 + index] != UInt8(truncatingIfNeeded: rest) { return false }
      rest >>= 8
    }
    guard let text else { return true }
    return equalBytes(start + 1 + Int(payloadCount), text.start, text.count)
  }

  /// A hash of the element: the same for an item and for an `Element` of the same text.
  @inline(__always)
  func hash(_ hasher: KeyHasher) -> UInt64 {
    if let text { return hasher.hash(text) }
    return withUnsafeBytes(of: integer) { hasher.hash(ByteView($0.baseAddress.unsafelyUnwrapped, count: 8)) }
  }
}

/// Items one after the other in bytes of their own: how collections travel between shards, and what RESTORE reads and
/// DUMP writes.
public struct ItemArray: Sendable {
  public private(set) var bytes: [UInt8] = []
  /// Items in `bytes`.
  public private(set) var count = 0

  public init() {}

  public mutating func reserveCapacity(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }

  public mutating func append(_ text: ByteView) { append(Element(text)) }

  public mutating func append(_ integer: Int64) { append(Element(integer)) }

  public mutating func append(_ item: Item) { append(Element(item)) }

  /// Appends a sorted set's score.
  public mutating func append(score: Double) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { scratch in
      guard let start = scratch.baseAddress else { return }
      append(Element(score: score, scratch: start))
    }
  }

  public mutating func append(_ element: Element) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { scratch in
      guard let start = scratch.baseAddress else { return }
      if element.isInteger {
        element.write(to: start)
        bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: element.byteCount))
      } else if let text = element.text {
        let head = element.byteCount - text.count
        element.writeHead(to: start)
        bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: head))
        bytes.append(contentsOf: text.buffer)
      }
    }
    count += 1
  }

  /// Appends items as they stand in a packed run.
  public mutating func append(encoded: UnsafeBufferPointer<UInt8>, count added: Int) {
    bytes.append(contentsOf: encoded)
    count += added
  }

  /// Calls `body` with a reader of the items, valid during the call.
  public func withReader<Result>(_ body: (inout ItemReader) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBufferPointer { buffer in
      var reader = ItemReader(buffer)
      return try body(&reader)
    }
  }
}

extension Element {
  /// Writes what stands before the text.
  fileprivate func writeHead(to target: UnsafeMutablePointer<UInt8>) {
    target[0] = lead
    for index in 0..<Int(payloadCount) {
      target[1 + index] = UInt8(truncatingIfNeeded: payload >> UInt64(8 * index))
    }
  }
}

/// Goes through items that lie one after the other.
public struct ItemReader {
  private var next: UnsafePointer<UInt8>?
  private let end: UnsafePointer<UInt8>?

  init(_ buffer: UnsafeBufferPointer<UInt8>) {
    next = buffer.baseAddress
    end = buffer.baseAddress.map { $0 + buffer.count }
  }

  /// The next item; nil after the last.
  @inline(__always)
  public mutating func read() -> Item? {
    guard let start = next, next != end else { return nil }
    let item = Item(at: start)
    next = start + item.byteCount
    return item
  }
}
