import Bytes
import Engine
import Glibc
import Keyspace
import RESP

/// A SORT under way: its elements, what they are sorted by, and the order that results.
///
/// It is driven from outside, which does the lookups: on the one shard that there is, or on several.
///
///     while let lookup = job.nextWeights() { job.add(weights: ... ) }
///     try job.sort()
///     while let lookup = job.nextOutput() { job.write(values: ..., to: &output) }
struct SortJob {
  let options: SortOptions
  private let elements: TextArray
  /// What `by` stands for, for the elements so far.
  private var weights = TextArray()
  /// Which elements are returned, in their order.
  private var order: [Int]
  /// How many elements the output has.
  let count: Int
  private var written = 0
  /// Elements that the last lookup was for.
  private var pending = 0

  init(_ source: SortSource) {
    options = source.options
    elements = source.elements
    order = Array(0..<elements.count)
    let range = source.isLimited ? 0..<elements.count : options.range(of: elements.count)
    count = range.count
    if options.isUnsorted { order = Array(range) }
  }

  /// How many elements the reply has, or the list that is stored.
  var outputCount: Int { count * max(options.gets.count, 1) }

  // MARK: Sorting

  /// What is to be looked up next before the elements can be sorted; nil when there is nothing left.
  func nextWeights() -> SortLookup? {
    guard options.by.needsLookup, !options.isUnsorted, weights.count < elements.count else { return nil }
    var lookup = SortLookup()
    elements.withTexts { texts in
      for index in weights.count..<min(weights.count + SortLookup.nameMaximum, texts.count) {
        lookup.add(options.by, of: texts[index] ?? ByteView(""))
      }
    }
    return lookup
  }

  mutating func add(weights: TextArray) { self.weights.append(contentsOf: weights) }

  /// Puts the elements in order.
  mutating func sort() throws(CommandError) {
    if options.isUnsorted { return }
    if options.isAlphabetic { sortByText() } else { try sortByScore() }
    order = Array(order[options.range(of: order.count)])
  }

  private mutating func sortByScore() throws(CommandError) {
    let weighted = options.by.needsLookup ? weights : elements
    var scores: [Double] = []
    scores.reserveCapacity(weighted.count)
    try weighted.withTexts { texts throws(CommandError) in
      for index in 0..<texts.count {
        // Without a weight an element has the score 0.
        guard let score = texts[index].map(Self.score) ?? 0 else {
          throw CommandError("ERR One or more scores can't be converted into double")
        }
        scores.append(score)
      }
    }
    let descends = options.isDescending
    elements.withTexts { texts in
      order.sort { first, second in
        let (left, right) = (scores[first], scores[second])
        if left != right { return (left < right) != descends }
        // So that the result does not depend on where the elements were.
        let order = (texts[first] ?? ByteView("")).compare(to: texts[second] ?? ByteView(""))
        return descends ? order > 0 : order < 0
      }
    }
  }

  private mutating func sortByText() {
    let weighted = options.by.needsLookup ? weights : elements
    let descends = options.isDescending
    weighted.withTexts { texts in
      order.sort { first, second in
        let order: Int
        switch (texts[first], texts[second]) {
        case (let left?, let right?): order = left.compare(to: right)
        // What has no weight comes first.
        case (nil, nil): order = 0
        case (nil, _): order = -1
        case (_, nil): order = 1
        }
        return descends ? order > 0 : order < 0
      }
    }
  }

  /// The number that a text is, nil if it is none. As C's `strtod` has it, which Redis uses here: spaces in front and
  /// what follows a zero byte don't count, nothing at all is 0, and what is too small for its digits is refused.
  private static func score(_ text: ByteView) -> Double? {
    let end = text.buffer.firstIndex(of: 0) ?? text.count
    if end == 0 { return 0 }
    let start = text.buffer[0..<end].firstIndex { $0 != 0x20 && !(0x09...0x0d ~= $0) } ?? end
    guard let value = parseDouble(text[start..<end]), !value.isSubnormal else { return nil }
    return value
  }

  // MARK: Output

