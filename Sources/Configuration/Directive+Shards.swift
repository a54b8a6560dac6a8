extension Directive {
  /// Threads and their rings: directives that Redis does not have.
  static let shards: [Directive] = [
    .integer(
      "shards", \.shardCount, 0...1024, isMutable: false,
      summary: "number of shards, each with a thread of its own; 0 makes one per usable core"),
    .boolean(
      "pin-threads", \.pinThreads, isMutable: false,
      summary: "keep each shard's thread on one core"),
    .integer(
      "ring-entries", \.ringEntries, 64...32768, isPowerOfTwo: true, isMutable: false,
      summary: "submission entries of each shard's io_uring"),
    .integer(
      "receive-buffers", \.receiveBufferCount, 16...32768, isPowerOfTwo: true, isMutable: false,
      summary: "buffers each shard provides for receiving"),
    .memory(
      "receive-buffer-size", \.receiveBufferBytes, 4 << 10...1 << 20, isPowerOfTwo: true, isMutable: false,
      summary: "size of each receive buffer"),
    .integer(
      "shard-spin-microseconds", \.shardSpinMicroseconds, 0...1000,
      summary: "how long a shard spins for another shard's reply before it sleeps"),
  ]
}
