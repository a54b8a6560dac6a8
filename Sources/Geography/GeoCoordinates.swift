import Glibc

/// A place on the globe, in degrees.
public struct GeoCoordinates: Sendable, Equatable {
  public var longitude: Double
  public var latitude: Double

  public init(longitude: Double, latitude: Double) {
    self.longitude = longitude
    self.latitude = latitude
  }

  /// What can be indexed: the latitudes of the square map of Web Mercator (EPSG:3857).
  public static let longitudes = -180.0...180.0
  public static let latitudes = -85.05112878...85.05112878

  /// Whether the place can be indexed.
  public var isIndexable: Bool {
    Self.longitudes.contains(longitude) && Self.latitudes.contains(latitude)
  }

  /// The radius of the globe in metres, as Redis has it.
  static let earthRadiusMeters = 6_372_797.560856

  /// The distance to another place in metres, along a great circle (the haversine formula).
  public func distance(to other: GeoCoordinates) -> Double {
    let halfLongitude = sin((radians(other.longitude) - radians(longitude)) / 2)
    // On one meridian nothing else is needed.
    if halfLongitude == 0 { return latitudeDistance(to: other.latitude) }
    let from = radians(latitude)
    let to = radians(other.latitude)
    let halfLatitude = sin((to - from) / 2)
    let chord =
      halfLatitude * halfLatitude + cos(from) * cos(to) * halfLongitude * halfLongitude
    return 2 * Self.earthRadiusMeters * asin(chord.squareRoot())
  }

  /// The distance to a latitude in metres, along the meridian.
  func latitudeDistance(to other: Double) -> Double {
    Self.earthRadiusMeters * abs(radians(other) - radians(latitude))
  }
}

func radians(_ degrees: Double) -> Double { degrees * (.pi / 180) }
func degrees(_ radians: Double) -> Double { radians / (.pi / 180) }

/// Units of length.
public enum GeoUnit: Sendable {
  case meters
  case kilometers
  case feet
  case miles

  public var meters: Double {
    switch self {
    case .meters: 1
    case .kilometers: 1_000
    case .feet: 0.3048
    case .miles: 1_609.34
    }
  }
}
