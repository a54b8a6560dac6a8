// Calls of the system whose declarations Swift's Glibc module leaves out.
#ifndef PANTALA_SYSTEM_H
#define PANTALA_SYSTEM_H

#include <gnu/libc-version.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes the cores that the process may run on, in rising order, and returns how many there are.
int32_t pantala_allowed_cores(int32_t *cores, int32_t capacity);

// Keeps the calling thread on one core.
bool pantala_pin_thread(int32_t core);

// A descriptor from which the given signals, blocked in every thread, are read; -1 on failure.
int32_t pantala_signal_descriptor(const sigset_t *signals);

// Bytes of one record read from that descriptor, and the number of the signal in a record.
int32_t pantala_signal_record_bytes(void);
int32_t pantala_signal_number(const void *record);

// The lowest address of the calling thread's stack, and its bytes; null where the system does not say.
void *pantala_stack(size_t *byte_count);

// Bytes of a stack that are in physical memory: from its upper end down to where nothing of it has been used.
size_t pantala_resident_stack_bytes(const void *lowest, size_t byte_count);

// Bytes in physical memory of the variables of the program and of all its libraries: pages that were a file's and have been
// written, and pages that never were.
size_t pantala_resident_variable_bytes(void);

// Has the system forget that the pages of the program's and its libraries' code and constants are in use. They are the files', and
// come back from its cache when they are touched next.
void pantala_give_back_code(void);

#endif
