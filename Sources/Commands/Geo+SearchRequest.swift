import Bytes
import Engine
import Geography
import Keyspace
import RESP

/// The commands that search, and where they differ.
struct GeoSearchForm: Sendable {
  /// Where the index's key stands.
  let sourceIndex: Int
  /// Where the options begin.
  let firstOption: Int
  /// Where center and shape come from.
  let origin: Origin
  /// Whether STORE and STOREDIST are options.
  var takesStore = false

  enum Origin: Sendable {
    /// From options: GEOSEARCH and GEOSEARCHSTORE.
    case options
    /// Coordinates and radius behind the key.
    case coordinates
    /// A member and a radius behind the key.
    case member
  }

  static let search = GeoSearchForm(sourceIndex: 1, firstOption: 2, origin: .options)
  static let searchStore = GeoSearchForm(sourceIndex: 2, firstOption: 3, origin: .options)
  static let radius = GeoSearchForm(sourceIndex: 1, firstOption: 6, origin: .coordinates, takesStore: true)
  static let radiusReadOnly = GeoSearchForm(sourceIndex: 1, firstOption: 6, origin: .coordinates)
  static let radiusByMember = GeoSearchForm(sourceIndex: 1, firstOption: 5, origin: .member, takesStore: true)
  static let radiusByMemberReadOnly = GeoSearchForm(sourceIndex: 1, firstOption: 5, origin: .member)

  /// Whether the target stands in front of the source: GEOSEARCHSTORE.
  var storesAlways: Bool { sourceIndex == 2 }

  /// The event of storing the result.
  var storeEvent: StaticString { storesAlways ? "geosearchstore" : "georadiusstore" }
}

/// What a search is to find and how the result is wanted.
///
/// It is read on the shard of the index: a member that is to be the center and isn't in the index is an error at its
/// place among the arguments.
struct GeoSearchRequest {
  enum Order {
    case ascending
    case descending
  }

  private(set) var center: GeoCoordinates?
  private(set) var shape: GeoArea.Shape?
  private(set) var unit = GeoUnit.meters
  private(set) var order: Order?
  /// Members wanted at the most; 0 sets no limit.
  private(set) var count: Int64 = 0
  /// Whether any members in the area will do, and not the nearest.
  private(set) var takesAny = false
  private(set) var showsCoordinates = false
  private(set) var showsDistance = false
  private(set) var showsHash = false
  /// The key that gets the result; nil if the client does.
  private(set) var target: ByteView?
  /// Whether the stored scores are distances.
  private(set) var storesDistance = false
  /// Whether a center was named, be it in an index that does not exist.
  private var namesMember = false

  /// - Parameter index: nil if the key is missing.
  init(_ arguments: Arguments, _ form: GeoSearchForm, index: Entry?) throws(GeoRefusal) {
    if form.storesAlways { target = arguments[1] }
    switch form.origin {
    case .options: break
    case .coordinates:
      center = try GeoCoordinates(arguments, at: 2)
      try readRadius(arguments, at: 4)
    case .member:
      // Without an index there is nothing to look for, but the options say what the answer is.
      if let index {
        try readMember(arguments[2], of: index)
        try readRadius(arguments, at: 3)
      }
    }
    var next = form.firstOption
    while next < arguments.count {
      next += try readOption(arguments, at: next, form, index)
    }
    try check(arguments, form)
    // A limit without an order would be arbitrary.
    if count > 0, order == nil, !takesAny { order = .ascending }
  }

