import Bytes
import Engine
import Keyspace
import RESP

/// What ZRANGE and its relatives ask for, behind the key.
struct SortedSetRangeRequest: Sendable {
  /// By what members are chosen.
  enum Measure: Sendable {
    case rank
    case score
    case text
  }

  private enum Bounds: Sendable {
    case ranks(first: Int64, last: Int64)
    case scores(ScoreRange)
    case texts(LexRange)
  }

  private let bounds: Bounds
  private(set) var reversed: Bool
  private(set) var withScores = false
  private var offset: Int64 = 0
  /// Members at the most; negative for all.
  private var limit: Int64 = -1

  /// Reads the arguments behind the key at `keyIndex`. What a command's name says, `measure` or `reversed`, is no option.
  @inline(__always)
  init(_ arguments: Arguments, keyIndex: Int, measure fixedMeasure: Measure?, reversed fixedDirection: Bool?)
    throws(CommandError)
  {
    var measure = fixedMeasure
    var direction = fixedDirection
    // ZRANGESTORE, the only command whose key is not the first, stores scores anyway.
    let stores = keyIndex > 1
    var index = keyIndex + 3
    while index < arguments.count {
      if !stores, arguments.isWord("withscores", at: index) {
        withScores = true
      } else if arguments.isWord("limit", at: index), index + 2 < arguments.count {
        guard let offset = arguments.integer(at: index + 1), let limit = arguments.integer(at: index + 2)
        else { throw CommandError(ErrorText.notAnInteger) }
        (self.offset, self.limit) = (offset, limit)
        index += 2
      } else if direction == nil, arguments.isWord("rev", at: index) {
        direction = true
      } else if measure == nil, arguments.isWord("bylex", at: index) {
        measure = .text
      } else if measure == nil, arguments.isWord("byscore", at: index) {
        measure = .score
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 1
    }
    reversed = direction ?? false
    if limit != -1, measure ?? .rank == .rank {
      throw CommandError(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
    }
    if withScores, measure == .text {
      throw CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    }
    bounds = try Self.bounds(
      arguments[keyIndex + 1], arguments[keyIndex + 2], measure ?? .rank, reversed: reversed)
  }

  @inline(__always)
  private static func bounds(
    _ first: ByteView, _ second: ByteView, _ measure: Measure, reversed: Bool
  ) throws(CommandError) -> Bounds {
    // Downwards, the higher bound comes first.
    let (minimum, maximum) = reversed ? (second, first) : (first, second)
    switch measure {
    case .rank:
      guard let start = parseInt64(first), let end = parseInt64(second) else {
        throw CommandError(ErrorText.notAnInteger)
      }
      return .ranks(first: start, last: end)
    case .score:
      guard let range = ScoreRange(minimum, maximum) else { throw CommandError(SortedSetError.scoreRange) }
      return .scores(range)
    case .text:
      guard let range = LexRange(minimum, maximum) else { throw CommandError(SortedSetError.lexRange) }
      return .texts(range)
    }
  }

  /// Whether members are chosen by their places.
  var isByRank: Bool { if case .ranks = bounds { true } else { false } }

  /// The ranks of the members asked for, counted from the lowest score.
  @inline(__always)
  func ranks(in entry: Entry) -> Range<Int> {
    switch bounds {
    case .ranks(let first, let last):
      let count = entry.sortedSetCount
      let places = placesInRange(first, last, count: count)
      return reversed ? (count - places.upperBound)..<(count - places.lowerBound) : places
    case .scores(let range): return limited(entry.ranks(in: range))
    case .texts(let range): return limited(entry.ranks(in: range, reversed: reversed))
    }
  }

  private func limited(_ ranks: Range<Int>) -> Range<Int> {
    guard offset >= 0, offset < Int64(ranks.count) else { return 0..<0 }
    let rest = ranks.count - Int(offset)
    let count = limit < 0 ? rest : min(rest, Int(limit))
    if reversed {
      let end = ranks.upperBound - Int(offset)
      return (end - count)..<end
    }
    let start = ranks.lowerBound + Int(offset)
    return start..<(start + count)
  }
}

/// The places from `first` to `last` in `count` elements, both included; negative ones count from the end.
@inline(__always)
func placesInRange(_ first: Int64, _ last: Int64, count: Int) -> Range<Int> {
  let count = Int64(count)
  let start = max(first < 0 ? first &+ count : first, 0)
  let end = min(last < 0 ? last &+ count : last, count - 1)
  return start > end ? 0..<0 : Int(start)..<Int(end + 1)
}
