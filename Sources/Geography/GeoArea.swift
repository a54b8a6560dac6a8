import Glibc

/// An area that places are searched in.
public struct GeoArea: Sendable {
  public enum Shape: Sendable {
    /// In the area's unit.
    case circle(radius: Double)
    case box(width: Double, height: Double)
  }

  public let center: GeoCoordinates
  public let shape: Shape
  public let unit: GeoUnit

  public init(center: GeoCoordinates, shape: Shape, unit: GeoUnit) {
    self.center = center
    self.shape = shape
    self.unit = unit
  }

  /// The distance of a place from the center in metres if it lies in the area; nil if not.
  public func distance(of place: GeoCoordinates) -> Double? {
    switch shape {
    case .circle(let radius):
      let distance = center.distance(to: place)
      return distance > radius * unit.meters ? nil : distance
    case .box(let width, let height):
      // The cheaper one first.
      if place.latitudeDistance(to: center.latitude) > height * unit.meters / 2 { return nil }
      let along = GeoCoordinates(longitude: center.longitude, latitude: place.latitude)
      if place.distance(to: along) > width * unit.meters / 2 { return nil }
      return center.distance(to: place)
    }
  }

  // MARK: Covering

  /// Cells that together cover the area, the middle one first; at most nine, none twice.
  public var cells: [GeoCell] {
    let bounds = bounds
    var steps = steps
    var middle = GeoCell(center, steps: steps)
    if steps > 1, !hasRoom(around: middle, for: bounds) {
      steps -= 1
      middle = GeoCell(center, steps: steps)
    }
    var cells = [middle]
    let covered = middle.bounds
    // Redis's order, in which clients see places if they ask for no other.
    let directions = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)]
    for (east, north) in directions {
      if steps >= 2 {
        // Neighbours that the area does not reach are left out.
        if north < 0, covered.south < bounds.south { continue }
        if north > 0, covered.north > bounds.north { continue }
        if east < 0, covered.west < bounds.west { continue }
        if east > 0, covered.east > bounds.east { continue }
      }
      let cell = middle.neighbor(east: east, north: north)
      // On a coarse grid one cell is the neighbour on several sides.
      if !cells.contains(cell) { cells.append(cell) }
    }
    return cells
  }

  /// Half the length of the map's side in metres.
  private static let mercatorMaximum = 20_037_726.37

  /// How often the map is to be divided so that a cell and its neighbours cover the area.
  private var steps: Int {
    var reach = reachMeters
    if reach == 0 { return GeoCell.stepMaximum }
    var steps = 1
    while reach < Self.mercatorMaximum {
      reach *= 2
      steps += 1
    }
    // So that most areas are covered by the cell and its neighbours.
    steps -= 2
    // Towards the poles cells are narrower.
    if abs(center.latitude) > 66 { steps -= 1 }
    if abs(center.latitude) > 80 { steps -= 1 }
    return min(max(steps, 1), GeoCell.stepMaximum)
  }

  /// How far from its center the area reaches.
  private var reachMeters: Double {
    switch shape {
    case .circle(let radius): radius * unit.meters
    case .box(let width, let height):
      ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot() * unit.meters
    }
  }

  /// The degrees that the area reaches to.
  private var bounds: GeoBounds {
    let (width, height) =
      switch shape {
      case .circle(let radius): (unit.meters * radius, unit.meters * radius)
      case .box(let width, let height): (unit.meters * (width / 2), unit.meters * (height / 2))
      }
    let radius = GeoCoordinates.earthRadiusMeters
    let latitudeReach = degrees(height / radius)
    // The parallel nearer to the pole is the shorter one, so the same length is more degrees there.
    let farthest = center.latitude < 0 ? center.latitude - latitudeReach : center.latitude + latitudeReach
    let longitudeReach = degrees(width / radius / cos(radians(farthest)))
    return GeoBounds(
      west: center.longitude - longitudeReach, south: center.latitude - latitudeReach,
      east: center.longitude + longitudeReach, north: center.latitude + latitudeReach)
  }

  /// Whether the neighbours of a cell reach as far as the area does.
  private func hasRoom(around cell: GeoCell, for bounds: GeoBounds) -> Bool {
    // (Asked this way round, so that an area without bounds has room.)
    !(cell.neighbor(east: 0, north: 1).bounds.north < bounds.north
      || cell.neighbor(east: 0, north: -1).bounds.south > bounds.south
      || cell.neighbor(east: 1, north: 0).bounds.east < bounds.east
      || cell.neighbor(east: -1, north: 0).bounds.west > bounds.west)
  }
}
