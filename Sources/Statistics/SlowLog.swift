/// The slow commands of one shard: a ring of the newest entries.
///
/// The thread that owns the shard records; SLOWLOG GET asks every shard for its newest entries and merges them. An
/// entry's id comes from a counter that all shards share, so ids order the entries of all shards, and the newest N of the
/// server are among the newest N of each shard.
///
/// An entry is bounded as in Redis: 32 arguments of 128 bytes and the marks of what was cut.
public struct SlowLog: ~Copyable {
  /// Arguments an entry keeps; the last of them tells how many more there were.
  public static var maximumArgumentCount: Int { 32 }

  /// Bytes of an argument an entry keeps, before the mark that tells how many more there were.
  public static var maximumArgumentByteCount: Int { 128 }

  /// One slow command.
  public struct Entry: Sendable, Equatable {
    /// Unique within the server and increasing.
    public var id: UInt64
    /// When the command ended.
    public var unixSeconds: Int64
    /// How long it took.
    public var microseconds: UInt64
    /// The command and its arguments, cut by `trimmedArguments`.
    public var arguments: [[UInt8]]
    /// `address:port` of the client, or the path of its socket.
    public var clientAddress: String
    /// What CLIENT SETNAME gave, or nothing.
    public var clientName: String

    /// An entry of arguments that are cut already.
    public init(
      id: UInt64, unixSeconds: Int64, microseconds: UInt64, arguments: [[UInt8]], clientAddress: String,
      clientName: String
    ) {
      self.id = id
      self.unixSeconds = unixSeconds
      self.microseconds = microseconds
      self.arguments = arguments
      self.clientAddress = clientAddress
      self.clientName = clientName
    }
  }

  /// Up to `maximumLength` entries; once full, a ring that begins at `oldestIndex`.
  private var ring: [Entry] = []
  private var oldestIndex = 0

  /// Entries kept at most; 0 keeps none (`slowlog-max-len`).
  public private(set) var maximumLength: Int

  /// An empty log.
  public init(maximumLength: Int) {
    precondition(maximumLength >= 0, "a length is not negative")
    self.maximumLength = maximumLength
  }

  /// The number of entries kept.
  public var count: Int { ring.count }

  /// Adds an entry, in place of the oldest if the log is full.
  public mutating func record(_ entry: Entry) {
    guard maximumLength > 0 else { return }
    if ring.count < maximumLength {
      ring.append(entry)
    } else {
      ring[oldestIndex] = entry
      oldestIndex = oldestIndex + 1 == maximumLength ? 0 : oldestIndex + 1
    }
  }

  /// Changes how many entries are kept; the newest stay.
  public mutating func resize(maximumLength: Int) {
    precondition(maximumLength >= 0, "a length is not negative")
    let entries = newest(maximumLength)
    ring = entries.reversed()
    oldestIndex = 0
    self.maximumLength = maximumLength
  }

  /// Forgets all entries.
  public mutating func reset() {
    ring = []
    oldestIndex = 0
  }

  /// The newest `limit` entries (-1: all), newest first: this shard's part of SLOWLOG GET.
  public func newest(_ limit: Int) -> [Entry] {
    let length = Self.length(limit, of: ring.count)
    return (0..<length).map { age in
      let index = oldestIndex + ring.count - 1 - age
      return ring[index < ring.count ? index : index - ring.count]
    }
  }

  /// The newest `limit` entries (-1: all) of all shards, newest first.
  ///
  /// - Parameter maximumLength: what a single log would hold; entries beyond that are not shown.
  public static func merge(_ shards: [[Entry]], limit: Int, maximumLength: Int) -> [Entry] {
    var entries = Array(shards.joined())
    entries.sort { $0.id > $1.id }
    return Array(entries.prefix(length(limit, of: Swift.min(entries.count, maximumLength))))
  }

  /// SLOWLOG LEN over all shards.
  public static func mergedLength(_ counts: [Int], maximumLength: Int) -> Int {
    Swift.min(counts.reduce(0, +), maximumLength)
  }

  /// Copies the arguments of a command as an entry keeps them.
  ///
  /// - Parameters:
  ///   - count: the number of arguments, the command's name included.
  ///   - argument: the bytes of the argument at an index, valid during the call.
  public static func trimmedArguments(
    count: Int, _ argument: (Int) -> UnsafeRawBufferPointer
  ) -> [[UInt8]] {
    let isCut = count > maximumArgumentCount
    let copiedCount = isCut ? maximumArgumentCount - 1 : count
    var result: [[UInt8]] = []
    result.reserveCapacity(isCut ? maximumArgumentCount : count)
    for index in 0..<copiedCount { result.append(trimmedArgument(argument(index))) }
    if isCut { result.append(Array("... (\(count - copiedCount) more arguments)".utf8)) }
    return result
  }

  private static func trimmedArgument(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    guard bytes.count > maximumArgumentByteCount else { return Array(bytes) }
    let mark = "... (\(bytes.count - maximumArgumentByteCount) more bytes)"
    return bytes[..<maximumArgumentByteCount] + Array(mark.utf8)
  }

  private static func length(_ limit: Int, of count: Int) -> Int {
    precondition(limit >= -1, "a limit is -1 or more")
    return limit == -1 ? count : Swift.min(limit, count)
  }
}
