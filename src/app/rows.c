/* Rows of a batch, gathered in arrays in binary form: one unnest statement a table (rows_sql.c) writes them all (facts:
 * performance A3). */
#include "rows_sql.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/state_json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24
#define COLUMN_MAX  ((size_t)256 << 20) /* bytes of one array; libpq's own limit for a parameter is 1 GB */
#define COLUMN_KEPT ((size_t)6 << 20)   /* more memory than this is not kept for the next batch */
#define BATCH_MAX   ((size_t)32 << 20)  /* bytes of all arrays: more goes in smaller batches */

struct rows {
    struct bw_pg_column columns[COLUMNS_MAX];
    const char *params[COLUMNS_MAX];
    int lens[COLUMNS_MAX];
    size_t n;
    int at; /* next column of the row being added */
};

struct bw_rows {
    struct rows tables[TABLES];
    size_t checks;
    char (*told)[BW_UUID_TEXT]; /* changes that Postgres knows as told, or withheld, after this batch */
    size_t n_told;
};

/* Of the array that the statement takes as parameter `column` (from 0): its own cast says it. */
static enum bw_pg_type type_of(const char *sql, int column)
{
    static const struct {
        const char *name;
        enum bw_pg_type type;
    } types[] = {{"boolean[]", BW_PG_BOOL}, {"smallint[]", BW_PG_INT2}, {"int[]", BW_PG_INT4},
                 {"bigint[]", BW_PG_INT8},  {"text[]", BW_PG_TEXT},     {"uuid[]", BW_PG_UUID}};
    char cast[16];
    snprintf(cast, sizeof(cast), "$%d::", column + 1);
    const char *at = strstr(sql, cast);
    assert(at);
    at += strlen(cast);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strncmp(at, types[i].name, strlen(types[i].name)) == 0)
            return types[i].type;
    }
    assert(!"a type that columns know");
    abort();
}

struct bw_rows *bw_rows_new(void)
{
    struct bw_rows *r = bw_alloc(sizeof(*r));
    for (int t = 0; t < TABLES; t++) {
        for (int c = 0; c < rows_tables[t].columns; c++)
            bw_pg_column_init(&r->tables[t].columns[c], type_of(rows_tables[t].sql, c), COLUMN_MAX);
    }
    return r;
}

void bw_rows_free(struct bw_rows *r)
{
    if (!r)
        return;
    for (int t = 0; t < TABLES; t++) {
        for (int c = 0; c < rows_tables[t].columns; c++)
            bw_pg_column_fini(&r->tables[t].columns[c]);
    }
    free(r->told);
    free(r);
}

void bw_rows_clear(struct bw_rows *r)
{
    for (int t = 0; t < TABLES; t++) {
        r->tables[t].n = 0;
        for (int c = 0; c < rows_tables[t].columns; c++) {
            if (r->tables[t].columns[c].buf.cap > COLUMN_KEPT)
                bw_pg_column_fini(&r->tables[t].columns[c]);
            bw_pg_column_clear(&r->tables[t].columns[c]);
        }
    }
    r->checks = 0;
    r->n_told = 0;
}

const char *bw_rows_told(const struct bw_rows *r, size_t i)
{
    return i < r->n_told ? r->told[i] : NULL;
}

size_t bw_rows_checks(const struct bw_rows *r)
{
    return r->checks;
}

/* ---- one row, column by column ---- */

static struct rows *begin(struct bw_rows *r, enum table t)
{
    struct rows *rows = &r->tables[t];
    rows->n++;
    rows->at = 0;
    return rows;
}

static void text(struct rows *r, const char *value)
{
    bw_pg_column_add_str(&r->columns[r->at++], value);
}

/* "" counts as absent. */
static void text_or_null(struct rows *r, const char *value)
{
    text(r, value && value[0] ? value : NULL);
}

static void number(struct rows *r, int64_t value)
{
    bw_pg_column_add_int(&r->columns[r->at++], value);
}

static void number_or_null(struct rows *r, int64_t value, bool present)
{
    if (present)
        number(r, value);
    else
        bw_pg_column_add_null(&r->columns[r->at++]);
}

static void key(struct rows *r, const struct bw_product_key *k)
{
    number(r, k->domain);
    text(r, k->asin);
}

static void json(struct rows *r, const struct bw_buf *text)
{
    bw_pg_column_add(&r->columns[r->at++], bw_buf_str(text), text->len);
}

/* ---- a check ---- */

