/// A glob-style pattern as KEYS, SCAN and PSUBSCRIBE take it.
///
/// - `*` any bytes, also none
/// - `?` any one byte
/// - `[abc]`, `[a-z]`, `[^a-z]` one byte of a class, or outside of it
/// - `\x` the byte x itself, in and outside of a class
///
/// Matching follows Redis 7.0 in every corner, the odd ones too:
///
/// - A class without `]` reaches to the end of the pattern; `[` alone matches nothing, `[^` any byte.
/// - A range takes whatever stands behind its `-`, so `[a-]` is the range from `]` to `a`, without an end.
///   A range may be written backwards. Its bytes are compared as signed ones, as on x86-64.
/// - `\` at the end stands for itself.
/// - The empty text matches only the empty pattern, not even `*`. Redis asks for `*` before it matches,
///   where empty names occur: do so with `matchesEverything`.
/// - Ignoring case, an escaped byte in a class is compared with case, and a range is put in order before its
///   ends are made small.
///
/// The pattern's bytes are borrowed. Matching allocates nothing, doesn't recurse, and takes at most
/// pattern times text steps: every element but `*` takes exactly one byte, so after a mismatch only the
/// last `*` needs to grow.
public struct GlobPattern: Sendable {
  private let pattern: ByteView

  /// Whether the pattern has no special characters, so that it matches exactly the text it is.
  public let literal: Bool

  public init(_ pattern: ByteView) {
    self.pattern = pattern
    self.literal = !pattern.buffer.contains { byte in
      byte == star || byte == question || byte == classStart || byte == escape
    }
  }

  /// Whether the pattern is `*`.
  public var matchesEverything: Bool { pattern.count == 1 && pattern.start[0] == star }

  /// Whether the whole of `text` matches. Only ASCII letters have a case.
  public func matches(_ text: ByteView, ignoringCase: Bool = false) -> Bool {
    guard !text.isEmpty else { return pattern.isEmpty }
    var patternIndex = 0
    var textIndex = 0
    // Behind the last `*` met, and the first text byte that it doesn't take.
    var resumePattern = -1
    var resumeText = 0
    while textIndex < text.count {
      if patternIndex < pattern.count, pattern.start[patternIndex] == star {
        patternIndex = skipStars(patternIndex)
        if patternIndex == pattern.count { return true }
        resumePattern = patternIndex
        resumeText = textIndex
        continue
      }
      let next = matchOne(text.start[textIndex], at: patternIndex, ignoringCase)
      if next >= 0 {
        patternIndex = next
        textIndex += 1
      } else {
        guard resumePattern >= 0 else { return false }
        resumeText += 1
        textIndex = resumeText
        patternIndex = resumePattern
      }
    }
    return skipStars(patternIndex) == pattern.count
  }

  /// The first index from `index` on without a `*`.
  private func skipStars(_ index: Int) -> Int {
    var next = index
    while next < pattern.count, pattern.start[next] == star { next += 1 }
    return next
  }

  /// Matches one byte against the element at `index`, which isn't `*`: the index behind the element, or -1.
  @inline(__always)
  private func matchOne(_ byte: UInt8, at index: Int, _ ignoringCase: Bool) -> Int {
    guard index < pattern.count else { return -1 }
    var expected = pattern.start[index]
    var last = index
    switch expected {
    case question:
      return index + 1
    case classStart:
      return matchClass(byte, at: index + 1, ignoringCase)
    case escape where index + 1 < pattern.count:
      last += 1
      expected = pattern.start[last]
    default:
      break
    }
    let equal =
      expected == byte || ignoringCase && lowercasedASCII(expected) == lowercasedASCII(byte)
    return equal ? last + 1 : -1
  }

  /// Matches one byte against the class whose first byte behind `[` is at `first`: the index behind the
  /// class, or -1.
  private func matchClass(_ byte: UInt8, at first: Int, _ ignoringCase: Bool) -> Int {
    var index = first
    let negated = index < pattern.count && pattern.start[index] == UInt8(ascii: "^")
    if negated { index += 1 }
    var found = false
    while index < pattern.count, pattern.start[index] != classEnd {
      let member = pattern.start[index]
      let remaining = pattern.count - index
      if member == escape, remaining >= 2 {
        found = found || pattern.start[index + 1] == byte
        index += 2
      } else if remaining >= 3, pattern.start[index + 1] == UInt8(ascii: "-") {
        found = found || rangeContains(byte, member, pattern.start[index + 2], ignoringCase)
        index += 3
      } else {
        found = found || member == byte || ignoringCase && lowercasedASCII(member) == lowercasedASCII(byte)
        index += 1
      }
    }
    guard found != negated else { return -1 }
    return min(index + 1, pattern.count)
  }

  private func rangeContains(_ byte: UInt8, _ first: UInt8, _ last: UInt8, _ ignoringCase: Bool) -> Bool {
    let isReversed = Int8(bitPattern: first) > Int8(bitPattern: last)
    let low = rank(isReversed ? last : first, ignoringCase)
    let high = rank(isReversed ? first : last, ignoringCase)
    let value = rank(byte, ignoringCase)
    return low <= value && value <= high
  }

  private func rank(_ byte: UInt8, _ ignoringCase: Bool) -> Int8 {
    Int8(bitPattern: ignoringCase ? lowercasedASCII(byte) : byte)
  }
}

private var star: UInt8 { UInt8(ascii: "*") }
private var question: UInt8 { UInt8(ascii: "?") }
private var classStart: UInt8 { UInt8(ascii: "[") }
private var classEnd: UInt8 { UInt8(ascii: "]") }
private var escape: UInt8 { UInt8(ascii: "\\") }
