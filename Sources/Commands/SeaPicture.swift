import Glibc

/// What LOLWUT draws: dragonflies on their way over the ocean, never twice the same.
enum SeaPicture {
  private static let width = 72
  private static let skyRows = 11
  private static let seaRows = 5
  private static let flyCounts = 4...7

  /// Dragonflies as they are near and far; a space is transparent.
  private static let flies: [[String]] = [
    [#"  \\  //"#, #"-===<><@)"#, #"  //  \\"#],
    [#" \\//"#, "-==<@", #" //\\"#],
    [#"\/"#, "-="],
    ["-x"],
  ]

  static func draw(using generator: inout some RandomNumberGenerator) -> String {
    var rows = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: width), count: skyRows + seaRows)
    drawSea(&rows, using: &generator)
    for _ in 0..<Int.random(in: flyCounts, using: &generator) {
      let fly = flies[Int.random(in: 0..<flies.count, using: &generator)]
      let flyWidth = fly.reduce(0) { max($0, $1.utf8.count) }
      let top = Int.random(in: 0...(skyRows - fly.count), using: &generator)
      let left = Int.random(in: 0...(width - flyWidth), using: &generator)
      place(fly, on: &rows, top: top, left: left)
    }
    return rows.map { row in
      var end = row.count
      while end > 0, row[end - 1] == 0x20 { end -= 1 }
      return String(decoding: row[..<end], as: UTF8.self) + "\n"
    }.joined()
  }

  /// Two swells of different lengths, added: the surface is where their sum says, and below it the water gets calmer.
  private static func drawSea(_ rows: inout [[UInt8]], using generator: inout some RandomNumberGenerator) {
    let phases = (0..<2).map { _ in Double.random(in: 0..<(2 * Double.pi), using: &generator) }
    for column in 0..<width {
      let x = Double(column)
      let swell = sin(x / 5 + phases[0]) + 0.7 * sin(x / 13 + phases[1])
      let surface = min(max(Int((1.7 - swell) * 0.9), 0), seaRows - 1)
      for depth in surface..<seaRows {
        let isCalm = Int.random(in: 0...(depth - surface + 1), using: &generator) > 0
        let water = depth == surface ? UInt8(ascii: "~") : UInt8(ascii: isCalm ? " " : "-")
        rows[skyRows + depth][column] = water
      }
    }
  }

  private static func place(_ fly: [String], on rows: inout [[UInt8]], top: Int, left: Int) {
    for (row, line) in fly.enumerated() {
      for (column, byte) in line.utf8.enumerated() where byte != 0x20 {
        rows[top + row][left + column] = byte
      }
    }
  }
}
