/* Keepa's side without HTTP: what is served, what it costs, and that the record is what the answers show. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "key=demo-key&domain=1"

static const char capture[] = BW_SOURCE_DIR "/test/data/sim/capture.json";

static const char *const generated[] = {"--generate", "40",      "--start",  "2026-11-22T10:01:30Z",
                                        "--clock",    "stopped", "--churn",  "8",
                                        "--order",    "2026",    "--tokens", "3000",
                                        NULL};

static void advance(struct sim_fixture *f, int seconds)
{
    char body[64];
    int status = 0;
    snprintf(body, sizeof body, "{\"advance_s\": %d}", seconds);
    json_object_put(fixture_call(f, "POST", "/control/clock", "", body, &status));
    assert_int_equal(status, 200);
}

static void set_now(struct sim_fixture *f, int64_t minute)
{
    sim_clock_set(&f->sim->clock, 0, sim_ms_of_minute(minute));
}

/* All ASINs of domain 1, separated by commas. */
static char *all_asins(const struct sim_fixture *f)
{
    struct bw_buf b;
    bw_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < f->sim->catalog.n; i++)
        assert_int_equal(bw_buf_addf(&b, "%s%s", i ? "," : "", f->sim->catalog.products[i].asin), BW_OK);
    return bw_buf_take(&b, NULL);
}

static struct json_object *ask(struct sim_fixture *f, const char *asins, const char *more, int *status)
{
    char *query = bw_asprintf(KEY "&asin=%s%s", asins, more);
    struct json_object *o = fixture_call(f, "GET", "/product", query, NULL, status);
    free(query);
    return o;
}

static struct json_object *product(struct json_object *answer, size_t i)
{
    struct json_object *products = sim_json_get(answer, "products");
    assert_non_null(products);
    assert_in_range(i, 0, json_object_array_length(products) - 1);
    return json_object_array_get_idx(products, i);
}

static const char *text_of(struct json_object *o)
{
    return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

static void keys_and_parameters(void **state)
{
    static const struct {
        const char *query;
        int status;
        const char *error; /* NULL: none */
    } cases[] = {
        {"domain=1&asin=B0AAAAAAAA", 400, "invalidParameter"},
        {"key=short&domain=1&asin=B0AAAAAAAA", 400, "invalidParameter"},
        {"key=some-other-key&domain=1&asin=B0AAAAAAAA", 402, "unauthorized"},
        {KEY, 400, "invalidParameter"},
        {"key=demo-key&asin=B0AAAAAAAA", 400, "invalidParameter"},
        {"key=demo-key&domain=7&asin=B0AAAAAAAA", 400, "invalidParameter"},
        {"key=demo-key&domain=1x&asin=B0AAAAAAAA", 400, "invalidParameter"},
        {KEY "&asin=B0AAAAAAAA&days=-1", 400, "invalidParameter"},
        {KEY "&asin=B0AAAAAAAA", 200, NULL},
        {KEY "&asin=XXX", 200, NULL},
    };
    struct sim_fixture f;
    (void)state;
    fixture_start(&f, generated);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = 0;
        struct json_object *o = fixture_call(&f, "GET", "/product/", cases[i].query, NULL, &status);
        assert_int_equal(status, cases[i].status);
        const char *type = sim_json_str(sim_json_get(o, "error"), "type", NULL);
        if (cases[i].error)
            assert_string_equal(type, cases[i].error);
        else
            assert_null(type);
        bool refused = i < 3; /* the bucket of a key that is not ours is not told */
        assert_int_equal(sim_json_int(o, "refillRate", -1), refused ? 0 : 60);
        assert_int_equal(sim_json_int(o, "timestamp", 0), INT64_C(1795341690000));
        json_object_put(o);
    }
    fixture_stop(&f);
}

