import Testing

/// `#expect(actual == expected)` for loops of many thousand turns, where the macro takes long.
public func expectEqual<Value: Equatable>(
  _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if actual != expected {
    Issue.record("\(actual) instead of \(expected): \(comment())", sourceLocation: sourceLocation)
  }
}
