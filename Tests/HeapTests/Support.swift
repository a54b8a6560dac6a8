import TestSupport

extension SeededRandom {
  /// A size of any magnitude up to `maximum`, every number of bits as likely as the others.
  mutating func size(upTo maximum: Int) -> Int {
    below(maximum + 1) >> below(maximum.bitWidth - maximum.leadingZeroBitCount + 1)
  }
}
