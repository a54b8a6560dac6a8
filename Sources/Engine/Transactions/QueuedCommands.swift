import Bytes
import Heap
import RESP

/// The commands that a client has sent since MULTI, in memory of their own.
final class QueuedCommands {
  struct Command {
    let entry: UnsafePointer<CommandEntry>
    /// Where its argument ranges start, and how many there are.
    let argumentStart: Int
    let argumentCount: Int
  }

  // Exclusivity is not checked as the program runs: each function here is done with a property before it calls another.
  @exclusivity(unchecked) private(set) var commands: [Command] = []
  @exclusivity(unchecked) private var bytes = InputBuffer()
  @exclusivity(unchecked) private var ranges: ArgumentStore
  private let heap: ShardHeap

  private static let rangeCapacity = 32

  init(heap: ShardHeap) {
    self.heap = heap
    ranges = ArgumentStore(heap: heap, capacity: Self.rangeCapacity)
  }

  deinit { bytes.release(heap: heap) }

  /// Bytes of all arguments.
  var byteCount: Int { bytes.count }

  /// Memory of the arguments, as the allocator counts it.
  var allocatedBytes: Int { bytes.allocatedBytes + ShardHeap.usableSize(ranges.ranges) }

  /// Where the arguments' bytes lie. Appending may move them.
  var base: UnsafePointer<UInt8> { bytes.memory.map { UnsafePointer($0) } ?? ByteView("").start }

  /// Adds a command, whose arguments are copied.
  func append(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments) {
    commands.append(
      Command(entry: entry, argumentStart: ranges.count, argumentCount: arguments.count))
    for index in 0..<arguments.count {
      let argument = arguments[index]
      ranges.append(
        ArgumentRange(offset: UInt32(bytes.count), count: UInt32(truncatingIfNeeded: argument.count)))
      bytes.append(argument, heap: heap)
    }
  }

  func arguments(of command: Command) -> Arguments {
    Arguments(base: base, ranges: ranges.ranges + command.argumentStart, count: command.argumentCount)
  }
}
