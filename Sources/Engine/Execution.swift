import Bytes
import CIntrinsics
import Keyspace
import RESP
import Statistics

/// Executing prepared commands on their shard.
///
/// A group goes through three stages, each over all its commands: ask for the buckets' cache lines, then for
/// the blocks', then execute. What the memory has to fetch is then fetched for many commands at once.
enum Execution {
  /// Commands whose cache lines are asked for together; a bit each in a mask.
  static let prefetchCount = 32

  /// Executes commands one after the other, all of this shard, writing their replies to `reply`.
  static func runGroup(
    _ commands: UnsafePointer<PreparedCommand>, count: Int, base: UnsafePointer<UInt8>,
    ranges: UnsafePointer<ArgumentRange>, on shard: UnsafeMutablePointer<Shard>,
    reply: UnsafeMutablePointer<ReplyBuffer>, database: Int, leavesAges: Bool, caller: Caller,
    slow: (Int, UInt64) -> Void
  ) {
    shard.pointee.keyspace.leavesAges = leavesAges
    shard.pointee.caller = caller
    if count > 1 {
      for index in 0..<count {
        shard.pointee.keyspace.prefetchBucket(hash: commands[index].hash, in: database)
      }
      var elsewhere: UInt32 = 0
      for index in 0..<count
      where !shard.pointee.keyspace.prefetchBlock(hash: commands[index].hash, in: database) {
        elsewhere |= 1 << UInt32(index)
      }
      while elsewhere != 0 {
        let index = elsewhere.trailingZeroBitCount
        shard.pointee.keyspace.prefetchBlockElsewhere(hash: commands[index].hash, in: database)
        elsewhere &= elsewhere - 1
      }
      prefetchElements(commands, count: count, base: base, ranges: ranges, on: shard, database: database)
    }
    let slowNanoseconds = shard.pointee.slowNanoseconds
    var ticks = pantala_ticks()
    for index in 0..<count {
      let command = commands + index
      let arguments = Arguments(
        base: base, ranges: ranges + Int(command.pointee.argumentStart),
        count: Int(command.pointee.argumentCount))
      if command.pointee.transactionCount > 0 {
        reply.pointee.openTransaction(commandCount: Int(command.pointee.transactionCount))
        shard.beginStep()
      }
      let nanoseconds = run(command, arguments, on: shard, reply: reply, database: database, since: &ticks)
      if command.pointee.endsTransaction { shard.endStep() }
      if nanoseconds >= slowNanoseconds { slow(index, nanoseconds) }
    }
    shard.reportNotes()
    shard.serveWaitersIfReady()
    shard.pointee.caller = Caller()
  }

  /// Asks for the memory of the elements that the commands name, where their keys hold large collections.
  @inline(__always)
  private static func prefetchElements(
    _ commands: UnsafePointer<PreparedCommand>, count: Int, base: UnsafePointer<UInt8>,
    ranges: UnsafePointer<ArgumentRange>, on shard: UnsafeMutablePointer<Shard>, database: Int
  ) {
    var named: UInt32 = 0
    for index in 0..<count where commands[index].entry.pointee.elementArgument > 0 {
      named |= 1 << UInt32(index)
    }
    if named == 0 { return }
    withUnsafeTemporaryAllocation(of: ElementPrefetch.self, capacity: prefetchCount) { prefetches in
      var remaining = named
      while remaining != 0 {
        let index = remaining.trailingZeroBitCount
        remaining &= remaining - 1
        let command = commands + index
        let arguments = Arguments(
          base: base, ranges: ranges + Int(command.pointee.argumentStart),
          count: Int(command.pointee.argumentCount))
        prefetches[index] = prefetchElement(of: command, arguments, on: shard, database: database)
      }
      while named != 0 {
        shard.pointee.keyspace.prefetchEntry(prefetches[named.trailingZeroBitCount])
        named &= named - 1
      }
    }
  }

