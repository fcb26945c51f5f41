/* Reader of stored states of version 1, an object with a member for each field: what Redis, Postgres and the history stream
 * hold from before version 2 (state_json.c). Nobody writes it any more, so its tables never change.
 *
 * How it fails: a member absent, of another type, out of range, unknown, or categories out of order: BW_ERR_INVALID. */
#include "state_read.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/keepa.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define FORMAT 1

enum type { LONG, INT, BOOL };

struct field {
    const char *name;
    enum type type;
    size_t offset;
    int64_t min;
};

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define STATE(type, member, min)                                                                             \
    {                                                                                                        \
#member, type, offsetof(struct bw_state, member), min                                                \
    }
#define CATEGORY(type, member, min)                                                                          \
    {                                                                                                        \
#member, type, offsetof(struct bw_category_state, member), min                                       \
    }

static const struct field state_fields[] = {
    STATE(LONG, version, 0),        STATE(BOOL, baseline, 0),      STATE(LONG, checked_at_ms, 0),
    STATE(LONG, answered_at, 0),    STATE(LONG, ok_at, 0),         STATE(LONG, freshness, 0),
    STATE(LONG, last_update, 0),    STATE(LONG, last_change, 0),   STATE(INT, unknown_checks, 0),
    STATE(LONG, unknown_since, 0),  STATE(INT, stub_checks, 0),    STATE(LONG, stub_since, 0),
    STATE(LONG, current_price, -1), STATE(LONG, monthly_sold, -1), STATE(LONG, rating, -1),
    STATE(LONG, review_count, -1),
};

static const struct field category_fields[] = {
    CATEGORY(LONG, category_id, 1), CATEGORY(LONG, rank, -1),         CATEGORY(LONG, at, 0),
    CATEGORY(LONG, since, 0),       CATEGORY(LONG, not_before, 0),    CATEGORY(LONG, confirmed_at, 0),
    CATEGORY(INT, missing, 0),      CATEGORY(LONG, missing_since, 0), CATEGORY(BOOL, removed, 0),
};

static bool read_bool(struct state_decode *d, const char *name, bool *out)
{
    char first = bw_cursor_peek(d->c);

    if ((first != 't' && first != 'f') || !bw_cursor_skip(d->c, 0))
        return state_wrong(d, name);
    *out = first == 't';
    return true;
}

static bool read_field(struct state_decode *d, const struct field *f, void *to)
{
    char *at = (char *)to + f->offset;
    int64_t l;
    int small;
    bool yes;

    if (f->type == BOOL) {
        if (!read_bool(d, f->name, &yes))
            return false;
        memcpy(at, &yes, sizeof yes);
        return true;
    }
    if (!state_read_int(d, f->name, f->min, f->type == INT ? INT_MAX : INT64_MAX, &l))
        return false;
    small = (int)l;
    if (f->type == INT)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &l, sizeof l);
    return true;
}

static bool read_values(struct state_decode *d, struct bw_state *s)
{
    size_t n = 0;

    if (bw_cursor_peek(d->c) != '[')
        return state_wrong(d, "value_at");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']'), n++)
        if (n == BW_VALUE_KINDS || !state_read_int(d, "value_at", 0, INT64_MAX, &s->value_at[n]))
            return state_wrong(d, "value_at");
    return n == BW_VALUE_KINDS || state_wrong(d, "value_at");
}

/* Which member this is: the one behind the last, as they were written, else any. n if it is none of them. */
static size_t find_member(const struct bw_span *key, const struct field *fields, size_t n_fields,
                          const char *const *others, size_t n, size_t guess)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = (guess + k) % n;

        if (bw_span_is(key, i < n_fields ? fields[i].name : others[i - n_fields]))
            return i;
    }
    return n;
}

