import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Ring

@Suite("An io_uring", .enabled(if: uringIsAvailable, "this system refuses io_uring"))
struct UringTests {
  // MARK: Waiting

  @Test("waits no longer than it is told to, and not at all for nothing")
  func waiting() throws {
    let uring = try Uring(entries: 8)
    let clock = ContinuousClock()
    // Far from each other, so that a machine that is busy with other things does not make one of the other.
    #expect(clock.measure { uring.submitAndWait(for: 0, nanoseconds: 60_000_000_000) } < .seconds(30))
    let waited = clock.measure { uring.submitAndWait(for: 1, nanoseconds: 30_000_000) }
    #expect(waited >= .milliseconds(25) && waited < .seconds(30))
    #expect(uring.reap().count == 0)
  }

  @Test("says why it can't be made")
  func refusal() {
    #expect(throws: RingError.self) { _ = try Uring(entries: 0) }
    let error = RingError(code: EPERM, operation: "io_uring_setup")
    #expect(error.description == "io_uring_setup: Operation not permitted")
  }

  // MARK: Sending and reading

  @Test("sends bytes, in one piece and in several")
  func sending() throws {
    let uring = try Uring(entries: 8)
    let sockets = SocketPair()
    let bytes = Array("hello ring".utf8)
    bytes.withUnsafeBufferPointer { buffer in
      uring.send(sockets.near, buffer.baseAddress!, count: 5, userData: 11)
      let completions = uring.await(1)
      #expect(completions.map(\.userData) == [11] && completions.map(\.result) == [5])
      var pieces = [
        iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress! + 5), iov_len: 1),
        iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress! + 6), iov_len: 4),
      ]
      pieces.withUnsafeMutableBufferPointer { pieces in
        var message = msghdr()
        message.msg_iov = pieces.baseAddress
        message.msg_iovlen = 2
        withUnsafePointer(to: message) { message in
          uring.send(sockets.near, message: message, userData: 12)
          #expect(uring.await(1).map(\.result) == [5])
        }
      }
    }
    #expect(sockets.read(100) == bytes)
  }

  @Test("reports what fails as a negative error number")
  func failure() throws {
    let uring = try Uring(entries: 8)
    let byte: [UInt8] = [1]
    byte.withUnsafeBufferPointer { uring.send(-1, $0.baseAddress!, count: 1, userData: 5) }
    let completions = uring.await(1)
    #expect(completions.map(\.result) == [-EBADF] && completions.map(\.userData) == [5])
    #expect(completions.first?.bufferIdentifier == nil && completions.first?.hasMore == false)
  }

  @Test("takes more submissions than its queue has places")
  func fullQueue() throws {
    let uring = try Uring(entries: 8)
    let sockets = SocketPair()
    let bytes = (0..<200).map { UInt8($0) }
    bytes.withUnsafeBufferPointer { buffer in
      for number in 0..<200 {
        uring.send(sockets.near, buffer.baseAddress! + number, count: 1, userData: UInt64(number))
      }
      let completions = uring.await(200)
      #expect(Set(completions.map(\.userData)) == Set(0..<200))
      #expect(completions.allSatisfy { $0.result == 1 })
    }
    #expect(sockets.read(1_000).sorted() == bytes)
  }

  @Test("gives completions out in portions, none twice and none lost")
  func portions() throws {
    let uring = try Uring(entries: 256)
    // Sends to nowhere: each completes at once, with an error.
    let byte: [UInt8] = [7]
    byte.withUnsafeBufferPointer { buffer in
      for number in 0..<600 { uring.send(-1, buffer.baseAddress!, count: 1, userData: UInt64(number)) }
    }
    uring.submitAndWait(for: 600, nanoseconds: 5_000_000_000)
    var seen: [UInt64] = []
    var portions: [Int] = []
    while true {
      #expect(uring.hasCompletions == (seen.count < 600))
      let completions = uring.reap()
      if completions.count == 0 { break }
      portions.append(completions.count)
      for index in 0..<completions.count { seen.append(completions[index].userData) }
    }
    #expect(seen.sorted() == Array(0..<600))
    #expect(portions == [256, 256, 88])
  }

  @Test("reads from a descriptor")
  func reading() throws {
    let uring = try Uring(entries: 8)
    let sockets = SocketPair()
    var target = [UInt8](repeating: 0, count: 16)
    target.withUnsafeMutableBytes { buffer in
      uring.read(sockets.near, buffer.baseAddress!, count: 16, userData: 1)
      #expect(uring.awaitNothing().isEmpty)
      sockets.write([1, 2, 3])
      #expect(uring.await(1).map(\.result) == [3])
    }
    #expect(target.prefix(3) == [1, 2, 3])
  }

  @Test("closes a descriptor, and reports only if that fails")
  func closing() throws {
    let uring = try Uring(entries: 8)
    let sockets = SocketPair()
    uring.close(sockets.giveNearAway(), userData: 1)
    #expect(uring.awaitNothing().isEmpty)
    var byte: UInt8 = 0
    #expect(recv(sockets.far, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
    uring.close(-1, userData: 2)
    #expect(uring.await(1).map(\.userData) == [2])
  }

  // MARK: Receiving

  @Test("receives into the buffers provided, one completion for each, until it is cancelled")
  func receiving() throws {
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    var receiver = try Receiver(memory, count: 4, size: 64)
    let sockets = SocketPair()
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 9)
    for round in 0..<20 {
      let bytes = (0..<(1 + round * 3)).map { UInt8(truncatingIfNeeded: $0 + round) }
      sockets.write(bytes)
      let completions = receiver.uring.await(1)
      #expect(completions.map(\.userData) == [9] && completions.allSatisfy(\.hasMore))
      for completion in completions {
        #expect(receiver.take(completion) == bytes)
        #expect(receiver.buffers.heldCount == 1)
        receiver.buffers.recycle(completion.bufferIdentifier ?? 0)
      }
    }
    #expect(receiver.buffers.heldCount == 0)
    receiver.uring.cancel(9, userData: 10)
    let ended = receiver.uring.await(2)
    #expect(Set(ended.map(\.userData)) == [9, 10])
    #expect(ended.first { $0.userData == 9 }?.result == -ECANCELED)
    #expect(ended.first { $0.userData == 9 }?.hasMore == false)
    #expect(ended.first { $0.userData == 10 }?.result == 0)
  }

  @Test("never receives into a buffer that is held, in whatever order buffers come back")
  func recyclingInAnyOrder() throws {
    var random = SeededRandom(test: "UringTests.recyclingInAnyOrder")
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    var receiver = try Receiver(memory, count: 8, size: 16)
    let sockets = SocketPair()
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 1)
    var held: [Int: [UInt8]] = [:]
    for round in 0..<500 {
      let bytes = (0...(round % 16)).map { UInt8(truncatingIfNeeded: round + $0) }
      sockets.write(bytes)
      for completion in receiver.uring.await(1) {
        #expect(receiver.take(completion) == bytes)
        let identifier = completion.bufferIdentifier ?? -1
        #expect(held.updateValue(bytes, forKey: identifier) == nil, "\(random)")
      }
      while held.count > random.below(8), let identifier = held.keys.randomElement(using: &random) {
        let bytes = held.removeValue(forKey: identifier) ?? []
        let buffer = UnsafeBufferPointer(start: receiver.buffers.buffer(identifier), count: bytes.count)
        #expect(buffer.elementsEqual(bytes), "\(random)")
        receiver.buffers.recycle(identifier)
      }
      #expect(receiver.buffers.heldCount == held.count)
    }
  }

  @Test("spreads what is longer than a buffer over several")
  func longInput() throws {
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    var receiver = try Receiver(memory, count: 8, size: 64)
    let sockets = SocketPair()
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    sockets.write(bytes)
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 9)
    let completions = receiver.uring.await(5)
    #expect(completions.map(\.result) == [64, 64, 64, 64, 44])
    var received: [UInt8] = []
    for completion in completions { received += receiver.take(completion) }
    #expect(received == bytes && receiver.buffers.heldCount == 5)
    // Every buffer is another one while all are held.
    #expect(Set(completions.compactMap(\.bufferIdentifier)).count == 5)
  }

  @Test("takes buffers into use as they are needed, each only once, and no more than there are")
  func extending() throws {
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    let count = 32
    let size = ReceiveMemory.byteCount / count
    var receiver = try Receiver(memory, count: count, size: size)
    let pair = SocketPair()
    pair.write((0..<UInt8(count + 1)).flatMap { [UInt8](repeating: $0, count: size) })
    var identifiers: Set<Int> = []
    for circulating in [16, 32, 32] {
      #expect(receiver.buffers.circulatingCount == circulating)
      receiver.uring.receiveMultishot(pair.near, bufferGroup: Receiver.group, userData: 1)
      let expected = circulating - identifiers.count
      let completions = receiver.uring.await(expected + 1)
      #expect(completions.last?.result == -ENOBUFS && completions.count == expected + 1)
      for completion in completions.dropLast() {
        #expect(Set(receiver.take(completion)) == [UInt8(identifiers.count)])
        identifiers.insert(completion.bufferIdentifier ?? -1)
      }
      #expect(identifiers == Set(0..<circulating))
      #expect(receiver.buffers.heldCount == circulating)
      receiver.buffers.extend()
    }
  }

  @Test("ends with ENOBUFS when every buffer is held, loses nothing, and goes on when some are back")
  func allBuffersHeld() throws {
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    var receiver = try Receiver(memory, count: 4, size: 16)
    let sockets = SocketPair()
    let bytes = (0..<100).map { UInt8($0) }
    sockets.write(bytes)
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 1)
    let first = receiver.uring.await(5)
    #expect(first.map(\.result) == [16, 16, 16, 16, -ENOBUFS])
    #expect(first.last?.hasMore == false && first.last?.bufferIdentifier == nil)
    var received: [UInt8] = []
    for completion in first.dropLast() { received += receiver.take(completion) }
    #expect(receiver.buffers.heldCount == receiver.buffers.count)
    for completion in first.dropLast() { receiver.buffers.recycle(completion.bufferIdentifier ?? 0) }
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 2)
    for completion in receiver.uring.await(3) where completion.bufferIdentifier != nil {
      received += receiver.take(completion)
    }
    #expect(received == bytes)
  }

  @Test("ends a receive with 0 when the peer has closed")
  func peerCloses() throws {
    let memory = ReceiveMemory()
    defer { withExtendedLifetime(memory) {} }
    let receiver = try Receiver(memory, count: 2, size: 16)
    let sockets = SocketPair()
    receiver.uring.receiveMultishot(sockets.near, bufferGroup: Receiver.group, userData: 1)
    shutdown(sockets.far, Int32(SHUT_WR))
    let completions = receiver.uring.await(1)
    #expect(completions.map(\.result) == [0] && completions.first?.hasMore == false)
  }

  @Test("accepts connections until it is cancelled")
  func accepting() throws {
    let uring = try Uring(entries: 8)
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        try #require(bind(listener, address, byteCount) == 0)
        try #require(listen(listener, 8) == 0)
        try #require(getsockname(listener, address, &byteCount) == 0)
        uring.acceptMultishot(listener, userData: 77)
        for _ in 0..<3 {
          let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
          #expect(connect(client, address, byteCount) == 0)
          let completions = uring.await(1)
          #expect(
            completions.map(\.userData) == [77] && completions.allSatisfy { $0.result >= 0 && $0.hasMore })
          close(client)
          for completion in completions { close(completion.result) }
        }
      }
    }
    uring.cancel(77, userData: 78)
    #expect(uring.await(2).first { $0.userData == 77 }?.result == -ECANCELED)
  }

  // MARK: Waking

  @Test("wakes the thread of another ring")
  func wakingAcrossThreads() {
    let shared = Shared()
    let roundCount = 100
    onThreads(
      {
        guard let uring = try? Uring(entries: 8) else { return }
        shared.descriptor.store(Int(uring.descriptor), ordering: .releasing)
        for round in 0..<roundCount {
          let completions = uring.await(1)
          #expect(completions.map(\.userData) == [UInt64(1_000 + round)])
          shared.woken.store(round + 1, ordering: .releasing)
        }
      },
      {
        guard let uring = try? Uring(entries: 8) else { return }
        guard spin(until: { shared.descriptor.load(ordering: .acquiring) >= 0 }) else { return }
        for round in 0..<roundCount {
          uring.wake(
            ring: Int32(shared.descriptor.load(ordering: .relaxed)), targetUserData: UInt64(1_000 + round),
            userData: 5)
          uring.submit()
          #expect(spin { shared.woken.load(ordering: .acquiring) == round + 1 })
        }
        // A wake-up that arrives completes at the other ring alone.
        #expect(uring.awaitNothing().isEmpty)
      })
    #expect(shared.woken.load(ordering: .acquiring) == roundCount)
  }

  @Test("reports a wake-up that can't arrive")
  func wakingNobody() throws {
    let uring = try Uring(entries: 8)
    uring.wake(ring: -1, targetUserData: 1, userData: 5)
    let completions = uring.await(1)
    #expect(completions.map(\.userData) == [5] && completions.allSatisfy { $0.result < 0 })
  }

  private final class Shared: Sendable {
    let descriptor = Atomic<Int>(-1)
    let woken = Atomic<Int>(0)
  }
}