static void costs(void **state)
{
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, generated);
    char *all = all_asins(&f);
    static const struct {
        const char *more;
        int advance_s;
        int64_t cost;
    } cases[] = {
        {"&days=1", 0, 40},            /* plain */
        {"&days=1&update=0", 0, 80},   /* looked at within the hour, by the default update or by Keepa */
        {"&days=1&update=0", 3600, 40} /* an hour later the look is free */
    };
    advance(&f, 7200);
    json_object_put(ask(&f, all, "&update=0", &status)); /* a live look now */
    for (size_t i = 0; i < 3; i++) {
        advance(&f, cases[i].advance_s);
        struct json_object *o = ask(&f, all, cases[i].more, &status);
        if (i < 2)
            assert_int_equal(sim_json_int(o, "tokensConsumed", -1), cases[i].cost);
        else /* Keepa's own look may have come in between */
            assert_in_range(sim_json_int(o, "tokensConsumed", -1), 40, 60);
        json_object_put(o);
    }
    struct json_object *o = ask(&f, "B0AAAAAAAA,B0AAAAAAAA,bad", "&update=-1", &status);
    assert_int_equal(sim_json_int(o, "tokensConsumed", -1), 0);
    assert_int_equal(json_object_array_length(sim_json_get(o, "products")), 0);
    json_object_put(o);
    o = ask(&f, "B0AAAAAAAA,B0AAAAAAAA,bad", "", &status);
    assert_int_equal(sim_json_int(o, "tokensConsumed", -1), 1);
    assert_int_equal(sim_json_int(product(o, 0), "productType", -1), 4);
    assert_true(json_object_object_get_ex(product(o, 0), "title", NULL));
    assert_null(sim_json_get(product(o, 0), "title"));
    json_object_put(o);
    free(all);
    fixture_stop(&f);
}

/* The log and the bucket agree with what the answers said; the key is nowhere in the log. */
static void charged_is_logged(void **state)
{
    struct sim_fixture f;
    int64_t spent = 0;
    int status = 0;
    (void)state;
    fixture_start(&f, generated);
    char *all = all_asins(&f);
    for (int i = 0; i < 3; i++) {
        struct json_object *o = ask(&f, all, "&update=0", &status);
        spent += sim_json_int(o, "tokensConsumed", 0);
        assert_int_equal(sim_json_int(o, "tokensLeft", 0), 3000 - spent);
        json_object_put(o);
    }
    struct json_object *log = fixture_call(&f, "GET", "/control/requests", "", NULL, &status);
    int64_t logged = 0;
    for (size_t i = 0; i < json_object_array_length(log); i++)
        logged += sim_json_int(json_object_array_get_idx(log, i), "tokens", 0);
    assert_int_equal(json_object_array_length(log), 3);
    assert_int_equal(logged, spent);
    assert_null(strstr(text_of(log), "demo-key"));
    json_object_put(log);
    free(all);
    fixture_stop(&f);
}

static void runs_while_positive_then_429(void **state)
{
    static const char *const words[] = {"--generate",     "40",  "--tokens", "5",
                                        "--bucket-clock", "sim", "--clock",  "stopped",
                                        "--rate",         "20",  NULL};
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, words);
    char *all = all_asins(&f);
    struct json_object *o = ask(&f, all, "", &status);
    assert_int_equal(status, 200);
    assert_int_equal(sim_json_int(o, "tokensLeft", 0), -35);
    json_object_put(o);
    o = ask(&f, all, "", &status);
    assert_int_equal(status, 429);
    assert_null(sim_json_get(o, "products"));
    assert_null(sim_json_get(o, "error"));
    assert_int_equal(sim_json_int(o, "refillIn", 0), 60200);
    json_object_put(o);
    o = fixture_call(&f, "GET", "/token", KEY, NULL, &status);
    assert_int_equal(status, 200);
    json_object_put(o);
    advance(&f, 121); /* two ticks: 40 more */
    o = ask(&f, "B0AAAAAAAA", "", &status);
    assert_int_equal(status, 200);
    assert_int_equal(sim_json_int(o, "tokensLeft", 0), 4);
    json_object_put(o);
    free(all);
    fixture_stop(&f);
}

