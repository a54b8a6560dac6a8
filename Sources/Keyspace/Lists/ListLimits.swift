/// How large a packed run of a list may become: what `list-max-listpack-size` says.
struct ListLimits {
  /// Bytes of a run.
  let byteCount: Int
  /// Elements of a run.
  let count: Int
  /// Up to how many bytes and elements a list that shrinks becomes compact again.
  let shrunkByteCount: Int
  let shrunkCount: Int

  /// Runs whose elements are limited may not have more bytes than this.
  private static let safeByteCount = 8_192
  /// What a listpack of Redis has beside its elements; counted, so that lists convert where they do there.
  private static let headerBytes = 7

  @inline(__always)
  init(_ packedSize: Int) {
    if packedSize < 0 {
      byteCount = 4_096 << min(-packedSize - 1, 4)
      count = CollectionForm.compactCountMaximum
      shrunkByteCount = byteCount / 2
      shrunkCount = count
    } else {
      byteCount = Self.safeByteCount
      count = min(max(packedSize, 1), CollectionForm.compactCountMaximum)
      shrunkByteCount = byteCount
      shrunkCount = count / 2
    }
  }

  /// Whether a list of `byteCount` bytes and `count` elements may be compact.
  @inline(__always)
  func allowCompact(byteCount: Int, count: Int) -> Bool {
    byteCount + Self.headerBytes <= self.byteCount && count <= self.count
  }

  /// Whether a list that has shrunk to this size is to become compact.
  @inline(__always)
  func suggestCompact(byteCount: Int, count: Int) -> Bool {
    byteCount + Self.headerBytes <= shrunkByteCount && count <= shrunkCount
  }
}

extension CollectionLimits {
  @inline(__always)
  var list: ListLimits { ListLimits(listPackedSize) }
}

/// An end of a list.
public enum ListEnd: Sendable {
  /// Left, where element 0 is.
  case head
  /// Right.
  case tail
}
