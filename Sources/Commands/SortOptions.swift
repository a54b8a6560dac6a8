import Bytes
import Engine
import Keyspace
import RESP

/// The options of SORT and SORT_RO.
struct SortOptions: Sendable {
  /// What elements are sorted by; `element` for themselves.
  private(set) var by = SortPattern.element
  /// Whether they stay in the order in which the key has them.
  private(set) var isUnsorted = false
  private(set) var isDescending = false
  /// Whether they are compared as texts, not as numbers.
  private(set) var isAlphabetic = false
  /// What is returned for each element; nothing for the element itself.
  private(set) var gets: [SortPattern] = []
  /// The key that the result is stored at.
  private(set) var target: ByteView?
  private var offset: Int64 = 0
  /// Negative for all.
  private var count: Int64 = -1

  init(_ arguments: Arguments, mayStore: Bool) throws(CommandError) {
    var index = 2
    while index < arguments.count {
      let following = arguments.count - 1 - index
      if arguments.isWord("asc", at: index) {
        isDescending = false
      } else if arguments.isWord("desc", at: index) {
        isDescending = true
      } else if arguments.isWord("alpha", at: index) {
        isAlphabetic = true
      } else if arguments.isWord("limit", at: index), following >= 2 {
        guard let offset = arguments.integer(at: index + 1), let count = arguments.integer(at: index + 2)
        else { throw CommandError(ErrorText.notAnInteger) }
        (self.offset, self.count) = (offset, count)
        index += 2
      } else if mayStore, arguments.isWord("store", at: index), following >= 1 {
        target = arguments[index + 1]
        index += 1
      } else if arguments.isWord("by", at: index), following >= 1 {
        setBy(SortPattern(arguments[index + 1]))
        index += 1
      } else if arguments.isWord("get", at: index), following >= 1 {
        gets.append(SortPattern(arguments[index + 1]))
        index += 1
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 1
    }
  }

  private mutating func setBy(_ pattern: SortPattern) {
    by = pattern
    // Once without a star, it stays so.
    if !pattern.needsLookup { isUnsorted = true }
  }

  /// Makes the order of a set's elements, which is anything, definite before it is stored.
  mutating func makeDefinite() {
    guard isUnsorted, target != nil else { return }
    isUnsorted = false
    isAlphabetic = true
    by = .element
  }

  /// Which of `total` elements, in their final order, are returned.
  func range(of total: Int) -> Range<Int> {
    let first = Int(min(max(offset, 0), Int64(total)))
    let wanted = count < 0 ? total : Int(min(count, Int64(total)))
    return first..<min(first + wanted, total)
  }

  /// Where the arguments of SORT name the key to store at: behind the last STORE.
  static func forEachTarget(_ arguments: Arguments, _ body: (Int) -> Void) {
    var target: Int?
    var index = 2
    while index < arguments.count {
      if arguments.isWord("limit", at: index) {
        index += 2
      } else if arguments.isWord("get", at: index) || arguments.isWord("by", at: index) {
        index += 1
      } else if arguments.isWord("store", at: index), arguments.hasArgument(after: index) {
        target = index + 1
        index += 1
      }
      index += 1
    }
    if let target { body(target) }
  }
}
