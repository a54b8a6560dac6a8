import CUring
import Glibc

/// Why a ring could not be made.
public struct RingError: Error, CustomStringConvertible {
  /// The system's error number.
  public let code: Int32
  public let operation: String

  public var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// A completion: what an operation that was submitted came to.
public struct Completion {
  /// What the operation was submitted with.
  public let userData: UInt64
  /// Bytes, a file descriptor, or a negative error number.
  public let result: Int32
  let flags: UInt32

  /// The provided buffer that was filled, if one was.
  @inline(__always)
  public var bufferIdentifier: Int? {
    flags & PANTALA_CQE_F_BUFFER != 0 ? Int(flags >> 16) : nil
  }

  /// Whether a multishot operation goes on.
  @inline(__always)
  public var hasMore: Bool { flags & PANTALA_CQE_F_MORE != 0 }
}

/// One thread's io_uring: operations are prepared during a turn of the loop and submitted with the wait that
/// ends it, one system call in all.
///
/// It must be made and used on the same thread (`SINGLE_ISSUER`).
public struct Uring: ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring>
  private let completions: UnsafeMutablePointer<io_uring_cqe>
  /// Completions taken out at once.
  public static let reapCapacity = 256
  /// Whether the kernel defers completion work to the waiting thread.
  public let defersTaskRun: Bool

  /// - Parameter entries: places in the submission queue; a power of two.
  public init(entries: Int) throws(RingError) {
    (ring, defersTaskRun) = try Self.makeRing(entries)
    completions = .allocate(capacity: Self.reapCapacity)
  }

  private static func makeRing(_ entries: Int) throws(RingError) -> (UnsafeMutablePointer<io_uring>, Bool) {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    // Newest and cheapest first; an older kernel refuses the flags that it does not know.
    let choices: [UInt32] = [
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0,
    ]
    var result: Int32 = 0
    for flags in choices {
      var parameters = io_uring_params()
      parameters.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL
      // Every connection may complete a receive and a send in one turn.
      parameters.cq_entries = UInt32(entries * 8)
      result = io_uring_queue_init_params(UInt32(entries), ring, &parameters)
      if result == 0 { return (ring, flags & IORING_SETUP_DEFER_TASKRUN != 0) }
      if result != -EINVAL { break }
    }
    ring.deallocate()
    throw RingError(code: -result, operation: "io_uring_setup")
  }

  deinit {
    io_uring_queue_exit(ring)
    ring.deallocate()
    completions.deallocate()
  }

  public var descriptor: Int32 { ring.pointee.ring_fd }

  // MARK: Submitting

  /// A free submission entry. A full queue is an ordinary event: what is there is submitted first.
  @inline(__always)
  private func entry() -> UnsafeMutablePointer<io_uring_sqe> {
    if let entry = io_uring_get_sqe(ring) { return entry }
    return entryAfterSubmitting()
  }

  @inline(never)
  private func entryAfterSubmitting() -> UnsafeMutablePointer<io_uring_sqe> {
    while true {
      let result = io_uring_submit(ring)
      if let entry = io_uring_get_sqe(ring) { return entry }
      precondition(
        result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY,
        "io_uring_submit failed: \(-result)")
    }
  }