  /// What is to be looked up for the next elements of the output; nil when all are written.
  mutating func nextOutput() -> SortLookup? {
    if written == count { return nil }
    let perElement = max(options.gets.count(where: \.needsLookup), 1)
    pending = min(max(SortLookup.nameMaximum / perElement, 1), count - written)
    var lookup = SortLookup()
    elements.withTexts { texts in
      for place in written..<(written + pending) {
        for pattern in options.gets { lookup.add(pattern, of: texts[order[place]] ?? ByteView("")) }
      }
    }
    return lookup
  }

  /// Writes the elements that the last lookup was for.
  mutating func write(values: TextArray, to output: inout SortOutput) {
    var next = 0
    elements.withTexts { texts in
      values.withTexts { values in
        for place in written..<(written + pending) {
          let element = texts[order[place]]
          if options.gets.isEmpty { output.append(element) }
          for pattern in options.gets {
            switch pattern {
            case .element: output.append(element)
            case .nothing: output.append(nil)
            case .key:
              output.append(values[next])
              next += 1
            }
          }
        }
      }
    }
    written += pending
  }
}

extension ByteView {
  /// Less than, equal to or greater than 0 as the bytes come before, are or come after those of `other`.
  fileprivate func compare(to other: ByteView) -> Int {
    let order = Int(memcmp(start, other.start, Swift.min(count, other.count)))
    return order != 0 ? order : count - other.count
  }
}

/// Where the elements of a SORT come from: copies of a key's.
struct SortSource: Sendable {
  fileprivate(set) var options: SortOptions
  fileprivate(set) var elements = TextArray()
  /// Whether the elements are those that the limits leave, in their order.
  fileprivate(set) var isLimited = false

  /// The elements of a key; nil if it holds a type that can't be sorted. Without a key there are none.
  init?(_ entry: Entry?, _ options: SortOptions) {
    self.options = options
    guard let entry else { return }
    switch entry.kind {
    case .list: takeList(entry)
    case .set: takeSet(entry)
    case .sortedSet: takeSortedSet(entry)
    default: return nil
    }
  }

  /// A list that keeps its order is read only where it is asked for.
  private mutating func takeList(_ entry: Entry) {
    let total = entry.listCount
    let range = options.isUnsorted ? options.range(of: total) : 0..<total
    isLimited = options.isUnsorted
    if range.isEmpty { return }
    let backwards = options.isUnsorted && options.isDescending
    elements.reserveCapacity(range.count)
    var reader = entry.listReader(
      from: backwards ? total - 1 - range.lowerBound : range.lowerBound, count: range.count,
      backwards: backwards)
    while let item = reader.next() { elements.append(item) }
  }

  private mutating func takeSet(_ entry: Entry) {
    options.makeDefinite()
    elements.reserveCapacity(entry.memberCount)
    var reader = SetReader(entry)
    while let item = reader.next() { elements.append(item) }
  }

  /// A sorted set that keeps its order has it by score.
  private mutating func takeSortedSet(_ entry: Entry) {
    let total = entry.sortedSetCount
    let range = options.isUnsorted ? options.range(of: total) : 0..<total
    isLimited = options.isUnsorted
    if range.isEmpty { return }
    let backwards = options.isUnsorted && options.isDescending
    let ranks = backwards ? (total - range.upperBound)..<(total - range.lowerBound) : range
    elements.reserveCapacity(range.count)
    entry.forEachScored(inRanks: ranks, reversed: backwards) { member, _ in elements.append(member) }
  }
}

/// Where the elements of a SORT go: to the reply, or into a list to be stored.
struct SortOutput {
  private let reply: UnsafeMutablePointer<ReplyBuffer>
  private(set) var list: FlatValue?

  init(_ job: SortJob, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    self.reply = reply
    if job.options.target == nil {
      reply.pointee.array(job.outputCount)
    } else {
      list = FlatValue(kind: .list)
    }
  }

  /// Adds an element; one that is missing is null in the reply, and empty in a list.
  mutating func append(_ text: ByteView?) {
    if list != nil {
      list?.items.append(text ?? ByteView(""))
    } else if let text {
      reply.pointee.bulk(text)
    } else {
      reply.pointee.null()
    }
  }
}
