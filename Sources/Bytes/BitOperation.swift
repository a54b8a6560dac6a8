/// Combining byte strings bit by bit, as BITOP does. Shorter strings count as if zeros followed.
public enum BitOperation: Sendable {
  /// Set in all strings, in any, in an odd number of them.
  case and, or, xor
  /// Clear in the one string.
  case not
  /// Set in the first string and in no other.
  case difference
  /// Set in some string, but not in the first.
  case reverseDifference
  /// Set in the first string and in some other.
  case andOr
  /// Set in exactly one string.
  case one

  /// Bytes of the result that are made at a time: it and what goes into it stay in the processor's first cache.
  static let blockBytes = 8_192

  /// Writes the combination of `sources`, of which there is at least one, to `target`, which is as long as the longest
  /// of them and overlaps none.
  public func combine<Source: ByteViewable>(
    _ sources: [Source], into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard let start = target.baseAddress, !sources.isEmpty else { return }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.blockBytes) { scratch in
      for offset in stride(from: 0, to: target.count, by: Self.blockBytes) {
        let count = min(target.count - offset, Self.blockBytes)
        combineBlock(
          UnsafeMutableBufferPointer(start: start + offset, count: count), of: sources, at: offset,
          scratch: scratch.baseAddress.unsafelyUnwrapped)
      }
    }
  }

  private func combineBlock<Source: ByteViewable>(
    _ block: UnsafeMutableBufferPointer<UInt8>, of sources: [Source], at offset: Int,
    scratch: UnsafeMutablePointer<UInt8>
  ) {
    let target = block.baseAddress.unsafelyUnwrapped
    func withPart(_ source: Source, _ body: (ByteView) -> Void) {
      source.withBytes { bytes in
        body(bytes[min(offset, bytes.count)..<min(offset + block.count, bytes.count)])
      }
    }
    let first = sources[0]
    let others = sources.dropFirst()
    switch self {
    case .and:
      withPart(first) { fill(block, with: $0) }
      for source in others { withPart(source) { intersect(block, $0) } }
    case .or:
      withPart(first) { fill(block, with: $0) }
      for source in others { withPart(source) { update(target, $0) { $0 | $1 } } }
    case .xor:
      withPart(first) { fill(block, with: $0) }
      for source in others { withPart(source) { update(target, $0) { $0 ^ $1 } } }
    case .not:
      withPart(first) { fill(block, with: $0) }
      update(target, ByteView(start: target, count: block.count)) { _, word in ~word }
    case .difference:
      withPart(first) { fill(block, with: $0) }
      for source in others { withPart(source) { update(target, $0) { $0 & ~$1 } } }
    case .reverseDifference:
      block.update(repeating: 0)
      for source in others { withPart(source) { update(target, $0) { $0 | $1 } } }
      withPart(first) { update(target, $0) { $0 & ~$1 } }
    case .andOr:
      block.update(repeating: 0)
      for source in others { withPart(source) { update(target, $0) { $0 | $1 } } }
      withPart(first) { intersect(block, $0) }
    case .one:
      // `scratch` has the bits that were met more than once.
      withPart(first) { fill(block, with: $0) }
      scratch.update(repeating: 0, count: block.count)
      for source in others {
        withPart(source) { part in
          mark(scratch, whereBoth: target, part)
          update(target, part) { $0 ^ $1 }
        }
      }
      update(target, ByteView(start: scratch, count: block.count)) { $0 & ~$1 }
    }
  }

  private func fill(_ block: UnsafeMutableBufferPointer<UInt8>, with source: ByteView) {
    let target = block.baseAddress.unsafelyUnwrapped
    copyBytes(from: source.start, to: target, source.count)
    (target + source.count).update(repeating: 0, count: block.count - source.count)
  }

  private func intersect(_ block: UnsafeMutableBufferPointer<UInt8>, _ source: ByteView) {
    let target = block.baseAddress.unsafelyUnwrapped
    update(target, source) { $0 & $1 }
    (target + source.count).update(repeating: 0, count: block.count - source.count)
  }

  /// Replaces each byte of `target` by what `combination` makes of it and the source's: word by word, which the
  /// compiler turns into vectors.
  @inline(__always)
  private func update(
    _ target: UnsafeMutablePointer<UInt8>, _ source: ByteView, _ combination: (UInt64, UInt64) -> UInt64
  ) {
    let to = UnsafeMutableRawPointer(target)
    let from = UnsafeRawPointer(source.start)
    let words = source.count >> 3
    for word in 0..<words {
      let combined = combination(
        to.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self),
        from.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self))
      to.storeBytes(of: combined, toByteOffset: word &* 8, as: UInt64.self)
    }
    for index in (words &* 8)..<source.count {
      target[index] = UInt8(
        truncatingIfNeeded: combination(UInt64(target[index]), UInt64(source.start[index])))
    }
  }

  /// Sets the bits of `target` that both others have.
  private func mark(
    _ target: UnsafeMutablePointer<UInt8>, whereBoth first: UnsafePointer<UInt8>, _ second: ByteView
  ) {
    for index in 0..<second.count { target[index] |= first[index] & second.start[index] }
  }
}

/// Something that can show its bytes: a view, or an array.
public protocol ByteViewable {
  /// Calls `body` with a view of the bytes, which is valid only then.
  func withBytes<Result>(_ body: (ByteView) -> Result) -> Result
}

extension ByteView: ByteViewable {
  public func withBytes<Result>(_ body: (ByteView) -> Result) -> Result { body(self) }
}

extension [UInt8]: ByteViewable {
  public func withBytes<Result>(_ body: (ByteView) -> Result) -> Result {
    withUnsafeBufferPointer { buffer in
      // An empty array may have no storage; an empty view's start is never read.
      body(buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView(""))
    }
  }
}
