import Bytes
import Engine
import Geography
import Keyspace
import RESP

/// Why a geo command is refused: the error reply that says so.
struct GeoRefusal: Error {
  let text: String

  init(_ text: StaticString) { self.text = "\(text)" }

  init(_ text: String) { self.text = text }
}

extension GeoCoordinates {
  /// The longitude and the latitude at `index` and behind it.
  init(_ arguments: Arguments, at index: Int) throws(GeoRefusal) {
    guard let longitude = parseDouble(arguments[index]), let latitude = parseDouble(arguments[index + 1])
    else {
      throw GeoRefusal(ErrorText.notAFloat)
    }
    self.init(longitude: longitude, latitude: latitude)
    guard isIndexable else {
      let shown = [longitude, latitude].map { value in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: fixedBytesMax) { text in
          let start = text.baseAddress.unsafelyUnwrapped
          return ByteView(start: start, count: writeFixed(value, fractionDigits: 6, to: start)).string
        }
      }
      throw GeoRefusal("ERR invalid longitude,latitude pair \(shown[0]),\(shown[1])")
    }
  }
}

extension GeoUnit {
  init(_ word: ByteView) throws(GeoRefusal) {
    if word.equalsIgnoringCase("m") {
      self = .meters
    } else if word.equalsIgnoringCase("km") {
      self = .kilometers
    } else if word.equalsIgnoringCase("ft") {
      self = .feet
    } else if word.equalsIgnoringCase("mi") {
      self = .miles
    } else {
      throw GeoRefusal("ERR unsupported unit provided. please use M, KM, FT, MI" as StaticString)
    }
  }
}

/// A unit of length, as COMMAND DOCS describes it.
func geoUnitArgument(optional: Bool = false) -> ArgumentSpecification {
  .init("unit", .oneOf, optional: optional, [.token("M"), .token("KM"), .token("FT"), .token("MI")])
}

extension Entry {
  /// Where a member of a geo index is; nil if the index does not have it.
  func place(of member: ByteView) -> GeoCoordinates? {
    score(of: Element(member)).map { GeoCell(score: $0).center }
  }
}

extension KeyCall {
  /// The geo index whose key stands at `index`; nil if there is none.
  func geoIndex(_ index: Int) throws(GeoRefusal) -> Entry? {
    switch find(key(index), .sortedSet, for: .read) {
    case .missing: return nil
    case .otherType: throw GeoRefusal(ErrorText.wrongType)
    case .entry(let entry): return entry
    }
  }
}

extension ReplyBuffer {
  /// Longitude and latitude.
  mutating func place(_ place: GeoCoordinates) {
    array(2)
    coordinate(place.longitude)
    coordinate(place.latitude)
  }

  /// A double in plain decimals: RESP3 `,`, RESP2 a bulk string.
  private mutating func coordinate(_ value: Double) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: fixedBytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      let text = ByteView(start: start, count: writeTrimmed(value, to: start))
      if version == .resp3 {
        append(ByteView(","))
        append(text)
        append(ByteView("\r\n"))
      } else {
        bulk(text)
      }
    }
  }

  /// A bulk string of a distance, with four digits behind the point.
  mutating func bulk(distance: Double) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: fixedBytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      bulk(ByteView(start: start, count: writeFixed(distance, fractionDigits: 4, to: start)))
    }
  }
}