static void add_check_row(struct bw_rows *r, const struct bw_check_record *c, const struct bw_state_text *t)
{
    struct rows *row = begin(r, CHECKS);
    number(row, c->checked_at_ms);
    key(row, &c->state.key);
    text(row, c->batch_id);
    text(row, c->unknown == BW_KNOWN ? "ok" : "unknown");
    text_or_null(row, bw_unknown_name(c->unknown));
    json(row, &t->badges);
    json(row, &t->ranks);
    text_or_null(row, c->raw_sha256);
    number_or_null(row, c->state.last_update, c->state.last_update != 0);
    r->checks++;
}

static void add_raw(struct bw_rows *r, const struct bw_check_record *c, const char *raw, size_t len)
{
    number(begin(r, PARTITIONS), c->checked_at_ms);
    struct rows *row = begin(r, RAW);
    number(row, c->checked_at_ms);
    key(row, &c->state.key);
    text(row, c->batch_id);
    bw_pg_column_add(&row->columns[row->at++], raw, len);
    number(row, c->raw_mended);
}

static void add_state(struct bw_rows *r, const struct bw_state *s, const struct bw_state_text *t,
                      int64_t at_ms)
{
    struct rows *row = begin(r, STATES);
    key(row, &s->key);
    text(row, s->title);
    text(row, s->brand);
    text(row, s->parent_asin);
    json(row, &t->ranks);
    json(row, &t->badges);
    number_or_null(row, s->current_price, s->current_price >= 0);
    number_or_null(row, s->availability_amazon, s->availability_amazon != INT64_MIN);
    number_or_null(row, s->monthly_sold, s->monthly_sold >= 0);
    number_or_null(row, s->rating, s->rating >= 0 && s->rating <= 50);
    number_or_null(row, s->review_count, s->review_count >= 0);
    number_or_null(row, s->last_update, s->last_update != 0);
    number(row, at_ms);
    number(row, s->version);
    json(row, &t->state);
}

static void add_points(struct bw_rows *r, const struct bw_check_record *c)
{
    for (size_t i = 0; i < c->n_ranks; i++) {
        for (size_t k = 0; k < c->ranks[i].series.n; k++) {
            const struct bw_point *p = &c->ranks[i].series.points[k];
            struct rows *row = begin(r, RANK_POINTS);
            key(row, &c->state.key);
            number(row, c->ranks[i].category_id);
            number(row, p->at);
            number_or_null(row, p->value, p->value > 0);
        }
    }
    for (size_t i = 0; i < c->n_values; i++) {
        for (size_t k = 0; k < c->values[i].series.n; k++) {
            const struct bw_point *p = &c->values[i].series.points[k];
            struct rows *row = begin(r, VALUE_POINTS);
            key(row, &c->state.key);
            text(row, bw_value_kind_name(c->values[i].kind));
            number(row, p->at);
            number_or_null(row, p->value, p->value >= 0);
        }
    }
}

static void add_reigns(struct bw_rows *r, const struct bw_check_record *c)
{
    for (size_t i = 0; i < c->n_reigns; i++) {
        const struct bw_reign *g = &c->reigns[i];
        struct rows *row = begin(r, REIGNS);
        text(row, g->id);
        key(row, &c->state.key);
        number(row, g->category_id);
        text(row, g->category ? g->category : "");
        number(row, g->started_at);
        number_or_null(row, g->ended_at, g->ended_at != 0);
        text(row, g->ended_at != 0 ? bw_reason_name(g->ended_by) : NULL);
        number_or_null(row, g->start_not_before, g->start_not_before != 0);
        number_or_null(row, g->end_not_before, g->end_not_before != 0);
    }
    for (size_t i = 0; i < c->n_unknowns; i++) {
        const struct bw_unknown_period *u = &c->unknowns[i];
        struct rows *row = begin(r, UNKNOWNS);
        key(row, &c->state.key);
        number_or_null(row, u->category_id, u->category_id != 0);
        number(row, u->from_at);
        number_or_null(row, u->to_at, u->to_at != 0);
        text(row, u->reason);
    }
}

static struct rows *add_change(struct bw_rows *r, enum table t, const struct bw_change *c, const char *title,
                               int64_t data_at)
{
    struct rows *row = begin(r, t);
    text(row, c->id);
    key(row, &c->key);
    text(row, bw_change_type_name(c->type));
    text(row, bw_reason_name(c->reason));
    number(row, c->category_id);
    text(row, c->category ? c->category : "");
    number_or_null(row, c->previous_rank, c->previous_rank > 0);
    number_or_null(row, c->new_rank, c->new_rank > 0);
    number(row, c->occurred_at);
    number(row, c->detected_at_ms);
    number_or_null(row, c->previous_check_at, c->previous_check_at != 0);
    number_or_null(row, c->held_since, c->held_since != 0);
    text(row, title);
    number_or_null(row, data_at, data_at != 0);
    number_or_null(row, c->received_at_ms, c->received_at_ms != 0);
    return row;
}

