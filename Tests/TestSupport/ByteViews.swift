import Bytes

/// Calls `body` with a view of `bytes` in memory of their own.
///
/// Behind them stands a byte that is no digit and no NUL, so that reading on is noticed; where the address sanitizer
/// watches, nothing stands behind them.
public func withView<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
  let guardCount = heapsAreMimalloc ? 1 : 0
  let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + guardCount)
  defer { block.deallocate() }
  block.initialize(from: bytes, count: bytes.count)
  if guardCount > 0 { block[bytes.count] = 0xee }
  return try body(ByteView(start: block, count: bytes.count))
}

public func withView<Result>(_ text: String, _ body: (ByteView) throws -> Result) rethrows -> Result {
  try withView(Array(text.utf8), body)
}
