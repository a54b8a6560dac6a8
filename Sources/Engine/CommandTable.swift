import Bytes
import RESP

/// What the way of a command needs of its declaration, laid out for reading: no references, no allocation.
public struct CommandEntry {
  /// The place in the table; statistics are counted by it.
  public let index: Int
  public let arity: Int
  public let flags: CommandFlags
  public let requestPolicy: RequestPolicy
  public let responsePolicy: ResponsePolicy
  /// The first key's argument, or 0 if the command has no keys or they move about.
  public let firstKey: Int
  /// The last key's argument as Redis counts it: negative from the end.
  public let lastKey: Int
  public let keyStep: Int
  public let hasKeys: Bool
  /// Whether a call may touch keys that its arguments don't show: they may be any shard's.
  public let hidesKeys: Bool
  public let keyCommand: (any KeyCommand.Type)?
  public let clientCommand: (any ClientCommand.Type)?
  public let coordinatedCommand: (any CoordinatedCommand.Type)?
  /// Whether a call concerns the loops whose clients subscribe to something.
  let isPublishing: Bool
  /// Whether a client that subscribes and speaks RESP2 may call it.
  let isForSubscribers: Bool
  /// Whether pushes are its answer.
  let answersByPushes: Bool
  /// If calls of the command may wait, what says which do, and, if it is for a key, what serves them.
  let waitingCommand: (any WaitingCommand.Type)?
  let blockingCommand: (any BlockingCommand.Type)?
  /// The argument that names an element of the key's collection; 0 if none does.
  public let elementArgument: Int
  /// Whether a call changes its keys, so that nobody else may use them meanwhile.
  public var locksExclusively: Bool { flags.contains(.write) }
  /// Whether a call concerns keys that its arguments don't show: all that there are, or any.
  let usesWholeShards: Bool
  /// Whether an operation locks its keys before it begins, until it ends.
  let locksKeys: Bool
  /// Whether the command is executed at once even where its client's commands are queued.
  let isNeverQueued: Bool
  /// Whether a call with keys of several shards can be done by every shard with its own keys, and the replies merged.
  let isSplittable: Bool
  /// Where the subcommands start in the table, and how many there are.
  var subcommandStart = 0
  var subcommandCount = 0
  public let isContainer: Bool

  init(index: Int, command: any Command.Type) {
    let declaration = command.declaration
    self.index = index
    arity = declaration.arity
    flags = declaration.flags
    requestPolicy = declaration.requestPolicy
    responsePolicy = declaration.responsePolicy
    keyCommand = command as? any KeyCommand.Type
    clientCommand = command as? any ClientCommand.Type
    coordinatedCommand = command as? any CoordinatedCommand.Type
    isPublishing = command is any PublishingCommand.Type
    isForSubscribers = command is any SubscriberCommand.Type
    answersByPushes = command is any PushingCommand.Type
    waitingCommand = command as? any WaitingCommand.Type
    blockingCommand = command as? any BlockingCommand.Type
    elementArgument = (command as? any ElementCommand.Type)?.elementArgument ?? 0
    isContainer = command is any CommandContainer.Type
    // Channels are declared as keys, but nobody owns one.
    hasKeys = !isPublishing && !declaration.keys.isEmpty
    hidesKeys = declaration.keys.contains { $0.hidesKeys }
    if !isPublishing, declaration.keys.count == 1, case .index(let first) = declaration.keys[0].begin,
      case .range(let last, let step, let limit) = declaration.keys[0].find, limit <= 1
    {
      firstKey = first
      lastKey = last >= 0 ? first + last : last
      keyStep = step
    } else {
      firstKey = 0
      lastKey = 0
      keyStep = 0
    }
    usesWholeShards =
      hidesKeys
      || requestPolicy == .allShards && keyCommand != nil
        && !flags.isDisjoint(with: [.write, .readOnly])
    locksKeys = coordinatedCommand?.locksKeys ?? true
    isNeverQueued = ["multi", "exec", "discard", "watch", "quit", "reset"].contains(declaration.name)
    isSplittable =
      requestPolicy == .multiShard && responsePolicy != .special && keyCommand != nil
      && coordinatedCommand == nil && firstKey > 0 && lastKey == -1
  }

