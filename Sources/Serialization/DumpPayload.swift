import Bytes
import Keyspace

/// What DUMP answers and RESTORE takes:
///
///     [type 1] [value …] [version of the format 2] [checksum of all that 8]
public enum DumpPayload {
  /// Bytes behind the value.
  public static let footerBytes = 10

  /// The payload of a value.
  public static func make(_ transfer: ValueTransfer, limits: CollectionLimits) -> [UInt8] {
    let value = SerialValue(transfer, limits: limits)
    var writer = SerialWriter()
    writer.write(byte: value.type.rawValue)
    writer.write(value)
    return seal(&writer, version: value.version)
  }

  /// The payload of a string, which needs no copy of its own.
  public static func make(string: ByteView) -> [UInt8] {
    var writer = SerialWriter()
    writer.write(byte: SerialType.string.rawValue)
    writer.write(string: string)
    return seal(&writer, version: SerialVersion.usual)
  }

  private static func seal(_ writer: inout SerialWriter, version: UInt16) -> [UInt8] {
    writer.write(integer: version)
    let checksum = writer.checksum
    writer.write(integer: checksum)
    return writer.bytes
  }

  /// The value of a payload. What has expired by `now` is left out; of a hash, nothing may remain. `unsupportedVersion` and `wrongChecksum` say that the payload is none, or not whole; all else
  /// that what it holds is no value.
  public static func read(_ payload: ByteView, now: Int64 = .min) throws(SerializationError) -> ValueTransfer
  {
    guard payload.count >= footerBytes else { throw .wrongChecksum }
    let content = payload[0..<payload.count - footerBytes]
    var footer = SerialReader(payload[content.count..<payload.count])
    let version = try footer.readInteger(UInt16.self)
    if version > SerialVersion.newest { throw .unsupportedVersion(version) }
    var checksum = CRC64()
    checksum.update(payload[0..<content.count + 2])
    guard try footer.readInteger(UInt64.self) == checksum.value else { throw .wrongChecksum }
    var reader = SerialReader(content)
    reader.now = now
    let type = try reader.readType()
    let value = try reader.readValue(of: type)
    guard try reader.isAtEnd else { throw .trailingBytes }
    return value
  }
}
