/// LATENCY GRAPH: the samples of an event as columns of characters, with the age of each written below it.
///
///     command - high 40 ms, low 5 ms (all time high 40 ms)
///     --------------------------------------------------------------------------------
///          #
///        # |
///      o | |
///     _|_|o|
///
///     654321
///     mssssss
enum LatencyGraph {
  private static var columnCount: Int { 80 }
  private static var rowCount: Int { 4 }

  /// A row distinguishes three heights; what reaches above it fills it.
  private static let heights: [UInt8] = Array("_o#".utf8)
  private static let fill = UInt8(ascii: "|")

  static func text(of series: LatencyMonitor.Series, nowUnixSeconds: Int64) -> String {
    let delays = series.samples.map(\.milliseconds)
    let low = delays.reduce(UInt32.max, min)
    let high = delays.reduce(0, max)
    var text = """
      \(series.event.name) - high \(high) ms, low \(low) ms \
      (all time high \(series.maximumMilliseconds) ms)\n
      """
    text += String(repeating: "-", count: columnCount) + "\n"
    for start in stride(from: 0, to: series.samples.count, by: columnCount) {
      if start > 0 { text += "\n" }
      let part = series.samples[start..<min(start + columnCount, series.samples.count)]
      text += bars(delays: part.map(\.milliseconds), low: low, high: high)
      text += labels(part.map { age(seconds: nowUnixSeconds - Int64($0.unixSeconds)) })
    }
    return text
  }

  /// Four rows of columns, the tallest for the longest delay.
  private static func bars(delays: [UInt32], low: UInt32, high: UInt32) -> String {
    let stepCount = rowCount * heights.count
    let range = max(1, Int(high - low))
    let steps = delays.map { min(Int($0 - low) * stepCount / range, stepCount - 1) }
    var text = ""
    for row in 0..<rowCount {
      let floor = (rowCount - 1 - row) * heights.count
      let line = steps.map { step -> UInt8 in
        if step < floor { return UInt8(ascii: " ") }
        return step - floor < heights.count ? heights[step - floor] : fill
      }
      text += String(decoding: line, as: UTF8.self) + "\n"
    }
    return text
  }

  /// An empty row, then the labels written downwards.
  private static func labels(_ labels: [String]) -> String {
    let characters = labels.map { Array($0.utf8) }
    let longest = characters.reduce(0) { max($0, $1.count) }
    var text = String(repeating: " ", count: labels.count) + "\n"
    for row in 0..<longest {
      let line = characters.map { row < $0.count ? $0[row] : UInt8(ascii: " ") }
      text += String(decoding: line, as: UTF8.self) + "\n"
    }
    return text
  }

  private static func age(seconds: Int64) -> String {
    switch seconds {
    case ..<60: "\(max(0, seconds))s"
    case ..<3_600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3_600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}

extension LatencyMonitor.Series {
  /// The reply to LATENCY GRAPH, as Redis draws it.
  public func graph(nowUnixSeconds: Int64) -> String {
    LatencyGraph.text(of: self, nowUnixSeconds: nowUnixSeconds)
  }
}