  @inline(__always)
  private static func prefetchElement(
    of command: UnsafePointer<PreparedCommand>, _ arguments: Arguments,
    on shard: UnsafeMutablePointer<Shard>, database: Int
  ) -> ElementPrefetch {
    // The number of arguments was checked: an element command has its element.
    shard.pointee.keyspace.prefetchElement(
      arguments[command.pointee.entry.pointee.elementArgument], ofKeyWith: command.pointee.hash, in: database)
  }

  /// Prepares a shard's part of a batch for its execution.
  static func beginPart(of batch: UnsafeMutablePointer<Batch>, on shard: UnsafeMutablePointer<Shard>) {
    let part = batch.part(shard.pointee.index)
    part.pointee.replies = ReplyBuffer(heap: shard.pointee.heap)
    part.pointee.replies.version = batch.pointee.version
    part.pointee.replies.byteLimit = batch.pointee.replyByteLimit
    part.pointee.nextResult = 0
  }

  /// Executes the part of a batch that is this shard's, or what is left of it. Returns false if a command has to wait for a
  /// lock: the shard goes on with `resumePart` when it is granted.
  static func runPart(_ batch: UnsafeMutablePointer<Batch>, on shard: UnsafeMutablePointer<Shard>) -> Bool {
    let part = batch.part(shard.pointee.index)
    let database = batch.pointee.database
    // The commands of a batch that is a transaction itself are one step, and have all their locks.
    let isOneStep = batch.pointee.transaction != nil
    let mayBeBlocked = !isOneStep && shard.pointee.locks.partCount > 0
    shard.pointee.keyspace.leavesAges = batch.pointee.leavesAges
    shard.pointee.caller = batch.pointee.caller
    var first = part.pointee.firstCommand
    var ticks = pantala_ticks()
    while first >= 0 {
      // Stage by stage over the next commands of the chain.
      var next = first
      var count = 0
      while next >= 0, count < prefetchCount {
        let command = batch.pointee.commands + Int(next)
        shard.pointee.keyspace.prefetchBucket(hash: command.pointee.hash, in: database)
        next = command.pointee.next
        count += 1
      }
      next = first
      for _ in 0..<count {
        let command = batch.pointee.commands + Int(next)
        if !shard.pointee.keyspace.prefetchBlock(hash: command.pointee.hash, in: database) {
          shard.pointee.keyspace.prefetchBlockElsewhere(hash: command.pointee.hash, in: database)
        }
        next = command.pointee.next
      }
      prefetchElements(of: batch, from: first, count: count, on: shard)
      for _ in 0..<count {
        let command = batch.pointee.commands + Int(first)
        if mayBeBlocked, !shard.pointee.isInTransaction, batch.isBlocked(command, on: shard) {
          part.pointee.firstCommand = first
          hold(command, of: batch, part, on: shard)
          shard.pointee.caller = Caller()
          return false
        }
        if !isOneStep, command.pointee.transactionCount > 0 { shard.beginStep() }
        run(command, of: batch, part, on: shard, since: &ticks)
        if !isOneStep, command.pointee.endsTransaction { shard.endStep() }
        first = command.pointee.next
      }
    }
    shard.reportNotes()
    shard.serveWaitersIfReady()
    shard.pointee.caller = Caller()
    return true
  }

  /// Executes one command of a shard's part of a batch.
  @inline(__always)
  private static func run(
    _ command: UnsafeMutablePointer<PreparedCommand>, of batch: UnsafeMutablePointer<Batch>,
    _ part: UnsafeMutablePointer<BatchPart>, on shard: UnsafeMutablePointer<Shard>, since ticks: inout UInt64
  ) {
    let reply = part.replies
    let before = reply.pointee.count
    let nanoseconds = run(
      command, batch.arguments(of: command), on: shard, reply: reply, database: batch.pointee.database,
      since: &ticks)
    part.pointee.results[Int(part.pointee.nextResult)] = CommandResult(
      replyBytes: reply.pointee.count - before, nanoseconds: UInt32(clamping: nanoseconds))
    part.pointee.nextResult += 1
  }