static void add_names(struct bw_rows *r, int domain, const struct bw_category_name *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct rows *row = begin(r, CATEGORIES);
        number(row, domain);
        number(row, names[i].category_id);
        text(row, names[i].name);
        number_or_null(row, names[i].parent, names[i].parent != 0);
    }
}

static void add_record(struct bw_rows *r, const struct bw_check_record *c, const struct bw_state_text *text,
                       const char *raw, size_t raw_len)
{
    if (c->batch_id[0]) /* else it is a decision of the guard */
        add_check_row(r, c, text);
    if (raw)
        add_raw(r, c, raw, raw_len);
    add_state(r, &c->state, text, c->checked_at_ms);
    add_points(r, c);
    add_reigns(r, c);
    for (size_t i = 0; i < c->n_changes; i++)
        add_change(r, CHANGES, &c->changes[i], c->state.title, c->state.freshness);
    add_names(r, c->state.key.domain, c->names, c->n_names);
}

void bw_rows_add_check(struct bw_rows *r, const struct bw_held_check *check)
{
    add_record(r, &check->record, &check->text, check->raw, check->raw_len);
}

static enum bw_err add_check(struct bw_rows *r, const struct bw_entry *e, const char *doc, size_t len,
                             struct bw_error *error)
{
    struct bw_check_record c;
    struct bw_state_text text;
    size_t raw_len = 0;
    const char *raw = bw_entry_field(e, "raw", &raw_len);
    enum bw_err err = bw_check_decode(doc, len, &c, error);
    if (err != BW_OK)
        return err;
    if (raw && memchr(raw, '\0', raw_len)) {
        bw_check_record_fini(&c);
        return bw_error_set(error, BW_ERR_INVALID, "raw holds a NUL byte");
    }
    bw_state_text_make(&text, &c.state);
    add_record(r, &c, &text, raw, raw_len);
    bw_state_text_fini(&text);
    bw_check_record_fini(&c);
    return BW_OK;
}

/* ---- the other kinds ---- */

static enum bw_err add_request(struct bw_rows *r, const char *doc, size_t len, struct bw_error *error)
{
    struct bw_request_record q;
    enum bw_err err = bw_request_decode(doc, len, &q, error);
    if (err != BW_OK)
        return err;
    struct rows *row = begin(r, REQUESTS);
    char cost[40];
    snprintf(cost, sizeof(cost), "%.6f", q.cost_cents);
    text(row, q.batch_id);
    number(row, q.started_at_ms);
    number(row, q.completed_at_ms);
    text(row, q.endpoint);
    number_or_null(row, q.http_status, q.http_status != 0);
    number(row, q.asins);
    number(row, q.tokens_consumed);
    number_or_null(row, q.tokens_left, q.has_tokens_left);
    text(row, cost);
    text_or_null(row, q.error);
    return BW_OK;
}

static void know_told(struct bw_rows *r, const char *id)
{
    r->told = bw_realloc_array(r->told, r->n_told + 1, sizeof(*r->told));
    snprintf(r->told[r->n_told++], BW_UUID_TEXT, "%s", id);
}

/* "settled:" and an id: people may edit what lies in Redis, and Postgres would refuse the whole batch. */
static bool is_of_settled(const char *key)
{
    static const char form[] = "settled:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(key) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'x' ? !strchr("0123456789abcdef", key[i]) : key[i] != form[i])
            return false;
    }
    return true;
}

static enum bw_err add_note(struct bw_rows *r, const char *doc, size_t len, struct bw_error *error)
{
    struct bw_note_record note;
    char id[BW_UUID_TEXT];
    enum bw_err err = bw_note_decode(doc, len, &note, error);
    if (err != BW_OK)
        return err;
    struct rows *row = begin(r, is_of_settled(note.key) ? SETTLED : NOTES);
    text(row, note.key);
    number(row, note.told_at_ms);
    text_or_null(row, note.channel);
    text_or_null(row, note.ts);
    bw_note_id(note.key, id);
    know_told(r, id);
    return BW_OK;
}

