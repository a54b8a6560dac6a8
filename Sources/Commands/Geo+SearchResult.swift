import Bytes
import Engine
import Geography
import Keyspace
import RESP

/// A member that a search found. Valid until the keyspace is next changed.
struct GeoPoint {
  let member: Item
  let score: Double
  let place: GeoCoordinates
  let distanceMeters: Double
}

extension GeoSearchRequest {
  /// The members of an index that the request asks for, in the order in which it wants them.
  func points(in index: Entry) -> [GeoPoint] {
    guard let center, let shape else { return [] }
    let area = GeoArea(center: center, shape: shape, unit: unit)
    let limit = takesAny ? Int(clamping: count) : Int.max
    var points: [GeoPoint] = []
    for cell in area.cells where points.count < limit {
      append(members: index, of: cell, in: area, to: &points, limit: limit)
    }
    let wantedCount = count > 0 ? min(points.count, Int(clamping: count)) : points.count
    if let order { Self.sort(&points, order, wantedCount: wantedCount) }
    points.removeLast(points.count - wantedCount)
    return points
  }

  private static func sort(_ points: inout [GeoPoint], _ order: Order, wantedCount: Int) {
    let sign: Double = order == .ascending ? 1 : -1
    if wantedCount == points.count {
      points.sort { sign * $0.distanceMeters < sign * $1.distanceMeters }
    } else {
      points.sortPartially(0..<wantedCount) { first, second in
        let difference = sign * (first.distanceMeters - second.distanceMeters)
        return difference < 0 ? -1 : difference > 0 ? 1 : 0
      }
    }
  }

  /// Members that are looked at before the limit is looked at again.
  private static let membersAtOnce = 256

  private func append(
    members index: Entry, of cell: GeoCell, in area: GeoArea, to points: inout [GeoPoint], limit: Int
  ) {
    let scores = cell.scores
    let ranks = index.ranks(in: ScoreRange(scores.minimum, scores.end, excludesMaximum: true))
    var first = ranks.lowerBound
    while first < ranks.upperBound, points.count < limit {
      let end = limit == .max ? ranks.upperBound : min(first + Self.membersAtOnce, ranks.upperBound)
      index.forEachScored(inRanks: first..<end) { member, score in
        let place = GeoCell(score: score).center
        guard let distance = area.distance(of: place) else { return }
        points.append(GeoPoint(member: member, score: score, place: place, distanceMeters: distance))
      }
      first = end
    }
    if points.count > limit { points.removeLast(points.count - limit) }
  }

  /// Writes what was found as the reply.
  func answer(_ points: [GeoPoint], to reply: inout ReplyBuffer) {
    let extraCount = (showsDistance ? 1 : 0) + (showsHash ? 1 : 0) + (showsCoordinates ? 1 : 0)
    reply.array(points.count)
    for point in points {
      if extraCount > 0 { reply.array(1 + extraCount) }
      reply.bulk(point.member)
      if showsDistance { reply.bulk(distance: point.distanceMeters / unit.meters) }
      if showsHash { reply.integer(Int64(exactly: point.score.rounded(.towardZero)) ?? .min) }
      if showsCoordinates { reply.place(point.place) }
    }
  }

  /// A sorted set of what was found.
  func sortedSet(of points: [GeoPoint], on shard: UnsafeMutablePointer<Shard>) -> SortedSetBuilder {
    var builder = SortedSetBuilder(hasher: shard.pointee.keyspace.hasher, heap: shard.pointee.keyspace.heap)
    for point in points {
      let score = storesDistance ? point.distanceMeters / unit.meters : point.score
      builder.setScore(score, of: Element(point.member))
    }
    return builder
  }
}

// MARK: Executing

extension UnsafeMutablePointer<Shard> {
  fileprivate func owns(_ key: Key) -> Bool {
    shardIndex(ofHash: key.hash, shardCount: pointee.server.shardCount) == pointee.index
  }

  /// Reads a search's arguments, and searches. The points are valid until the keyspace is next changed.
  fileprivate func searchGeo(
    _ arguments: Arguments, _ form: GeoSearchForm, in database: Int
  ) throws(GeoRefusal) -> (request: GeoSearchRequest, points: [GeoPoint]) {
    let key = Key(arguments[form.sourceIndex], hasher: pointee.keyspace.hasher)
    let index = pointee.keyspace.lookup(key, in: database, for: .read)
    if let index, index.kind != .sortedSet { throw GeoRefusal(ErrorText.wrongType) }
    let request = try GeoSearchRequest(arguments, form, index: index)
    return (request, index.map { request.points(in: $0) } ?? [])
  }
}

extension KeyCall {
  /// Executes a search whose keys are all on this shard.
  func searchGeo(_ form: GeoSearchForm) {
    do throws(GeoRefusal) {
      let (request, points) = try shard.searchGeo(arguments, form, in: database)
      guard let name = request.target else { return request.answer(points, to: &reply.pointee) }
      let target = Key(name, hasher: keyspace.hasher)
      assert(shard.owns(target), "the result is another shard's")
      let result = request.sortedSet(of: points, on: shard)
      let existing = keyspace.lookup(target, in: database, for: .write)
      keyspace.place(result, at: target, in: database, replacing: existing)
      keyspace.dirty += max(points.count - 1, 0)
      replaced(
        target, .sortedSet, form.storeEvent, wasThere: existing != nil, isThere: !points.isEmpty)
      reply.pointee.integer(points.count)
    } catch {
      reply.pointee.error(error.text)
    }
  }
}

/// What the shard of an index has to say to the one that asked.
private enum GeoSearchOutcome: Sendable {
  case refused(String)
  /// The reply: nothing is to be stored.
  case answer([UInt8])
  case result(ValueTransfer?, count: Int, target: ByteView)
}

extension Operation {
  /// Executes a search that stores its result on another shard than the index's.
  func searchGeo(_ form: GeoSearchForm) async {
    let (arguments, database, version) = (arguments, database, reply.pointee.version)
    let outcome = await onShard(shard(of: arguments[form.sourceIndex])) { shard in
      shard.searchGeoForOthers(arguments, form, in: database, version)
    }
    switch outcome {
    case .refused(let text): reply.pointee.error(text)
    case .answer(let bytes): reply.pointee.append(bytes)
    case .result(let value, let count, let target):
      await store(value, at: target, .sortedSet, form.storeEvent)
      localShard.pointee.keyspace.dirty += max(count - 1, 0)
      reply.pointee.integer(count)
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func searchGeoForOthers(
    _ arguments: Arguments, _ form: GeoSearchForm, in database: Int, _ version: ProtocolVersion
  ) -> GeoSearchOutcome {
    do throws(GeoRefusal) {
      let (request, points) = try searchGeo(arguments, form, in: database)
      guard let target = request.target else {
        var reply = ReplyBuffer(heap: pointee.heap, purpose: .messages)
        defer { reply.release() }
        reply.version = version
        request.answer(points, to: &reply)
        return .answer(reply.bytes())
      }
      guard !points.isEmpty else { return .result(nil, count: 0, target: target) }
      var value = FlatValue(kind: .sortedSet)
      request.sortedSet(of: points, on: self).forEachScored { value.appendScored($0, $1) }
      return .result(ValueTransfer(value), count: points.count, target: target)
    } catch {
      return .refused(error.text)
    }
  }
}