static void more_than_a_hundred(void **state)
{
    struct sim_fixture f;
    struct bw_buf b;
    int status = 0;
    (void)state;
    fixture_start(&f, generated);
    bw_buf_init(&b, 4096);
    for (int i = 0; i < 101; i++) {
        assert_int_equal(bw_buf_addf(&b, "%sB0AAAAA%03d", i ? "," : "", i), BW_OK);
        if (i != 99)
            continue;
        struct json_object *o = ask(&f, b.data, "", &status);
        assert_int_equal(status, 200);
        assert_int_equal(json_object_array_length(sim_json_get(o, "products")), 100);
        json_object_put(o);
    }
    struct json_object *o = ask(&f, b.data, "", &status);
    assert_int_equal(status, 400);
    json_object_put(o);
    bw_buf_fini(&b);
    fixture_stop(&f);
}

static void orders(void **state)
{
    static const char *const words[] = {"--generate", "1", "--order", "alternate", NULL};
    struct sim_fixture f;
    int forms[2] = {0, 0};
    (void)state;
    fixture_start(&f, words);
    for (int i = 0; i < 4; i++) {
        struct sim_response r;
        char *query = bw_asprintf(KEY "&asin=%s", f.sim->catalog.products[0].asin);
        fixture_raw(&f, "GET", "/product", query, NULL, NULL, &r);
        bool late = strstr(r.body.data, "\"products\"") < strstr(r.body.data, "\"tokensLeft\"");
        assert_non_null(
            strstr(r.body.data, late ? "\"tokenFlowReduction\":0.0," : "\"tokenFlowReduction\":0,"));
        forms[late]++;
        sim_response_fini(&r);
        free(query);
    }
    assert_int_equal(forms[0], 2);
    assert_int_equal(forms[1], 2);
    fixture_stop(&f);
}

/* Crossings counted here, from served JSON alone, as text lines. */
static void count_served(struct json_object *answer, int64_t from, struct bw_buf *out)
{
    struct json_object *products = sim_json_get(answer, "products");
    for (size_t i = 0; i < json_object_array_length(products); i++) {
        struct json_object *p = json_object_array_get_idx(products, i);
        json_object_object_foreach(sim_json_get(p, "salesRanks"), id, series)
        {
            int64_t before = -1;
            for (size_t j = 0; j < json_object_array_length(series); j += 2) {
                int64_t at = json_object_get_int64(json_object_array_get_idx(series, j));
                int64_t rank = json_object_get_int64(json_object_array_get_idx(series, j + 1));
                if (at >= from && (before == 1) != (rank == 1))
                    assert_int_equal(bw_buf_addf(out, "%lld %s %s %lld>%lld\n", (long long)at,
                                                 sim_json_str(p, "asin", ""), id, (long long)before,
                                                 (long long)rank),
                                     BW_OK);
                before = rank;
            }
        }
    }
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lines in order, so that two lists can be compared. */
static char *sorted(const char *text)
{
    char *lines[4096];
    size_t n = 0;
    char *copy = bw_strdup(text);
    char *rest = copy;
    struct bw_buf out;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && n < 4096;)
        lines[n++] = line;
    qsort(lines, n, sizeof lines[0], by_line);
    bw_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bw_buf_addf(&out, "%s\n", lines[i]), BW_OK);
    free(copy);
    return bw_buf_take(&out, NULL);
}

static void record_lines(struct json_object *record, struct bw_buf *out)
{
    for (size_t i = 0; i < json_object_array_length(record); i++) {
        struct json_object *e = json_object_array_get_idx(record, i);
        int64_t ms = 0;
        int64_t next = sim_json_int(e, "new_rank", -1);
        assert_int_equal(bw_time_parse(sim_json_str(e, "occurred_at", ""), &ms), BW_OK);
        assert_string_equal(sim_json_str(e, "type", ""), next == 1 ? "gained" : "lost");
        assert_string_equal(sim_json_str(e, "reason", ""), next == 1  ? "reached_top"
                                                           : next > 1 ? "outranked"
                                                                      : "unranked");
        assert_int_equal(bw_buf_addf(out, "%lld %s %lld %lld>%lld\n", (long long)sim_minute_of_ms(ms),
                                     sim_json_str(e, "asin", ""),
                                     (long long)sim_json_int(e, "category_id", 0),
                                     (long long)sim_json_int(e, "previous_rank", -1), (long long)next),
                         BW_OK);
    }
}

