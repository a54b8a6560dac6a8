import Bytes
import Engine
import RESP

// The searches of before GEOSEARCH: a circle around a place or a member, with or without STORE.

enum GeoRadiusCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "georadius", arity: -6, flags: [.write, .denyOutOfMemory, .movableKeys],
    keys: sourceAndTargets(firstOption: 6),
    group: .geo, since: "3.2.0",
    summary: "Returns or stores the members of a geo index within a radius of a place.",
    complexity: geoSearchComplexity,
    arguments: [.init("key", .key)] + placeArguments + resultArguments(anySince: "6.2.0") + storeArguments,
    history: [
      ("6.2.0", "Added the `ANY` option for `COUNT`."), ("7.0.0", "Added support for uppercase unit names."),
    ],
    deprecation: .init(
      since: "6.2.0", replacement: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"))

  static func execute(_ call: inout KeyCall) { call.searchGeo(.radius) }
  static func coordinate(_ operation: Operation) async { await operation.searchGeo(.radius) }
}

enum GeoRadiusReadOnlyCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "georadius_ro", arity: -6, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "3.2.10",
    summary: "Returns the members of a geo index within a radius of a place.",
    complexity: geoSearchComplexity,
    arguments: [.init("key", .key)] + placeArguments + resultArguments(anySince: "6.2.0"),
    history: [("6.2.0", "Added the `ANY` option for `COUNT`.")],
    deprecation: .init(since: "6.2.0", replacement: "`GEOSEARCH` with the `BYRADIUS` argument"))

  static func execute(_ call: inout KeyCall) { call.searchGeo(.radiusReadOnly) }
}

enum GeoRadiusByMemberCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "georadiusbymember", arity: -5, flags: [.write, .denyOutOfMemory, .movableKeys],
    keys: sourceAndTargets(firstOption: 5),
    group: .geo, since: "3.2.0",
    summary: "Returns or stores the members of a geo index within a radius of one of them.",
    complexity: geoSearchComplexity,
    arguments: [.init("key", .key)] + memberArguments + resultArguments() + storeArguments,
    history: [("7.0.0", "Added support for uppercase unit names.")],
    deprecation: .init(
      since: "6.2.0",
      replacement: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"))

  static func execute(_ call: inout KeyCall) { call.searchGeo(.radiusByMember) }
  static func coordinate(_ operation: Operation) async { await operation.searchGeo(.radiusByMember) }
}

enum GeoRadiusByMemberReadOnlyCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "georadiusbymember_ro", arity: -5, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "3.2.10",
    summary: "Returns the members of a geo index within a radius of one of them.",
    complexity: geoSearchComplexity,
    arguments: [.init("key", .key)] + memberArguments + resultArguments(),
    deprecation: .init(
      since: "6.2.0", replacement: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"))

  static func execute(_ call: inout KeyCall) { call.searchGeo(.radiusByMemberReadOnly) }
}

private func sourceAndTargets(firstOption: Int) -> [KeySpecification] {
  let targets = ["STORE", "STOREDIST"].map { word in
    KeySpecification(
      begin: .keyword(word, start: firstOption), find: .range(last: 0, step: 1, limit: 0),
      flags: [.overwrite, .update])
  }
  return [.key([.readOnly, .access])] + targets
}

private let placeArguments: [ArgumentSpecification] = [
  .init("longitude", .double), .init("latitude", .double), .init("radius", .double), geoUnitArgument(),
]

private let memberArguments: [ArgumentSpecification] = [
  .init("member", .string), .init("radius", .double), geoUnitArgument(),
]

private func resultArguments(anySince: String? = nil) -> [ArgumentSpecification] {
  [
    .token("WITHCOORD", optional: true), .token("WITHDIST", optional: true),
    .token("WITHHASH", optional: true),
    geoCountArgument(anySince: anySince), geoOrderArgument,
  ]
}

private let storeArguments: [ArgumentSpecification] = [
  .init("key", .key, token: "STORE", optional: true, keySpecification: 1),
  .init("key", .key, token: "STOREDIST", optional: true, keySpecification: 2),
]
