import Heap
import TestSupport
import Testing

@Suite("The survey of a shard's heap")
struct HeapSurveyTests {
  @Test("is the whole walk as long as that is short")
  func small() {
    withHeap(mustBeEmptied: false) { heap in
      for size in 1...500 {
        _ = heap.allocate(size * 7, for: Purpose.allCases[size % Purpose.allCases.count])
      }
      #expect(heap.survey() == heap.report())
    }
  }

  @Test("finds the gaps among the first areas: full areas come last")
  func fullAreasComeLast() {
    withHeap(mustBeEmptied: false) { heap in
      for _ in 0..<60_000 { _ = heap.allocate(64, for: .dataset) }
      _ = heap.allocate(5_000, for: .clients)
      let whole = heap.report()
      // Far fewer than there are: 60,000 blocks of 64 bytes fill about sixty areas.
      let survey = heap.survey(areaMaximum: 8)
      #expect(survey.liveBytesByPurpose == whole.liveBytesByPurpose)
      #expect(survey.areas.used == whole.areas.used)
      #expect(survey.areas.committed == whole.areas.committed)
    }
  }

  @Test("stops at its limit, counts all live bytes all the same, and takes what it has not seen to be full")
  func stops() {
    withHeap(mustBeEmptied: false) { heap in
      var blocks: [UnsafeMutableRawPointer] = []
      for _ in 0..<100_000 { blocks.append(heap.allocate(64, for: .dataset)) }
      for (index, block) in blocks.enumerated() where index % 2 == 0 { heap.free(block, for: .dataset) }
      let whole = heap.report().areas
      var last = 0
      for areaMaximum in [0, 1, 10, 50, 1_000] {
        let areas = heap.survey(areaMaximum: areaMaximum).areas
        #expect(areas.used == whole.used)
        #expect(areas.committed >= max(areas.used, last), "\(areaMaximum)")
        #expect(areas.committed <= whole.committed)
        last = areas.committed
      }
      #expect(last == whole.committed)
      #expect(!heapsAreMimalloc || whole.committed > whole.used * 19 / 10)
    }
  }

  @Test("costs no more for a heap a hundred times larger")
  func cost() {
    withHeap(mustBeEmptied: false) { heap in
      for _ in 0..<20_000 { _ = heap.allocate(1_024, for: .dataset) }
      let few = (0..<20).map { _ in processorTime { _ = heap.survey(areaMaximum: 4) } }.min() ?? .zero
      for _ in 0..<400_000 { _ = heap.allocate(1_024, for: .dataset) }
      let many = (0..<20).map { _ in processorTime { _ = heap.survey(areaMaximum: 4) } }.min() ?? .zero
      #expect(many < few * 20 + .microseconds(100))
    }
  }
}
