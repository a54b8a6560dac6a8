extension Directive {
  /// Up to which size collections are kept in their compact form. The names with `ziplist` are those of Redis before 7.
  static let collections: [Directive] = [
    .integer(
      "hash-max-listpack-entries", aliases: ["hash-max-ziplist-entries"], \.hashMaxListpackEntries,
      0...Int.max,
      summary: "fields a hash may have in its compact form"),
    .integer(
      "hash-max-listpack-value", aliases: ["hash-max-ziplist-value"], \.hashMaxListpackValue, 0...Int.max,
      summary: "bytes a field or value may have in a hash's compact form"),
    .integer(
      "list-max-listpack-size", aliases: ["list-max-ziplist-size"], \.listMaxListpackSize,
      Int(Int32.min)...Int(Int32.max),
      summary: "elements of a list's packed block; -1 to -5 for blocks of 4 to 64 KB"),
    .integer(
      "set-max-intset-entries", \.setMaxIntsetEntries, 0...Int.max,
      summary: "members a set of integers may have in its compact form"),
    .integer(
      "set-max-listpack-entries", \.setMaxListpackEntries, 0...Int.max,
      summary: "members a set may have in its compact form"),
    .integer(
      "set-max-listpack-value", \.setMaxListpackValue, 0...Int.max,
      summary: "bytes a member may have in a set's compact form"),
    .integer(
      "zset-max-listpack-entries", aliases: ["zset-max-ziplist-entries"], \.zsetMaxListpackEntries,
      0...Int.max,
      summary: "members a sorted set may have in its compact form"),
    .integer(
      "zset-max-listpack-value", aliases: ["zset-max-ziplist-value"], \.zsetMaxListpackValue, 0...Int.max,
      summary: "bytes a member may have in a sorted set's compact form"),
    .memory(
      "hll-sparse-max-bytes", \.hllSparseMaxBytes, 0...Int.max,
      summary: "bytes a HyperLogLog may have in its sparse form"),
    .memory(
      "stream-node-max-bytes", \.streamNodeMaxBytes, 0...Int.max,
      summary: "bytes of a stream's packed block; 0 sets no limit"),
    .integer(
      "stream-node-max-entries", \.streamNodeMaxEntries, 0...Int.max,
      summary: "entries of a stream's packed block; 0 sets no limit"),
  ]
}
