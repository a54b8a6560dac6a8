import Bytes
import Engine
import Keyspace
import RESP
import Serialization

let serializationCommands: [any Command.Type] = [DumpCommand.self, RestoreCommand.self]

enum DumpCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "dump", arity: 2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .generic, since: "2.6.0",
    summary: "Returns a key's value in the format of Redis's files, as RESTORE takes it.",
    complexity: "O(N) for a value of N bytes.", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      return call.reply.pointee.null()
    }
    if let payload = entry.withText({ $0.map { DumpPayload.make(string: $0) } }) {
      return call.reply.pointee.bulk(payload)
    }
    let value = call.keyspace.transfer(of: entry)
    // Of a hash, all fields may have expired since anybody looked.
    if value.collection?.items.count == 0 { return call.reply.pointee.null() }
    call.reply.pointee.bulk(DumpPayload.make(value, limits: call.keyspace.limits))
  }
}

enum RestoreCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "restore", arity: -4, flags: [.write, .denyOutOfMemory], categories: [.dangerous],
    keys: [.key([.overwrite, .update])], group: .generic, since: "2.6.0",
    summary: "Sets a key to a value in the format of Redis's files, as DUMP returns it.",
    complexity: "O(N) for a value of N bytes; O(N*log(N)) for a sorted set of N members.",
    arguments: [
      .init("key", .key), .init("ttl", .integer), .init("serialized-value", .string),
      .token("REPLACE", optional: true, since: "3.0.0"), .token("ABSTTL", optional: true, since: "5.0.0"),
      .init("seconds", .integer, token: "IDLETIME", since: "5.0.0", optional: true),
      .init("frequency", .integer, token: "FREQ", since: "5.0.0", optional: true),
    ],
    history: [
      ("3.0.0", "Option `REPLACE`."), ("5.0.0", "Option `ABSTTL`."),
      ("5.0.0", "Options `IDLETIME` and `FREQ`."),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let options = try RestoreOptions(call.arguments)
      let key = call.key(1)
      let existing = call.keyspace.lookup(key, in: call.database, for: .write)
      if existing != nil, !options.replaces {
        throw CommandError("BUSYKEY Target key name already exists.")
      }
      let expiry = try options.expiry(call.arguments[2], now: call.now)
      let value = try read(call.arguments[3], now: call.now)
      place(value, expiry, at: key, replacing: existing, call)
      noteUse(of: key, options, call)
      call.reply.pointee.ok()
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// Makes the key look as if it were used as the options say, in that of the two ways in which use is accounted for.
  private static func noteUse(of key: Key, _ options: RestoreOptions, _ call: KeyCall) {
    if options.idleSeconds == nil, options.frequency == nil { return }
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .peek) else { return }
    if call.shard.pointee.settings.maxMemoryPolicy.countsUse {
      if let frequency = options.frequency { call.keyspace.setUseCount(Int(frequency), of: entry) }
    } else if let idle = options.idleSeconds {
      call.keyspace.setIdleSeconds(idle, of: entry)
    }
  }

  /// Gives the key the value, unless its time or that of all its fields has come already: then there is no key.
  private static func place(
    _ value: ValueTransfer, _ expiry: Int64?, at key: Key, replacing existing: Entry?, _ call: KeyCall
  ) {
    var value = value
    if value.collection?.items.count == 0 || expiry.map({ $0 <= call.now }) ?? false {
      if let existing {
        call.keyspace.remove(existing)
        call.changed(key, .generic, "del")
      }
      return
    }
    value.expiry = expiry
    // For others the old key is gone, and this is another one.
    if existing != nil { call.noticed(key, .new, "new") }
    call.keyspace.place(value, at: key, in: call.database, replacing: existing)
    call.changed(key, .generic, "restore")
  }

  private static func read(_ payload: ByteView, now: Int64) throws(CommandError) -> ValueTransfer {
    do {
      return try DumpPayload.read(payload, now: now)
    } catch .wrongChecksum, .unsupportedVersion {
      throw CommandError("ERR DUMP payload version or checksum are wrong")
    } catch {
      throw CommandError("ERR Bad data format")
    }
  }
}

/// The options of RESTORE.
private struct RestoreOptions {
  var replaces = false
  /// Whether the time to live is a time since 1970.
  var isAbsolute = false
  var idleSeconds: Int64?
  /// How often the key is used, on the scale of OBJECT FREQ.
  var frequency: Int64?

  init(_ arguments: Arguments) throws(CommandError) {
    var index = 4
    while index < arguments.count {
      if arguments.isWord("replace", at: index) {
        replaces = true
      } else if arguments.isWord("absttl", at: index) {
        isAbsolute = true
      } else if arguments.isWord("idletime", at: index), arguments.hasArgument(after: index), frequency == nil
      {
        index += 1
        idleSeconds = try Self.number(
          arguments, at: index, upTo: .max, orElse: "ERR Invalid IDLETIME value, must be >= 0")
      } else if arguments.isWord("freq", at: index), arguments.hasArgument(after: index), idleSeconds == nil {
        index += 1
        frequency = try Self.number(
          arguments, at: index, upTo: 255, orElse: "ERR Invalid FREQ value, must be >= 0 and <= 255")
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 1
    }
  }

  private static func number(
    _ arguments: Arguments, at index: Int, upTo maximum: Int64, orElse error: StaticString
  ) throws(CommandError) -> Int64 {
    guard let value = arguments.integer(at: index) else { throw CommandError(ErrorText.notAnInteger) }
    guard value >= 0, value <= maximum else { throw CommandError(error) }
    return value
  }

  /// When the key expires, in milliseconds since 1970; nil for never. The result may be past.
  func expiry(_ argument: ByteView, now: Int64) throws(CommandError) -> Int64? {
    guard let time = parseInt64(argument) else { throw CommandError(ErrorText.notAnInteger) }
    if time < 0 { throw CommandError("ERR Invalid TTL value, must be >= 0") }
    if time == 0 { return nil }
    // As with Redis, what is too far away to be counted is past.
    return isAbsolute ? time : time &+ now
  }
}
