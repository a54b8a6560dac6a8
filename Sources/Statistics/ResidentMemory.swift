import Glibc

/// How much of this process is in physical memory, at one moment.
public struct ResidentMemory: Sendable, Equatable {
  /// All of it: the resident set size.
  public var byteCount: Int
  /// The part that is no file's: heaps, stacks, and the data of libraries.
  public var anonymousByteCount: Int
  /// The part of that which is variables of the program and its libraries; 0 where that was not asked for.
  public var variableByteCount = 0

  /// The part that is files': code, constants, and what is shared with the kernel.
  public var fileByteCount: Int { byteCount - anonymousByteCount }

  public init(byteCount: Int, anonymousByteCount: Int, variableByteCount: Int = 0) {
    self.byteCount = byteCount
    self.anonymousByteCount = anonymousByteCount
    self.variableByteCount = variableByteCount
  }

  /// Asks the system, which answers from counters that it keeps: about ten microseconds, however large the process.
  /// Zeros if `/proc` is not to be had.
  public static func now() -> ResidentMemory {
    guard let text = SmallFile.text(path: "/proc/self/statm") else {
      return ResidentMemory(byteCount: 0, anonymousByteCount: 0)
    }
    return ResidentMemory(statm: text, pageByteCount: Int(sysconf(Int32(_SC_PAGESIZE))))
  }

  /// From the text of `statm`, whose second number is resident pages and whose third those of files and shared
  /// memory among them.
  init(statm: String, pageByteCount: Int) {
    let fields = statm.split(separator: " ").map { Int($0) ?? 0 }
    let resident = fields.count > 1 ? fields[1] : 0
    let shared = fields.count > 2 ? fields[2] : 0
    byteCount = resident * pageByteCount
    anonymousByteCount = max(0, resident - shared) * pageByteCount
  }
}
