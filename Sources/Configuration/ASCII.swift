// Names and lines are handled as bytes: a `Character` would join CR and LF, and comparing strings would treat
// different spellings of one accented letter as the same.

extension String {
  /// The string with A-Z in lower case and everything else as it is.
  var asciiLowercased: String {
    String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self)
  }
}

extension UInt8 {
  /// The byte in lower case if it is one of A-Z.
  var asciiLowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }

  /// Whether C's `isspace` holds in the C locale.
  var isASCIISpace: Bool {
    self == UInt8(ascii: " ") || (0x09...0x0D).contains(self)
  }

  /// Whether C's `isprint` holds in the C locale.
  var isASCIIPrintable: Bool {
    (0x20...0x7E).contains(self)
  }
}