static void record_is_what_is_served(void **state)
{
    struct sim_fixture f;
    struct bw_buf served;
    struct bw_buf recorded;
    int status = 0;
    (void)state;
    fixture_start(&f, generated);
    bw_buf_init(&served, 1 << 20);
    bw_buf_init(&recorded, 1 << 20);
    char *all = all_asins(&f);
    int64_t start = sim_minute_of_ms(sim_now(f.sim));
    advance(&f, 2 * 86400);
    struct json_object *answer = ask(&f, all, "&days=3", &status);
    count_served(answer, start + 1, &served);
    struct json_object *record = fixture_call(&f, "GET", "/control/record", "", NULL, &status);
    record_lines(record, &recorded);
    assert_in_range(json_object_array_length(record), 200, 2000);
    char *a = sorted(bw_buf_str(&served));
    char *b = sorted(bw_buf_str(&recorded));
    assert_string_equal(a, b);
    free(a);
    free(b);
    free(all);
    json_object_put(answer);
    json_object_put(record);
    bw_buf_fini(&served);
    bw_buf_fini(&recorded);
    fixture_stop(&f);
}

static void same_after_a_restart(void **state)
{
    struct sim_fixture f;
    int status = 0;
    char *texts[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture_start(&f, generated);
        char *all = all_asins(&f);
        for (int j = 0; j < i * 3; j++) /* other questions first, the second time */
            json_object_put(ask(&f, all, "&days=1", &status));
        advance(&f, 50000);
        struct json_object *o = ask(&f, all, "&update=-1", &status);
        for (size_t k = 0; k < 40; k++)
            json_object_object_del(product(o, k), "lastUpdate"); /* moved by looking, as it should */
        texts[i] = bw_strdup(text_of(sim_json_get(o, "products")));
        json_object_put(o);
        free(all);
        fixture_stop(&f);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

static void sizes(void **state)
{
    static const struct {
        const char *pad;
        size_t low, high;
    } cases[] = {
        {"2000", 1500, 4000}, {"6000", 4000, 8000}, {"10000", 8500, 11500}, {"200000", 190000, 205000}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const char *words[] = {"--generate", "10", "--pad", cases[i].pad, NULL};
        struct sim_fixture f;
        int status = 0;
        fixture_start(&f, words);
        char *all = all_asins(&f);
        struct json_object *o = ask(&f, all, "&days=1", &status);
        for (size_t k = 0; k < 10; k++)
            assert_in_range(strlen(text_of(product(o, k))), cases[i].low, cases[i].high);
        json_object_put(o);
        free(all);
        fixture_stop(&f);
    }
}

static const char *const replayed[] = {"--replay", capture, "--clock", "stopped", NULL};

static void replay_starts_before_its_first_point(void **state)
{
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, replayed);
    assert_int_equal(sim_minute_of_ms(sim_now(f.sim)), 7999998);
    struct json_object *o = ask(&f, "B0CAPTURE1", "", &status);
    assert_int_equal(json_object_object_length(sim_json_get(product(o, 0), "salesRanks")), 0);
    assert_string_equal(sim_json_str(product(o, 0), "title", ""), "A <b>captured</b> product & more");
    assert_null(sim_json_get(product(o, 0), "stats"));
    json_object_put(o);
    fixture_stop(&f);
}

static void replay_is_cut_at_now(void **state)
{
    static const struct {
        int64_t now;
        const char *days;
        const char *ranks;
        const char *csv3;
    } cases[] = {
        {8000000, "", "{\"3000990\":[8000000,500],\"7700990011\":[8000000,3]}", "[8000000,500]"},
        {8000101, "", "{\"3000990\":[8000000,500,8000100,490],\"7700990011\":[8000000,3]}",
         "[8000000,500,8000100,-1]"},
        {8001000, "",
         "{\"3000990\":[8000000,500,8000100,490,8000102,480],\"7700990011\":[8000000,3,8000200,1,8000260,2]}",
         "[8000000,500,8000100,-1,8000102,480]"},
        {8002000, "&days=1", /* one anchor, older than the window, for each series */
         "{\"3000990\":[8000102,480],\"7700990011\":[8000260,2,8001700,1],\"9200990012\":[8001001,1,8002000,"
         "7]}",
         "[8000102,480]"},
        {8009999, "&days=1",
         "{\"3000990\":[8003000,470],\"7700990011\":[8002900,-1],\"9200990012\":[8002000,7]}",
         "[8003000,470]"},
    };
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, replayed);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_now(&f, cases[i].now);
        struct json_object *o = ask(&f, "B0CAPTURE1", cases[i].days, &status);
        struct json_object *p = product(o, 0);
        assert_string_equal(text_of(sim_json_get(p, "salesRanks")), cases[i].ranks);
        assert_string_equal(text_of(json_object_array_get_idx(sim_json_get(p, "csv"), 3)), cases[i].csv3);
        assert_int_equal(sim_json_int(p, "lastUpdate", 0) % 2, 0);
        assert_in_range(sim_json_int(p, "lastUpdate", 0), cases[i].now - 362, cases[i].now);
        assert_int_equal(sim_json_int(p, "salesRankReference", 0), cases[i].now == 8000101 ? -1 : 3000990);
        assert_int_equal(sim_json_int(p, "monthlySold", 0), cases[i].now < 8002000 ? 100 : 300);
        json_object_put(o);
    }
    set_now(&f, 8002000);
    struct json_object *o = ask(&f, "B0CAPTURE1", "&days=1", &status);
    struct json_object *p = product(o, 0);
    assert_string_equal(text_of(sim_json_get(p, "buyBoxSellerIdHistory")), "[\"8000400\",\"SELLERTWO\"]");
    assert_string_equal(text_of(json_object_array_get_idx(sim_json_get(p, "csv"), 7)), "[8000500,2199,0]");
    assert_string_equal(text_of(sim_json_get(p, "packageRatio")), "15.01");
    json_object_put(o);
    fixture_stop(&f);
}