static enum bw_err add_told(struct bw_rows *r, const char *doc, size_t len, struct bw_error *error)
{
    struct bw_told_record told;
    enum bw_err err = bw_told_decode(doc, len, &told, error);
    if (err != BW_OK)
        return err;
    for (size_t i = 0; i < told.n; i++) {
        const struct bw_change_entry *e = &told.entries[i];
        struct rows *row = add_change(r, TOLD, &e->change, e->title, e->data_at);
        number(row, told.told_at_ms);
        text_or_null(row, told.channel);
        text_or_null(row, told.ts);
        text_or_null(row, told.withheld);
        text_or_null(row, told.thread);
        number(row, told.quietly);
        number_or_null(row, e->queued_at_ms, e->queued_at_ms != 0);
        know_told(r, e->change.id);
    }
    bw_told_record_fini(&told);
    return BW_OK;
}

static enum bw_err add_attempt(struct bw_rows *r, const char *id, const char *doc, size_t len,
                               struct bw_error *error)
{
    struct bw_attempt_record a;
    enum bw_err err = bw_attempt_decode(doc, len, &a, error);
    if (err != BW_OK)
        return err;
    struct bw_buf ids;
    bw_buf_init(&ids, (size_t)1 << 20);
    for (size_t i = 0; i < a.n_change_ids; i++)
        bw_buf_addf(&ids, "%s%s", i ? "," : "", a.change_ids[i]);
    struct rows *row = begin(r, ATTEMPTS);
    text(row, id);
    text(row, a.kind);
    text_or_null(row, a.channel);
    text(row, bw_buf_str(&ids));
    number(row, a.attempt);
    text(row, a.outcome);
    text_or_null(row, a.error);
    number(row, a.at_ms);
    text_or_null(row, a.thread);
    bw_buf_fini(&ids);
    bw_attempt_record_fini(&a);
    return BW_OK;
}

static enum bw_err add_category_names(struct bw_rows *r, const char *doc, size_t len, struct bw_error *error)
{
    int domain;
    struct bw_category_name *names;
    size_t n;
    enum bw_err err = bw_names_decode(doc, len, &domain, &names, &n, error);
    if (err != BW_OK)
        return err;
    add_names(r, domain, names, n);
    for (size_t i = 0; i < n; i++)
        free(names[i].name);
    free(names);
    return BW_OK;
}

void bw_rows_intend(struct bw_rows *r, const struct bw_change_entry *e)
{
    add_change(r, INTENTIONS, &e->change, e->title, e->data_at);
}

enum bw_err bw_rows_add(struct bw_rows *r, const struct bw_entry *entry, struct bw_error *error)
{
    size_t len = 0;
    const char *kind = bw_entry_field(entry, "kind", NULL);
    const char *doc = bw_entry_field(entry, "doc", &len);
    const char *once = bw_entry_field(entry, "once", NULL);
    if (!kind || !doc)
        return bw_error_set(error, BW_ERR_INVALID, "no kind or doc");
    if (strcmp(kind, "check") == 0)
        return add_check(r, entry, doc, len, error);
    if (strcmp(kind, "request") == 0)
        return add_request(r, doc, len, error);
    if (strcmp(kind, "told") == 0)
        return add_told(r, doc, len, error);
    if (strcmp(kind, "note") == 0)
        return add_note(r, doc, len, error);
    if (strcmp(kind, "attempt") == 0)
        return add_attempt(r, once ? once : entry->id, doc, len, error);
    if (strcmp(kind, "category") == 0)
        return add_category_names(r, doc, len, error);
    return bw_error_set(error, BW_ERR_INVALID, "unknown kind '%s'", kind);
}

enum bw_err bw_rows_statements(struct bw_rows *r, struct bw_pg_statement out[BW_ROWS_STATEMENTS], size_t *n)
{
    size_t bytes = 0;
    *n = 0;
    for (int t = 0; t < TABLES; t++) {
        struct rows *rows = &r->tables[t];
        if (rows->n == 0)
            continue;
        for (int c = 0; c < rows_tables[t].columns; c++) {
            rows->params[c] = bw_pg_column_end(&rows->columns[c]);
            if (!rows->params[c])
                return rows->columns[c].unfit ? BW_ERR_INVALID : BW_ERR_TOO_BIG;
            rows->lens[c] = (int)rows->columns[c].buf.len;
            bytes += rows->columns[c].buf.len;
        }
        out[(*n)++] = (struct bw_pg_statement){.sql = rows_tables[t].sql,
                                               .n_params = rows_tables[t].columns,
                                               .params = rows->params,
                                               .lens = rows->lens};
    }
    /* A single entry is written whatever its size; the caller splits a batch. */
    return bytes > BATCH_MAX && r->checks > 1 ? BW_ERR_TOO_BIG : BW_OK;
}
