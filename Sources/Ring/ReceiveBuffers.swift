import CUring
import Glibc

/// The buffers that the kernel receives into: it takes the next free one when bytes arrive, so a connection
/// that says nothing costs no buffer.
///
/// The kernel goes round all buffers that it has. So it is given few, and more when it has run dry: what has never been needed is
/// never touched, and takes neither memory nor the processor's cache.
public struct ReceiveBuffers: ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring_buf_ring>
  private let ringBytes: Int
  private let bytes: UnsafeMutableRawPointer
  public let count: Int
  public let size: Int
  public let group: UInt16
  /// Buffers that are in use: with the kernel, or held.
  public private(set) var circulatingCount: Int
  /// Buffers that are with the loop or a command, not with the kernel.
  public private(set) var heldCount = 0

  /// Buffers in use at first.
  public static let firstCount = 16

  /// - Parameters:
  ///   - memory: `count * size` bytes that outlive the value.
  ///   - count: a power of two.
  public init(_ uring: borrowing Uring, memory: UnsafeMutableRawPointer, count: Int, size: Int, group: UInt16)
    throws(RingError)
  {
    self.count = count
    self.size = size
    self.group = group
    bytes = memory
    ringBytes = count * MemoryLayout<io_uring_buf>.stride
    ring = try Self.makeRing(uring, count: count, group: group)
    circulatingCount = 0
    circulate(min(count, Self.firstCount))
  }

  private static func makeRing(
    _ uring: borrowing Uring, count: Int, group: UInt16
  ) throws(RingError) -> UnsafeMutablePointer<io_uring_buf_ring> {
    let byteCount = count * MemoryLayout<io_uring_buf>.stride
    guard
      let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapped != MAP_FAILED
    else { throw RingError(code: errno, operation: "mmap") }
    let ring = mapped.bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    io_uring_buf_ring_init(ring)
    do throws(RingError) {
      try uring.registerBufferRing(mapped, entries: count, group: group)
    } catch {
      munmap(mapped, byteCount)
      throw error
    }
    return ring
  }

  deinit { munmap(ring, ringBytes) }

  /// The bytes of a buffer.
  @inline(__always)
  public func buffer(_ identifier: Int) -> UnsafeMutablePointer<UInt8> {
    (bytes + identifier &* size).assumingMemoryBound(to: UInt8.self)
  }

  /// Notes that a completion handed a buffer to the loop.
  @inline(__always)
  public mutating func take() { heldCount += 1 }

  /// Gives a buffer back to the kernel.
  @inline(__always)
  public mutating func recycle(_ identifier: Int) {
    add(identifier, offset: 0)
    io_uring_buf_ring_advance(ring, 1)
    heldCount -= 1
  }

  /// Takes more buffers into use, as many as there are already, if that many are left. To be called when the kernel has run dry.
  public mutating func extend() { circulate(min(circulatingCount, count - circulatingCount)) }

  private mutating func circulate(_ added: Int) {
    for offset in 0..<added { add(circulatingCount + offset, offset: offset) }
    io_uring_buf_ring_advance(ring, Int32(added))
    circulatingCount += added
  }

  @inline(__always)
  private func add(_ identifier: Int, offset: Int) {
    io_uring_buf_ring_add(
      ring, buffer(identifier), UInt32(size), UInt16(identifier), io_uring_buf_ring_mask(UInt32(count)),
      Int32(offset))
  }
}