static void replay_without_history(void **state)
{
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, replayed);
    set_now(&f, 8002000);
    struct json_object *o = ask(&f, "B0CAPTURE1", "&history=0", &status);
    struct json_object *p = product(o, 0);
    assert_null(sim_json_get(p, "csv"));
    assert_null(sim_json_get(p, "monthlySoldHistory"));
    assert_string_equal(text_of(sim_json_get(p, "salesRanks")),
                        "{\"3000990\":[8000102,480],\"7700990011\":[8001700,1],\"9200990012\":[8002000,7]}");
    json_object_put(o);
    fixture_stop(&f);
}

/* The real captures, where they are at hand: every number of the series is exact at the end of their time. */
static void real_captures_are_exact(void **state)
{
    const char *dir = getenv("BW_FIXTURES");
    char *path = dir ? bw_asprintf("%s/keepa", dir) : bw_strdup(BW_SOURCE_DIR "/../shared/fixtures/keepa");
    const char *words[] = {"--replay", path, "--clock", "stopped", NULL};
    struct sim_fixture f;
    int status = 0;
    (void)state;
    if (access(path, R_OK) != 0) {
        free(path);
        skip();
        return;
    }
    fixture_start(&f, words);
    set_now(&f, 8100000);
    for (size_t i = 0; i < f.sim->catalog.n; i++) {
        const struct sim_product *p = &f.sim->catalog.products[i];
        struct json_object *o = ask(&f, p->asin, "", &status);
        assert_string_equal(text_of(sim_json_get(product(o, 0), "salesRanks")),
                            text_of(sim_json_get(p->capture->object, "salesRanks")));
        assert_string_equal(text_of(sim_json_get(product(o, 0), "csv")),
                            text_of(sim_json_get(p->capture->object, "csv")));
        json_object_put(o);
    }
    assert_true(f.sim->catalog.n > 0);
    fixture_stop(&f);
    free(path);
}

