import Testing

@testable import Commands

@Suite("Writing JSON")
struct JSONTests {
  @Test("writes values, and members in their order")
  func values() {
    let value = JSON.object([
      ("b", .integer(-1)), ("a", .array([.boolean(true), .boolean(false), .string("x")])), ("e", .array([])),
      ("o", .object([])),
    ])
    #expect(value.text == #"{"b":-1,"a":[true,false,"x"],"e":[],"o":{}}"#)
  }

  @Test("escapes what would end a string or may not stand in one")
  func escapes() {
    #expect(JSON.string("a\"b\\c\nd\u{1}\u{1f}é").text == #""a\"b\\c\nd\u0001\u001fé""#)
    #expect(JSON.object([("\"", .integer(0))]).text == #"{"\"":0}"#)
  }
}
