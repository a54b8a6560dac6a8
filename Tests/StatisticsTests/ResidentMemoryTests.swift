import Testing

@testable import Statistics

@Suite("Resident memory")
struct ResidentMemoryTests {
  @Test("is the second number of statm, and what is no file's is that less the third")
  func statm() {
    let memory = ResidentMemory(statm: "26840 9713 2813 348 0 477724 0\n", pageByteCount: 4_096)
    #expect(memory.byteCount == 9_713 * 4_096)
    #expect(memory.anonymousByteCount == 6_900 * 4_096)
  }

  @Test("is none, and never negative, where statm makes no sense", arguments: ["", "1", "x y z", "1 2 3"])
  func nonsense(statm: String) {
    let memory = ResidentMemory(statm: statm, pageByteCount: 4_096)
    #expect(memory.byteCount == (statm == "1 2 3" ? 8_192 : 0))
    #expect(memory.anonymousByteCount == 0)
  }

  @Test("grows by what is touched, and agrees with ProcessMemory")
  func now() async {
    // In a process of its own: others' tests take and give back memory at the same time.
    await #expect(processExitsWith: .success) {
      let touched = 64 << 20
      let before = ResidentMemory.now()
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: touched, alignment: 4_096)
      bytes.initializeMemory(as: UInt8.self, repeating: 1, count: touched)
      let after = ResidentMemory.now()
      #expect(abs(after.anonymousByteCount - before.anonymousByteCount - touched) < touched / 4)
      #expect(after.byteCount >= after.anonymousByteCount)
      #expect(abs(Int(ProcessMemory.residentByteCount()) - after.byteCount) < touched / 4)
      bytes.deallocate()
    }
  }
}
