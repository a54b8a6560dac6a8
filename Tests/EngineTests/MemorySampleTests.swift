import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("What memory consists of, at its peak and over the last hour")
struct MemorySampleTests {
  /// A sample with one block of clients' memory.
  private func sample(time: Int64, bytes: Int) -> MemorySample {
    var sample = MemorySample(time: time)
    sample.bytesByPurpose[Purpose.clients.rawValue] = bytes
    sample.runtimeBytes = 10
    return sample
  }

  // MARK: Peak

  @Test("keeps the highest sample, and not a later one that is as high")
  func peak() {
    withCluster(shardCount: 2) { cluster in
      for (time, bytes) in [(1, 100), (2, 300), (3, 300), (4, 200)] {
        cluster.server.recordPeak(sample(time: Int64(time), bytes: bytes))
      }
      #expect(cluster.server.peak == sample(time: 2, bytes: 300))
      #expect(cluster.server.peakBytes.load(ordering: .relaxed) == 310)
    }
  }

  @Test("finds the peak in what the shards have published, with what it consisted of")
  func publishedPeak() {
    withCluster(shardCount: 3) { cluster in
      for (index, shard) in cluster.shards.enumerated() {
        cluster.server.liveBytes[index].store(shard.pointee.heap.liveBytes + 7)
        cluster.server.publishedMemory[index].store(shard.pointee.heap, runtimeBytes: 7)
      }
      cluster.server.lookForPeak(time: 5)
      let peak = cluster.server.peak
      #expect(peak.time == 5)
      #expect(peak.runtimeBytes == 21)
      for purpose in Purpose.allCases {
        #expect(peak[purpose] == cluster.shards.reduce(0) { $0 + $1.pointee.heap.liveBytes(purpose) })
      }
      #expect(peak.totalBytes == cluster.server.publishedLiveBytes)
    }
  }

  // MARK: History

  @Test("keeps the rows of the last hour, the oldest first, and no more")
  func history() {
    withHeap { heap in
      var history = MemoryHistory(heap: heap)
      defer { history.release() }
      #expect(history.rows(countMaximum: .max) == [])
      #expect(history.isDue(at: 0))
      let rows = (0..<1_000).map { number in
        MemoryHistoryRow(
          sample: sample(time: Int64(number) * MemoryHistory.interval, bytes: number),
          residentBytes: number * 2)
      }
      for row in rows { history.append(row) }
      #expect(history.count == 360)
      #expect(history.rows(countMaximum: .max) == Array(rows.suffix(360)))
      #expect(history.rows(countMaximum: 2) == Array(rows.suffix(2)))
      #expect(history.rows(countMaximum: 0) == [])
      #expect(history.rows(countMaximum: -1) == [])
      let last = rows[999].sample.time
      #expect(!history.isDue(at: last + MemoryHistory.interval - 1))
      #expect(history.isDue(at: last + MemoryHistory.interval))
      #expect(history.isDue(at: last - 1), "the clock was set back")
      #expect(heap.liveBytes == history.allocatedBytes)
    }
  }

  // MARK: The rest of what is resident

  @Test("knows how much of the stack is in use")
  func stack() {
    let stack = ThreadStack()
    let before = stack.residentBytes
    #expect(before > 0)
    // Frames of some hundred kilobytes in all.
    func descend(_ depth: Int) -> Int {
      withUnsafeTemporaryAllocation(byteCount: 1_000, alignment: 16) { memory in
        memory[0] = UInt8(truncatingIfNeeded: depth)
        return depth == 0 ? 0 : descend(depth - 1) + Int(memory[0]) & 1
      }
    }
    _ = descend(200)
    #expect(stack.residentBytes >= before + 150_000)
  }
}
