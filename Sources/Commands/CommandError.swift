import Bytes
import Engine

/// Why arguments are refused: the error reply that says so.
struct CommandError: Error {
  let text: StaticString

  init(_ text: StaticString) { self.text = text }
}

/// The number of a database, as COPY and MOVE take it.
func databaseIndex(_ argument: ByteView, count: Int) throws(CommandError) -> Int {
  guard let index = parseInt64(argument) else { throw CommandError(ErrorText.notAnInteger) }
  guard Int64(Int32.min)...Int64(Int32.max) ~= index else {
    throw CommandError("ERR value is out of range, value must between -2147483648 and 2147483647")
  }
  guard index >= 0, index < Int64(count) else { throw CommandError(ErrorText.invalidDatabase) }
  return Int(index)
}
