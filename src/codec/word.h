/* Eight bytes at a time. A mask has the highest bit set of each byte that is meant; a borrow may raise a false alarm above
 * a true one, never alone: the first byte that a mask shows is always right. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BW_WORD_ONES UINT64_C(0x0101010101010101)
#define BW_WORD_TOPS UINT64_C(0x8080808080808080)

/* The first byte is the lowest. */
static inline uint64_t bw_word_load(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

static inline size_t bw_word_first(uint64_t mask) /* not 0 */
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

static inline uint64_t bw_word_equal(uint64_t w, char c)
{
    uint64_t x = w ^ (BW_WORD_ONES * (unsigned char)c);

    return (x - BW_WORD_ONES) & ~x & BW_WORD_TOPS;
}

/* A quote, a backslash or a control character; never a byte from 0x80. */
static inline uint64_t bw_word_special(uint64_t w)
{
    return bw_word_equal(w, '"') | bw_word_equal(w, '\\') | ((w - BW_WORD_ONES * 0x20) & ~w & BW_WORD_TOPS);
}

/* A quote or a bracket of JSON; also Y, _, y and DEL, which differ from brackets in the masked bits only. */
static inline uint64_t bw_word_structural(uint64_t w)
{
    return bw_word_equal(w, '"') | bw_word_equal(w & (BW_WORD_ONES * 0xD9), 0x59);
}

/* The first quote, backslash or control character; end if there is none. */
static inline const char *bw_word_find_special(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t mask = bw_word_special(bw_word_load(p));
        if (mask)
            return p + bw_word_first(mask);
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}
