#define _GNU_SOURCE
#include "pantala_system.h"

#include <sched.h>
#include <sys/signalfd.h>

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
