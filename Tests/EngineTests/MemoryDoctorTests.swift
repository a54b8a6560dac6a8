import Engine
import Heap
import Keyspace
import Statistics
import Testing

@testable import Commands

@Suite("The diagnoses of MEMORY DOCTOR")
struct MemoryDoctorTests {
  /// A server with 100 MB of data and nothing wrong, to be made ill in one way.
  private struct Patient {
    var dataBytes = 100 << 20
    var committedBytes = 101 << 20
    var tables = TableReport(keyCount: 1_000_000, tableBytes: 15 << 20, segmentCount: 1_920)
    var anonymousBytes = 119 << 20
    var fileBytes = 11 << 20
    var peakBytes = 0
    var otherShardBytes: Int?
    var clients = ClientTotals()
    var maxMemoryBytes = 0
    var evicts = false
    var availableBytes = 16 << 30

    var doctor: MemoryDoctor {
      var shards = [ShardMemory()]
      shards[0].heap.liveBytesByPurpose[Purpose.dataset.rawValue] = dataBytes
      shards[0].heap.liveBytesByPurpose[Purpose.tables.rawValue] = tables.tableBytes
      shards[0].heap.areas = HeapAreas(
        used: dataBytes + tables.tableBytes, committed: committedBytes + tables.tableBytes, reserved: 1 << 30)
      shards[0].databases = [tables]
      shards[0].keyBytes = dataBytes
      if let otherShardBytes {
        var other = ShardMemory()
        other.heap.liveBytesByPurpose[Purpose.dataset.rawValue] = otherShardBytes
        other.keyBytes = otherShardBytes
        other.heap.areas = HeapAreas(
          used: otherShardBytes, committed: otherShardBytes, reserved: otherShardBytes)
        shards.append(other)
      }
      return MemoryDoctor(
        report: MemoryReport(
          shards: shards,
          resident: ResidentMemory(
            byteCount: anonymousBytes + fileBytes, anonymousByteCount: anonymousBytes),
          startupBytes: 0, peakBytes: peakBytes),
        shardBytes: shards.map(\.allocatedBytes), clients: clients, maxMemoryBytes: maxMemoryBytes,
        evicts: evicts,
        availableBytes: availableBytes)
    }

    var titles: [String] { doctor.findings.map(\.title) }
  }

  @Test("finds nothing wrong with a healthy server")
  func healthy() {
    #expect(Patient().titles == [])
    #expect(Patient().doctor.text.hasPrefix("No problem found: 115.00M are allocated"))
  }

  @Test("does not judge an empty server by ratios, which say nothing there")
  func empty() {
    let patient = Patient(
      dataBytes: 1_000, committedBytes: 900_000, tables: TableReport(), anonymousBytes: 2 << 20,
      peakBytes: 9_000)
    #expect(patient.titles == [])
    #expect(patient.doctor.text.contains("too little for a diagnosis"))
  }

  @Test("names what is wrong, one thing at a time")
  func findings() {
    #expect(Patient(committedBytes: 120 << 20, anonymousBytes: 140 << 20).titles == ["Gaps within pages"])
    #expect(Patient(anonymousBytes: 140 << 20).titles == ["Free pages are kept"])
    #expect(Patient(fileBytes: 100 << 20).titles.contains("Resident memory beside the heaps"))
    #expect(Patient(anonymousBytes: 50 << 20).titles == ["Memory that is not resident"])
    #expect(
      Patient(dataBytes: 20 << 20, committedBytes: 20 << 20, anonymousBytes: 37 << 20, fileBytes: 30 << 20)
        .titles
        == ["Much more resident than allocated"])
    #expect(Patient(peakBytes: 200 << 20).titles == ["A high peak"])
    #expect(Patient(peakBytes: 170 << 20).titles == [])
    #expect(Patient(maxMemoryBytes: 120 << 20).titles == ["Memory is nearly full"])
    #expect(Patient(maxMemoryBytes: 110 << 20).titles == ["Memory is full"])
    #expect(Patient(maxMemoryBytes: 115 << 20, evicts: true).titles == [], "which is what eviction is for")
    #expect(Patient(maxMemoryBytes: 110 << 20, evicts: true).titles == ["Memory is full"])
    #expect(Patient(availableBytes: 140 << 20).titles == ["The machine is short of memory"])
    #expect(
      Patient(tables: TableReport(keyCount: 1_000, tableBytes: 15 << 20, segmentCount: 1_920)).titles
        == ["Tables nearly empty"])
    #expect(
      Patient(anonymousBytes: 620 << 20, otherShardBytes: 500 << 20).titles == ["Uneven shards"])
  }

  @Test("looks at the buffers of clients, on average and of the largest")
  func clientBuffers() {
    var patient = Patient()
    patient.clients.count = 100
    patient.clients.outputBytes = 10 << 20
    #expect(patient.titles == [])
    patient.clients.outputBytes = 30 << 20
    #expect(patient.titles == ["Large client buffers"])
    patient.clients.outputBytes = 0
    patient.clients.largestInputBytes = 33 << 20
    #expect(patient.titles == ["Large client buffers"])
  }

  @Test("gives the figures and a command with each finding")
  func evidence() {
    let patient = Patient(anonymousBytes: 300 << 20, maxMemoryBytes: 110 << 20)
    let text = patient.doctor.text
    #expect(text.hasPrefix("2 problems found.\n\n1. Memory is full: 115.00M count as data"))
    #expect(text.contains("maxmemory is 110.00M. Commands that add data are refused."))
    #expect(text.contains("'CONFIG SET maxmemory <bytes>'"))
    #expect(text.contains("\n2. Free pages are kept: 300.00M are resident for 116.00M of pages in use"))
    #expect(text.contains("'MEMORY PURGE'"))
    for finding in patient.doctor.findings {
      #expect(finding.remedy.contains("'"), "no command for: \(finding.title)")
    }
  }
}
