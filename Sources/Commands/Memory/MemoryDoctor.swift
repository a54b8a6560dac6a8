import Engine
import Statistics

/// What is wrong with the server's memory, with the evidence and the command that helps.
enum MemoryDoctorCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "doctor", arity: -2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "4.0.0",
    summary: "Looks for problems with memory and says what helps.",
    complexity: "O(N) where N is the number of shards and clients.",
    arguments: [.token("JSON", optional: true)])

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    let wantsJSON = arguments.count == 3 && arguments.isWord("json", at: 2)
    // Redis knows no arguments: what it would refuse is refused in its words.
    guard arguments.count == 2 || wantsJSON else {
      return operation.reply.pointee.error(ErrorText.wrongArity("memory|doctor"))
    }
    let memory = await operation.memoryReport()
    let clients = ShardReport.sum(await operation.onEveryShard { ShardReport(of: $0, [.clients]) }).clients
    let settings = operation.server.configuration.settings
    let doctor = MemoryDoctor(
      report: memory.whole, shardBytes: memory.shards.map(\.allocatedBytes), clients: clients,
      maxMemoryBytes: settings.maxMemoryBytes, evicts: settings.maxMemoryPolicy != .noEviction,
      availableBytes: Int(clamping: ProcessMemory.availableByteCount()))
    if wantsJSON {
      operation.reply.pointee.bulk(doctor.json.text)
    } else {
      operation.reply.pointee.verbatim(doctor.text)
    }
  }
}

/// The diagnoses of MEMORY DOCTOR, from figures alone.
struct MemoryDoctor {
  let report: MemoryReport
  /// Bytes allocated by each shard.
  let shardBytes: [Int]
  let clients: ClientTotals
  /// `maxmemory`; 0 if there is no limit.
  let maxMemoryBytes: Int
  /// Whether keys are evicted when memory is full: then it is always nearly full, and meant to be.
  let evicts: Bool
  /// The machine's memory, or the control group's limit.
  let availableBytes: Int

  /// One problem.
  struct Finding: Equatable {
    /// Its name, for programs.
    let identifier: String
    /// Its name, for people.
    let title: String
    /// The figures that show it.
    let evidence: String
    /// What to do.
    let remedy: String
    /// The evidence as numbers.
    var figures: [MemoryReport.Part] = []
  }

  /// From where on figures are a problem. Those that Redis has as well are as Redis has them.
  enum Threshold {
    /// Less than this, allocated since start-up, says nothing about ratios.
    static let judgeableBytes = 5 << 20
    /// The peak, over the total.
    static let peakRatio = 1.5
    /// Resident bytes, over allocated ones.
    static let totalFragmentationRatio = 1.4
    /// Any other ratio of bytes that should be about the same.
    static let ratio = 1.1
    /// The bytes that a ratio must amount to.
    static let wastedBytes = 10 << 20
    /// The same for what is resident beside the heaps: the libraries alone are about half of it.
    static let residentOverheadBytes = 64 << 20
    /// Buffers of a client, on average over all.
    static let averageClientBytes = 200 << 10
    /// Buffers of a single client.
    static let largestClientBytes = 32 << 20
    /// The share of a limit that is close to it.
    static let limitShare = 0.9
    /// The same where keys are evicted, which may lag behind by a hundredth.
    static let evictedShare = 1.01
    /// The fullest shard, over the average.
    static let skewRatio = 1.5
    /// The bytes that skew must amount to.
    static let skewBytes = 64 << 20
    /// Bytes of table for a key; a table that grows has about 15.
    static let tableBytesPerKey = 40
  }

  /// The reply.
  var text: String {
    let findings = self.findings
    if findings.isEmpty {
      return isJudgeable ? healthyText : emptyText
    }
    var text = "\(findings.count) problem\(findings.count == 1 ? "" : "s") found.\n"
    for (index, finding) in findings.enumerated() {
      text += "\n\(index + 1). \(finding.title): \(finding.evidence)\n   \(finding.remedy)\n"
    }
    return text
  }