static void categories(void **state)
{
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, replayed);
    struct json_object *o =
        fixture_call(&f, "GET", "/category", KEY "&category=7700990011,9200990012", NULL, &status);
    struct json_object *all = sim_json_get(o, "categories");
    assert_int_equal(json_object_object_length(all), 1);
    assert_string_equal(sim_json_str(sim_json_get(all, "7700990011"), "name", ""), "Leaf of Tests");
    assert_int_equal(sim_json_int(sim_json_get(all, "7700990011"), "parent", 0), 3000990);
    assert_int_equal(sim_json_int(o, "tokensConsumed", 0), 1);
    json_object_put(o);
    o = fixture_call(&f, "GET", "/category", KEY "&category=1,2,3,4,5,6,7,8,9,10,11", NULL, &status);
    assert_int_equal(status, 400);
    json_object_put(o);
    fixture_stop(&f);
}

static void faults_change_answers(void **state)
{
    static const struct {
        const char *fault;
        const char *present, *absent; /* in the text of the answer */
        int status;
    } cases[] = {
        {"\"fault\":\"status\",\"status\":500", "tokensLeft", "products", 500},
        {"\"fault\":\"html\"", "<html>", "tokensLeft", 503},
        {"\"fault\":\"error\"", "invalidParameter", "products", 200},
        {"\"fault\":\"no-products\"", "tokensLeft", "products", 200},
        {"\"fault\":\"omit\",\"asin\":\"B0CAPTURE1\"", "tokensLeft", "B0CAPTURE1", 200},
        {"\"fault\":\"stub\",\"asin\":\"B0CAPTURE1\"", "\"productType\":4", "captured", 200},
        {"\"fault\":\"inaccessible\"", "\"productType\":3", "captured", 200},
        {"\"fault\":\"no-ranks\"", "captured", "salesRanks", 200},
        {"\"fault\":\"no-category\",\"category\":7700990011", "\"3000990\":[", "\"7700990011\":[", 200},
        {"\"fault\":\"wrong-types\"", "\"title\":42", "captured", 200},
        {"\"fault\":\"bad-utf8\"", "broken \xff", "captured", 200},
        {"\"fault\":\"stale\",\"age\":\"15h\"", "8000100,490]", "8000102,480", 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_fixture f;
        struct sim_response r;
        int status = 0;
        fixture_start(&f, replayed);
        set_now(&f, 8001000);
        char *body = bw_asprintf("{\"target\":\"keepa\",%s}", cases[i].fault);
        json_object_put(fixture_call(&f, "POST", "/control/faults", "", body, &status));
        assert_int_equal(status, 200);
        for (int turn = 0; turn < 2; turn++) { /* the second answer is whole again */
            fixture_raw(&f, "GET", "/product", KEY "&asin=B0CAPTURE1", NULL, NULL, &r);
            assert_int_equal(r.status, turn ? 200 : cases[i].status);
            if (turn == 0)
                assert_non_null(strstr(r.body.data, cases[i].present));
            if (turn == 0)
                assert_null(strstr(r.body.data, cases[i].absent));
            else
                assert_non_null(strstr(r.body.data, "captured"));
            sim_response_fini(&r);
        }
        free(body);
        fixture_stop(&f);
    }
}

/* The source loses a rank and has it again: the series tells so for ever after, the record does not. */
static void unranked_for_a_while(void **state)
{
    static const struct {
        int64_t now;
        const char *ranks;
    } cases[] = {{8001000, "8000260,2,8001000,-1]"},
                 {8001800, "8000260,2,8001000,-1]"}, /* at #1 by now, unseen */
                 {8002000, "8000260,2,8001000,-1,8002000,1]"},
                 {8002900, "8000260,2,8001000,-1,8002000,1,8002900,-1]"}};
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, replayed);
    set_now(&f, 8001001);
    json_object_put(fixture_call(&f, "POST", "/control/faults", "",
                                 "{\"fault\":\"unranked\",\"category\":7700990011}", &status));
    for (size_t i = 0; i < 4; i++) {
        set_now(&f, cases[i].now);
        if (i == 2)
            json_object_put(fixture_call(&f, "DELETE", "/control/faults", "", NULL, &status));
        struct json_object *o = ask(&f, "B0CAPTURE1", "", &status);
        const char *text = text_of(sim_json_get(sim_json_get(product(o, 0), "salesRanks"), "7700990011"));
        const char *tail = strstr(text, "8000260");
        assert_non_null(tail);
        assert_string_equal(tail, cases[i].ranks);
        json_object_put(o);
    }
    struct json_object *record = fixture_call(&f, "GET", "/control/record", "", NULL, &status);
    assert_int_equal(json_object_array_length(record), 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_not_equal(sim_json_str(json_object_array_get_idx(record, i), "occurred_at", ""),
                                "2026-03-19T06:00:00Z"); /* minute 8001000 */
    json_object_put(record);
    fixture_stop(&f);
}

static void bad_faults_are_refused_whole(void **state)
{
    static const char *const bodies[] = {
        "[{\"fault\":\"stub\"},{\"fault\":\"nonsense\"}]",
        "{\"fault\":\"stub\",\"target\":\"slack\"}",
        "{\"fault\":\"stub\",\"cuont\":1}",
        "{\"fault\":\"stub\",\"probability\":0}",
        "{\"fault\":\"stub\",\"count\":0}",
        "{\"fault\":\"stale\",\"age\":\"soon\"}",
        "{\"fault\":\"status\",\"status\":99}",
        "no json",
    };
    struct sim_fixture f;
    int status = 0;
    (void)state;
    fixture_start(&f, generated);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        json_object_put(fixture_call(&f, "POST", "/control/faults", "", bodies[i], &status));
        assert_int_equal(status, 400);
        assert_int_equal(f.sim->faults.n, 0);
    }
    fixture_stop(&f);
}

