import Bytes

/// Changing sketches.
extension HyperLogLog {
  /// Adds an element. Returns whether a register rose; the count in the header is then out of date.
  ///
  /// - Parameter sparseBytesMaximum: a sparse sketch that would become longer becomes dense.
  public mutating func add(
    _ observation: Observation, sparseBytesMaximum: Int
  ) throws(Corruption) -> Bool {
    var cursor = SparseRegisters.Cursor()
    return try add(observation, sparseBytesMaximum: sparseBytesMaximum, from: &cursor)
  }

  private mutating func add(
    _ observation: Observation, sparseBytesMaximum: Int, from cursor: inout SparseRegisters.Cursor
  ) throws(Corruption) -> Bool {
    if encoding == .sparse {
      let step = try withView { (view) throws(Corruption) in try view.sparse.step(observation, from: &cursor)
      }
      switch step {
      case .none:
        return false
      case .edit(let edit) where edit.growth <= 0 || bytes.count + edit.growth <= sparseBytesMaximum:
        apply(edit)
        invalidateCount()
        return true
      case .edit, .makeDense:
        try makeDense()
      }
    }
    let isHigher = bytes.withUnsafeMutableBufferPointer { buffer in
      DenseRegisters(of: buffer.baseAddress.unsafelyUnwrapped).raise(observation)
    }
    if isHigher { invalidateCount() }
    return isHigher
  }

  public var encoding: Encoding { withView(\.encoding) }

  private mutating func apply(_ edit: SparseRegisters.Edit) {
    let start = Self.headerBytes + edit.offset
    bytes.replaceSubrange(
      start..<(start + edit.removedCount), with: (0..<edit.addedCount).lazy.map { edit.added[$0] })
    SparseRegisters.join(in: &bytes, from: Self.headerBytes + (edit.previousOffset ?? 0))
  }

  /// Makes a sparse sketch dense.
  public mutating func makeDense() throws(Corruption) {
    guard encoding == .sparse else { return }
    var dense = [UInt8](repeating: 0, count: Self.denseBytes)
    dense.replaceSubrange(0..<Self.headerBytes, with: bytes[0..<Self.headerBytes])
    dense[HyperLogLogView.encodingOffset] = Encoding.dense.rawValue
    try withView { (view) throws(Corruption) in
      try dense.withUnsafeMutableBufferPointer { (buffer) throws(Corruption) in
        let registers = DenseRegisters(of: buffer.baseAddress.unsafelyUnwrapped)
        try view.sparse.forEachRun { run in
          guard run.rank > 0 else { return }
          for register in run.first...run.last {
            _ = registers.raise(Observation(register: register, rank: run.rank))
          }
        }
      }
    }
    bytes = dense
  }

  /// Raises the registers to the given ranks: the sketch becomes that of the union.
  ///
  /// - Parameter ranks: `registerCount` of them.
  public mutating func raise(
    to ranks: UnsafePointer<UInt8>, sparseBytesMaximum: Int
  ) throws(Corruption) {
    var cursor = SparseRegisters.Cursor()
    for register in 0..<Self.registerCount where ranks[register] > 0 {
      _ = try add(
        Observation(register: register, rank: ranks[register]), sparseBytesMaximum: sparseBytesMaximum,
        from: &cursor)
    }
  }
}
