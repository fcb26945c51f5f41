/* A stream entry of any bytes, taken for each kind. What a reader accepts goes round: written, read and written again, it
 * is the same text; what it refuses, it refuses with words. */
#include "fuzz.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/keepa.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64u << 20)

enum kind { CHECK, CHANGE, REQUEST, TOLD, ATTEMPT, NAMES, KINDS };

struct entry {
    enum kind kind;
    union {
        struct bw_check_record check;
        struct bw_change_entry change;
        struct bw_request_record request;
        struct bw_told_record told;
        struct bw_attempt_record attempt;
        struct {
            struct bw_category_name *list;
            size_t n;
            int domain;
        } names;
    } u;
};

static enum bw_err decode(struct entry *e, const char *json, size_t len, struct bw_error *error)
{
    switch (e->kind) {
    case CHECK:
        return bw_check_decode(json, len, &e->u.check, error);
    case CHANGE:
        return bw_change_entry_decode(json, len, &e->u.change, error);
    case REQUEST:
        return bw_request_decode(json, len, &e->u.request, error);
    case TOLD:
        return bw_told_decode(json, len, &e->u.told, error);
    case ATTEMPT:
        return bw_attempt_decode(json, len, &e->u.attempt, error);
    default:
        return bw_names_decode(json, len, &e->u.names.domain, &e->u.names.list, &e->u.names.n, error);
    }
}

/* The writer takes a detection and a product: both are lent what the record holds. */
static void encode_check(const struct bw_check_record *c, struct bw_buf *out)
{
    struct bw_detection d = {.next = c->state,
                             .unknown = c->unknown,
                             .changes = c->changes,
                             .n_changes = c->n_changes,
                             .reigns = c->reigns,
                             .n_reigns = c->n_reigns,
                             .unknowns = c->unknowns,
                             .n_unknowns = c->n_unknowns,
                             .rank_points = bw_alloc_array(c->n_ranks, sizeof(*d.rank_points)),
                             .n_rank_points = c->n_ranks};
    struct bw_product p = {.key = c->state.key,
                           .ranks = bw_alloc_array(c->n_ranks, sizeof(*p.ranks)),
                           .n_ranks = c->n_ranks,
                           .tree = c->names,
                           .n_tree = c->n_names};
    for (size_t i = 0; i < c->n_ranks; i++) {
        p.ranks[i] = (struct bw_rank_series){c->ranks[i].category_id, c->ranks[i].series};
        d.rank_points[i] = (struct bw_new_points){i, 0, c->ranks[i].series.n};
    }
    for (size_t i = 0; i < c->n_values; i++) {
        p.values[c->values[i].kind] = c->values[i].series;
        d.value_to[c->values[i].kind] = c->values[i].series.n;
    }
    bw_check_encode(&d, &p, NULL, c->checked_at_ms, c->batch_id, c->raw_sha256, c->raw_mended, out);
    free(d.rank_points);
    free(p.ranks);
}

static void encode(const struct entry *e, struct bw_buf *out)
{
    switch (e->kind) {
    case CHECK:
        encode_check(&e->u.check, out);
        break;
    case CHANGE:
        bw_change_entry_encode(&e->u.change, out);
        break;
    case REQUEST:
        bw_request_encode(&e->u.request, out);
        break;
    case TOLD:
        bw_told_encode(e->u.told.entries, e->u.told.n, &e->u.told, out);
        break;
    case ATTEMPT:
        bw_attempt_encode(&e->u.attempt, out);
        break;
    default:
        bw_names_encode(e->u.names.domain, e->u.names.list, e->u.names.n, out);
    }
}

static void fini(struct entry *e)
{
    switch (e->kind) {
    case CHECK:
        bw_check_record_fini(&e->u.check);
        break;
    case CHANGE:
        bw_change_entry_fini(&e->u.change);
        break;
    case REQUEST:
        break;
    case TOLD:
        bw_told_record_fini(&e->u.told);
        break;
    case ATTEMPT:
        bw_attempt_record_fini(&e->u.attempt);
        break;
    default:
        bw_keepa_names_free(e->u.names.list, e->u.names.n);
    }
}

static void round_trip(const struct entry *first)
{
    struct entry second = {.kind = first->kind};
    struct bw_buf a, b;
    bw_buf_init(&a, TEXT_MAX);
    bw_buf_init(&b, TEXT_MAX);
    encode(first, &a);
    FUZZ_REQUIRE(!a.overflow && decode(&second, bw_buf_str(&a), a.len, NULL) == BW_OK);
    encode(&second, &b);
    FUZZ_REQUIRE(a.len == b.len && memcmp(bw_buf_str(&a), bw_buf_str(&b), a.len) == 0);
    fini(&second);
    bw_buf_fini(&a);
    bw_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int kind = CHECK; kind < KINDS; kind++) {
        struct entry e = {.kind = (enum kind)kind};
        struct bw_error error = {.code = BW_OK};
        enum bw_err err = decode(&e, (const char *)data, size, &error);
        if (err == BW_OK) {
            round_trip(&e);
            fini(&e);
        } else {
            FUZZ_REQUIRE((err == BW_ERR_SYNTAX || err == BW_ERR_INVALID) && error.text[0]);
        }
    }
    return 0;
}
