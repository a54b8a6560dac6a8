/// Errors sent to clients, counted by their first word: `errorstat_WRONGTYPE:count=2`.
///
/// One thread records into memory that the caller owns (`byteCount`, about 5 KB). At most 128 words are told apart;
/// a script can make up any number of them, and the rest is counted together as `ERRORSTATS_OVERFLOW`. (Redis 7.4
/// forgets all counts at that point and stops counting until CONFIG RESETSTAT.)
public struct ErrorStatistics {
  /// Distinct words counted.
  public static var nameCountMaximum: Int { 128 }

  /// Bytes of a word: as in Redis, a longer first word counts as `ERR`.
  public static var nameByteCountMaximum: Int { 30 }

  /// What counts the errors beyond the distinct words.
  public static var overflowName: String { "ERRORSTATS_OVERFLOW" }

  /// The size of the storage.
  public static var byteCount: Int { (nameCountMaximum + 1) * MemoryLayout<Entry>.stride }

  /// The alignment of the storage.
  public static var byteAlignment: Int { MemoryLayout<Entry>.alignment }

  /// A word, its bytes in 32 that are zero where unused, and its count. The word is never empty.
  private struct Entry {
    var name: InlineArray<32, UInt8>
    var count: UInt64
  }

  /// The words in the order of their first appearance, then the overflow, which has no name.
  private let entries: UnsafeMutablePointer<Entry>

  /// Statistics over storage of `byteCount` bytes that is all zero, or that statistics have recorded into.
  public init(storage: UnsafeMutableRawPointer) {
    assert(UInt(bitPattern: storage) % UInt(Self.byteAlignment) == 0, "error storage must be aligned")
    entries = storage.assumingMemoryBound(to: Entry.self)
  }

  /// Forgets everything: CONFIG RESETSTAT.
  public func reset() {
    let empty = Entry(name: InlineArray(repeating: 0), count: 0)
    entries.update(repeating: empty, count: Self.nameCountMaximum + 1)
  }

  /// Counts an error reply.
  ///
  /// - Parameter line: the reply as it goes out, with or without its leading `-`; what follows the first space does not
  ///   matter. A line without a space among its first bytes counts as `ERR`.
  public func record(line: UnsafeRawBufferPointer) {
    var word = line[...]
    if word.first == UInt8(ascii: "-") { word = word.dropFirst() }
    guard
      let space = word.prefix(Self.nameByteCountMaximum + 1).firstIndex(of: UInt8(ascii: " ")),
      space > word.startIndex
    else { return record(name: "ERR") }
    recordName(UnsafeRawBufferPointer(rebasing: word[..<space]))
  }

  /// Counts an error by its first word.
  public func record(name: StaticString) {
    precondition(
      (1...Self.nameByteCountMaximum).contains(name.utf8CodeUnitCount), "a name of at most 30 bytes")
    recordName(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }

  private func recordName(_ name: UnsafeRawBufferPointer) {
    var padded = InlineArray<32, UInt8>(repeating: 0)
    for index in 0..<name.count { padded[index] = name[index] }
    var index = 0
    while index < Self.nameCountMaximum && entries[index].count > 0 {
      if Self.areEqual(entries[index].name, padded) { break }
      index += 1
    }
    // Either the word's entry, or the first free one, or the overflow.
    if index < Self.nameCountMaximum { entries[index].name = padded }
    entries[index].count &+= 1
  }

  private static func areEqual(_ left: InlineArray<32, UInt8>, _ right: InlineArray<32, UInt8>) -> Bool {
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// The counts at this moment.
  public func snapshot() -> Snapshot {
    var result = Snapshot()
    for index in 0..<Self.nameCountMaximum where entries[index].count > 0 {
      let name = entries[index].name
      let bytes = name.indices.map { name[$0] }.prefix { $0 != 0 }
      result.add(name: String(decoding: bytes, as: UTF8.self), count: entries[index].count)
    }
    result.addOverflow(entries[Self.nameCountMaximum].count)
    return result
  }

  /// Counts by word, of one shard or of several merged: a value to hand from thread to thread.
  public struct Snapshot: Sendable, Equatable {
    /// At most 128 words and their counts.
    public private(set) var counts: [String: UInt64] = [:]

    /// Errors with words beyond those.
    public private(set) var overflowCount: UInt64 = 0

    /// A snapshot of nothing.
    public init() {}

    /// All errors: `total_error_replies`.
    public var totalCount: UInt64 { counts.values.reduce(overflowCount, &+) }

    /// Adds what another shard counted. Of more than 128 words those with the highest counts stay.
    public mutating func merge(_ other: Snapshot) {
      counts.merge(other.counts, uniquingKeysWith: &+)
      overflowCount &+= other.overflowCount
      guard counts.count > ErrorStatistics.nameCountMaximum else { return }
      let ranked = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
      for (name, count) in ranked.dropFirst(ErrorStatistics.nameCountMaximum) {
        counts[name] = nil
        overflowCount &+= count
      }
    }

    /// The lines of INFO errorstats, by name.
    public func infoLines() -> String {
      var named = counts
      if overflowCount > 0 { named[ErrorStatistics.overflowName, default: 0] &+= overflowCount }
      return named.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "errorstat_\(InfoText.safeName($0.key)):count=\($0.value)\r\n" }
        .joined()
    }

    fileprivate mutating func add(name: String, count: UInt64) {
      counts[name, default: 0] &+= count
    }

    fileprivate mutating func addOverflow(_ count: UInt64) { overflowCount &+= count }
  }
}
