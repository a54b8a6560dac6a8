/// Bytes as a test's text shows them.
public func shown(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    switch byte {
    case 0x0d: "\\r"
    case 0x0a: "\\n"
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    default: "\\x" + String(byte, radix: 16)
    }
  }.joined()
}

/// A command in the protocol's form.
public func encoded(_ arguments: [[UInt8]]) -> [UInt8] {
  var bytes = Array("*\(arguments.count)\r\n".utf8)
  for argument in arguments { bytes += Array("$\(argument.count)\r\n".utf8) + argument + [0x0d, 0x0a] }
  return bytes
}

public func encoded(_ arguments: [String]) -> [UInt8] { encoded(arguments.map { Array($0.utf8) }) }

public func encoded(_ arguments: String...) -> [UInt8] { encoded(arguments) }
