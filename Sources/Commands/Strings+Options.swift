import Bytes
import RESP

/// The options of SET.
struct SetOptions {
  /// Whether the key has to exist, or must not.
  enum Condition: Equatable {
    case none
    case absent
    case present
    /// It has to hold the string that is the argument at this index.
    case equal(argument: Int)
  }

  /// What becomes of the key's expiry time.
  enum Lifetime: Equatable {
    case endless
    /// As it was before.
    case kept
    /// As the argument at this index gives it.
    case until(ExpiryForm, argument: Int)
  }

  private(set) var condition = Condition.none
  private(set) var lifetime = Lifetime.endless
  private(set) var returnsOldValue = false

  /// Reads the arguments after key and value; nil if they are no options, or exclude each other.
  init?(_ arguments: Arguments) {
    var index = 3
    while index < arguments.count {
      if arguments.isWord("nx", at: index), allows(.absent) {
        condition = .absent
      } else if arguments.isWord("xx", at: index), allows(.present) {
        condition = .present
      } else if arguments.isWord("ifeq", at: index), arguments.hasArgument(after: index), condition == .none {
        index += 1
        condition = .equal(argument: index)
      } else if arguments.isWord("get", at: index) {
        returnsOldValue = true
      } else if arguments.isWord("keepttl", at: index), lifetime == .endless || lifetime == .kept {
        lifetime = .kept
      } else if let form = ExpiryForm(option: arguments[index]), arguments.hasArgument(after: index),
        allows(form)
      {
        index += 1
        lifetime = .until(form, argument: index)
      } else {
        return nil
      }
      index += 1
    }
  }

  private func allows(_ wanted: Condition) -> Bool { condition == .none || condition == wanted }

  /// An option may be repeated, and the last one counts; another way to give the time is refused.
  private func allows(_ form: ExpiryForm) -> Bool {
    switch lifetime {
    case .endless: true
    case .kept: false
    case .until(let earlier, _): earlier == form
    }
  }
}

/// What GETEX is to do with the key's expiry time.
enum GetExLifetime {
  case unchanged
  case endless
  /// As the argument at this index gives it.
  case until(ExpiryForm, argument: Int)

  /// Reads the arguments after the key; nil if they are no options, or exclude each other.
  init?(_ arguments: Arguments) {
    self = .unchanged
    var index = 2
    while index < arguments.count {
      if arguments.isWord("persist", at: index), allows(nil) {
        self = .endless
      } else if let form = ExpiryForm(option: arguments[index]), arguments.hasArgument(after: index),
        allows(form)
      {
        index += 1
        self = .until(form, argument: index)
      } else {
        return nil
      }
      index += 1
    }
  }

  /// Whether a time in this form, or PERSIST if nil, may follow what was read before.
  private func allows(_ form: ExpiryForm?) -> Bool {
    switch self {
    case .unchanged: true
    case .endless: form == nil
    case .until(let earlier, _): earlier == form
    }
  }
}
