/* Bytes of JSON that matter, found many at a time: sixteen where the processor has SSE2 (all of x86-64), else eight in a
 * word. A word's mask has the highest bit set of each byte that is meant; a borrow may raise a false alarm above a true one,
 * never alone: the first byte that a mask shows is always right. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* ---- sixteen bytes: a bit for each that is meant, the first byte's the lowest ---- */

#ifdef __SSE2__
static inline __m128i bw_word_load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline unsigned bw_word_special16(__m128i x)
{
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1F)), x);

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control));
}

static inline unsigned bw_word_structural16(__m128i x) /* and what looks like it, as above */
{
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i bracket = _mm_cmpeq_epi8(_mm_and_si128(x, _mm_set1_epi8((char)0xD9)), _mm_set1_epi8(0x59));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(quote, bracket));
}
#endif

/* ---- runs ---- */

/* The first quote, backslash or control character; end if there is none. */
static inline const char *bw_word_find_special(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        unsigned mask = bw_word_special16(bw_word_load16(p));
        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    for (; end - p >= 8; p += 8) {
        uint64_t mask = bw_word_special(bw_word_load(p));
        if (mask)
            return p + bw_word_first(mask);
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

static inline bool bw_word_is_structural(char c)
{
    return c == '"' || c == '[' || c == ']' || c == '{' || c == '}';
}

/* The first quote or bracket; end if there is none. */
static inline const char *bw_word_find_structural(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        for (unsigned mask = bw_word_structural16(bw_word_load16(p)); mask; mask &= mask - 1) {
            if (bw_word_is_structural(p[__builtin_ctz(mask)]))
                return p + __builtin_ctz(mask);
        }
    }
#endif
    while (end - p >= 8) {
        uint64_t mask = bw_word_structural(bw_word_load(p));
        p += mask ? bw_word_first(mask) : 8;
        if (mask && bw_word_is_structural(*p))
            return p;
        p += mask != 0; /* a letter that looks like a bracket */
    }
    while (p < end && !bw_word_is_structural(*p))
        p++;
    return p;
}

/* The first byte that is not ASCII, or NUL; end if there is none. A NUL, and nothing below it, borrows into the top bit of
 * its byte when 1 is taken from every byte; the borrow may also hit the byte after a NUL, but by then we have stopped. */
static inline const char *bw_word_find_odd(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        unsigned plain = (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(bw_word_load16(p), _mm_setzero_si128()));
        if (plain != 0xFFFF)
            return p + __builtin_ctz(~plain);
    }
#endif
    for (; end - p >= 8; p += 8) {
        uint64_t w = bw_word_load(p);
        if (((w - BW_WORD_ONES) | w) & BW_WORD_TOPS)
            break;
    }
    while (p < end && *p != '\0' && (unsigned char)*p < 0x80)
        p++;
    return p;
}
