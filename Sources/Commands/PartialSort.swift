extension Array {
  /// Sorts just so far that the elements at `wanted` are those that belong there, in their order.
  ///
  /// It is the quicksort of Bentley and McIlroy, "Engineering a Sort Function" (1993), which leaves alone the parts that
  /// nobody wants; COUNT and LIMIT take a few out of many. The order of equal elements, which it does not keep, is the
  /// one that clients of Redis see.
  ///
  /// - Parameter compare: below 0 if the first element comes first, above 0 if the second does.
  mutating func sortPartially(_ wanted: Range<Int>, by compare: (Element, Element) -> Int) {
    guard let last = wanted.last else { return }
    let first = wanted.lowerBound
    withUnsafeMutableBufferPointer { buffer in
      sortRun(of: buffer, 0..<buffer.count, wanted: first...last, compare)
    }
  }
}

/// Runs of fewer elements are sorted by insertion.
private let insertionMaximum = 7
/// From so many elements on the pivot is chosen among nine, not three.
private let ninthsMinimum = 40

private func sortRun<Element>(
  of elements: UnsafeMutableBufferPointer<Element>, _ run: Range<Int>, wanted: ClosedRange<Int>,
  _ compare: (Element, Element) -> Int
) {
  var run = run
  while run.count >= insertionMaximum {
    elements.swapAt(run.lowerBound, pivot(of: elements, run, compare))
    let (lower, upper) = partition(elements, run, compare)
    if lower.count > 1, wanted.overlaps(lower) { sortRun(of: elements, lower, wanted: wanted, compare) }
    guard upper.count > 1, wanted.overlaps(upper) else { return }
    run = upper
  }
  for end in run.dropFirst() {
    var place = end
    while place > run.lowerBound, compare(elements[place - 1], elements[place]) > 0 {
      elements.swapAt(place - 1, place)
      place -= 1
    }
  }
}

private func pivot<Element>(
  of elements: UnsafeMutableBufferPointer<Element>, _ run: Range<Int>, _ compare: (Element, Element) -> Int
) -> Int {
  func median(_ first: Int, _ second: Int, _ third: Int) -> Int {
    if compare(elements[first], elements[second]) < 0 {
      if compare(elements[second], elements[third]) < 0 { return second }
      return compare(elements[first], elements[third]) < 0 ? third : first
    }
    if compare(elements[second], elements[third]) > 0 { return second }
    return compare(elements[first], elements[third]) < 0 ? first : third
  }
  let (first, last) = (run.lowerBound, run.upperBound - 1)
  let middle = first + run.count / 2
  if run.count == insertionMaximum { return middle }
  if run.count <= ninthsMinimum { return median(first, middle, last) }
  let step = run.count / 8
  return median(
    median(first, first + step, first + 2 * step), median(middle - step, middle, middle + step),
    median(last - 2 * step, last - step, last))
}

/// Brings what is below the run's first element to the front and what is above it to the back, and returns where both
/// are; what is equal to it comes between them.
private func partition<Element>(
  _ elements: UnsafeMutableBufferPointer<Element>, _ run: Range<Int>, _ compare: (Element, Element) -> Int
) -> (lower: Range<Int>, upper: Range<Int>) {
  let first = run.lowerBound
  // Equal elements are gathered at both ends first: those before `equalEnd` and those behind `equalStart`.
  var (equalEnd, low) = (first + 1, first + 1)
  var (high, equalStart) = (run.upperBound - 1, run.upperBound - 1)
  while true {
    while low <= high {
      let order = compare(elements[low], elements[first])
      if order > 0 { break }
      if order == 0 {
        elements.swapAt(equalEnd, low)
        equalEnd += 1
      }
      low += 1
    }
    while low <= high {
      let order = compare(elements[high], elements[first])
      if order < 0 { break }
      if order == 0 {
        elements.swapAt(high, equalStart)
        equalStart -= 1
      }
      high -= 1
    }
    if low > high { break }
    elements.swapAt(low, high)
    low += 1
    high -= 1
  }
  let lowerCount = low - equalEnd
  let upperCount = equalStart - high
  exchange(elements, first, low - min(equalEnd - first, lowerCount), count: min(equalEnd - first, lowerCount))
  let equalCount = run.upperBound - 1 - equalStart
  exchange(
    elements, low, run.upperBound - min(upperCount, equalCount), count: min(upperCount, equalCount))
  return (first..<(first + lowerCount), (run.upperBound - upperCount)..<run.upperBound)
}

private func exchange<Element>(
  _ elements: UnsafeMutableBufferPointer<Element>, _ first: Int, _ second: Int, count: Int
) {
  for offset in 0..<count { elements.swapAt(first + offset, second + offset) }
}
