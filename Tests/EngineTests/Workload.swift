import TestSupport

/// Random commands of one client, which touch only keys of its own: what they answer depends on nobody else.
struct Workload {
  private var random: SeededRandom
  private let prefix: String

  init(random: inout SeededRandom, prefix: String) {
    self.random = SeededRandom(seed: random.next())
    self.prefix = prefix
  }

  private mutating func key() -> String { "\(prefix):\(random.below(16))" }

  private mutating func keys() -> [String] { (0...random.below(6)).map { _ in key() } }

  private mutating func value() -> String {
    switch random.below(12) {
    case 0: String(repeating: "x", count: random.below(9_000))
    case 1...4: "\(Int64(bitPattern: random.next()) >> Int64(random.below(64)))"
    case 5: ""
    default: String(repeating: "v", count: random.below(60))
    }
  }

  private mutating func integer() -> String { "\(random.below(40) - 20)" }

  /// The next command.
  mutating func command() -> [String] {
    switch random.below(20) {
    case 0...4: reading()
    case 5...9: writing()
    case 10...13: several()
    case 14, 15: generic()
    case 16, 17: connection()
    default: wrong()
    }
  }

  private mutating func reading() -> [String] {
    switch random.below(6) {
    case 0: ["STRLEN", key()]
    case 1: ["GETRANGE", key(), integer(), integer()]
    case 2: ["OBJECT", "ENCODING", key()]
    default: ["GET", key()]
    }
  }

  private mutating func writing() -> [String] {
    switch random.below(10) {
    case 0: ["INCR", key()]
    case 1: ["INCRBY", key(), integer()]
    case 2: ["APPEND", key(), value()]
    case 3: ["SETRANGE", key(), "\(random.below(50))", value()]
    case 4: ["GETSET", key(), value()]
    case 5: ["SETNX", key(), value()]
    case 6: ["SET", key(), value(), random.element(of: ["NX", "XX", "GET", "KEEPTTL"])]
    case 7: ["GETDEL", key()]
    default: ["SET", key(), value()]
    }
  }

  private mutating func several() -> [String] {
    switch random.below(9) {
    case 0: return ["DEL"] + keys()
    case 1: return ["UNLINK"] + keys()
    case 2: return ["EXISTS"] + keys()
    case 3: return ["TOUCH"] + keys()
    case 4: return ["MSETNX"] + keys().flatMap { [$0, value()] }
    case 5, 6: return ["MSET"] + keys().flatMap { [$0, value()] }
    default: return ["MGET"] + keys()
    }
  }

  private mutating func generic() -> [String] {
    switch random.below(9) {
    case 0: ["TYPE", key()]
    case 1: ["EXPIRE", key(), random.element(of: ["100", "-1", "100000"])]
    case 2: ["PTTL", key()]
    case 3: ["PERSIST", key()]
    case 4: ["RENAME", key(), key()]
    case 5: ["RENAMENX", key(), key()]
    case 6: ["COPY", key(), key(), "REPLACE"]
    case 7: ["MOVE", key(), "\(random.below(3))"]
    default: ["LCS", key(), key(), "LEN"]
    }
  }

  private mutating func connection() -> [String] {
    switch random.below(8) {
    case 0: ["PING"]
    case 1: ["PING", value()]
    case 2: ["SELECT", "\(random.below(3))"]
    case 3: ["HELLO", random.element(of: ["2", "3"])]
    case 4: ["CLIENT", "REPLY", random.element(of: ["OFF", "SKIP", "ON", "ON"])]
    case 5: ["CLIENT", "SETNAME", "name\(random.below(5))"]
    case 6: ["CLIENT", "GETNAME"]
    default: ["ECHO", value()]
    }
  }

  private mutating func wrong() -> [String] {
    switch random.below(8) {
    case 0: ["GET"]
    case 1: ["NOSUCHCOMMAND", key()]
    case 2: ["SET", key()]
    case 3: ["CLIENT", "NOSUCH"]
    case 4: ["INCRBY", key(), "x"]
    case 5: ["SELECT", "99"]
    case 6: ["MSET", key(), value(), key()]
    default: ["EXPIRE", key(), "x"]
    }
  }

  /// A command as a client sends it: mostly as an array, sometimes as a line.
  mutating func encodedCommand() -> [UInt8] {
    let arguments = command()
    let isPlain = arguments.allSatisfy { !$0.isEmpty && $0.utf8.count < 100 && !$0.contains("\"") }
    switch random.below(12) {
    case 0 where isPlain: return Array((arguments.joined(separator: " ") + "\r\n").utf8)
    case 1 where isPlain:
      return Array((arguments.map { "\"\($0)\"" }.joined(separator: "  ") + "\n").utf8)
    case 2: return Array(random.element(of: ["\r\n", "*0\r\n", "*-1\r\n"]).utf8) + encoded(arguments)
    default: return encoded(arguments)
    }
  }
}