  /// Accepts connections until cancelled, one completion each.
  public func acceptMultishot(_ listener: Int32, userData: UInt64) {
    let entry = entry()
    io_uring_prep_multishot_accept(
      entry, listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
    entry.pointee.user_data = userData
  }

  /// Receives into buffers of the group until cancelled, one completion for each buffer filled.
  public func receiveMultishot(_ socket: Int32, bufferGroup: UInt16, userData: UInt64) {
    let entry = entry()
    io_uring_prep_recv_multishot(entry, socket, nil, 0, 0)
    entry.pointee.flags |= PANTALA_SQE_BUFFER_SELECT
    entry.pointee.buf_group = bufferGroup
    entry.pointee.user_data = userData
  }

  /// Sends bytes that must stay where they are until the completion.
  public func send(_ socket: Int32, _ bytes: UnsafePointer<UInt8>, count: Int, userData: UInt64) {
    let entry = entry()
    io_uring_prep_send(entry, socket, bytes, count, Int32(MSG_NOSIGNAL))
    entry.pointee.user_data = userData
  }

  /// Sends from several places. The message and all it points to must stay until the completion.
  public func send(_ socket: Int32, message: UnsafePointer<msghdr>, userData: UInt64) {
    let entry = entry()
    io_uring_prep_sendmsg(entry, socket, message, UInt32(MSG_NOSIGNAL))
    entry.pointee.user_data = userData
  }

  /// Cancels the operations that were submitted with `target`.
  public func cancel(_ target: UInt64, userData: UInt64) {
    let entry = entry()
    io_uring_prep_cancel64(entry, target, 0)
    entry.pointee.user_data = userData
  }

  /// Closes a descriptor; completes only if that fails.
  public func close(_ descriptor: Int32, userData: UInt64) {
    let entry = entry()
    io_uring_prep_close(entry, descriptor)
    entry.pointee.flags |= PANTALA_SQE_CQE_SKIP_SUCCESS
    entry.pointee.user_data = userData
  }

  /// Completes with bytes read. The buffer must stay until then.
  public func read(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, count: Int, userData: UInt64) {
    let entry = entry()
    io_uring_prep_read(entry, descriptor, bytes, UInt32(count), UInt64.max)
    entry.pointee.user_data = userData
  }

  /// Posts a completion with `targetUserData` to another ring, which wakes its thread. Completes here only if that
  /// fails.
  public func wake(ring target: Int32, targetUserData: UInt64, userData: UInt64) {
    let entry = entry()
    io_uring_prep_msg_ring(entry, target, 0, targetUserData, 0)
    entry.pointee.flags |= PANTALA_SQE_CQE_SKIP_SUCCESS
    entry.pointee.user_data = userData
  }

  /// Submits what is prepared without waiting.
  public func submit() {
    _ = io_uring_submit(ring)
  }

  /// Submits what is prepared and waits for `count` completions, for `nanoseconds` at the most; 0 completions do not
  /// wait.
  public func submitAndWait(for count: Int, nanoseconds: Int64) {
    if count == 0 {
      _ = defersTaskRun ? io_uring_submit_and_get_events(ring) : io_uring_submit(ring)
      return
    }
    var time = __kernel_timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    var first: UnsafeMutablePointer<io_uring_cqe>?
    // Time running out and a signal are no errors here: the caller looks at what is there.
    _ = io_uring_submit_and_wait_timeout(ring, &first, UInt32(count), &time, nil)
  }

  // MARK: Completing

  /// Whether completions are there, or would be if the kernel were asked.
  @inline(__always)
  public var hasCompletions: Bool { pantala_uring_has_completions(ring) }

  /// Takes up to `reapCapacity` completions out, valid until the next call.
  public func reap() -> Completions {
    let count = pantala_uring_reap(ring, completions, UInt32(Self.reapCapacity))
    return Completions(start: completions, count: Int(count))
  }

  /// Registers buffers of `size` bytes for receiving into.
  func registerBufferRing(_ memory: UnsafeMutableRawPointer, entries: Int, group: UInt16) throws(RingError) {
    var registration = io_uring_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: memory))
    registration.ring_entries = UInt32(entries)
    registration.bgid = group
    let result = io_uring_register_buf_ring(ring, &registration, 0)
    if result < 0 { throw RingError(code: -result, operation: "io_uring_register_buf_ring") }
  }
}

/// Completions that were taken out of a ring together.
public struct Completions {
  let start: UnsafeMutablePointer<io_uring_cqe>
  public let count: Int

  @inline(__always)
  public subscript(index: Int) -> Completion {
    let entry = start[index]
    return Completion(userData: entry.user_data, result: entry.res, flags: entry.flags)
  }
}