  /// The reply for programs.
  var json: JSON {
    let findings = self.findings
    return .object([
      ("problems", .integer(findings.count)),
      ("judgeable", .boolean(isJudgeable)),
      ("total.allocated", .integer(report.totalAllocated)),
      ("rss", .integer(report.resident.byteCount)),
      ("dataset.bytes", .integer(report.datasetBytes)),
      (
        "findings",
        .array(
          findings.map { finding in
            .object([
              ("id", .string(finding.identifier)), ("title", .string(finding.title)),
              ("evidence", .string(finding.evidence)), ("remedy", .string(finding.remedy)),
              ("figures", .object(finding.figures.map { ($0.name, .integer($0.bytes)) })),
            ])
          })
      ),
    ])
  }

  /// Every problem there is, the most urgent first.
  var findings: [Finding] {
    // Limits, clients and wrong books are problems of an empty server, too; ratios are not.
    var found = [limit, machine, books, clientBuffers].compactMap { $0 }
    guard isJudgeable else { return found }
    let waste = [swapping, retained, areas, residentOverhead].compactMap { $0 }
    found += waste
    // What the parts explain need not be said of the whole.
    if waste.isEmpty, let fragmentation { found.append(fragmentation) }
    return found + [peak, skew, sparseTables].compactMap { $0 }
  }

  private var isJudgeable: Bool {
    max(report.totalAllocated, report.resident.anonymousByteCount) - report.startupAllocated
      >= Threshold.judgeableBytes
  }

  private var emptyText: String {
    """
    This server holds \(Self.bytes(report.totalAllocated)), \(Self.bytes(report.startupAllocated)) of them since its \
    start: too little for a diagnosis. Ask again when it holds data.

    """
  }

  private var healthyText: String {
    """
    No problem found: \(Self.bytes(report.totalAllocated)) are allocated, \
    \(Self.bytes(report.resident.byteCount)) resident, \(Self.bytes(report.datasetBytes)) are data.

    """
  }

  // MARK: Limits

  private var limit: Finding? {
    let counted = report.countedBytes
    let share = evicts ? Threshold.evictedShare : Threshold.limitShare
    guard maxMemoryBytes > 0, Double(counted) >= Double(maxMemoryBytes) * share else { return nil }
    let isOver = counted > maxMemoryBytes
    let consequence = evicts ? " Evictions do not keep up." : " Commands that add data are refused."
    return Finding(
      identifier: "memory-full",
      title: isOver ? "Memory is full" : "Memory is nearly full",
      evidence: """
        \(Self.bytes(counted)) count as data (maxmemory.counted), and maxmemory is \
        \(Self.bytes(maxMemoryBytes)).\(isOver ? consequence : "")
        """,
      remedy: """
        Delete keys or let them expire (EXPIRE): 'MEMORY TOP' shows the largest. Have others evicted with \
        'CONFIG SET maxmemory-policy <policy>', or raise the limit with 'CONFIG SET maxmemory <bytes>'.
        """,
      figures: [
        .init("maxmemory.counted", counted), .init("total.allocated", report.totalAllocated),
        .init("maxmemory", maxMemoryBytes),
      ])
  }

  private var machine: Finding? {
    let closeToLimit = Double(availableBytes) * Threshold.limitShare
    guard availableBytes > 0, Double(report.resident.byteCount) >= closeToLimit else { return nil }
    return Finding(
      identifier: "machine-short",
      title: "The machine is short of memory",
      evidence: """
        \(Self.bytes(report.resident.byteCount)) are resident of \(Self.bytes(availableBytes)) that the machine or \
        the control group has.
        """,
      remedy: """
        The system may kill the server: \(maxMemoryBytes == 0 ? "set a limit" : "lower the limit") with \
        'CONFIG SET maxmemory <bytes>', or give it more memory.
        """,
      figures: [.init("rss", report.resident.byteCount), .init("available", availableBytes)])
  }

  // MARK: Books

  /// What is counted and what is there must be the same, always.
  private var books: Finding? {
    let remainder = report.remainderBytes
    guard report.allocatorDifference != 0 || remainder != 0 else { return nil }
    return Finding(
      identifier: "books",
      title: "Books that do not agree",
      evidence: """
        the allocator's walk finds \(report.allocatorDifference) bytes more than are counted \
        (allocator.difference), and \(remainder) are counted for nothing known (remainder).
        """,
      remedy: "This is a fault of the server: please report it, with the reply of 'MEMORY AUDIT'.",
      figures: [.init("allocator.difference", report.allocatorDifference), .init("remainder", remainder)])
  }

