import Bytes
import RESP

/// Reading options.
extension Arguments {
  /// Whether the argument at `index` is `word`, which is in lower case, ASCII letters compared without case.
  func isWord(_ word: StaticString, at index: Int) -> Bool { self[index].equalsIgnoringCase(word) }

  /// Whether more arguments follow the one at `index`.
  func hasArgument(after index: Int) -> Bool { index + 1 < count }

  /// The argument at `index` as an integer, nil if it is none.
  func integer(at index: Int) -> Int64? { parseInt64(self[index]) }
}
