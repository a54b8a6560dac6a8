import Bytes
import Foundation
import Heap
import Testing

@testable import RESP

/// Memory whose last byte is the last one of a page, with a page behind it that nobody may touch: reading on ends
/// the process, with or without a sanitizer.
final class GuardedMemory {
  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int
  private let guardBytes: Int

  init(capacity: Int) {
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    guardBytes = pageBytes
    byteCount = (capacity + pageBytes - 1) / pageBytes * pageBytes
    guard
      let mapped = mmap(
        nil, byteCount + pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapped != MAP_FAILED, mprotect(mapped + byteCount, pageBytes, PROT_NONE) == 0
    else { preconditionFailure("no memory for a test") }
    memory = mapped
  }

  deinit { munmap(memory, byteCount + guardBytes) }

  /// Puts `bytes` at the very end. They stay until the next call.
  func place(_ bytes: some Collection<UInt8>) -> UnsafeMutablePointer<UInt8> {
    precondition(bytes.count <= byteCount, "too much for the guarded memory")
    let start = memory + (byteCount - bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
    return start.assumingMemoryBound(to: UInt8.self)
  }
}
