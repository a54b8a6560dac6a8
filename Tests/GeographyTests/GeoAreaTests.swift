import TestSupport
import Testing

@testable import Geography

@Suite struct GeoAreaTests {
  /// Distances that redis-server 7.0.15 gives, in the order of their digits.
  @Test func distancesAreThoseOfRedis() {
    let palermo = GeoCell(score: 3_479_099_956_230_698).center
    let catania = GeoCell(score: 3_479_447_370_796_909).center
    let sanFrancisco = GeoCell(score: 1_367_859_919_124_626).center
    let tokyo = GeoCell(score: 4_171_230_808_121_277).center
    #expect(abs(palermo.distance(to: catania) - 166_274.1516) < 0.0001)
    #expect(abs(sanFrancisco.distance(to: tokyo) - 8_276_949.6736) < 0.0001)
    #expect(abs(sanFrancisco.distance(to: tokyo) / GeoUnit.miles.meters - 5_143.0709) < 0.0001)
    #expect(palermo.distance(to: palermo) == 0)
    let southOfIt = GeoCoordinates(longitude: palermo.longitude, latitude: palermo.latitude - 1)
    #expect(palermo.distance(to: southOfIt) == palermo.latitudeDistance(to: southOfIt.latitude))
  }

  @Test func aCircleEndsAtItsRadiusAndABoxAtItsSides() {
    let center = GeoCoordinates(longitude: 0, latitude: 0)
    let east = GeoCoordinates(longitude: 1, latitude: 0)
    let length = center.distance(to: east)
    func contains(_ shape: GeoArea.Shape) -> Bool {
      GeoArea(center: center, shape: shape, unit: .meters).distance(of: east) != nil
    }
    #expect(contains(.circle(radius: length)))
    #expect(!contains(.circle(radius: length - 1)))
    #expect(contains(.box(width: 2 * length + 1, height: 1)))
    #expect(!contains(.box(width: 2 * length - 1, height: 1)))
    #expect(contains(.circle(radius: .infinity)))
  }

  private func randomArea(_ random: inout SeededRandom) -> GeoArea {
    func length() -> Double { Double(1 << random.below(26)) * Double(1 + random.below(100)) / 100 }
    let shape: GeoArea.Shape =
      random.below(2) == 0 ? .circle(radius: length()) : .box(width: length(), height: length())
    return GeoArea(center: random.place(), shape: shape, unit: .meters)
  }

  /// Near the poles and on areas that span half the globe the cells leave gaps, as those of Redis do; elsewhere each
  /// place in the area must be in one of them.
  @Test func cellsCoverAreas() {
    var random = SeededRandom(test: "cellsCoverAreas")
    var found = 0
    for _ in 0..<3_000 {
      let area = randomArea(&random)
      guard abs(area.center.latitude) < 60 else { continue }
      let cells = area.cells
      for _ in 0..<10 {
        let spread = 40 / Double(1 << random.below(20))
        let place = GeoCoordinates(
          longitude: area.center.longitude + random.fraction(-spread...spread),
          latitude: area.center.latitude + random.fraction(-spread...spread))
        guard place.isIndexable, let distance = area.distance(of: place), distance < 2_000_000 else {
          continue
        }
        found += 1
        let score = GeoCell(place).scores.minimum
        #expect(
          cells.contains { $0.scores.minimum <= score && score < $0.scores.end },
          "\(place) is \(distance) m from \(area), \(random)")
      }
    }
    #expect(found > 1_000)
  }

  @Test func cellsAreAtMostNineAndDiffer() {
    var random = SeededRandom(test: "cellsAreAtMostNineAndDiffer")
    for _ in 0..<5_000 {
      let cells = randomArea(&random).cells
      #expect(cells.count <= 9)
      for (number, cell) in cells.enumerated() { #expect(!cells[..<number].contains(cell)) }
    }
  }

  @Test func extremeAreasHaveCells() {
    for length in [0, .leastNonzeroMagnitude, 1e300, .infinity] {
      for latitude in [-85.05112878, 0, 85.05112878] {
        for longitude in [-180.0, 0, 180] {
          let center = GeoCoordinates(longitude: longitude, latitude: latitude)
          for shape in [GeoArea.Shape.circle(radius: length), .box(width: length, height: length)] {
            #expect(!GeoArea(center: center, shape: shape, unit: .miles).cells.isEmpty)
          }
        }
      }
    }
  }
}
