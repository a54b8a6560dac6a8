import CIntrinsics
import Statistics

/// The stack of a loop's thread.
public struct ThreadStack: Sendable {
  private let lowest: UInt
  private let byteCount: Int

  /// The calling thread's.
  public init() {
    var byteCount = 0
    lowest = UInt(bitPattern: pantala_stack(&byteCount))
    self.byteCount = byteCount
  }

  /// How much of it is in physical memory.
  public var residentBytes: Int {
    UnsafeRawPointer(bitPattern: lowest).map { pantala_resident_stack_bytes($0, byteCount) } ?? 0
  }
}

extension ResidentMemory {
  /// What is resident now, and how much of it is variables of the program and its libraries: some fifty microseconds.
  static func detailed() -> ResidentMemory {
    var memory = ResidentMemory.now()
    memory.variableByteCount = pantala_resident_variable_bytes()
    return memory
  }
}