/* The key of the next member of an object whose members are all known, and each there once. */
static bool next_member(struct state_decode *d, const struct field *fields, size_t n_fields,
                        const char *const *others, size_t n, uint32_t *seen, size_t *at)
{
    struct bw_span key;

    if (!bw_cursor_key(d->c, &key))
        return state_wrong(d, "members");
    *at = find_member(&key, fields, n_fields, others, n, *at);
    if (*at == n || (*seen & 1u << *at)) {
        d->err = bw_error_set(d->error, BW_ERR_INVALID, "the stored state has a member '%.*s' too many",
                              (int)(key.len < 40 ? key.len : 40), key.at);
        return false;
    }
    *seen |= 1u << *at;
    return true;
}

static bool complete(struct state_decode *d, uint32_t seen, const struct field *fields, size_t n_fields,
                     const char *const *others, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(seen & 1u << i))
            return state_wrong(d, i < n_fields ? fields[i].name : others[i - n_fields]);
    return true;
}

static bool read_category(struct state_decode *d, struct bw_category_state *category)
{
    static const char *const others[] = {"name"};
    const size_t n_fields = COUNT(category_fields), n = n_fields + COUNT(others);
    uint32_t seen = 0;

    if (bw_cursor_peek(d->c) != '{')
        return state_wrong(d, "categories");
    size_t at = 0;
    for (bool more = bw_cursor_first(d->c, '{', '}'); more; more = bw_cursor_next(d->c, '}'), at++) {
        if (!next_member(d, category_fields, n_fields, others, n, &seen, &at))
            return false;
        if (!(at < n_fields ? read_field(d, &category_fields[at], category)
                            : state_read_text(d, "name", &category->name)))
            return false;
    }
    return complete(d, seen, category_fields, n_fields, others, n);
}

static bool read_categories(struct state_decode *d, struct bw_state *s)
{
    if (bw_cursor_peek(d->c) != '[')
        return state_wrong(d, "categories");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']'))
        if (!state_next_category(d, s, read_category))
            return false;
    return true;
}

enum other { V, UNKNOWN, TITLE, BRAND, PARENT_ASIN, AVAILABILITY, VALUE_AT, CATEGORIES, OTHERS };
static const char *const other_members[OTHERS] = {
    "v", "unknown", "title", "brand", "parent_asin", "availability_amazon", "value_at", "categories"};

static bool read_other(struct state_decode *d, enum other member, struct bw_state *s)
{
    int64_t format;

    switch (member) {
    case V:
        return state_read_int(d, "v", FORMAT, FORMAT, &format);
    case UNKNOWN:
        return state_read_unknown(d, &s->unknown);
    case TITLE:
        return state_read_text(d, "title", &s->title);
    case BRAND:
        return state_read_text(d, "brand", &s->brand);
    case PARENT_ASIN:
        return state_read_text(d, "parent_asin", &s->parent_asin);
    case AVAILABILITY:
        s->availability_amazon = INT64_MIN;
        return bw_cursor_null(d->c) ||
               state_read_int(d, "availability_amazon", INT64_MIN, INT64_MAX, &s->availability_amazon);
    case VALUE_AT:
        return read_values(d, s);
    default:
        return read_categories(d, s);
    }
}

enum bw_err state_read_old(struct bw_cursor *c, struct bw_state *s, struct bw_error *error)
{
    const size_t n_fields = COUNT(state_fields), n = n_fields + OTHERS;
    struct state_decode d = {.c = c, .error = error};
    uint32_t seen = 0;
    size_t at = n_fields; /* "v" comes first */

    if (bw_cursor_peek(c) != '{')
        return bw_error_set(error, BW_ERR_INVALID, "the stored state is not an object");
    for (bool more = bw_cursor_first(c, '{', '}'); more; more = bw_cursor_next(c, '}'), at++) {
        if (!next_member(&d, state_fields, n_fields, other_members, n, &seen, &at))
            return d.err;
        if (!(at < n_fields ? read_field(&d, &state_fields[at], s)
                            : read_other(&d, (enum other)(at - n_fields), s)))
            return d.err;
    }
    if (!d.err)
        (void)complete(&d, seen, state_fields, n_fields, other_members, n);
    return d.err;
}
