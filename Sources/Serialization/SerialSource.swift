/// Where a reader gets bytes from that are not in memory as a whole: a file, or a replication link.
public protocol SerialSource {
  /// Puts the next bytes into `target`, as many as are there, and says how many; 0 at the end.
  mutating func read(into target: UnsafeMutableRawBufferPointer) throws(SerializationError) -> Int
}

/// Where a writer puts bytes that are not to be kept in memory as a whole.
public protocol SerialSink {
  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(SerializationError)
}
