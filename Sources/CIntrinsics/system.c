#define _GNU_SOURCE
#include "pantala_system.h"

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

int32_t pantala_allowed_cores(int32_t *cores, int32_t capacity) {
  cpu_set_t mask;
  int32_t count = 0;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 0;
  for (int32_t core = 0; core < CPU_SETSIZE && count < capacity; core++)
    if (CPU_ISSET(core, &mask)) cores[count++] = core;
  return count;
}

bool pantala_pin_thread(int32_t core) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(core, &mask);
  return sched_setaffinity(0, sizeof mask, &mask) == 0;
}

int32_t pantala_signal_descriptor(const sigset_t *signals) { return signalfd(-1, signals, SFD_CLOEXEC); }

int32_t pantala_signal_record_bytes(void) { return (int32_t)sizeof(struct signalfd_siginfo); }

int32_t pantala_signal_number(const void *record) {
  return (int32_t)((const struct signalfd_siginfo *)record)->ssi_signo;
}

void *pantala_stack(size_t *byte_count) {
  pthread_attr_t attributes;
  void *lowest = NULL;
  *byte_count = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return NULL;
  if (pthread_attr_getstack(&attributes, &lowest, byte_count) != 0) lowest = NULL;
  pthread_attr_destroy(&attributes);
  return lowest;
}

size_t pantala_resident_stack_bytes(const void *lowest, size_t byte_count) {
  enum { pages_at_once = 32 };
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  unsigned char states[pages_at_once];
  size_t resident = 0;
  uintptr_t end = ((uintptr_t)lowest + byte_count) & ~(page - 1);
  while (end >= (uintptr_t)lowest + page) {
    uintptr_t count = (end - (uintptr_t)lowest) / page;
    if (count > pages_at_once) count = pages_at_once;
    // A range that is mapped in part only is refused: its upper pages may be there.
    while (count > 0 && mincore((void *)(end - count * page), count * page, states) != 0) count /= 2;
    size_t found = 0;
    for (uintptr_t index = 0; index < count; index++) found += states[index] & 1;
    if (found == 0) break;
    resident += found * page;
    end -= count * page;
  }
  return resident;
}

// What the walk over the program's parts carries along.
struct variable_pages {
  int page_map;
  size_t count;
};

static int count_variable_pages(struct dl_phdr_info *part, size_t size, void *context) {
  (void)size;
  enum { pages_at_once = 256 };
  // A page's word in the map: whether it is in memory, and whether it is still the file's.
  const uint64_t present = 1ull << 63, of_file = 1ull << 61;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct variable_pages *pages = context;
  uint64_t words[pages_at_once];
  for (int index = 0; index < part->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &part->dlpi_phdr[index];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W)) continue;
    const uintptr_t start = part->dlpi_addr + segment->p_vaddr;
    uintptr_t at = start / page;
    const uintptr_t end = (start + segment->p_memsz + page - 1) / page;
    while (at < end) {
      const size_t wanted = (end - at < pages_at_once ? end - at : pages_at_once) * sizeof *words;
      const ssize_t got = pread(pages->page_map, words, wanted, (off_t)(at * sizeof *words));
      if (got < (ssize_t)sizeof *words) break;
      const size_t count = (size_t)got / sizeof *words;
      for (size_t word = 0; word < count; word++)
        pages->count += (words[word] & present) && !(words[word] & of_file);
      at += count;
    }
  }
  return 0;
}

size_t pantala_resident_variable_bytes(void) {
  struct variable_pages pages = {open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), 0};
  if (pages.page_map < 0) return 0;
  dl_iterate_phdr(count_variable_pages, &pages);
  close(pages.page_map);
  return pages.count * (size_t)sysconf(_SC_PAGESIZE);
}

static int give_back_code(struct dl_phdr_info *part, size_t size, void *context) {
  (void)size;
  (void)context;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int index = 0; index < part->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &part->dlpi_phdr[index];
    // What is writable, if only while the program is loaded, may differ from the file.
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
    const uintptr_t start = (part->dlpi_addr + segment->p_vaddr) & ~(page - 1);
    const uintptr_t end = (part->dlpi_addr + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);
    madvise((void *)start, end - start, MADV_DONTNEED);
  }
  return 0;
}

void pantala_give_back_code(void) { dl_iterate_phdr(give_back_code, NULL); }
