// Numbers that only C can read and print: `long double`, which Swift lacks on some machines, and the
// forms of the C library that Redis shows to its clients.
//
// Swift's side of these is Sources/Bytes/FloatingPoint.swift and LongDouble.swift.

#ifndef PANTALA_NUMBERS_H
#define PANTALA_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The longest text of a long double as `pantala_long_double_write` prints it: a sign, 4,933 digits,
/// the point and 17 digits, rounded up.
#define PANTALA_LONG_DOUBLE_TEXT_BYTES_MAX 4960

/// The longest text of a double in 17 significant digits: "-2.2250738585072014e-308".
#define PANTALA_DOUBLE_TEXT_BYTES_MAX 24

/// A long double as it lies in memory: 80 bits on x86-64, 128 bits on aarch64.
typedef struct {
  uint64_t words[2];
} pantala_long_double;

/// Reads the whole of `bytes` as a long double. Refuses what Redis refuses: nothing at all, a space in
/// front, anything behind, NaN, text of 5,120 bytes and more, and what doesn't fit the exponent.
bool pantala_long_double_parse(const uint8_t *bytes, size_t count, pantala_long_double *result);

pantala_long_double pantala_long_double_from_integer(int64_t value);

pantala_long_double pantala_long_double_add(pantala_long_double left, pantala_long_double right);

/// The smallest integer that is not below `value` times `factor`; false if 64 bits can't hold it.
bool pantala_long_double_scale_up(pantala_long_double value, int64_t factor, int64_t *result);

/// Whether the value is neither NaN nor an infinity.
bool pantala_long_double_is_finite(pantala_long_double value);

/// Prints a finite value with 17 digits behind the point, trailing zeros removed; returns the count.
/// `target` has room for PANTALA_LONG_DOUBLE_TEXT_BYTES_MAX bytes.
size_t pantala_long_double_write(pantala_long_double value, uint8_t *target);

/// Reads the whole of `bytes` as a double, with the refusals of `pantala_long_double_parse` but any length.
bool pantala_double_parse(const uint8_t *bytes, size_t count, double *result);

/// Reads a double as Redis reads the bounds of score ranges: up to a NUL, spaces in front allowed, nothing as zero, what
/// doesn't fit as an infinity or zero. Refuses NaN and anything behind the number.
bool pantala_double_parse_loosely(const uint8_t *bytes, size_t count, double *result);

/// Prints a value in 17 significant digits ("%.17g"); returns the count.
/// `target` has room for PANTALA_DOUBLE_TEXT_BYTES_MAX bytes.
size_t pantala_double_write(double value, uint8_t *target);

/// The longest text of a double that `pantala_double_write_fixed` prints: a sign, 309 digits, the point and 17 digits.
#define PANTALA_FIXED_TEXT_BYTES_MAX 328

/// Prints a value with `fraction_digits`, at most 17, behind the point ("%.*f"); returns the count.
/// `target` has room for PANTALA_FIXED_TEXT_BYTES_MAX bytes.
size_t pantala_double_write_fixed(double value, int fraction_digits, uint8_t *target);

#endif
