import Bytes
import RESP

/// Where in a command's arguments its keys stand, and what happens to them.
/// (https://redis.io/docs/latest/develop/reference/key-specs/)
public struct KeySpecification: Sendable {
  public enum Begin: Sendable, Equatable {
    /// At this argument; the command's name is 0.
    case index(Int)
    /// After this word, looked for from `start` on (backwards from the end if negative).
    case keyword(StaticKeyword, start: Int)
    /// Where that is can't be told in these terms; `finder` may know.
    case unknown
  }

  public enum Find: Sendable, Equatable {
    /// Up to `last` (from the first key; negative: from the end of the arguments), each `step`-th argument, and of
    /// those only the first 1/`limit` if that is above 1.
    case range(last: Int, step: Int, limit: Int)
    /// As many as the argument `count` places after the beginning says, from `first` places after it.
    case keyCount(countAt: Int, first: Int, step: Int)
    /// As `Begin.unknown`.
    case unknown
  }

  /// Finds the keys of an unknown place: calls its second argument with the position of each.
  public typealias Finder = @Sendable (Arguments, (Int) -> Void) -> Void

  /// A word of the protocol, in upper case.
  public typealias StaticKeyword = String

  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let readOnly = Flags(rawValue: 1 << 0)
    public static let readWrite = Flags(rawValue: 1 << 1)
    public static let overwrite = Flags(rawValue: 1 << 2)
    public static let remove = Flags(rawValue: 1 << 3)
    public static let access = Flags(rawValue: 1 << 4)
    public static let update = Flags(rawValue: 1 << 5)
    public static let insert = Flags(rawValue: 1 << 6)
    public static let delete = Flags(rawValue: 1 << 7)
    public static let notKey = Flags(rawValue: 1 << 8)
    public static let incomplete = Flags(rawValue: 1 << 9)
    public static let variableFlags = Flags(rawValue: 1 << 10)

    public static let names: [(flag: Flags, name: StaticString)] = [
      (.readOnly, "RO"), (.readWrite, "RW"), (.overwrite, "OW"), (.remove, "RM"), (.access, "access"),
      (.update, "update"), (.insert, "insert"), (.delete, "delete"), (.notKey, "not_key"),
      (.incomplete, "incomplete"), (.variableFlags, "variable_flags"),
    ]
  }

  public let begin: Begin
  public let find: Find
  public let flags: Flags
  public let notes: String
  private let finder: Finder?

  public init(begin: Begin, find: Find, flags: Flags, notes: String = "") {
    self.begin = begin
    self.find = find
    self.flags = flags
    self.notes = notes
    finder = nil
  }

  private init(unknown flags: Flags, notes: String, finder: Finder?) {
    begin = .unknown
    find = .unknown
    self.flags = flags
    self.notes = notes
    self.finder = finder
  }

  /// Keys whose place only code can tell; without a finder, keys that are not among the arguments.
  public static func unknown(_ flags: Flags, notes: String, finder: Finder? = nil) -> KeySpecification {
    KeySpecification(unknown: flags, notes: notes, finder: finder)
  }

  /// Whether keys may be touched that the arguments don't show.
  public var hidesKeys: Bool { begin == .unknown && finder == nil }

  /// One key at `index`.
  public static func key(at index: Int = 1, _ flags: Flags) -> KeySpecification {
    KeySpecification(begin: .index(index), find: .range(last: 0, step: 1, limit: 0), flags: flags)
  }

  /// All arguments from `index` on, each `step`-th.
  public static func keys(from index: Int = 1, step: Int = 1, _ flags: Flags) -> KeySpecification {
    KeySpecification(begin: .index(index), find: .range(last: -1, step: step, limit: 0), flags: flags)
  }

  /// Calls `body` with the position of every key that this specification finds in `arguments`. Returns false if
  /// the arguments do not fit the specification.
  public func forEachKey(in arguments: Arguments, _ body: (Int) -> Void) -> Bool {
    if let finder {
      finder(arguments, body)
      return true
    }
    guard let first = firstIndex(in: arguments) else { return true }
    switch find {
    case .unknown: break
    case .range(let last, let step, let limit):
      var end = last >= 0 ? first + last : arguments.count + last
      if last < 0, limit > 1 { end = first + (arguments.count - first) / limit + last }
      guard first < arguments.count, end < arguments.count else {
        return first >= arguments.count ? false : end < arguments.count
      }
      var index = first
      while index <= end {
        body(index)
        index += step
      }
    case .keyCount(let countAt, let firstKey, let step):
      guard first + countAt < arguments.count, let count = parseInt64(arguments[first + countAt]), count >= 0
      else { return false }
      let start = first + firstKey
      guard count <= Int64(arguments.count), start + (Int(count) - 1) * step < arguments.count || count == 0
      else { return false }
      for number in 0..<Int(count) { body(start + number * step) }
    }
    return true
  }

  private func firstIndex(in arguments: Arguments) -> Int? {
    switch begin {
    case .unknown: return nil
    case .index(let index): return index
    case .keyword(let word, let start):
      var index = start >= 0 ? start : arguments.count + start
      // Behind the last argument there is no key.
      while index > 0, index < arguments.count - 1 {
        if Self.isWord(word, arguments[index]) { return index + 1 }
        index += start >= 0 ? 1 : -1
      }
      return nil
    }
  }

  private static func isWord(_ word: StaticKeyword, _ argument: ByteView) -> Bool {
    argument.count == word.utf8.count
      && zip(argument.buffer, word.lowercased().utf8).allSatisfy { lowercasedASCII($0) == $1 }
  }

  /// Calls `body` with the position of every argument that the command may take as a key of this specification: where
  /// a single key follows a word, wherever the word stands. A command that is given an option twice looks at the last.
  func forEachCandidate(in arguments: Arguments, _ body: (Int) -> Void) {
    guard case .keyword(let word, let start) = begin, start > 0, case .range(0, _, _) = find else {
      _ = forEachKey(in: arguments, body)
      return
    }
    var index = start
    while index < arguments.count - 1 {
      if Self.isWord(word, arguments[index]) { body(index + 1) }
      index += 1
    }
  }
}

/// An argument of a command, as COMMAND DOCS describes it.
public struct ArgumentSpecification: Sendable {
  public enum Kind: String, Sendable {
    case string, integer, double, key, pattern, block
    case unixTime = "unix-time"
    case pureToken = "pure-token"
    case oneOf = "oneof"
  }

  public let name: String
  public let kind: Kind
  public let token: String?
  public let since: String?
  public let isOptional: Bool
  public let isMultiple: Bool
  public let isTokenRepeated: Bool
  /// Which of the command's key specifications a `key` argument is.
  public let keySpecification: Int?
  public let children: [ArgumentSpecification]

  public init(
    _ name: String, _ kind: Kind, token: String? = nil, since: String? = nil, optional: Bool = false,
    multiple: Bool = false, tokenRepeated: Bool = false, keySpecification: Int? = nil,
    _ children: [ArgumentSpecification] = []
  ) {
    self.name = name
    self.kind = kind
    self.token = token
    self.since = since
    self.isOptional = optional
    self.isMultiple = multiple
    self.isTokenRepeated = tokenRepeated
    self.keySpecification = keySpecification ?? (kind == .key ? 0 : nil)
    self.children = children
  }

  /// A word that stands for itself, such as `NX`; its name is the word in lower case.
  public static func token(_ word: String, optional: Bool = false, since: String? = nil)
    -> ArgumentSpecification
  {
    ArgumentSpecification(word.lowercased(), .pureToken, token: word, since: since, optional: optional)
  }
}
