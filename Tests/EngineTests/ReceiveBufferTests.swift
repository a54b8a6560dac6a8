import Bytes
import Glibc
import Ring
import TestSupport
import Testing

@testable import Engine

/// Whether the system lets us have an io_uring at all; some containers do not.
private let uringIsAvailable: Bool = {
  do {
    _ = try Uring(entries: 8)
    return true
  } catch {
    return false
  }
}()

/// Input as the kernel brings it: into few and small buffers, which a coordinator holds as long as commands lie in them.
@Suite(
  "Buffers that the kernel receives into", .enabled(if: uringIsAvailable, "this system refuses io_uring"))
struct ReceiveBufferTests {
  private static let bufferCount = 8
  private static let bufferBytes = 128
  private static let group: UInt16 = 1
  private static let attempts = 10

  /// A connection of a client, whose far end is the test's.
  private struct Connection {
    let client: TestClient
    let near: Int32
    let far: Int32
    var rest: ArraySlice<UInt8>
    let expected: [UInt8]
    var isReceiving = false
  }

  private func connect(_ client: TestClient, sending input: [UInt8], expecting expected: [UInt8])
    -> Connection
  {
    var descriptors: [Int32] = [-1, -1]
    let result = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors)
    precondition(result == 0, "no socket pair")
    return Connection(
      client: client, near: descriptors[0], far: descriptors[1], rest: input[...], expected: expected)
  }

  @Test(
    "all come back, whatever is received in them and however long others work for it", arguments: [1, 2, 4])
  func comeBack(shardCount: Int) throws {
    var random = SeededRandom(test: "ReceiveBufferTests.comeBack \(shardCount)")
    // How many are held at a time depends on when the kernel delivers: seldom, nobody has to wait for another.
    var heldMaximum = 0
    for _ in 0..<Self.attempts where heldMaximum < 2 {
      heldMaximum = try receive(shardCount: shardCount, &random)
      if shardCount == 1 { return }
    }
    #expect(heldMaximum > 1, "\(random)")
  }

  /// Has clients receive what they send into few buffers. Returns how many were held at the most.
  private func receive(shardCount: Int, _ random: inout SeededRandom) throws -> Int {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.bufferCount * Self.bufferBytes, alignment: 4_096)
    defer { memory.deallocate() }
    let uring = try Uring(entries: 64)
    let buffers = UnsafeMutablePointer<ReceiveBuffers>.allocate(capacity: 1)
    buffers.initialize(
      to: try ReceiveBuffers(
        uring, memory: memory, count: Self.bufferCount, size: Self.bufferBytes, group: Self.group))
    defer {
      buffers.deinitialize(count: 1)
      buffers.deallocate()
    }
    let inputs = (0..<6).map { number in
      var workload = Workload(random: &random, prefix: "client\(number)")
      return (0..<300).flatMap { _ in workload.encodedCommand() }
    }
    let expected = withCluster(shardCount: 1) { cluster in
      inputs.map { input in
        let client = cluster.connect()
        client.deliver(input)
        cluster.settle()
        return client.received
      }
    }
    return withCluster(shardCount: shardCount, receiveBuffers: buffers) { cluster in
      var connections = zip(inputs, expected).map { input, expected in
        connect(cluster.connect(to: 0), sending: input, expecting: expected)
      }
      defer {
        for connection in connections {
          close(connection.near)
          close(connection.far)
        }
      }
      var heldMaximum = 0
      var quietTurns = 0
      while quietTurns < 100 {
        var isQuiet = true
        for number in connections.indices {
          isQuiet = !send(&connections[number], &random) && isQuiet
          // The kernel ends a receive when no buffer is left.
          if !connections[number].isReceiving {
            connections[number].isReceiving = true
            uring.receiveMultishot(
              connections[number].near, bufferGroup: Self.group, userData: UInt64(number))
          }
        }
        uring.submitAndWait(for: 0, nanoseconds: 0)
        let completions = uring.reap()
        for index in 0..<completions.count {
          let completion = completions[index]
          let number = Int(completion.userData)
          if !completion.hasMore { connections[number].isReceiving = false }
          guard let identifier = completion.bufferIdentifier else { continue }
          isQuiet = false
          buffers.pointee.take()
          cluster.coordinators[0].receive(
            connections[number].client.pointer, buffer: buffers.pointee.buffer(identifier),
            count: Int(completion.result), identifier: identifier)
        }
        heldMaximum = max(heldMaximum, buffers.pointee.heldCount)
        for _ in 0..<random.below(3) {
          let step = random.element(of: Cluster.Step.allCases)
          if cluster.take(step, on: random.below(shardCount)) { isQuiet = false }
        }
        quietTurns = isQuiet ? quietTurns + 1 : 0
      }
      cluster.settle()
      #expect(buffers.pointee.heldCount == 0, "\(random)")
      for connection in connections {
        #expect(connection.rest.isEmpty && connection.client.received == connection.expected, "\(random)")
      }
      return heldMaximum
    }
  }

  /// Sends some of what a connection has to send. Returns whether there was any.
  private func send(_ connection: inout Connection, _ random: inout SeededRandom) -> Bool {
    if connection.rest.isEmpty { return false }
    if random.below(3) > 0 { return true }
    let piece = Array(connection.rest.prefix(1 + random.below(300)))
    let sent = piece.withUnsafeBytes {
      Glibc.send(connection.far, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
    }
    if sent > 0 { connection.rest = connection.rest.dropFirst(sent) }
    return true
  }
}
