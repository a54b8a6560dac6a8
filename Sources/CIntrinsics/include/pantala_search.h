// Looking for a small number in a run of them, many at a time.
#ifndef PANTALA_SEARCH_H
#define PANTALA_SEARCH_H

#include <stdint.h>

#if defined(__x86_64__)
typedef int32_t pantala_words_4 __attribute__((vector_size(16), aligned(4)));
typedef int16_t pantala_words_8 __attribute__((vector_size(16), aligned(2)));

// A bit for each of the 16 words at `words` that is `wanted`.
static inline uint32_t pantala_match_16_of_32(const uint32_t *words, uint32_t wanted) {
  const pantala_words_4 *four = (const pantala_words_4 *)words;
  pantala_words_8 low = __builtin_ia32_packssdw128(four[0] == (int32_t)wanted, four[1] == (int32_t)wanted);
  pantala_words_8 high = __builtin_ia32_packssdw128(four[2] == (int32_t)wanted, four[3] == (int32_t)wanted);
  return (uint32_t)__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(low, high));
}

// A bit for each of the 8 words at `words` whose bits in `mask` are `wanted`.
static inline uint32_t pantala_match_8_of_16(const uint16_t *words, uint16_t mask, uint16_t wanted) {
  pantala_words_8 equal = (*(const pantala_words_8 *)words & (int16_t)mask) == (int16_t)wanted;
  return (uint32_t)__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(equal, equal)) & 0xff;
}
#endif

// The first place from `start` on, below `count`, where `words` holds `wanted`; `count` if there is none.
static inline uint32_t pantala_find_32(const uint32_t *words, uint32_t start, uint32_t count, uint32_t wanted) {
  uint32_t index = start;
#if defined(__x86_64__)
  for (; index + 16 <= count; index += 16) {
    uint32_t found = pantala_match_16_of_32(words + index, wanted);
    if (found != 0) return index + (uint32_t)__builtin_ctz(found);
  }
  if (index < count && count >= 16) {
    // The last 16 words once more; those before `index` do not count.
    uint32_t base = count - 16;
    uint32_t found = pantala_match_16_of_32(words + base, wanted) >> (index - base);
    return found != 0 ? index + (uint32_t)__builtin_ctz(found) : count;
  }
#endif
  for (; index < count; index++) {
    if (words[index] == wanted) return index;
  }
  return count;
}

// The first place from `start` on, below `count`, where the bits of `words` that `mask` names are those of `wanted`;
// `count` if there is none.
static inline uint32_t pantala_find_masked_16(const uint16_t *words, uint32_t start, uint32_t count, uint16_t mask,
                                              uint16_t wanted) {
  uint32_t index = start;
#if defined(__x86_64__)
  for (; index + 8 <= count; index += 8) {
    uint32_t found = pantala_match_8_of_16(words + index, mask, wanted);
    if (found != 0) return index + (uint32_t)__builtin_ctz(found);
  }
  if (index < count && count >= 8) {
    uint32_t base = count - 8;
    uint32_t found = pantala_match_8_of_16(words + base, mask, wanted) >> (index - base);
    return found != 0 ? index + (uint32_t)__builtin_ctz(found) : count;
  }
#endif
  for (; index < count; index++) {
    if ((words[index] & mask) == wanted) return index;
  }
  return count;
}

#endif
