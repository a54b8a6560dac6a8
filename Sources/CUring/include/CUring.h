// liburing, as Swift can import it.
#ifndef PANTALA_CURING_H
#define PANTALA_CURING_H

// These come first: liburing.h defines _XOPEN_SOURCE, which hides parts of them from later readers.
#include <sched.h>
#include <stdlib.h>
#include <sys/select.h>

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Macros with casts, which Swift does not import.
static const uint8_t PANTALA_SQE_BUFFER_SELECT = IOSQE_BUFFER_SELECT;
static const uint8_t PANTALA_SQE_CQE_SKIP_SUCCESS = IOSQE_CQE_SKIP_SUCCESS;
static const uint32_t PANTALA_CQE_F_BUFFER = IORING_CQE_F_BUFFER;
static const uint32_t PANTALA_CQE_F_MORE = IORING_CQE_F_MORE;

// Copies up to `capacity` completions out and frees their places in the queue.
static inline uint32_t pantala_uring_reap(struct io_uring *ring, struct io_uring_cqe *out, uint32_t capacity) {
  uint32_t head = *ring->cq.khead;
  uint32_t tail = io_uring_smp_load_acquire(ring->cq.ktail);
  uint32_t count = tail - head;
  if (count > capacity) count = capacity;
  for (uint32_t i = 0; i < count; i++) out[i] = ring->cq.cqes[(head + i) & *ring->cq.kring_mask];
  io_uring_smp_store_release(ring->cq.khead, head + count);
  return count;
}

// Whether completions are in the queue, or wait in the kernel for the thread to ask for them.
static inline bool pantala_uring_has_completions(struct io_uring *ring) {
  return *ring->cq.khead != io_uring_smp_load_acquire(ring->cq.ktail) ||
         (IO_URING_READ_ONCE(*ring->sq.kflags) & IORING_SQ_TASKRUN) != 0;
}

#endif
