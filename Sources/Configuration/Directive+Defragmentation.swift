extension Directive {
  /// Bringing together what lies in memory with gaps.
  static let defragmentation: [Directive] = [
    .boolean(
      "activedefrag", \.activeDefragmentation,
      summary: "whether blocks are moved together, so that the memory between them goes back to the system"),
    .memory(
      "active-defrag-ignore-bytes", \.defragmentationIgnoredBytes, 1...Int.max,
      summary: "bytes lost between blocks below which nothing is moved"),
    .integer(
      "active-defrag-threshold-lower", \.defragmentationLowerPercentage, 0...1_000,
      summary: "percentage of lost bytes from which on blocks are moved"),
    .integer(
      "active-defrag-threshold-upper", \.defragmentationUpperPercentage, 0...1_000,
      summary: "percentage of lost bytes from which on the effort is the greatest"),
    .integer(
      "active-defrag-cycle-min", \.defragmentationMinimumEffort, 1...99,
      summary: "percentage of a shard's time that moving takes at the least"),
    .integer(
      "active-defrag-cycle-max", \.defragmentationMaximumEffort, 1...99,
      summary: "percentage of a shard's time that moving takes at the most"),
    .integer(
      "active-defrag-max-scan-fields", \.defragmentationScannedFields, 1...Int.max,
      summary: "elements up to which a large value is gone through at once"),
  ]
}
