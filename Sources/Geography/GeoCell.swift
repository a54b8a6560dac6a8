/// A cell of the grid that divides the map `steps` times in both directions, and its geohash: the numbers of its column
/// and row, a bit of each by turns.
///
/// The score of a place in a geo index is the number of its cell among those of 26 steps, 52 bits. A cell of fewer steps
/// is all places whose score begins with its bits, so it is a range of scores.
public struct GeoCell: Sendable, Equatable {
  /// Columns count from the west. Places on the map's eastern edge are in a column of their own, behind the last.
  var column: UInt32
  /// Rows count from the south. Places on the map's northern edge are in a row of their own.
  var row: UInt32
  let steps: Int

  /// Steps of the cells that scores name.
  public static let stepMaximum = 26

  init(column: UInt32, row: UInt32, steps: Int) {
    self.column = column
    self.row = row
    self.steps = steps
  }

  /// The cell with an indexable place.
  public init(_ place: GeoCoordinates, steps: Int = stepMaximum) {
    self.init(place, steps: steps, latitudes: GeoCoordinates.latitudes)
  }

  init(_ place: GeoCoordinates, steps: Int, latitudes: ClosedRange<Double>) {
    precondition(steps >= 1 && steps <= Self.stepMaximum, "steps out of range")
    func number(_ degrees: Double, _ range: ClosedRange<Double>) -> UInt32 {
      let share = (degrees - range.lowerBound) / (range.upperBound - range.lowerBound)
      return UInt32(share * Double(1 << steps))
    }
    column = number(place.longitude, GeoCoordinates.longitudes)
    row = number(place.latitude, latitudes)
    self.steps = steps
  }

  /// The cell of `stepMaximum` steps that a score names, whatever the score.
  public init(score: Double) {
    let bits = Self.bits(of: score)
    column = Self.everySecondBit(of: bits >> 1)
    row = Self.everySecondBit(of: bits)
    steps = Self.stepMaximum
  }

  /// The bits of a score that is no cell's are those that x86 converts it to.
  private static func bits(of score: Double) -> UInt64 {
    if let bits = UInt64(exactly: score.rounded(.towardZero)) { return bits }
    if score >= 0x1p63 { return 0 }
    return UInt64(bitPattern: Int64(exactly: score.rounded(.towardZero)) ?? .min)
  }

  // MARK: The hash

  /// The bits of row and column by turns, the row's first bit lowest.
  public var hash: UInt64 { Self.spread(row) | Self.spread(column) << 1 }

  /// Scores of the places in the cell.
  public var scores: (minimum: Double, end: Double) {
    let shift = UInt64(2 * (Self.stepMaximum - steps))
    return (Double(hash << shift), Double((hash + 1) << shift))
  }

  /// Puts the bits of a number at the even places of a word.
  private static func spread(_ number: UInt32) -> UInt64 {
    var word = UInt64(number)
    word = (word | word << 16) & 0x0000_ffff_0000_ffff
    word = (word | word << 8) & 0x00ff_00ff_00ff_00ff
    word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f
    word = (word | word << 2) & 0x3333_3333_3333_3333
    return (word | word << 1) & 0x5555_5555_5555_5555
  }

  /// The number that the bits at the even places of a word are.
  private static func everySecondBit(of word: UInt64) -> UInt32 {
    var word = word & 0x5555_5555_5555_5555
    word = (word | word >> 1) & 0x3333_3333_3333_3333
    word = (word | word >> 2) & 0x0f0f_0f0f_0f0f_0f0f
    word = (word | word >> 4) & 0x00ff_00ff_00ff_00ff
    word = (word | word >> 8) & 0x0000_ffff_0000_ffff
    return UInt32(truncatingIfNeeded: word | word >> 16)
  }

  // MARK: The map

  /// The degrees that the cell covers.
  var bounds: GeoBounds {
    func degrees(_ number: UInt32, of whole: ClosedRange<Double>) -> Double {
      let width = whole.upperBound - whole.lowerBound
      return whole.lowerBound + (Double(number) / Double(1 << steps)) * width
    }
    return GeoBounds(
      west: degrees(column, of: GeoCoordinates.longitudes), south: degrees(row, of: GeoCoordinates.latitudes),
      east: degrees(column &+ 1, of: GeoCoordinates.longitudes),
      north: degrees(row &+ 1, of: GeoCoordinates.latitudes))
  }

  /// The middle of the cell, or of the edge of the map if it lies beyond.
  public var center: GeoCoordinates {
    func middle(_ lower: Double, _ upper: Double, of whole: ClosedRange<Double>) -> Double {
      min(max((lower + upper) / 2, whole.lowerBound), whole.upperBound)
    }
    let bounds = bounds
    return GeoCoordinates(
      longitude: middle(bounds.west, bounds.east, of: GeoCoordinates.longitudes),
      latitude: middle(bounds.south, bounds.north, of: GeoCoordinates.latitudes))
  }

  /// The cell so many columns to the east and rows to the north. Behind an edge of the map its other side follows.
  func neighbor(east: Int, north: Int) -> GeoCell {
    let mask = (UInt32(1) << UInt32(steps)) - 1
    func moved(_ number: UInt32, by distance: Int) -> UInt32 {
      distance == 0 ? number : (number &+ UInt32(truncatingIfNeeded: distance)) & mask
    }
    return GeoCell(column: moved(column, by: east), row: moved(row, by: north), steps: steps)
  }

  // MARK: Text

  /// The geohash of the cell's middle as https://geohash.org writes it, in eleven letters: there latitudes go from pole to
  /// pole. 52 bits are ten letters and two bits; the eleventh letter is always the first of the alphabet.
  public func withText<Result>(_ body: (UnsafePointer<UInt8>, Int) -> Result) -> Result {
    let bits = GeoCell(center, steps: Self.stepMaximum, latitudes: -90...90).hash
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textBytes) { text in
      let start = text.baseAddress.unsafelyUnwrapped
      for place in 0..<(Self.textBytes - 1) {
        let letter = Int(truncatingIfNeeded: bits >> UInt64(52 - (place + 1) * 5)) & 31
        start[place] = Self.alphabet.utf8Start[letter]
      }
      start[Self.textBytes - 1] = Self.alphabet.utf8Start[0]
      return body(UnsafePointer(start), Self.textBytes)
    }
  }

  public static let textBytes = 11
  /// The alphabet of geohashes: digits and letters but a, i, l and o.
  private static var alphabet: StaticString { "0123456789bcdefghjkmnpqrstuvwxyz" }
}

/// A part of the map, in degrees. That of an area that reaches over a pole may have its west in the east.
struct GeoBounds: Sendable {
  var west: Double
  var south: Double
  var east: Double
  var north: Double
}
