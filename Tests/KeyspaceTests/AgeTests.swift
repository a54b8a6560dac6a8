import Testing

@testable import Keyspace

@Suite("Ages of keys")
struct AgeTests {
  /// Sweeps once after each step of the clock.
  private func pass(_ keyspace: inout Keyspace, milliseconds: Int64, times: Int = 1) {
    for _ in 0..<times {
      keyspace.now += milliseconds
      _ = keyspace.sweep(segmentMaximum: .max, expires: true)
    }
  }

  private func age(_ keyspace: inout Keyspace, _ key: String) -> Int? {
    keyspace.withEntry(key) { $1.age }
  }

  private func averageIdleSeconds(_ keyspace: inout Keyspace, of count: Int) -> Int {
    (0..<count).reduce(0) { sum, number in
      sum + (keyspace.withEntry("key \(number)") { $0.idleSeconds(of: $1) } ?? 0)
    } / count
  }

  @Test("are 0 when a key is made, and rise while nobody touches it")
  func rising() {
    withKeyspace { keyspace in
      keyspace.set("key", "value")
      #expect(age(&keyspace, "key") == 0)
      var last = 0
      pass(&keyspace, milliseconds: 100)
      for _ in 0..<20 {
        pass(&keyspace, milliseconds: 40_000_000, times: 1)
        let now = age(&keyspace, "key") ?? -1
        #expect(now >= last && now <= 15)
        last = now
      }
      #expect(last == 15)
    }
  }

  @Test("go back to 0 when a key is read or written, and are left alone by a look")
  func touching() {
    withKeyspace { keyspace in
      for purpose in [LookupPurpose.read, .write] {
        keyspace.set("key", "value")
        pass(&keyspace, milliseconds: 60_000, times: 50)
        #expect((age(&keyspace, "key") ?? 0) > 3)
        _ = keyspace.get("key", for: .peek)
        #expect((age(&keyspace, "key") ?? 0) > 3)
        _ = keyspace.get("key", for: purpose)
        #expect(age(&keyspace, "key") == 0)
      }
    }
  }

  @Test("are left alone by clients that want to leave no trace")
  func noTouch() {
    withKeyspace { keyspace in
      keyspace.set("key", "value")
      pass(&keyspace, milliseconds: 60_000, times: 50)
      let old = age(&keyspace, "key")
      keyspace.leavesAges = true
      _ = keyspace.get("key", for: .read)
      _ = keyspace.get("key", for: .write)
      #expect(age(&keyspace, "key") == old)
      keyspace.leavesAges = false
      _ = keyspace.get("key", for: .read)
      #expect(age(&keyspace, "key") == 0)
    }
  }

  @Test("survive splits and merges of segments")
  func moving() {
    withKeyspace { keyspace in
      for number in 0..<100 { keyspace.set("key \(number)", "value") }
      pass(&keyspace, milliseconds: 60_000, times: 100)
      let ages = (0..<100).map { age(&keyspace, "key \($0)") }
      for number in 0..<10_000 { keyspace.set("other \(number)", "value") }
      #expect((0..<100).map { age(&keyspace, "key \($0)") } == ages)
      for number in 0..<10_000 { keyspace.delete("other \(number)") }
      // Passes without time between them raise no age.
      while keyspace.tableReport(in: 0).segmentCount > 1 {
        let before = keyspace.tableReport(in: 0).segmentCount
        keyspace.sweep.passMilliseconds = 0
        _ = keyspace.sweep(segmentMaximum: .max, expires: true)
        if keyspace.tableReport(in: 0).segmentCount == before { break }
      }
      #expect(keyspace.tableReport(in: 0).segmentCount == 1)
      #expect((0..<100).map { age(&keyspace, "key \($0)") } == ages)
    }
  }

  @Test(
    "tell for how long keys have not been touched, to within a factor of about two on the average",
    arguments: [(100, 60), (1_000, 600), (100, 1_000), (10_000, 10_000)] as [(Int64, Int)])
  func idleSeconds(passMilliseconds: Int64, seconds: Int) {
    withKeyspace { keyspace in
      let count = 500
      for number in 0..<count { keyspace.set("key \(number)", "value") }
      // The first pass only finds out how long one takes.
      keyspace.sweep.passStart = keyspace.now
      pass(&keyspace, milliseconds: passMilliseconds)
      pass(&keyspace, milliseconds: passMilliseconds, times: seconds * 1_000 / Int(passMilliseconds))
      let average = averageIdleSeconds(&keyspace, of: count)
      #expect(average >= seconds / 3 && average <= seconds * 3, "\(average)")
    }
  }
}
