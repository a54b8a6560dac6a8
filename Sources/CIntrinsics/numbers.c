#include "pantala_numbers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Redis's limit for the text of a long double, the terminating NUL included.
#define LONG_DOUBLE_INPUT_BYTES_MAX 5120

// Doubles up to this length are read from the stack; longer ones (leading zeros, a thousand digits) are
// rare enough for malloc.
#define DOUBLE_STACK_BYTES 256

static bool begins_with_space(const uint8_t *bytes) {
  return bytes[0] == ' ' || (bytes[0] >= '\t' && bytes[0] <= '\r');
}

static long double load(pantala_long_double stored) {
  long double value;
  _Static_assert(sizeof value <= sizeof stored, "a long double fits its box");
  memcpy(&value, &stored, sizeof value);
  return value;
}

static pantala_long_double store(long double value) {
  pantala_long_double stored = {{0, 0}};
  memcpy(&stored, &value, sizeof value);
  return stored;
}

bool pantala_long_double_parse(const uint8_t *bytes, size_t count, pantala_long_double *result) {
  if (count == 0 || count >= LONG_DOUBLE_INPUT_BYTES_MAX || begins_with_space(bytes)) return false;
  char text[LONG_DOUBLE_INPUT_BYTES_MAX];
  memcpy(text, bytes, count);
  text[count] = '\0';

  char *end;
  errno = 0;
  long double value = strtold(text, &end);
  if (end != text + count || isnan(value)) return false;
  // A subnormal raises ERANGE as well and is welcome.
  if (errno == ERANGE && (isinf(value) || value == 0)) return false;
  *result = store(value);
  return true;
}

pantala_long_double pantala_long_double_from_integer(int64_t value) { return store((long double)value); }

pantala_long_double pantala_long_double_add(pantala_long_double left, pantala_long_double right) {
  return store(load(left) + load(right));
}

bool pantala_long_double_scale_up(pantala_long_double value, int64_t factor, int64_t *result) {
  long double scaled = ceill(load(value) * (long double)factor);
  if (!(scaled >= -0x1p63L && scaled < 0x1p63L)) return false;
  *result = (int64_t)scaled;
  return true;
}

bool pantala_long_double_is_finite(pantala_long_double value) { return isfinite(load(value)); }

size_t pantala_long_double_write(pantala_long_double value, uint8_t *target) {
  char text[PANTALA_LONG_DOUBLE_TEXT_BYTES_MAX + 1];
  int printed = snprintf(text, sizeof text, "%.17Lf", load(value));
  if (printed <= 0 || (size_t)printed >= sizeof text) return 0;
  size_t count = (size_t)printed;
  if (memchr(text, '.', count) != NULL) {
    while (text[count - 1] == '0') count -= 1;
    if (text[count - 1] == '.') count -= 1;
  }
  if (count == 2 && text[0] == '-' && text[1] == '0') {
    text[0] = '0';
    count = 1;
  }
  memcpy(target, text, count);
  return count;
}

// `text` is `count` bytes and a NUL.
static bool parse_terminated_double(const char *text, size_t count, double *result) {
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  if (end != text + count || isnan(value)) return false;
  if (errno == ERANGE && (isinf(value) || value == 0)) return false;
  *result = value;
  return true;
}

bool pantala_double_parse(const uint8_t *bytes, size_t count, double *result) {
  if (count == 0 || begins_with_space(bytes)) return false;
  char stack_text[DOUBLE_STACK_BYTES];
  char *text = count < sizeof stack_text ? stack_text : malloc(count + 1);
  if (text == NULL) return false;
  memcpy(text, bytes, count);
  text[count] = '\0';
  bool parsed = parse_terminated_double(text, count, result);
  if (text != stack_text) free(text);
  return parsed;
}

bool pantala_double_parse_loosely(const uint8_t *bytes, size_t count, double *result) {
  char stack_text[DOUBLE_STACK_BYTES];
  char *text = count < sizeof stack_text ? stack_text : malloc(count + 1);
  if (text == NULL) return false;
  memcpy(text, bytes, count);
  text[count] = '\0';
  char *end;
  *result = strtod(text, &end);
  bool parsed = *end == '\0' && !isnan(*result);
  if (text != stack_text) free(text);
  return parsed;
}

size_t pantala_double_write(double value, uint8_t *target) {
  char text[PANTALA_DOUBLE_TEXT_BYTES_MAX + 8];
  int printed = snprintf(text, sizeof text, "%.17g", value);
  if (printed <= 0 || printed > PANTALA_DOUBLE_TEXT_BYTES_MAX) return 0;
  memcpy(target, text, (size_t)printed);
  return (size_t)printed;
}

size_t pantala_double_write_fixed(double value, int fraction_digits, uint8_t *target) {
  char text[PANTALA_FIXED_TEXT_BYTES_MAX + 1];
  int printed = snprintf(text, sizeof text, "%.*f", fraction_digits, value);
  if (printed <= 0 || printed > PANTALA_FIXED_TEXT_BYTES_MAX) return 0;
  memcpy(target, text, (size_t)printed);
  return (size_t)printed;
}