  @inline(never)
  private static func hold(
    _ command: UnsafeMutablePointer<PreparedCommand>, of batch: UnsafeMutablePointer<Batch>,
    _ part: UnsafeMutablePointer<BatchPart>, on shard: UnsafeMutablePointer<Shard>
  ) {
    let held = HeldCommand.make(
      batch.step(from: command).map { ($0.pointee.entry, batch.arguments(of: $0)) }, on: shard,
      owner: .batch(batch))
    part.pointee.held = held
    shard.queue(held)
  }

  /// Goes on with a part whose next command, or transaction, has been granted the locks that it waited for. Returns false
  /// if a later one has to wait.
  static func resumePart(_ batch: UnsafeMutablePointer<Batch>, on shard: UnsafeMutablePointer<Shard>) -> Bool
  {
    let part = batch.part(shard.pointee.index)
    guard let held = part.pointee.held else { preconditionFailure("a part that waits for nothing goes on") }
    part.pointee.held = nil
    var ticks = pantala_ticks()
    shard.pointee.keyspace.leavesAges = batch.pointee.leavesAges
    shard.pointee.caller = batch.pointee.caller
    let step = batch.step(from: batch.pointee.commands + Int(part.pointee.firstCommand))
    if step[0].pointee.transactionCount > 0 { shard.beginStep() }
    for command in step { run(command, of: batch, part, on: shard, since: &ticks) }
    let last = step[step.count - 1]
    if last.pointee.endsTransaction { shard.endStep() }
    part.pointee.firstCommand = last.pointee.next
    shard.letGo(held)
    return runPart(batch, on: shard)
  }

  /// The same for commands of a batch that are chained.
  @inline(__always)
  private static func prefetchElements(
    of batch: UnsafeMutablePointer<Batch>, from first: Int32, count: Int,
    on shard: UnsafeMutablePointer<Shard>
  ) {
    withUnsafeTemporaryAllocation(of: ElementPrefetch.self, capacity: prefetchCount) { prefetches in
      var next = first
      var named = 0
      for _ in 0..<count {
        let command = batch.pointee.commands + Int(next)
        next = command.pointee.next
        guard command.pointee.entry.pointee.elementArgument > 0 else { continue }
        prefetches[named] = prefetchElement(
          of: command, batch.arguments(of: command), on: shard, database: batch.pointee.database)
        named += 1
      }
      for index in 0..<named { shard.pointee.keyspace.prefetchEntry(prefetches[index]) }
    }
  }

  /// Executes one command and counts it. `ticks` is when it could begin, and becomes when it ended.
  @inline(__always)
  private static func run(
    _ command: UnsafePointer<PreparedCommand>, _ arguments: Arguments, on shard: UnsafeMutablePointer<Shard>,
    reply: UnsafeMutablePointer<ReplyBuffer>, database: Int, since ticks: inout UInt64
  ) -> UInt64 {
    let entry = command.pointee.entry
    let index = entry.pointee.index
    // Of a command over several shards either all parts are executed or none: its coordinator has asked.
    if entry.pointee.flags.contains(.denyOutOfMemory), !shard.hasGrant, !shard.makeRoom(),
      command.pointee.partCount == 0
    {
      refuseForMemory(index, on: shard, reply: reply)
      return 0
    }
    let errorsBefore = reply.pointee.errorCount
    var call = KeyCall(
      shard: shard, arguments: arguments, reply: reply, database: database, hash: command.pointee.hash,
      hashedArgument: entry.pointee.firstKey)
    entry.pointee.keyCommand.unsafelyUnwrapped.execute(&call)
    if shard.pointee.caller.tracker != .none, entry.pointee.flags.contains(.readOnly) {
      shard.rememberRead(entry, arguments, shard.pointee.caller.tracker)
    }
    shard.serveWaitersIfReady()
    let now = pantala_ticks()
    let nanoseconds = shard.pointee.nanoseconds(ofTicks: now &- ticks)
    ticks = now
    // In a step of its own: changing an element through the shard at once breaks builds for the thread sanitizer.
    if command.pointee.partCount != PreparedCommand.furtherPart {
      let counters = shard.pointee.counters
      counters[index].recordCall(nanoseconds: nanoseconds)
      shard.pointee.recordLatency(index, nanoseconds: nanoseconds)
    }
    if reply.pointee.errorCount != errorsBefore { shard.recordError(of: index, reply) }
    return nanoseconds
  }

