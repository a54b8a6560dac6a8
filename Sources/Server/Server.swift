import CIntrinsics
import Commands
import Configuration
import Engine
import Glibc
import Logging
import Ring
import Synchronization

/// Why the server can't start, in one line that says what helps.
public struct StartError: Error, CustomStringConvertible {
  public let description: String
}

/// Starts the loops and waits for them to end.
public enum Server {
  /// Serves until a signal or SHUTDOWN. The calling thread becomes the first loop.
  public static func run(_ configuration: Configuration) throws(StartError) {
    var configuration = configuration
    guard let logger = makeLogger(configuration.settings) else {
      throw StartError(description: "Can't open the log file: \(String(cString: strerror(errno)))")
    }
    signal(SIGPIPE, SIG_IGN)
    signal(SIGHUP, SIG_IGN)
    let signalDescriptor = blockSignals()
    let cores = Processors.allowed()
    let shardCount = chooseShardCount(configuration.settings, cores)
    raiseDescriptorLimit(&configuration.settings, logger)
    configuration.filePath = configuration.filePath.map(absolutePath)
    try enterDirectory(&configuration.settings)

    let server = ServerState(
      configuration: configuration, shardCount: shardCount, table: .all(), startedAt: Int64(time(nil)),
      runIdentifier: randomHexadecimal(digits: 40), processIdentifier: Int(getpid()),
      executablePath: executablePath())
    let listeners: [Listener]
    do throws(ListenError) {
      listeners = try Listener.open(configuration.settings)
    } catch {
      throw StartError(description: "Can't listen: \(error)")
    }
    let seeds = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))
    let start = LoopStart(
      server: server, logger: logger, cores: configuration.settings.pinThreads ? cores : [], seeds: seeds)
    var threads: [pthread_t] = []
    for index in 1..<max(shardCount, 1) {
      threads.append(try startThread(start, index))
    }
    try runFirstLoop(start, listeners, signalDescriptor, threadCount: shardCount)
    for thread in threads { pthread_join(thread, nil) }
    if !configuration.settings.unixSocketPath.isEmpty { unlink(configuration.settings.unixSocketPath) }
    if !configuration.settings.pidFilePath.isEmpty { unlink(configuration.settings.pidFilePath) }
    logger.notice("Pantala is now ready to exit, bye bye...")
  }

  // MARK: Threads

  /// What a thread needs to become a loop.
  private final class LoopStart: Sendable {
    let server: ServerState
    let logger: Logger
    let cores: [Int]
    let seeds: (UInt64, UInt64)
    /// Loops that are ready, and the first error of one that could not be made.
    let readyCount = Atomic<Int>(0)
    let failure = Mutex<RingError?>(nil)

    init(server: ServerState, logger: Logger, cores: [Int], seeds: (UInt64, UInt64)) {
      self.server = server
      self.logger = logger
      self.cores = cores
      self.seeds = seeds
    }

    /// Makes the loop of this thread, or notes why it can't be made.
    func makeLoop(_ index: Int) -> UnsafeMutablePointer<ShardLoop>? {
      if !cores.isEmpty, !Processors.pinThisThread(to: cores[index % cores.count]) {
        logger.warning("Can't pin shard \(index) to core \(cores[index % cores.count])")
      }
      defer { readyCount.add(1, ordering: .sequentiallyConsistent) }
      do throws(RingError) {
        let loop = UnsafeMutablePointer<ShardLoop>.allocate(capacity: 1)
        loop.initialize(
          to: try ShardLoop(index: index, server: server, logger: logger, hasherSeeds: seeds))
        loop.pointee.shard.noteRestingTraffic()
        server.startupBytes.add(ShardMemory(of: loop.pointee.shard).startupBytes, ordering: .relaxed)
        loop.pointee.publishMemory()
        return loop
      } catch {
        failure.withLock { $0 = $0 ?? error }
        return nil
      }
    }

    func waitForAll(_ count: Int) {
      while readyCount.load(ordering: .sequentiallyConsistent) < count { usleep(100) }
    }
  }

  /// What is passed to a new thread.
  private final class ThreadStart {
    let start: LoopStart
    let index: Int

    init(_ start: LoopStart, _ index: Int) {
      self.start = start
      self.index = index
    }
  }

  private static func startThread(_ start: LoopStart, _ index: Int) throws(StartError) -> pthread_t {
    let argument = Unmanaged.passRetained(ThreadStart(start, index))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        let thread = Unmanaged<ThreadStart>.fromOpaque(raw).takeRetainedValue()
        let loop = thread.start.makeLoop(thread.index)
        thread.start.waitForAll(thread.start.server.shardCount)
        if thread.start.failure.withLock({ $0 }) == nil { loop?.run() }
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      throw StartError(description: "Can't start a thread: \(String(cString: strerror(code)))")
    }
    return thread
  }

  private static func runFirstLoop(
    _ start: LoopStart, _ listeners: [Listener], _ signalDescriptor: Int32, threadCount: Int
  ) throws(StartError) {
    let loop = start.makeLoop(0)
    start.waitForAll(threadCount)
    if let failure = start.failure.withLock({ $0 }) { throw StartError(description: advice(failure)) }
    guard let loop else { return }
    loop.pointee.updateClock()
    start.server.lookForPeak(time: loop.pointee.shard.pointee.keyspace.now)
    loop.pointee.listeners = listeners
    loop.pointee.signalDescriptor = signalDescriptor
    for listener in listeners { start.logger.notice("Listening on \(listener.name)") }
    if let path = Optional(start.server.configuration.settings.pidFilePath), !path.isEmpty {
      writePidFile(path)
    }
    start.logger.notice(
      "Pantala \(ServerVersion.own) serves with \(threadCount) shard\(threadCount == 1 ? "" : "s"), process \(getpid())"
    )
    loop.run()
  }

  private static func advice(_ error: RingError) -> String {
    let reason = "Pantala needs io_uring, which is not to be had here (\(error))"
    switch error.code {
    case EPERM, EACCES:
      return reason
        + ": allow it with `sysctl kernel.io_uring_disabled=0`, and in Docker run with `--security-opt seccomp=docker/seccomp.json`"
    case ENOSYS:
      return reason + ": the kernel has none; Linux 6.0 or newer is needed"
    case ENOMEM:
      return reason + ": raise the limit of locked memory (`ulimit -l`), or lower ring-entries"
    default:
      return reason + ": Linux 6.0 or newer is needed"
    }
  }

  // MARK: Surroundings

  private static func chooseShardCount(_ settings: Settings, _ cores: [Int]) -> Int {
    if settings.shardCount > 0 { return settings.shardCount }
    return max(1, min(cores.count, Processors.controlGroupQuota() ?? cores.count))
  }

  /// Blocks the signals that end the server in all threads to come; they are read from a descriptor.
  private static func blockSignals() -> Int32 {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    return pantala_signal_descriptor(&signals)
  }

  /// Asks for as many descriptors as `maxclients` needs, and lowers it where the system refuses.
  private static func raiseDescriptorLimit(_ settings: inout Settings, _ logger: Logger) {
    let possible = DescriptorLimit.raise(forClients: settings.maxClients)
    if possible < settings.maxClients {
      logger.warning("maxclients is lowered to \(possible): the system allows no more open files (ulimit -n)")
      settings.maxClients = possible
    }
  }

  /// A path that means the same when the working directory is another one.
  private static func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }

  private static func enterDirectory(_ settings: inout Settings) throws(StartError) {
    if !settings.directory.isEmpty, chdir(settings.directory) != 0 {
      throw StartError(
        description: "Can't change to directory \(settings.directory): \(String(cString: strerror(errno)))")
    }
    if let current = getcwd(nil, 0) {
      settings.directory = String(cString: current)
      free(current)
    }
  }

  private static func writePidFile(_ path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs("\(getpid())\n", file)
    fclose(file)
  }

  private static func executablePath() -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count)
    return count > 0 ? String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
  }

  private static func randomHexadecimal(digits: Int) -> String {
    String((0..<digits).map { _ in "0123456789abcdef".randomElement() ?? "0" })
  }
}
