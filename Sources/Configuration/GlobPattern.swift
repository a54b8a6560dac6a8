/// A glob pattern of CONFIG GET: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a literal; case does not matter.
///
/// Matching takes at most pattern length times name length steps: it goes back to the last star only.
struct GlobPattern {
  private let pattern: [UInt8]

  init(_ pattern: String) {
    self.pattern = pattern.utf8.map(\.asciiLowercased)
  }

  /// Whether a text has any of the characters that make CONFIG GET match it as a pattern.
  static func isPattern(_ text: String) -> Bool {
    text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
  }

  func matches(_ name: String) -> Bool {
    let name = name.utf8.map(\.asciiLowercased)
    var patternIndex = 0
    var nameIndex = 0
    var retry: (patternIndex: Int, nameIndex: Int)?
    while nameIndex < name.count {
      if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
        patternIndex += 1
        retry = (patternIndex, nameIndex)
      } else if let next = indexAfterElement(at: patternIndex, matching: name[nameIndex]) {
        patternIndex = next
        nameIndex += 1
      } else if let (restartIndex, starEnd) = retry {
        patternIndex = restartIndex
        nameIndex = starEnd + 1
        retry = (restartIndex, nameIndex)
      } else {
        return false
      }
    }
    return pattern[patternIndex...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  /// Matches one byte against the element at `index`: the index after the element, or nil without a match.
  private func indexAfterElement(at index: Int, matching byte: UInt8) -> Int? {
    guard index < pattern.count else { return nil }
    switch pattern[index] {
    case UInt8(ascii: "?"):
      return index + 1
    case UInt8(ascii: "["):
      return indexAfterClass(at: index + 1, matching: byte)
    case UInt8(ascii: "\\") where index + 1 < pattern.count:
      return pattern[index + 1] == byte ? index + 2 : nil
    default:
      return pattern[index] == byte ? index + 1 : nil
    }
  }

  /// `start` is the index after the opening bracket. A class that is not closed ends with the pattern.
  private func indexAfterClass(at start: Int, matching byte: UInt8) -> Int? {
    var index = start
    let isNegated = index < pattern.count && pattern[index] == UInt8(ascii: "^")
    if isNegated { index += 1 }
    var isMember = false
    while index < pattern.count, pattern[index] != UInt8(ascii: "]") {
      if pattern[index] == UInt8(ascii: "\\"), index + 1 < pattern.count {
        isMember = isMember || pattern[index + 1] == byte
        index += 2
      } else if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-") {
        let (first, second) = (pattern[index], pattern[index + 2])
        isMember = isMember || (min(first, second)...max(first, second)).contains(byte)
        index += 3
      } else {
        isMember = isMember || pattern[index] == byte
        index += 1
      }
    }
    guard isMember != isNegated else { return nil }
    return min(index + 1, pattern.count)
  }
}
