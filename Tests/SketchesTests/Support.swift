import Bytes
import Sketches
import TestSupport
import Testing

extension HyperLogLog {
  static let usualSparseBytes = 3_000

  mutating func add(_ text: String, sparseBytesMaximum: Int = usualSparseBytes) throws -> Bool {
    let observation = Array(text.utf8).withBytes { Observation(of: $0) }
    return try add(observation, sparseBytesMaximum: sparseBytesMaximum)
  }

  /// The ranks of all registers.
  func ranks() throws -> [UInt8] {
    var ranks = [UInt8](repeating: 0, count: Self.registerCount)
    try withView { view in
      try ranks.withUnsafeMutableBufferPointer { try view.merge(into: $0.baseAddress!) }
    }
    return ranks
  }

  func count() throws -> Int64 { try withView { try $0.count() } }
}