  // MARK: Clients

  private var clientBuffers: Finding? {
    let bytes = clients.inputBytes + clients.outputBytes
    let average = clients.count > 0 ? bytes / clients.count : 0
    let largest = max(clients.largestInputBytes, clients.largestOutputBytes)
    guard average > Threshold.averageClientBytes || largest > Threshold.largestClientBytes else { return nil }
    return Finding(
      identifier: "client-buffers",
      title: "Large client buffers",
      evidence: """
        \(clients.count) clients hold \(Self.bytes(clients.inputBytes)) of input and \
        \(Self.bytes(clients.outputBytes)) of replies. The largest single input of late has been \
        \(Self.bytes(clients.largestInputBytes)), the largest single output \
        \(Self.bytes(clients.largestOutputBytes)).
        """,
      remedy: """
        'CLIENT LIST' shows whose they are (fields qbuf, omem and tot-mem), 'CLIENT KILL ID <id>' ends a client. \
        Limit them with client-output-buffer-limit and client-query-buffer-limit, and read large ranges in parts.
        """,
      figures: [
        .init("clients", clients.count), .init("input", clients.inputBytes),
        .init("output", clients.outputBytes), .init("largest.input", clients.largestInputBytes),
        .init("largest.output", clients.largestOutputBytes),
      ])
  }

  // MARK: Ratios

  private var swapping: Finding? {
    let missing = report.totalAllocated - report.resident.byteCount
    guard report.resident.byteCount > 0, missing > Threshold.wastedBytes,
      Self.exceeds(report.totalAllocated, report.resident.byteCount, Threshold.ratio)
    else { return nil }
    return Finding(
      identifier: "not-resident",
      title: "Memory that is not resident",
      evidence: """
        \(Self.bytes(report.totalAllocated)) are allocated, but only \(Self.bytes(report.resident.byteCount)) are \
        in physical memory: the rest was swapped out, or never written.
        """,
      remedy: """
        VmSwap in /proc/<process_id>/status tells which ('INFO server' has the process_id). If it is not 0, lower \
        the limit with 'CONFIG SET maxmemory <bytes>', or give the machine more memory.
        """,
      figures: [.init("total.allocated", report.totalAllocated), .init("rss", report.resident.byteCount)])
  }

  private var retained: Finding? {
    guard report.allocatorResidentBytes > Threshold.wastedBytes,
      report.allocatorResidentRatio > Threshold.ratio
    else { return nil }
    return Finding(
      identifier: "retained-pages",
      title: "Free pages are kept",
      evidence: """
        \(Self.bytes(report.allocatorResident)) are resident for \(Self.bytes(report.allocatorActive)) of pages in \
        use (allocator-rss.ratio \(Self.ratio(report.allocatorResidentRatio))).
        """,
      remedy: "'MEMORY PURGE' gives free pages back to the system.",
      figures: [
        .init("allocator.resident", report.allocatorResident),
        .init("allocator.active", report.allocatorActive),
      ])
  }

  private var areas: Finding? {
    guard report.fragmentationBytes > Threshold.wastedBytes,
      report.fragmentationRatio > Threshold.ratio
    else { return nil }
    return Finding(
      identifier: "gaps",
      title: "Gaps within pages",
      evidence: """
        \(Self.bytes(report.allocatorActive)) of pages hold \(Self.bytes(report.allocatorAllocated)) of live \
        blocks (allocator-fragmentation.ratio \(Self.ratio(report.fragmentationRatio))).
        """,
      remedy: """
        Deleted keys left gaps, which new keys of like size will fill; 'MEMORY FRAGMENTATION' shows of which sizes. \
        'CONFIG SET activedefrag yes' has what lives between them moved together in idle moments.
        """,
      figures: [
        .init("allocator.active", report.allocatorActive),
        .init("allocator.allocated", report.allocatorAllocated),
      ])
  }

