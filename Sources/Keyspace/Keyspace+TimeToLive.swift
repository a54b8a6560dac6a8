/// The times to live of some of a database's keys, added up: what an average is made of.
public struct TimeToLiveSample: Sendable, Equatable {
  public var keyCount = 0
  /// A sum of times that may be as far away as 64 bits reach: kept as a floating-point number, it can't overflow.
  public var milliseconds = 0.0
  /// Keys of the sample whose time had come without anybody noticing.
  public var expiredCount = 0

  public init() {}

  /// The mean time to live; 0 if nothing expires.
  public var averageMilliseconds: Int {
    keyCount == 0 ? 0 : Int(exactly: (milliseconds / Double(keyCount)).rounded(.down)) ?? Int.max
  }

  public static func + (left: TimeToLiveSample, right: TimeToLiveSample) -> TimeToLiveSample {
    var sum = left
    sum.keyCount += right.keyCount
    sum.milliseconds += right.milliseconds
    sum.expiredCount += right.expiredCount
    return sum
  }
}

extension Keyspace {
  /// Keys that a sample takes: reading each expiry time is a cache miss.
  private static let timeToLiveSampleKeys = 256
  /// Segments that it looks at, so that a table in which little expires is not searched through.
  private static let timeToLiveSampleSegments = 16

  /// Looks at the expiry times of some keys, in segments that lie evenly over the table. A small table is looked
  /// at as a whole.
  public func timeToLiveSample(in database: Int) -> TimeToLiveSample {
    var sample = TimeToLiveSample()
    let table = table(database)
    guard table.pointee.expiringCount > 0 else { return sample }
    let stride = max(1, table.pointee.directoryCount / Self.timeToLiveSampleSegments)
    var position = 0
    while sample.keyCount < Self.timeToLiveSampleKeys,
      let (segment, _, next) = table.pointee.segment(atPosition: position)
    {
      segment.forEach { _, handle in
        guard let expiry = handle.expiry else { return }
        if expiry <= now {
          sample.expiredCount += 1
        } else {
          sample.keyCount += 1
          sample.milliseconds += Double(expiry - now)
        }
      }
      position = max(next, position + stride)
    }
    return sample
  }
}
