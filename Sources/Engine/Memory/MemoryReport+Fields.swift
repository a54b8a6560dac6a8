/// The report as MEMORY STATS shows it.
extension MemoryReport {
  /// A field's name and value.
  public struct Field: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
      case integer(Int)
      case double(Double)
      /// One database's own fields.
      case database([Field])
    }

    public let name: String
    public let value: Value

    init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// Every field, in the order of the reference.
  public var fields: [Field] {
    sumFields + databases.map(\.field) + overheadFields + allocatorFields + partFields + residentFields
  }

  private var sumFields: [Field] {
    [
      Field("peak.allocated", .integer(peakAllocated)),
      Field("total.allocated", .integer(totalAllocated)),
      Field("startup.allocated", .integer(startupAllocated)),
    ] + Self.overheadPurposes.map { Field("\($0.name)", .integer(heap[$0])) }
  }

  private var overheadFields: [Field] {
    [
      Field("overhead.db.hashtable.lut", .integer(tableBytes)),
      Field("overhead.db.hashtable.rehashing", .integer(rehashingBytes)),
      Field("overhead.total", .integer(overheadTotal)),
      Field("db.dict.rehashing.count", .integer(rehashingCount)),
      Field("keys.count", .integer(keyCount)),
      Field("keys.bytes-per-key", .integer(bytesPerKey)),
      Field("dataset.bytes", .integer(datasetBytes)),
      Field("dataset.percentage", .double(datasetPercentage)),
      Field("peak.percentage", .double(peakPercentage)),
    ]
  }

  private var allocatorFields: [Field] {
    [
      Field("allocator.allocated", .integer(allocatorAllocated)),
      Field("allocator.active", .integer(allocatorActive)),
      Field("allocator.resident", .integer(allocatorResident)),
      Field("allocator.muzzy", .integer(allocatorMuzzy)),
      Field("allocator-fragmentation.ratio", .double(fragmentationRatio)),
      Field("allocator-fragmentation.bytes", .integer(fragmentationBytes)),
      Field("allocator-rss.ratio", .double(allocatorResidentRatio)),
      Field("allocator-rss.bytes", .integer(allocatorResidentBytes)),
      Field("rss-overhead.ratio", .double(residentOverheadRatio)),
      Field("rss-overhead.bytes", .integer(residentOverheadBytes)),
      Field("fragmentation", .double(totalFragmentationRatio)),
      Field("fragmentation.bytes", .integer(totalFragmentationBytes)),
    ]
  }

  /// The parts of `total.allocated` that no field above shows, with what remains: this and the following are not Redis's.
  private var partFields: [Field] {
    let shown = Set(Self.overheadPurposes.map { "\($0.name)" })
    return allocatedParts.filter { !shown.contains($0.name) }.map { Field($0.name, .integer($0.bytes)) }
      + [
        Field("allocator.difference", .integer(allocatorDifference)),
        Field("maxmemory.counted", .integer(countedBytes)),
      ]
  }

  private var residentFields: [Field] {
    [Field("rss", .integer(resident.byteCount))]
      + residentParts.map { Field($0.name, .integer($0.bytes)) }
  }
}

extension MemoryReport.Database {
  fileprivate var field: MemoryReport.Field {
    MemoryReport.Field(
      "db.\(index)",
      .database([
        MemoryReport.Field("overhead.hashtable.main", .integer(tableBytes)),
        MemoryReport.Field("overhead.hashtable.expires", .integer(expiryBytes)),
      ]))
  }
}