  private var residentOverhead: Finding? {
    guard report.residentOverheadBytes > Threshold.residentOverheadBytes,
      report.residentOverheadRatio > Threshold.ratio
    else { return nil }
    return Finding(
      identifier: "beside-heaps",
      title: "Resident memory beside the heaps",
      evidence: """
        \(Self.bytes(report.resident.byteCount)) are resident, \(Self.bytes(report.residentOverheadBytes)) of them \
        code and mapped files (rss-overhead.ratio \(Self.ratio(report.residentOverheadRatio))).
        """,
      remedy: "It is not the data's: /proc/<process_id>/smaps shows what is mapped.",
      figures: [
        .init("rss", report.resident.byteCount), .init("rss-overhead.bytes", report.residentOverheadBytes),
      ])
  }

  private var fragmentation: Finding? {
    guard report.totalFragmentationBytes > Threshold.wastedBytes,
      report.totalFragmentationRatio > Threshold.totalFragmentationRatio
    else { return nil }
    return Finding(
      identifier: "fragmentation",
      title: "Much more resident than allocated",
      evidence: """
        \(Self.bytes(report.resident.byteCount)) are resident for \(Self.bytes(report.totalAllocated)) allocated \
        (fragmentation \(Self.ratio(report.totalFragmentationRatio))).
        """,
      remedy: """
        The ratios of 'MEMORY STATS' tell where: allocator-fragmentation within pages, allocator-rss in free pages, \
        for which 'MEMORY PURGE' helps, rss-overhead in code and mapped files.
        """,
      figures: [.init("rss", report.resident.byteCount), .init("total.allocated", report.totalAllocated)])
  }

  private var peak: Finding? {
    guard Self.exceeds(report.peakAllocated, report.totalAllocated, Threshold.peakRatio) else { return nil }
    return Finding(
      identifier: "high-peak",
      title: "A high peak",
      evidence: """
        \(Self.bytes(report.peakAllocated)) were allocated once (peak.allocated), \
        \(Self.bytes(report.totalAllocated)) are now.
        """,
      remedy: """
        Ratios of resident to allocated memory may be high for that reason alone: 'MEMORY PURGE' gives back what can \
        be. 'MEMORY PEAK' shows what it was: size the machine, or maxmemory, for it.
        """,
      figures: [
        .init("peak.allocated", report.peakAllocated), .init("total.allocated", report.totalAllocated),
      ])
  }

  // MARK: Shards and tables

  private var skew: Finding? {
    guard shardBytes.count > 1,
      let fullest = shardBytes.indices.max(by: { shardBytes[$0] < shardBytes[$1] })
    else { return nil }
    let average = shardBytes.reduce(0, +) / shardBytes.count
    guard shardBytes[fullest] - average > Threshold.skewBytes,
      Self.exceeds(shardBytes[fullest], average, Threshold.skewRatio)
    else { return nil }
    return Finding(
      identifier: "uneven-shards",
      title: "Uneven shards",
      evidence: """
        shard \(fullest) holds \(Self.bytes(shardBytes[fullest])), the average of \(shardBytes.count) is \
        \(Self.bytes(average)).
        """,
      remedy: """
        Keys spread evenly, so a few of them must be very large: find them with 'MEMORY TOP', and split them. \
        'MEMORY SHARDS' shows what each shard holds.
        """,
      figures: [
        .init("shard", fullest), .init("shard.allocated", shardBytes[fullest]), .init("average", average),
      ])
  }

  private var sparseTables: Finding? {
    guard report.tableBytes > Threshold.wastedBytes,
      report.tableBytes / Threshold.tableBytesPerKey > report.keyCount
    else { return nil }
    return Finding(
      identifier: "sparse-tables",
      title: "Tables nearly empty",
      evidence: """
        \(Self.bytes(report.tableBytes)) of tables (overhead.db.hashtable.lut) hold \(report.keyCount) keys.
        """,
      remedy: """
        Many keys were deleted. Tables shrink by themselves, a little in each background turn; \
        'CONFIG SET hz <number>' with a higher number has it done sooner.
        """,
      figures: [.init("overhead.db.hashtable.lut", report.tableBytes), .init("keys.count", report.keyCount)])
  }

  // MARK: Figures

  private static func exceeds(_ larger: Int, _ smaller: Int, _ ratio: Double) -> Bool {
    Double(larger) > Double(smaller) * ratio
  }

  private static func bytes(_ count: Int) -> String {
    InfoText.humanReadable(byteCount: UInt64(max(0, count)))
  }

  private static func ratio(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}