  /// Whether a call has exactly one key, at `firstKey`.
  @inline(__always)
  public var hasSingleKey: Bool { firstKey > 0 && lastKey == firstKey }

  /// How the replies of several shards are combined.
  @inline(__always)
  var mergingPolicy: ResponsePolicy { isPublishing ? .sum : responsePolicy }

  /// Whether, in a call of so many arguments, keys that come with values all have one.
  @inline(__always)
  func hasCompleteKeys(argumentCount: Int) -> Bool {
    firstKey <= 0 || (argumentCount - firstKey).isMultiple(of: keyStep)
  }
}

/// All commands: found by name without case, and by index.
public final class CommandTable: Sendable {
  /// Declarations by index: commands in the order given, each container followed by its subcommands.
  public let declarations: [CommandDeclaration]
  /// Full names by index, as statistics show them: `client|list`.
  public let fullNames: [String]
  /// The container of each subcommand.
  public let containers: [Int?]
  private let storage: Storage

  /// The part that lookups read, behind plain pointers.
  private struct Storage: @unchecked Sendable {
    // Sendable is sound because nothing is written after the initialiser of the table.
    let entries: UnsafeMutablePointer<CommandEntry>
    let names: UnsafeMutablePointer<CommandName>
    let buckets: UnsafeMutablePointer<Int16>
  }

  private static let bucketCount = 2_048

  public init(_ commands: [any Command.Type]) {
    var declarations: [CommandDeclaration] = []
    var fullNames: [String] = []
    var containers: [Int?] = []
    var types: [any Command.Type] = []
    var topLevel: [Int] = []
    for command in commands {
      let container = declarations.count
      topLevel.append(container)
      types.append(command)
      declarations.append(command.declaration)
      fullNames.append(command.declaration.name)
      containers.append(nil)
      for subcommand in command.declaration.subcommands {
        types.append(subcommand)
        declarations.append(subcommand.declaration)
        fullNames.append(command.declaration.name + "|" + subcommand.declaration.name)
        containers.append(container)
      }
    }
    precondition(types.count < Int(Int16.max), "too many commands")
    let entries = UnsafeMutablePointer<CommandEntry>.allocate(capacity: types.count)
    let names = UnsafeMutablePointer<CommandName>.allocate(capacity: types.count)
    let buckets = UnsafeMutablePointer<Int16>.allocate(capacity: Self.bucketCount)
    buckets.initialize(repeating: -1, count: Self.bucketCount)
    for index in types.indices {
      (entries + index).initialize(to: CommandEntry(index: index, command: types[index]))
      entries[index].subcommandStart = index + 1
      entries[index].subcommandCount = declarations[index].subcommands.count
      let name = Array(declarations[index].name.utf8)
      (names + index).initialize(
        to: name.withUnsafeBufferPointer {
          CommandName(ByteView(start: $0.baseAddress!, count: $0.count))
        })
    }
    for index in topLevel {
      var bucket = names[index].bucket(of: Self.bucketCount)
      while buckets[bucket] >= 0 {
        precondition(names[Int(buckets[bucket])] != names[index], "two commands named \(fullNames[index])")
        bucket = (bucket + 1) & (Self.bucketCount - 1)
      }
      buckets[bucket] = Int16(index)
    }
    self.declarations = declarations
    self.fullNames = fullNames
    self.containers = containers
    storage = Storage(entries: entries, names: names, buckets: buckets)
  }

  deinit {
    storage.entries.deinitialize(count: declarations.count)
    storage.entries.deallocate()
    storage.names.deallocate()
    storage.buckets.deallocate()
  }

  public var count: Int { declarations.count }

