/// Random numbers for choices such as SPOP's: a few instructions each, good in all bits, and not for secrets.
///
/// The state counts in large odd steps, and each number is one folded multiplication of it ("wyrand", by Wang Yi).
public struct FastRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator that nobody can foresee.
  public init() { self.init(seed: .random(in: .min ... .max)) }

  public init(seed: UInt64) { state = seed }

  @inline(__always)
  public mutating func next() -> UInt64 {
    state &+= 0xa076_1d64_78bd_642f
    let product = state.multipliedFullWidth(by: state ^ 0xe703_7ed1_a0b4_28db)
    return product.high ^ product.low
  }

  /// A number from 0 to `bound` - 1, each as likely as the others; `bound` is positive.
  @inline(__always)
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "nothing to choose from")
    let bound = UInt64(bound)
    // The high word of a product is the choice; the lowest of low words would make some choices likelier
    // (Lemire, "Fast Random Integer Generation in an Interval", 2019).
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let excess = (0 &- bound) % bound
      while product.low < excess { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }
}
