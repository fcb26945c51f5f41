/* `badgewatch show A`: the live state from Redis, the reigns from Postgres. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/state_json.h"
#include "options.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REIGNS_SHOWN "10"
#define FOREVER      INT64_C(253402214400) /* 9999-12-31, of a mute without an end (asin.c) */

struct shown {
    const struct bw_product_key *key;
    bool found;
};

static const char *field(const struct bw_reply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->n; i += 2) {
        if (strcmp(hash->elements[i].str, name) == 0)
            return hash->elements[i + 1].str;
    }
    return "";
}

static void print_field(const struct bw_reply *hash, const char *label, const char *name)
{
    const char *value = field(hash, name);
    char text[PLAIN_MAX];
    if (value[0])
        printf("%-14s %s\n", label, bw_plain_copy(text, sizeof(text), value));
}

/* "muted          until 2026-05-10T04:19:28Z", or for good. */
static void print_until(const char *label, int64_t until, const char *otherwise)
{
    char at[BW_TIME_TEXT];
    bw_time_format(until, at);
    printf("%-14s %s%s\n", label, until < FOREVER ? "until " : "", until < FOREVER ? at : otherwise);
}

static void print_pause_and_mute(const struct bw_reply *hash)
{
    int64_t paused = strtoll(field(hash, "paused_until"), NULL, 10);
    int64_t muted = strtoll(field(hash, "muted_until"), NULL, 10);
    if (strcmp(field(hash, "active"), "0") == 0)
        print_until("paused", paused > 0 ? paused : FOREVER, "until resumed");
    if (muted * 1000 > bw_wall_now().ms)
        print_until("muted", muted, "until resumed");
}

static void print_categories(const struct bw_state *s)
{
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_category_state *c = &s->categories[i];
        char at[BW_TIME_TEXT], since[BW_TIME_TEXT] = "", rank[24] = "no rank", text[PLAIN_MAX];
        struct bw_buf label;
        if (c->removed)
            continue;
        bw_buf_init(&label, 4096);
        bw_category_label(c->category_id, c->name, &label);
        bw_time_format(c->at, at);
        if (c->rank > 0)
            snprintf(rank, sizeof(rank), "#%lld", (long long)c->rank);
        if (c->since)
            bw_time_format(c->since, since);
        const char *badge = c->hold.at != 0 ? "  BEST SELLER, its loss is held back" : "  BEST SELLER";
        printf("  %-10s %-40s since %s%s%s\n", rank, bw_plain_copy(text, sizeof(text), bw_buf_str(&label)),
               c->since ? since : at, c->since ? badge : "",
               c->missing ? "  (missing in the newest answer)" : "");
        bw_buf_fini(&label);
    }
}

static void print_live(void *ctx, const struct bw_reply *hash)
{
    struct shown *shown = ctx;
    if (hash->type != BW_REPLY_ARRAY || hash->n == 0)
        return;
    shown->found = true;
    printf("%-14s %d:%s\n", "product", shown->key->domain, shown->key->asin);
    print_field(hash, "title", "title");
    print_field(hash, "brand", "brand");
    print_field(hash, "label", "label");
    print_field(hash, "tags", "tags");
    print_field(hash, "channel", "channel");
    print_pause_and_mute(hash);
    print_field(hash, "checked", "checked_at");
    print_field(hash, "next check", "next_check_at");
    print_field(hash, "data", "data_state");
    print_field(hash, "why", "data_reason");
    print_field(hash, "data of", "data_at");
    print_field(hash, "last change", "last_change_at");
    const char *json = field(hash, "state");
    struct bw_state state;
    struct bw_error error;
    if (!json[0]) {
        printf("%-14s not checked yet\n", "ranks");
        return;
    }
    if (bw_state_decode(json, strlen(json), shown->key, &state, &error) != BW_OK) {
        failure("the stored state cannot be read: %s", error.text);
        return;
    }
    printf("ranks\n");
    print_categories(&state);
    bw_state_fini(&state);
}

static void print_reigns(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    if (bw_pg_rows(rows) > 0)
        printf("newest reigns\n");
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        char held[BW_TIME_TEXT], category[PLAIN_MAX];
        bw_duration_words(strtoll(bw_pg_value(rows, i, 4), NULL, 10), held);
        printf("  %-40s %s to %-20s held %s%s%s\n",
               bw_plain_copy(category, sizeof(category), bw_pg_value(rows, i, 0)), bw_pg_value(rows, i, 1),
               bw_pg_value(rows, i, 2), held, bw_pg_value(rows, i, 3)[0] ? ", " : "",
               bw_pg_value(rows, i, 3));
    }
}

/* The set that decides, not the text in the hash: it is late while tokens or a store are short. */
static void print_lateness(void *ctx, const struct bw_reply *due)
{
    (void)ctx;
    int64_t late = due->type == BW_REPLY_STRING ? bw_wall_now().ms / 1000 - strtoll(due->str, NULL, 10) : 0;
    char words[BW_TIME_TEXT];
    if (late < 60)
        return;
    bw_duration_words(late, words);
    printf("%-14s %s\n", "late by", words);
}

/* Why nothing is checked at present, where Redis knows it. */
static void print_wait(void *ctx, const struct bw_reply *staged)
{
    const struct session *s = ctx;
    if (staged->type == BW_REPLY_STRING && strtoll(staged->str, NULL, 10) > s->conf->stage_limit)
        printf("%-14s more than BADGEWATCH_STAGE_LIMIT waits for Postgres\n", "checks wait");
}

static bool show_reigns(struct session *s, const struct bw_product_key *key)
{
    char domain[8];
    snprintf(domain, sizeof(domain), "%d", key->domain);
    const char *const params[] = {domain, key->asin};
    return session_query(
        s,
        "SELECT category, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),"
        " coalesce(to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'now'),"
        " coalesce(ended_by, ''), extract(epoch FROM coalesce(ended_at, now()) - started_at)::bigint"
        " FROM reigns WHERE domain = $1::smallint AND asin = $2"
        " ORDER BY started_at DESC LIMIT " REIGNS_SHOWN,
        2, params, print_reigns, NULL);
}

int run_show(struct invocation *in)
{
    struct options o;
    struct bw_product_key *keys;
    struct session s;
    if (!parse_options(in, "", &o) || !parse_products(in, &o, 1, &keys))
        return EXIT_USAGE;
    if (o.n_rest > 1) {
        free(keys);
        return usage_error(in->command, "one product was expected");
    }
    session_open(&s, in->conf);
    char product[BW_KEY_MAX];
    bw_keys_product(&s.keys, &keys[0], product);
    struct shown shown = {.key = &keys[0]};
    const char *argv[] = {"HGETALL", product};
    bool ok = session_command(&s, 2, argv, print_live, &shown);
    if (ok && !shown.found) {
        failure("%d:%s is not tracked: badgewatch asin add %s", keys[0].domain, keys[0].asin, o.rest[0]);
        ok = false;
    }
    char member[BW_PRODUCT_TEXT];
    bw_product_key_format(&keys[0], member);
    const char *due[] = {"ZSCORE", s.keys.due, member};
    ok = ok && session_command(&s, 3, due, print_lateness, NULL);
    const char *staged[] = {"GET", s.keys.staged_bytes};
    ok = ok && session_command(&s, 2, staged, print_wait, &s);
    ok = ok && show_reigns(&s, &keys[0]);
    session_close(&s);
    free(keys);
    return ok ? EXIT_OK : EXIT_FAILED;
}