static void probability_is_seeded(void **state)
{
    static const char *const words[] = {
        "--generate", "1", "--seed", "9", "--fault", "keepa:status,probability=0.5", NULL};
    char seen[2][33] = {"", ""};
    (void)state;
    for (int run = 0; run < 2; run++) {
        struct sim_fixture f;
        fixture_start(&f, words);
        for (int i = 0; i < 32; i++) {
            int status = 0;
            json_object_put(fixture_call(&f, "GET", "/token", KEY, NULL, &status));
            seen[run][i] = status == 200 ? '.' : 'x';
        }
        fixture_stop(&f);
    }
    assert_string_equal(seen[0], seen[1]);
    assert_non_null(strchr(seen[0], '.'));
    assert_non_null(strchr(seen[0], 'x'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_parameters),
        cmocka_unit_test(costs),
        cmocka_unit_test(charged_is_logged),
        cmocka_unit_test(runs_while_positive_then_429),
        cmocka_unit_test(more_than_a_hundred),
        cmocka_unit_test(orders),
        cmocka_unit_test(record_is_what_is_served),
        cmocka_unit_test(same_after_a_restart),
        cmocka_unit_test(sizes),
        cmocka_unit_test(replay_starts_before_its_first_point),
        cmocka_unit_test(replay_is_cut_at_now),
        cmocka_unit_test(replay_without_history),
        cmocka_unit_test(real_captures_are_exact),
        cmocka_unit_test(categories),
        cmocka_unit_test(faults_change_answers),
        cmocka_unit_test(unranked_for_a_while),
        cmocka_unit_test(bad_faults_are_refused_whole),
        cmocka_unit_test(probability_is_seeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
