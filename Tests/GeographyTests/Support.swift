import Geography
import TestSupport

extension SeededRandom {
  mutating func fraction(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }

  /// Any place that can be indexed, those on the edges of the map left out.
  mutating func place() -> GeoCoordinates {
    GeoCoordinates(
      longitude: fraction(GeoCoordinates.longitudes).nextDown,
      latitude: fraction(GeoCoordinates.latitudes).nextDown)
  }
}