  @inline(never)
  private static func refuseForMemory(
    _ index: Int, on shard: UnsafeMutablePointer<Shard>, reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    shard.refuseForMemory(reply)
    shard.recordRejection(of: index, reply)
  }
}

extension UnsafeMutablePointer<BatchPart> {
  /// The part's replies, in place.
  var replies: UnsafeMutablePointer<ReplyBuffer> {
    (UnsafeMutableRawPointer(self) + MemoryLayout<BatchPart>.offset(of: \BatchPart.replies).unsafelyUnwrapped)
      .assumingMemoryBound(to: ReplyBuffer.self)
  }
}

extension UnsafeMutablePointer<Batch> {
  /// The commands that a shard executes in one step, beginning with `first`: a transaction's, or one alone.
  fileprivate func step(
    from first: UnsafeMutablePointer<PreparedCommand>
  ) -> [UnsafeMutablePointer<PreparedCommand>] {
    var step = [first]
    for _ in 1..<Swift.max(1, Int(first.pointee.transactionCount)) {
      step.append(pointee.commands + Int(step[step.count - 1].pointee.next))
    }
    return step
  }

  /// Whether a transaction of others keeps the step that begins with `first` from being executed now.
  @inline(never)
  fileprivate func isBlocked(
    _ first: UnsafeMutablePointer<PreparedCommand>, on shard: UnsafeMutablePointer<Shard>
  ) -> Bool {
    if first.pointee.transactionCount == 0 {
      return shard.isBlocked(first.pointee.entry, arguments(of: first))
    }
    return step(from: first).contains { shard.isBlocked($0.pointee.entry, arguments(of: $0)) }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Begins a transaction that was read whole and is this shard's alone: what follows is one step.
  @inline(never)
  func beginStep() {
    makeRoomForStep()
    pointee.isInTransaction = true
    pointee.stepStart = pantala_ticks()
  }

  /// Ends it. Those who wait for what it has brought are served now.
  @inline(never)
  func endStep() {
    pointee.isInTransaction = false
    serveWaitersIfReady()
    recordTransaction(nanoseconds: pointee.nanoseconds(ofTicks: pantala_ticks() &- pointee.stepStart))
  }

  /// Counts the MULTI and the EXEC of a transaction that was read whole.
  func recordTransaction(nanoseconds: UInt64) {
    recordCall(pointee.transactionCommands.multi, nanoseconds: 0)
    recordCall(pointee.transactionCommands.exec, nanoseconds: nanoseconds)
  }

  private func recordCall(_ index: Int, nanoseconds: UInt64) {
    // In a step of its own: changing an element through the shard at once breaks builds for the thread sanitizer.
    let counters = pointee.counters
    counters[index].recordCall(nanoseconds: nanoseconds)
    pointee.recordLatency(index, nanoseconds: nanoseconds)
  }

  /// Counts the error that a command just wrote as the command's failure.
  @inline(never)
  public func recordError(of command: Int, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    let counters = pointee.counters
    counters[command].recordFailure()
    recordErrorName(reply)
  }

  /// Counts the error just written for a command that was not executed.
  @inline(never)
  public func recordRejection(of command: Int?, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    let counters = pointee.counters
    if let command { counters[command].recordRejectedCall() }
    recordErrorName(reply)
  }

  private func recordErrorName(_ reply: UnsafeMutablePointer<ReplyBuffer>) {
    pointee.network.errorReplies += 1
    if let error = reply.pointee.lastError {
      pointee.errors.record(line: UnsafeRawBufferPointer(start: error.start, count: error.count))
    }
  }
}
