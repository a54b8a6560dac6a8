import Bytes
import Engine
import RESP

enum GeoSearchCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "geosearch", arity: -7, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .geo, since: "6.2.0",
    summary: "Returns the members of a geo index that lie within a circle or a box.",
    complexity: geoSearchComplexity,
    arguments: [.init("key", .key)] + geoAreaArguments + [
      geoOrderArgument, geoCountArgument(), .token("WITHCOORD", optional: true),
      .token("WITHDIST", optional: true), .token("WITHHASH", optional: true),
    ],
    history: [("7.0.0", "Added support for uppercase unit names.")])

  static func execute(_ call: inout KeyCall) { call.searchGeo(.search) }
}

enum GeoSearchStoreCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "geosearchstore", arity: -8, flags: [.write, .denyOutOfMemory],
    keys: [.key([.overwrite, .update]), .key(at: 2, [.readOnly, .access])],
    group: .geo, since: "6.2.0",
    summary: "Stores the members of a geo index that lie within a circle or a box as another sorted set.",
    complexity: geoSearchComplexity,
    arguments: [.init("destination", .key), .init("source", .key, keySpecification: 1)] + geoAreaArguments + [
      geoOrderArgument, geoCountArgument(), .token("STOREDIST", optional: true),
    ],
    history: [("7.0.0", "Added support for uppercase unit names.")])

  static func execute(_ call: inout KeyCall) { call.searchGeo(.searchStore) }
  static func coordinate(_ operation: Operation) async { await operation.searchGeo(.searchStore) }
}

let geoSearchComplexity =
  "O(N+log(M)) in an index of M, where N members lie in the cells of the map that cover the area."

/// Center and shape of an area.
private let geoAreaArguments: [ArgumentSpecification] = [
  .init(
    "from", .oneOf,
    [
      .init("member", .string, token: "FROMMEMBER"),
      .init(
        "longitude_latitude", .block, token: "FROMLONLAT",
        [.init("longitude", .double), .init("latitude", .double)]),
    ]),
  .init(
    "by", .oneOf,
    [
      .init("circle", .block, [.init("radius", .double, token: "BYRADIUS"), geoUnitArgument()]),
      .init(
        "box", .block, [.init("width", .double, token: "BYBOX"), .init("height", .double), geoUnitArgument()]),
    ]),
]

let geoOrderArgument = ArgumentSpecification(
  "order", .oneOf, optional: true, [.token("ASC"), .token("DESC")])

func geoCountArgument(anySince: String? = nil) -> ArgumentSpecification {
  .init(
    "count", .block, optional: true,
    [.init("count", .integer, token: "COUNT"), .token("ANY", optional: true, since: anySince)])
}
