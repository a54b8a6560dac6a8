// The few instructions that Swift has no word for.
#ifndef PANTALA_CINTRINSICS_H
#define PANTALA_CINTRINSICS_H

#include <stdint.h>

#include "pantala_numbers.h"
#include "pantala_search.h"
#include "pantala_system.h"

// Asks the cache for the line at `address`, to be read soon.
static inline void pantala_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

// Asks the cache for the line at `address`, to be written soon.
static inline void pantala_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1, 3); }

// Tells the core that it is in a spin loop.
static inline void pantala_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// A counter of the core that runs at a constant rate, for measuring short spans.
static inline uint64_t pantala_ticks(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#endif
}

// A bit for each of the 16 bytes at `bytes` that equals `wanted`; bit 0 is the first byte.
// The builtins stand in for <emmintrin.h>, which brings fd_set's private parts into debug builds.
static inline uint32_t pantala_match_16(const void *bytes, uint8_t wanted) {
#if defined(__x86_64__)
  typedef char vector __attribute__((vector_size(16), aligned(1)));
  vector loaded = *(const vector *)bytes;
  vector equal = (vector)(loaded == (char)wanted);
  return (uint32_t)__builtin_ia32_pmovmskb128(equal);
#else
  const uint8_t *byte = (const uint8_t *)bytes;
  uint32_t mask = 0;
  for (int i = 0; i < 16; i++) mask |= (uint32_t)(byte[i] == wanted) << i;
  return mask;
#endif
}

#endif
