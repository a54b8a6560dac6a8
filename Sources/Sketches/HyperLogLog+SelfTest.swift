import Bytes

/// What PFSELFTEST asks for.
extension HyperLogLog {
  /// Tests this machine's copy of the algorithms; nil if all is well, else what is wrong. It takes a few milliseconds.
  public static func selfTest() -> String? { denseSelfTest() ?? growthSelfTest() }

  /// Sets registers next to each other to all ranks, and looks at them and their neighbours.
  private static func denseSelfTest() -> String? {
    var expected = [UInt8](repeating: 0, count: registerCount)
    var sketch = [UInt8](repeating: 0, count: denseBytes)
    return sketch.withUnsafeMutableBufferPointer { buffer in
      let registers = DenseRegisters(of: buffer.baseAddress.unsafelyUnwrapped)
      for turn in 1...DenseRegisters.rankMaximum {
        for register in 0..<registerCount {
          let rank = (UInt8(truncatingIfNeeded: register &* 37) &+ turn) & DenseRegisters.rankMaximum
          if registers.raise(Observation(register: register, rank: rank)) { expected[register] = rank }
        }
        for register in 0..<registerCount where registers[register] != expected[register] {
          return "register \(register) is \(registers[register]) and not \(expected[register])"
        }
      }
      return nil
    }
  }

  /// Elements that the growing sketches are given.
  private static let elementCount = 50_000
  private static let sparseBytesMaximum = 3_000

  /// Adds elements to a sketch that begins sparse and to one that is dense, and compares their counts with each other
  /// and with the truth.
  private static func growthSelfTest() -> String? {
    var sparse = HyperLogLog()
    var dense = HyperLogLog()
    do {
      try dense.makeDense()
      var checkpoint = 1
      for number in 1...elementCount {
        let element = withUnsafeBytes(of: UInt64(number).littleEndian) { bytes in
          Observation(of: ByteView(bytes.baseAddress.unsafelyUnwrapped, count: bytes.count))
        }
        _ = try sparse.add(element, sparseBytesMaximum: sparseBytesMaximum)
        _ = try dense.add(element, sparseBytesMaximum: sparseBytesMaximum)
        guard number == checkpoint else { continue }
        checkpoint += 1 + checkpoint / 3
        let counts = try [sparse, dense].map {
          try $0.withView { (view) throws(Corruption) in try view.count() }
        }
        if counts[0] != counts[1] { return "of \(number) elements one counts \(counts[0]), one \(counts[1])" }
        // Four times the standard error of 1.04 / sqrt(registers).
        let error = Double(counts[0]) - Double(number)
        if error.magnitude > 2 + Double(number) * 4 * 1.04 / Double(registerCount).squareRoot() {
          return "\(number) elements are counted as \(counts[0])"
        }
      }
    } catch {
      return "a sketch of \(elementCount) elements is not valid"
    }
    return sparse.encoding == .dense ? nil : "a sketch of \(elementCount) elements is still sparse"
  }
}