  /// A view for lookups on a hot path, which must not outlive the table.
  public var lookup: CommandLookup {
    CommandLookup(
      entries: UnsafePointer(storage.entries), names: UnsafePointer(storage.names),
      buckets: UnsafePointer(storage.buckets), bucketMask: Self.bucketCount - 1)
  }
}

/// A command's name, folded to lower case, in four words.
struct CommandName: Equatable {
  /// Longer names do not exist.
  static let byteMaximum = 24
  var first: UInt64 = 0
  var second: UInt64 = 0
  var third: UInt64 = 0
  var count: Int = 0

  @inline(__always)
  init(_ bytes: ByteView) {
    count = bytes.count
    first = Self.word(bytes, 0)
    if bytes.count > 8 { second = Self.word(bytes, 8) }
    if bytes.count > 16 { third = Self.word(bytes, 16) }
  }

  /// Up to eight bytes from `offset`, the rest zeros, ASCII capitals made small.
  @inline(__always)
  private static func word(_ bytes: ByteView, _ offset: Int) -> UInt64 {
    let count = bytes.count - offset
    let from = UnsafeRawPointer(bytes.start + offset)
    var word: UInt64
    if count >= 8 {
      word = from.loadUnaligned(as: UInt64.self)
    } else if count >= 4 {
      let low = UInt64(from.loadUnaligned(as: UInt32.self))
      let high = UInt64(from.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
      word = low | high << UInt64((count - 4) * 8)
    } else {
      word = 0
      for index in 0..<count { word |= UInt64(bytes.start[offset + index]) << UInt64(index * 8) }
    }
    // All eight bytes at once: 'A' and all above carry into the top bit of `fromA`, what is above 'Z' into that of
    // `beyondZ`; a small letter differs from its capital by 0x20.
    let low = word & 0x7f7f_7f7f_7f7f_7f7f
    let fromA = low &+ 0x3f3f_3f3f_3f3f_3f3f
    let beyondZ = low &+ 0x2525_2525_2525_2525
    return word | (fromA & ~beyondZ & ~word & 0x8080_8080_8080_8080) >> 2
  }

  @inline(__always)
  func bucket(of count: Int) -> Int {
    let mixed = (first ^ second &* 3 ^ third &* 5) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed >> 40) & (count - 1)
  }
}

/// Lookups in a command table, as plain pointers.
public struct CommandLookup {
  public let entries: UnsafePointer<CommandEntry>
  fileprivate let names: UnsafePointer<CommandName>
  fileprivate let buckets: UnsafePointer<Int16>
  fileprivate let bucketMask: Int

  fileprivate init(
    entries: UnsafePointer<CommandEntry>, names: UnsafePointer<CommandName>, buckets: UnsafePointer<Int16>,
    bucketMask: Int
  ) {
    self.entries = entries
    self.names = names
    self.buckets = buckets
    self.bucketMask = bucketMask
  }

  /// The command of this name; nil if there is none. A container is found by its own name.
  @inline(__always)
  public func find(_ name: ByteView) -> UnsafePointer<CommandEntry>? {
    guard name.count > 0, name.count <= CommandName.byteMaximum else { return nil }
    let wanted = CommandName(name)
    var bucket = wanted.bucket(of: bucketMask + 1)
    while true {
      let index = Int(buckets[bucket])
      if index < 0 { return nil }
      if names[index] == wanted { return entries + index }
      bucket = (bucket + 1) & bucketMask
    }
  }

  /// The subcommand of a container.
  public func findSubcommand(_ name: ByteView, of container: UnsafePointer<CommandEntry>)
    -> UnsafePointer<CommandEntry>?
  {
    guard name.count > 0, name.count <= CommandName.byteMaximum else { return nil }
    let wanted = CommandName(name)
    for index in container.pointee
      .subcommandStart..<(container.pointee.subcommandStart + container.pointee.subcommandCount)
    where names[index] == wanted {
      return entries + index
    }
    return nil
  }
}
