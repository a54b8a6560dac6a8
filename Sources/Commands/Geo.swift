import Bytes
import Engine
import Geography
import Keyspace
import RESP

/// The geo family, in the order of the reference.
let geoCommands: [any Command.Type] = [
  GeoAddCommand.self, GeoDistCommand.self, GeoHashCommand.self, GeoPosCommand.self, GeoRadiusCommand.self,
  GeoRadiusReadOnlyCommand.self, GeoRadiusByMemberCommand.self, GeoRadiusByMemberReadOnlyCommand.self,
  GeoSearchCommand.self, GeoSearchStoreCommand.self,
]

enum GeoAddCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "geoadd", arity: -5, flags: [.write, .denyOutOfMemory], keys: [.key([.readWrite, .update])],
    group: .geo, since: "3.2.0",
    summary: "Adds members with their coordinates to a geo index, which is a sorted set.",
    complexity: "O(log(N)) for each member, in an index of N.",
    arguments: [
      .init("key", .key),
      .init("condition", .oneOf, since: "6.2.0", optional: true, [.token("NX"), .token("XX")]),
      .init("change", .pureToken, token: "CH", since: "6.2.0", optional: true),
      .init(
        "longitude_latitude_member", .block, multiple: true,
        [.init("longitude", .double), .init("latitude", .double), .init("member", .string)]),
    ],
    history: [("6.2.0", "Added the `CH`, `NX` and `XX` options.")])

  static func execute(_ call: inout KeyCall) {
    do throws(GeoRefusal) {
      let options = try Options(call.arguments)
      // All coordinates are read before anything is changed.
      var scores: [Double] = []
      scores.reserveCapacity(options.memberCount)
      for number in 0..<options.memberCount {
        let place = try GeoCoordinates(call.arguments, at: options.first + number * 3)
        scores.append(GeoCell(place).scores.minimum)
      }
      add(scores, options, call)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  private static func add(_ scores: [Double], _ options: Options, _ call: KeyCall) {
    func member(_ number: Int) -> Element { Element(call.arguments[options.first + number * 3 + 2]) }
    let key = call.key(1)
    var entry: Entry
    var addedCount = 0
    var updatedCount = 0
    var first = 0
    switch call.find(key, .sortedSet, for: .write) {
    case .otherType: return call.refuseType()
    case .entry(let found): entry = found
    case .missing:
      if options.rule.contains(.onlyExisting) { return call.reply.pointee.integer(0) }
      entry = call.keyspace.makeSortedSet(key, in: call.database, member: member(0), score: scores[0])
      addedCount = 1
      first = 1
    }
    for number in first..<scores.count {
      switch call.keyspace.setScore(scores[number], of: member(number), in: entry, options.rule).change {
      case .added: addedCount += 1
      case .updated: updatedCount += 1
      case .unchanged, .refused, .notANumber: break
      }
    }
    if addedCount + updatedCount > 0 { call.changed(key, .sortedSet, "zadd") }
    call.reply.pointee.integer(addedCount + (options.countsChanges ? updatedCount : 0))
  }

  private struct Options {
    var rule: ScoreRule = []
    /// Whether members that move count like added ones.
    var countsChanges = false
    /// The first longitude.
    var first = 2
    var memberCount = 0

    init(_ arguments: Arguments) throws(GeoRefusal) {
      while first < arguments.count {
        if arguments.isWord("nx", at: first) {
          rule.insert(.onlyNew)
        } else if arguments.isWord("xx", at: first) {
          rule.insert(.onlyExisting)
        } else if arguments.isWord("ch", at: first) {
          countsChanges = true
        } else {
          break
        }
        first += 1
      }
      let rest = arguments.count - first
      guard rest > 0, rest.isMultiple(of: 3), !rule.contains([.onlyNew, .onlyExisting]) else {
        throw GeoRefusal(ErrorText.syntax)
      }
      memberCount = rest / 3
    }
  }
}

enum GeoDistCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "geodist", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "3.2.0", summary: "Returns the distance between two members of a geo index.",
    complexity: "O(log(N)) in an index of N members.",
    arguments: [
      .init("key", .key), .init("member1", .string), .init("member2", .string),
      geoUnitArgument(optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(GeoRefusal) {
      var unit = GeoUnit.meters
      if call.arguments.count == 5 {
        unit = try GeoUnit(call.arguments[4])
      } else if call.arguments.count > 5 {
        throw GeoRefusal(ErrorText.syntax)
      }
      guard let entry = try call.geoIndex(1) else { return call.reply.pointee.null() }
      guard let first = entry.place(of: call.arguments[2]), let second = entry.place(of: call.arguments[3])
      else { return call.reply.pointee.null() }
      call.reply.pointee.bulk(distance: first.distance(to: second) / unit.meters)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

enum GeoHashCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "geohash", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "3.2.0", summary: "Returns members of a geo index as geohash strings.",
    complexity: "O(log(N)) for each member, in an index of N.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    do throws(GeoRefusal) {
      let entry = try call.geoIndex(1)
      call.reply.pointee.array(call.arguments.count - 2)
      for index in 2..<call.arguments.count {
        if let score = entry?.score(of: Element(call.arguments[index])) {
          GeoCell(score: score).withText { call.reply.pointee.bulk(ByteView(start: $0, count: $1)) }
        } else {
          call.reply.pointee.null()
        }
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

enum GeoPosCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "geopos", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "3.2.0", summary: "Returns the coordinates of members of a geo index.",
    complexity: "O(log(N)) for each member, in an index of N.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    do throws(GeoRefusal) {
      let entry = try call.geoIndex(1)
      call.reply.pointee.array(call.arguments.count - 2)
      for index in 2..<call.arguments.count {
        if let place = entry?.place(of: call.arguments[index]) {
          call.reply.pointee.place(place)
        } else {
          call.reply.pointee.nullArray()
        }
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}
