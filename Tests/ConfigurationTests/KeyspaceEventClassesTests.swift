import Testing

@testable import Configuration

@Suite("The directive notify-keyspace-events")
struct KeyspaceEventClassesTests {
  @Test(
    "prints its letters in one order, whatever order they are given in",
    arguments: [
      ("", ""), ("KEA", "AKE"), ("Kg$lshzxetd", "AK"), ("mKE", "KEm"), ("xgK", "gxK"), ("nKE", "nKE"),
      ("KEAnm", "AKEmn"), ("dtexzhsl$g", "A"), ("KKK", "K"),
    ])
  func letters(given: String, printed: String) throws {
    let classes = try #require(KeyspaceEventClasses(letters: given))
    #expect(classes.text == printed)
    #expect(KeyspaceEventClasses(letters: printed) == classes)
  }

  @Test("takes no other letters", arguments: ["q", "KEA ", "k", "KEAé", "0"])
  func unknown(given: String) {
    #expect(KeyspaceEventClasses(letters: given) == nil)
  }

  @Test(
    "publishes only with a channel and a class",
    arguments: [("A", false), ("KE", false), ("Kg", true), ("Em", true)])
  func publishes(given: String, expected: Bool) throws {
    #expect(try #require(KeyspaceEventClasses(letters: given)).publishes == expected)
  }
}
