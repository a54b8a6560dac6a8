import Glibc

/// How many registers have which rank: all that the estimate of a HyperLogLog needs.
public struct RankHistogram {
  private var counts = InlineArray<64, Int>(repeating: 0)

  public init() {}

  /// The histogram of `HyperLogLog.registerCount` ranks.
  public init(ranks: UnsafePointer<UInt8>) {
    for register in 0..<HyperLogLog.registerCount { add(ranks[register], 1) }
  }

  @inline(__always)
  mutating func add(_ rank: UInt8, _ count: Int) { counts[Int(rank & DenseRegisters.rankMaximum)] &+= count }

  /// The estimate of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6:
  /// good over the whole range without tables of corrections.
  public var estimate: Int64 {
    let registerCount = Double(HyperLogLog.registerCount)
    let topRank = Int(HyperLogLog.rankBits) + 1
    var sum = registerCount * Self.tau((registerCount - Double(counts[topRank])) / registerCount)
    for rank in stride(from: topRank - 1, through: 1, by: -1) {
      sum += Double(counts[rank])
      sum *= 0.5
    }
    sum += registerCount * Self.sigma(Double(counts[0]) / registerCount)
    let alphaAtInfinity = 0.721_347_520_444_481_703_680  // 1 / (2 ln 2)
    let estimate = (alphaAtInfinity * registerCount * registerCount / sum).rounded()
    // Registers that no elements can have made may come to infinity: shown as x86 converts it.
    return Int64(exactly: estimate) ?? .min
  }

  /// The sum over k of x^(2^k) 2^(k-1), and x: registers that are still zero.
  private static func sigma(_ x: Double) -> Double {
    if x == 1 { return .infinity }
    var power = x
    var weight = 1.0
    var sum = x
    while true {
      power *= power
      let previous = sum
      sum += power * weight
      weight += weight
      if sum == previous { return sum }
    }
  }

  /// A third of 1 - x less the sum over k of (1 - x^(2^-k))^2 2^-k: registers at the highest rank.
  private static func tau(_ x: Double) -> Double {
    if x == 0 || x == 1 { return 0 }
    var root = x
    var weight = 1.0
    var sum = 1 - x
    while true {
      root = root.squareRoot()
      let previous = sum
      weight *= 0.5
      sum -= pow(1 - root, 2) * weight
      if sum == previous { return sum / 3 }
    }
  }
}
