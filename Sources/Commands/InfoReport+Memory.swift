import Configuration
import Engine
import Heap
import Statistics

/// Where the memory is: the figures of MEMORY STATS, under INFO's names.
extension InfoReport {
  func writeMemory(to info: inout InfoText) {
    let memory = server.memoryReport(of: shards.map { ShardMemory($0) }, resident: resident ?? .now())
    writeUse(memory, to: &info)
    writeScripts(memory, to: &info)
    writeLimit(to: &info)
    writeAllocator(memory, to: &info)
    writePurposes(memory, to: &info)
  }

  private func writeUse(_ memory: MemoryReport, to info: inout InfoText) {
    info.byteFields("used_memory", UInt64(memory.totalAllocated))
    info.byteFields("used_memory_rss", UInt64(memory.resident.byteCount))
    info.byteFields("used_memory_peak", UInt64(memory.peakAllocated))
    info.field("used_memory_peak_perc", percentage: memory.peakPercentage)
    info.field("used_memory_overhead", memory.overheadTotal)
    info.field("used_memory_startup", memory.startupAllocated)
    info.field("used_memory_dataset", memory.datasetBytes)
    info.field("used_memory_dataset_perc", percentage: memory.datasetPercentage)
    info.field("allocator_allocated", memory.allocatorAllocated)
    info.field("allocator_active", memory.allocatorActive)
    info.field("allocator_resident", memory.allocatorResident)
    info.field("allocator_muzzy", memory.allocatorMuzzy)
    info.byteFields("total_system_memory", ProcessMemory.totalSystemByteCount())
  }

  /// There is no interpreter yet, so only caches could hold anything.
  private func writeScripts(_ memory: MemoryReport, to info: inout InfoText) {
    let cached = memory.heap[.scripts] + memory.heap[.functions]
    info.field("used_memory_lua", 0)
    info.field("used_memory_vm_eval", 0)
    info.field("used_memory_lua_human", InfoText.humanReadable(byteCount: 0))
    info.field("used_memory_scripts_eval", memory.heap[.scripts])
    info.field("number_of_cached_scripts", 0)
    info.field("number_of_functions", 0)
    info.field("number_of_libraries", 0)
    info.field("used_memory_vm_functions", 0)
    info.byteFields("used_memory_vm_total", 0)
    info.field("used_memory_functions", memory.heap[.functions])
    info.byteFields("used_memory_scripts", UInt64(cached))
  }

  private func writeLimit(to info: inout InfoText) {
    info.byteFields("maxmemory", UInt64(settings.maxMemoryBytes))
    info.field("maxmemory_policy", settings.maxMemoryPolicy.rawValue)
  }

  private func writeAllocator(_ memory: MemoryReport, to info: inout InfoText) {
    info.field("allocator_frag_ratio", memory.fragmentationRatio, decimals: 2)
    info.field("allocator_frag_bytes", memory.fragmentationBytes)
    info.field("allocator_rss_ratio", memory.allocatorResidentRatio, decimals: 2)
    info.field("allocator_rss_bytes", memory.allocatorResidentBytes)
    info.field("rss_overhead_ratio", memory.residentOverheadRatio, decimals: 2)
    info.field("rss_overhead_bytes", memory.residentOverheadBytes)
    info.field("mem_fragmentation_ratio", memory.totalFragmentationRatio, decimals: 2)
    info.field("mem_fragmentation_bytes", memory.totalFragmentationBytes)
  }

  private func writePurposes(_ memory: MemoryReport, to info: inout InfoText) {
    let heap = memory.heap
    info.field("mem_not_counted_for_evict", memory.uncountedBytes)
    info.field("mem_replication_backlog", heap[.replicationBacklog])
    info.field("mem_total_replication_buffers", heap[.replicationBacklog] + heap[.replicas])
    info.field("mem_clients_slaves", heap[.replicas])
    info.field("mem_clients_normal", heap[.clients])
    info.field("mem_cluster_links", heap[.clusterLinks])
    info.field("mem_aof_buffer", heap[.appendOnlyFile])
    info.field("mem_allocator", ShardHeap.allocatorName)
    info.field("mem_overhead_db_hashtable_rehashing", memory.rehashingBytes)
    info.field("active_defrag_running", whole.defragmentation.effort)
    info.field("lazyfree_pending_objects", whole.removedValueCount)
    info.field("lazyfreed_objects", whole.keyspace.freedLater)
  }
}
