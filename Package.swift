// swift-tools-version: 6.1
import Foundation
import PackageDescription

// With PANTALA_SYSTEM_ALLOCATOR set, shard heaps use the C library's allocator instead of mimalloc, so
// that the address sanitizer sees every block. It is a mode for tests: figures of such a build mean nothing.
let usesSystemAllocator = ProcessInfo.processInfo.environment["PANTALA_SYSTEM_ALLOCATOR"] != nil
let heapSettings: [SwiftSetting] = usesSystemAllocator ? [.define("SYSTEM_ALLOCATOR")] : []

// With PANTALA_PLANTED_FAULT set, transactions don't wait for their locks: the consistency test must find that out.
let hasPlantedFault = ProcessInfo.processInfo.environment["PANTALA_PLANTED_FAULT"] != nil
let engineSettings: [SwiftSetting] = hasPlantedFault ? [.define("PLANTED_FAULT")] : []

// With PANTALA_WITHOUT_LEDGER set, the keyspace does not count what keys hold: to measure what counting costs.
let hasNoLedger = ProcessInfo.processInfo.environment["PANTALA_WITHOUT_LEDGER"] != nil
let keyspaceSettings: [SwiftSetting] = hasNoLedger ? [.define("WITHOUT_LEDGER")] : []

// With PANTALA_TEST_TARGETS set, to names with commas between, the package holds these test targets and what they need,
// and nothing else: a build for a sanitizer need not take longer than its tests.
let testTargets = ProcessInfo.processInfo.environment["PANTALA_TEST_TARGETS"].map {
  $0.split(separator: ",").map(String.init)
}

let package = Package(
  name: "pantala",
  products: [.executable(name: "pantala", targets: ["pantala"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.2.0"),
  ],
  targets: [
    // C: headers of the system's libraries and the few instructions Swift has no word for.
    .systemLibrary(name: "CMimalloc"),
    .target(name: "CUring", linkerSettings: [.linkedLibrary("uring")]),
    .target(name: "CIntrinsics"),

    // Leaves: know nothing of a server.
    .target(name: "Bytes", dependencies: ["CIntrinsics"]),
    .target(name: "Configuration", dependencies: ["Bytes"]),
    .target(name: "Statistics"),
    .target(name: "Sketches", dependencies: ["Bytes"]),
    .target(name: "Geography"),

    // The way of a command, from the outside in.
    .target(name: "Ring", dependencies: ["CUring", "CIntrinsics"]),
    .target(name: "Heap", dependencies: ["CIntrinsics", "CMimalloc"], swiftSettings: heapSettings),
    .target(name: "RESP", dependencies: ["Bytes", "Heap"]),
    .target(
      name: "Keyspace",
      dependencies: [
        "Bytes", "Heap", "CIntrinsics", .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: keyspaceSettings),
    .target(name: "Serialization", dependencies: ["Bytes", "Keyspace"]),
    .target(
      name: "Engine",
      dependencies: [
        "Bytes", "Configuration", "Heap", "Keyspace", "RESP", "Ring", "Statistics", "CIntrinsics",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: engineSettings),
    .target(name: "Commands", dependencies: ["Engine", "Geography", "Serialization", "Sketches"]),
    .target(
      name: "Server",
      dependencies: [
        "CIntrinsics", "Commands", "Configuration", "Engine", "Heap", "Ring",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "pantala", dependencies: ["Configuration", "Engine", "Server"],
      // Of Swift's libraries only what is used: less to load, and megabytes less to keep in memory.
      linkerSettings: [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))]),

    // What the tests of several modules need: random numbers with a seed, heaps, views.
    .target(name: "TestSupport", dependencies: ["Bytes", "Heap"], path: "Tests/TestSupport"),
    .testTarget(name: "BytesTests", dependencies: ["Bytes", "TestSupport"]),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "TestSupport"]),
    .testTarget(name: "StatisticsTests", dependencies: ["Statistics", "TestSupport"]),
    .testTarget(name: "SketchesTests", dependencies: ["Bytes", "Sketches", "TestSupport"]),
    .testTarget(name: "GeographyTests", dependencies: ["Geography", "TestSupport"]),
    .testTarget(name: "RingTests", dependencies: ["Ring", "TestSupport"]),
    .testTarget(name: "HeapTests", dependencies: ["Heap", "TestSupport"]),
    .testTarget(name: "RESPTests", dependencies: ["RESP", "TestSupport"]),
    .testTarget(name: "KeyspaceTests", dependencies: ["Keyspace", "TestSupport"]),
    .testTarget(name: "SerializationTests", dependencies: ["Heap", "Serialization", "TestSupport"]),
    .testTarget(name: "EngineTests", dependencies: ["Engine", "Commands", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

if let testTargets {
  var needed = Set(testTargets)
  // Targets stand below those that they need.
  for target in package.targets.reversed() where needed.contains(target.name) {
    for dependency in target.dependencies {
      switch dependency {
      case .byNameItem(let name, _), .targetItem(let name, _): needed.insert(name)
      case .productItem: break
      @unknown default: break
      }
    }
  }
  package.targets.removeAll { !needed.contains($0.name) }
  package.products = []
}