  /// Reads the option at `index`, and returns how many arguments it takes.
  private mutating func readOption(
    _ arguments: Arguments, at place: Int, _ form: GeoSearchForm, _ index: Entry?
  ) throws(GeoRefusal) -> Int {
    let left = arguments.count - place - 1
    let word = arguments[place]
    if word.equalsIgnoringCase("withdist") {
      showsDistance = true
    } else if word.equalsIgnoringCase("withhash") {
      showsHash = true
    } else if word.equalsIgnoringCase("withcoord") {
      showsCoordinates = true
    } else if word.equalsIgnoringCase("any") {
      takesAny = true
    } else if word.equalsIgnoringCase("asc") {
      order = .ascending
    } else if word.equalsIgnoringCase("desc") {
      order = .descending
    } else if word.equalsIgnoringCase("count"), left >= 1 {
      guard let count = arguments.integer(at: place + 1) else { throw GeoRefusal(ErrorText.notAnInteger) }
      guard count > 0 else { throw GeoRefusal("ERR COUNT must be > 0" as StaticString) }
      self.count = count
      return 2
    } else if form.takesStore, left >= 1,
      word.equalsIgnoringCase("store") || word.equalsIgnoringCase("storedist")
    {
      target = arguments[place + 1]
      storesDistance = word.equalsIgnoringCase("storedist")
      return 2
    } else if form.storesAlways, word.equalsIgnoringCase("storedist") {
      storesDistance = true
    } else {
      return try readAreaOption(arguments, at: place, left, form, index)
    }
    return 1
  }

  private mutating func readAreaOption(
    _ arguments: Arguments, at place: Int, _ left: Int, _ form: GeoSearchForm, _ index: Entry?
  ) throws(GeoRefusal) -> Int {
    let word = arguments[place]
    guard form.origin == .options else { throw GeoRefusal(ErrorText.syntax) }
    if word.equalsIgnoringCase("frommember"), left >= 1, namesMember || center == nil {
      namesMember = true
      if let index { try readMember(arguments[place + 1], of: index) }
      return 2
    }
    if word.equalsIgnoringCase("fromlonlat"), left >= 2, !namesMember {
      center = try GeoCoordinates(arguments, at: place + 1)
      return 3
    }
    if word.equalsIgnoringCase("byradius"), left >= 2, !isBox {
      try readRadius(arguments, at: place + 1)
      return 3
    }
    if word.equalsIgnoringCase("bybox"), left >= 3, shape == nil || isBox {
      try readBox(arguments, at: place + 1)
      return 4
    }
    throw GeoRefusal(ErrorText.syntax)
  }

  private var isBox: Bool { if case .box = shape { true } else { false } }

  private mutating func readMember(_ member: ByteView, of index: Entry) throws(GeoRefusal) {
    guard let place = index.place(of: member) else {
      throw GeoRefusal("ERR could not decode requested zset member" as StaticString)
    }
    center = place
  }

  private mutating func readRadius(_ arguments: Arguments, at place: Int) throws(GeoRefusal) {
    guard let radius = parseDouble(arguments[place]) else {
      throw GeoRefusal("ERR need numeric radius" as StaticString)
    }
    guard radius >= 0 else { throw GeoRefusal("ERR radius cannot be negative" as StaticString) }
    unit = try GeoUnit(arguments[place + 1])
    shape = .circle(radius: radius)
  }

  private mutating func readBox(_ arguments: Arguments, at place: Int) throws(GeoRefusal) {
    guard let width = parseDouble(arguments[place]) else {
      throw GeoRefusal("ERR need numeric width" as StaticString)
    }
    guard let height = parseDouble(arguments[place + 1]) else {
      throw GeoRefusal("ERR need numeric height" as StaticString)
    }
    guard width >= 0, height >= 0 else {
      throw GeoRefusal("ERR height or width cannot be negative" as StaticString)
    }
    unit = try GeoUnit(arguments[place + 2])
    shape = .box(width: width, height: height)
  }

  /// What can be said of the options only when all are known.
  private func check(_ arguments: Arguments, _ form: GeoSearchForm) throws(GeoRefusal) {
    if target != nil, showsDistance || showsHash || showsCoordinates {
      let subject = form.storesAlways ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"
      throw GeoRefusal("ERR \(subject) is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
    }
    if form.origin == .options {
      let name = arguments[0].string
      guard namesMember || center != nil else {
        throw GeoRefusal("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for \(name)")
      }
      guard shape != nil else {
        throw GeoRefusal("ERR exactly one of BYRADIUS and BYBOX can be specified for \(name)")
      }
    }
    if takesAny, count == 0 {
      throw GeoRefusal("ERR the ANY argument requires COUNT argument" as StaticString)
    }
  }
}
