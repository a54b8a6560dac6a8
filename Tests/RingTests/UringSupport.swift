import Glibc
import Testing

@testable import Ring

/// Whether the system lets us have an io_uring at all; some containers do not.
let uringIsAvailable: Bool = {
  do {
    _ = try Uring(entries: 8)
    return true
  } catch {
    return false
  }
}()

/// Two sockets that are connected with each other, closed when the value goes.
final class SocketPair {
  private(set) var near: Int32
  let far: Int32

  init() {
    var descriptors: (Int32, Int32) = (-1, -1)
    let result = withUnsafeMutableBytes(of: &descriptors) {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.bindMemory(to: Int32.self).baseAddress)
    }
    precondition(result == 0, "no socket pair")
    (near, far) = descriptors
  }

  deinit {
    if near >= 0 { close(near) }
    close(far)
  }

  /// The near end, which somebody else closes.
  func giveNearAway() -> Int32 {
    defer { near = -1 }
    return near
  }

  func write(_ bytes: [UInt8]) {
    let count = bytes.withUnsafeBytes { Glibc.write(far, $0.baseAddress, $0.count) }
    #expect(count == bytes.count)
  }

  /// Up to `count` bytes of what the near end has sent.
  func read(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = bytes.withUnsafeMutableBytes { Glibc.recv(far, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    return Array(bytes.prefix(max(read, 0)))
  }
}

extension Uring {
  /// Waits until `count` completions have come, as long as there is patience, and returns them.
  func await(_ count: Int) -> [Completion] {
    var all: [Completion] = []
    let deadline = ContinuousClock.now + .seconds(patienceSeconds)
    while all.count < count, ContinuousClock.now < deadline {
      submitAndWait(for: 1, nanoseconds: 100_000_000)
      let completions = reap()
      for index in 0..<completions.count { all.append(completions[index]) }
    }
    return all
  }

  /// What completes within a moment.
  func awaitNothing() -> [Completion] {
    submitAndWait(for: 1, nanoseconds: 20_000_000)
    let completions = reap()
    return (0..<completions.count).map { completions[$0] }
  }
}

/// A ring with buffers for receiving, used as a loop would.
struct Receiver: ~Copyable {
  let uring: Uring
  var buffers: ReceiveBuffers
  static let group: UInt16 = 3

  /// - Parameter memory: `count` buffers of `size` bytes that outlive the value.
  init(_ memory: ReceiveMemory, count: Int, size: Int) throws(RingError) {
    let uring = try Uring(entries: 16)
    buffers = try ReceiveBuffers(uring, memory: memory.start, count: count, size: size, group: Self.group)
    self.uring = uring
  }

  /// The bytes that a completion brought. The buffer is held.
  mutating func take(_ completion: Completion) -> [UInt8] {
    guard let identifier = completion.bufferIdentifier, completion.result > 0 else {
      Issue.record("a completion without bytes: \(completion)")
      return []
    }
    buffers.take()
    return Array(UnsafeBufferPointer(start: buffers.buffer(identifier), count: Int(completion.result)))
  }
}

/// Memory for receive buffers, freed when the value goes.
final class ReceiveMemory {
  static let byteCount = 4_096
  let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: byteCount)

  deinit { start.deallocate() }
}
