/* Allocation that aborts when memory is out: half of all error paths would otherwise exist only for a case that
 * nobody can test on the real machine. Caps on buffers and peers are what bounds memory. */
#include "badgewatch/base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "badgewatch: out of memory\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        abort();
    abort();
}

static void *checked(void *p)
{
    if (!p)
        out_of_memory();
    return p;
}

void *bw_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *bw_alloc_array(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *bw_realloc_array(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory();
    return checked(realloc(p, bytes ? bytes : 1));
}

char *bw_strdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *bw_strndup(const char *s, size_t n)
{
    char *copy = checked(malloc(n + 1));
    if (n > 0)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *bw_asprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0)
        out_of_memory();
    return text;
}
