import Bytes
import Engine
import Keyspace
import RESP

/// What ZUNION and its relatives ask for, behind the keys, and the computation.
struct SortedSetAlgebraOptions {
  /// Which options a command knows.
  struct Knowledge: OptionSet {
    let rawValue: UInt8

    static let weights = Knowledge(rawValue: 1 << 0)
    static let scores = Knowledge(rawValue: 1 << 1)
    static let limit = Knowledge(rawValue: 1 << 2)

    static let answering: Knowledge = [.weights, .scores]
    static let answeringPlainly: Knowledge = [.scores]
    static let storing: Knowledge = [.weights]
    static let storingPlainly: Knowledge = []
    static let counting: Knowledge = [.limit]
  }

  /// What becomes of the scores of a member that several sets have.
  private enum Aggregation {
    case sum
    case minimum
    case maximum

    init?(_ arguments: Arguments, at index: Int) {
      if arguments.isWord("sum", at: index) {
        self = .sum
      } else if arguments.isWord("min", at: index) {
        self = .minimum
      } else if arguments.isWord("max", at: index) {
        self = .maximum
      } else {
        return nil
      }
    }

    func callAsFunction(_ old: Double, _ new: Double) -> Double {
      switch self {
      case .sum:
        let sum = old + new
        // Opposite infinities cancel each other out.
        return sum.isNaN ? 0 : sum
      case .minimum: return new < old ? new : old
      case .maximum: return new > old ? new : old
      }
    }
  }

  /// A factor for each set.
  private var weights: [Double]
  private var aggregation = Aggregation.sum
  private(set) var withScores = false
  /// Members to count at the most.
  private var limit = Int.max

  init(_ arguments: Arguments, keys: Range<Int>, _ known: Knowledge) throws(CommandError) {
    weights = Array(repeating: 1, count: keys.count)
    var index = keys.upperBound
    while index < arguments.count {
      let rest = arguments.count - index
      if known.contains(.weights), rest > keys.count, arguments.isWord("weights", at: index) {
        for number in 0..<keys.count {
          guard let weight = parseDouble(arguments[index + 1 + number]) else {
            throw CommandError("ERR weight value is not a float")
          }
          weights[number] = weight
        }
        index += 1 + keys.count
      } else if known.contains(.weights), rest > 1, arguments.isWord("aggregate", at: index) {
        guard let aggregation = Aggregation(arguments, at: index + 1) else {
          throw CommandError(ErrorText.syntax)
        }
        self.aggregation = aggregation
        index += 2
      } else if known.contains(.scores), arguments.isWord("withscores", at: index) {
        withScores = true
        index += 1
      } else if known.contains(.limit), rest > 1, arguments.isWord("limit", at: index) {
        guard let limit = arguments.integer(at: index + 1), limit >= 0 else {
          throw CommandError("ERR LIMIT can't be negative")
        }
        self.limit = limit == 0 ? .max : Int(limit)
        index += 2
      } else {
        throw CommandError(ErrorText.syntax)
      }
    }
  }

  // MARK: Computing

  private typealias Weighted = (source: ScoredSource, weight: Double)

  /// The sets with their weights, those with fewer members first.
  private func ordered(_ sources: [ScoredSource]) -> [Weighted] {
    let weighted: [Weighted] = zip(sources, weights).map { ($0, $1) }
    return weighted.enumerated().sorted {
      let (left, right) = ($0.element.source.count, $1.element.source.count)
      // Floating-point sums depend on the order, so equals keep theirs.
      return left == right ? $0.offset < $1.offset : left < right
    }.map(\.element)
  }

  /// The result, made on a shard, which need not be that of the sets.
  func result(
    of operation: SetOperation, _ sources: [ScoredSource], on shard: UnsafeMutablePointer<Shard>
  ) -> SortedSetBuilder {
    let hasher = shard.pointee.keyspace.hasher
    var builder = SortedSetBuilder(hasher: hasher, heap: shard.pointee.heap)
    switch operation {
    case .union:
      let aggregation = aggregation
      for (source, weight) in ordered(sources) {
        source.forEach { member, score in
          builder.combineScore(Self.weighted(score, weight), of: Element(member), aggregation.callAsFunction)
          return true
        }
      }
    case .intersection:
      forEachInIntersection(of: ordered(sources), hasher: hasher) { member, score in
        builder.setScore(score, of: member)
        return true
      }
    case .difference:
      sources[0].forEach { member, score in
        let element = Element(member)
        if sources.dropFirst().allSatisfy({ $0.score(of: element, hasher: hasher) == nil }) {
          builder.setScore(score, of: element)
        }
        return true
      }
    }
    return builder
  }

  /// Members that all sets have, up to the limit.
  func intersectionCount(_ sources: [ScoredSource], hasher: KeyHasher) -> Int {
    var count = 0
    forEachInIntersection(of: ordered(sources), hasher: hasher) { _, _ in
      count += 1
      return count < limit
    }
    return count
  }

  /// Calls `body` with the members that all sets have, until it returns false.
  private func forEachInIntersection(
    of sources: [Weighted], hasher: KeyHasher, _ body: (Element, Double) -> Bool
  ) {
    let (first, firstWeight) = sources[0]
    first.forEach { member, score in
      let element = Element(member)
      var sum = Self.weighted(score, firstWeight)
      for (source, weight) in sources.dropFirst() {
        guard let score = source.score(of: element, hasher: hasher) else { return true }
        sum = aggregation(sum, score * weight)
      }
      return body(element, sum)
    }
  }

  /// Nothing times infinity counts as nothing.
  private static func weighted(_ score: Double, _ weight: Double) -> Double {
    let weighted = score * weight
    return weighted.isNaN ? 0 : weighted
  }
}
