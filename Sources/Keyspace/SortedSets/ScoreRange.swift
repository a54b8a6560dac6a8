import Bytes

/// A range of scores, as ZRANGEBYSCORE and its relatives take it.
public struct ScoreRange: Sendable {
  public var minimum: Double
  public var maximum: Double
  public var excludesMinimum: Bool
  public var excludesMaximum: Bool

  public init(
    _ minimum: Double, _ maximum: Double, excludesMinimum: Bool = false, excludesMaximum: Bool = false
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.excludesMinimum = excludesMinimum
    self.excludesMaximum = excludesMaximum
  }

  @inline(__always)
  func isNotBelow(_ score: Double) -> Bool { excludesMinimum ? score > minimum : score >= minimum }

  @inline(__always)
  func isNotAbove(_ score: Double) -> Bool { excludesMaximum ? score < maximum : score <= maximum }
}

/// A range of texts, as ZRANGEBYLEX and its relatives take it.
public struct LexRange: Sendable {
  public enum Bound: Sendable {
    /// Before every text: `-`.
    case lowest
    /// Behind every text: `+`.
    case highest
    /// At the text, which belongs to the range: `[text`.
    case including(ByteView)
    /// At the text, which does not: `(text`.
    case excluding(ByteView)
  }

  public var minimum: Bound
  public var maximum: Bound

  public init(_ minimum: Bound, _ maximum: Bound) {
    self.minimum = minimum
    self.maximum = maximum
  }

  func isNotBelow(_ item: Item) -> Bool {
    switch minimum {
    case .lowest: true
    case .highest: false
    case .including(let text): orderOfText(text, item) <= 0
    case .excluding(let text): orderOfText(text, item) < 0
    }
  }

  func isNotAbove(_ item: Item) -> Bool {
    switch maximum {
    case .lowest: false
    case .highest: true
    case .including(let text): orderOfText(text, item) >= 0
    case .excluding(let text): orderOfText(text, item) > 0
    }
  }
}
