import Glibc
import TestSupport
import Testing

@testable import Statistics

@Suite struct ProcessMemoryTests {
  @Test func residentMemoryGrowsWithTouchedPages() async {
    // In a process of its own: others' tests take and give back memory at the same time.
    await #expect(processExitsWith: .success) {
      let byteCount = 64 << 20
      let before = ProcessMemory.residentByteCount()
      #expect(before > 1 << 20)
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
      defer { block.deallocate() }
      for offset in stride(from: 0, to: byteCount, by: 1024) { block[offset] = 1 }
      #expect(ProcessMemory.residentByteCount() > before + UInt64(byteCount / 4 * 3))
    }
  }

  @Test func systemMemoryIsWhatMeminfoSays() throws {
    let text = try #require(SmallFile.text(path: "/proc/meminfo"))
    let digits = text.drop { !$0.isNumber }.prefix { $0.isNumber }
    let kilobytes = try #require(UInt64(digits))
    #expect(ProcessMemory.totalSystemByteCount() == kilobytes * 1024)
    #expect(ProcessMemory.availableByteCount() <= ProcessMemory.totalSystemByteCount())
    #expect(ProcessMemory.availableByteCount() > ProcessMemory.residentByteCount())
  }

  @Test func statmOddities() {
    #expect(ProcessMemory.residentPageCount(statm: "9000 123 4 5 0 6 0\n") == 123)
    #expect(ProcessMemory.residentPageCount(statm: "") == 0)
    #expect(ProcessMemory.residentPageCount(statm: "1 x") == 0)
    #expect(SmallFile.text(path: "/nonexistent") == nil)
    #expect(SmallFile.text(path: "/proc") == nil)
  }

  @Test func controlGroupLimitIsTheSmallestOnTheWayUp() throws {
    var template = Array("/tmp/statistics-cgroup-XXXXXX".utf8CString)
    let root = try #require(mkdtemp(&template).map { String(cString: $0) })
    var made: [String] = []
    func makeFolder(_ path: String) {
      #expect(mkdir(root + path, 0o700) == 0)
      made.append(root + path)
    }
    func makeFile(_ path: String, _ text: String) throws {
      let file = try #require(fopen(root + path, "w"))
      fputs(text, file)
      fclose(file)
      made.append(root + path)
    }
    defer {
      for path in made.reversed() { remove(path) }
      remove(root)
    }
    makeFolder("/outer")
    makeFolder("/outer/inner")
    makeFolder("/memory")
    try makeFile("/outer/inner/memory.max", "max\n")
    try makeFile("/outer/memory.max", "3000000\n")
    try makeFile("/memory.max", "5000000\n")
    try makeFile("/memory/memory.limit_in_bytes", "2000000\n")

    func limit(_ groups: String) -> UInt64? {
      ProcessMemory.controlGroupLimitByteCount(groups: groups, root: root)
    }
    #expect(limit("0::/outer/inner\n") == 3_000_000)
    #expect(limit("0::/\n") == 5_000_000)
    #expect(limit("0::/not/mounted/here\n") == 5_000_000)
    #expect(limit("9:cpu,memory:/docker/abc\n0::/outer\n") == 2_000_000)
    #expect(limit("9:cpu:/\n") == nil)
    #expect(limit("nonsense\n") == nil)
    try makeFile("/memory/memory.limit_in_bytes", "9223372036854771712\n")
    #expect(limit("9:memory:/\n") == nil)
  }
}

@Suite struct ProcessorTimesTests {
  @Test func workShowsInThreadAndProcess() {
    let threadBefore = ProcessorTimes.ofCurrentThread()
    let processBefore = ProcessorTimes.ofProcess()
    var random = SeededRandom(seed: 1)
    var sum: UInt64 = 0
    while ProcessorTimes.ofCurrentThread().userMicroseconds < threadBefore.userMicroseconds + 20_000 {
      for _ in 0..<1000 { sum &+= random.next() }
    }
    #expect(sum != 0)
    let process = ProcessorTimes.ofProcess()
    #expect(process.userMicroseconds >= processBefore.userMicroseconds + 15_000)
    var merged = processBefore
    merged.merge(threadBefore)
    #expect(merged.userMicroseconds == processBefore.userMicroseconds + threadBefore.userMicroseconds)
    #expect(merged.systemMicroseconds == processBefore.systemMicroseconds + threadBefore.systemMicroseconds)
  }

  @Test func secondsHaveSixDecimals() {
    #expect(ProcessorTimes.secondsText(microseconds: 0) == "0.000000")
    #expect(ProcessorTimes.secondsText(microseconds: 11_269) == "0.011269")
    #expect(ProcessorTimes.secondsText(microseconds: 12_000_001) == "12.000001")
  }
}
