import Glibc
import Synchronization

/// Address space that is held back for the moment in which the system refuses memory.
///
/// Where a limit is set on the process's address space (`ulimit -v`), an allocation can fail. What is under way must be brought to an
/// end all the same: then the reserve is given up, and the allocation tried again. Commands that add data are refused until there is
/// room for a new reserve. It takes no memory, only addresses.
public enum MemoryReserve {
  private struct Region: Sendable {
    var address: UInt = 0
    var byteCount = 0
    /// What it should have.
    var wantedBytes = 0
  }

  private static let region = Mutex(Region())

  /// Makes a reserve, or tries to make it again after it was given up. Returns whether there is one.
  @discardableResult
  public static func hold(_ byteCount: Int) -> Bool {
    region.withLock { region in
      region.wantedBytes = byteCount
      if region.byteCount >= byteCount { return true }
      release(&region)
      let address = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let address, address != MAP_FAILED else { return false }
      region.address = UInt(bitPattern: address)
      region.byteCount = byteCount
      return true
    }
  }

  /// Gives the reserve up. Returns whether there was one.
  static func giveUp() -> Bool {
    region.withLock { region in
      let had = region.byteCount > 0
      release(&region)
      return had
    }
  }

  private static func release(_ region: inout Region) {
    guard region.byteCount > 0 else { return }
    munmap(UnsafeMutableRawPointer(bitPattern: region.address), region.byteCount)
    region.byteCount = 0
  }

  /// Whether it was given up and not made again.
  public static var isMissing: Bool { region.withLock { $0.byteCount < $0.wantedBytes } }
}
