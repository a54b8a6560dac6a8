import TestSupport
import Testing

@testable import Geography

@Suite struct GeoCellTests {
  /// Scores and geohashes that redis-server 7.0.15 gives places.
  @Test(arguments: [
    (13.361389, 38.115556, 3_479_099_956_230_698, "sqc8b49rny0"),
    (15.087269, 37.502669, 3_479_447_370_796_909, "sqdtr74hyu0"),
    (2.349014, 48.864716, 3_663_832_805_879_806, "u09tvrw3xg0"),
    (-122.4194, 37.7749, 1_367_859_919_124_626, "9q8yyk8ytp0"),
    (139.6503, 35.6762, 4_171_230_808_121_277, "xn76cydhzv0"),
    (-180, -85.05112878, 0, "00bh0hbj200"), (180, 85.05112878, 13_510_798_882_111_488, "bp05b5048p0"),
    (0, 0, 3_377_699_720_527_872, "s0000000000"),
  ])
  func placesHaveTheScoresOfRedis(longitude: Double, latitude: Double, score: Double, text: String) {
    let cell = GeoCell(GeoCoordinates(longitude: longitude, latitude: latitude))
    #expect(cell.scores.minimum == score)
    #expect(GeoCell(score: score) == cell)
    let written = cell.withText { String(decoding: UnsafeBufferPointer(start: $0, count: $1), as: UTF8.self) }
    #expect(written == text)
  }

  /// What redis-server 7.0.15 shows of scores that are no place's.
  @Test func anyScoreIsSomewhere() {
    #expect(GeoCell(score: -1).center.longitude == 180)
    #expect(GeoCell(score: .infinity).center.longitude < -179.999)
    #expect(GeoCell(score: -.infinity).center.longitude == 180)
    #expect(GeoCell(score: -.infinity).center.latitude < -85)
    #expect(GeoCell(score: 0.5) == GeoCell(score: 0))
    for score in [Double.greatestFiniteMagnitude, 0x1p63, 0x1p64, -0x1p63, -0x1p64, 1e16, -0.5] {
      #expect(GeoCell(score: score).center.isIndexable)
    }
  }

  @Test func aCellHoldsItsPlacesAtEveryStep() {
    var random = SeededRandom(test: "aCellHoldsItsPlacesAtEveryStep")
    for _ in 0..<2_000 {
      let place = random.place()
      let fine = GeoCell(place)
      for steps in 1...GeoCell.stepMaximum {
        let cell = GeoCell(place, steps: steps)
        let bounds = cell.bounds
        #expect(bounds.west <= place.longitude && place.longitude <= bounds.east)
        #expect(bounds.south <= place.latitude && place.latitude <= bounds.north)
        #expect(cell.scores.minimum <= fine.scores.minimum && fine.scores.minimum < cell.scores.end)
      }
      // The middle of the finest cell is at most half a cell away.
      #expect(abs(fine.center.longitude - place.longitude) <= 360 / Double(1 << 27))
      #expect(abs(fine.center.latitude - place.latitude) <= 171 / Double(1 << 27))
    }
  }

  @Test func neighboursAreNextToACellAndGoAroundTheGlobe() {
    let cell = GeoCell(column: 0, row: 3, steps: 2)
    #expect(cell.neighbor(east: 1, north: 0) == GeoCell(column: 1, row: 3, steps: 2))
    #expect(cell.neighbor(east: -1, north: 0) == GeoCell(column: 3, row: 3, steps: 2))
    #expect(cell.neighbor(east: 0, north: 1) == GeoCell(column: 0, row: 0, steps: 2))
    #expect(cell.neighbor(east: -1, north: -1) == GeoCell(column: 3, row: 2, steps: 2))
  }
}
