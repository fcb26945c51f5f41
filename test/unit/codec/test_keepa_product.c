/* Products: what is read of a good one, and what each kind of bad one becomes. */
#include "unit/codec/data.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT(minute) (((int64_t)(minute) + 21564000) * 60)
#define HEAD       "{\"asin\":\"B0TEST0001\",\"domainId\":1,\"title\":\"T\","
#define RANKS      "\"salesRanks\":{\"5\":[10,1]}"

/* From memory of its own, so that reading past the end shows up. */
static enum bw_err decode_n(const char *json, size_t len, struct bw_product *p, struct bw_error *error)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, json, len);
    enum bw_err err = bw_keepa_product_decode(copy, len, 1, p, error);
    free(copy);
    return err;
}

static struct bw_product decoded(const char *json)
{
    struct bw_product p;
    struct bw_error error = {0};

    if (decode_n(json, strlen(json), &p, &error) != BW_OK)
        fail_msg("'%s': %s", json, error.text);
    return p;
}

static struct bw_product capture(const char *file, size_t index)
{
    struct data_slices s;
    struct bw_product p;
    size_t len;
    char *body = data_read(file, &len);

    data_split(body, len, 0, &s);
    assert_true(index < s.n);
    assert_int_equal(decode_n(s.at[index].json, s.at[index].len, &p, NULL), BW_OK);
    data_slices_free(&s);
    free(body);
    return p;
}

static void last_point(const struct bw_series *s, size_t n, int64_t minute, int64_t value)
{
    assert_int_equal(s->n, n);
    assert_int_equal(s->points[n - 1].at, AT(minute));
    assert_int_equal(s->points[n - 1].value, value);
}

static void busy_product(void **state)
{
    static const char *const files[] = {"answer_2025.json", "answer_2026.json"};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct bw_product p = capture(files[f], 0);

        assert_int_equal(p.unknown, BW_KNOWN);
        assert_string_equal(p.detail, "");
        assert_string_equal(p.key.asin, "B0TEST0001");
        assert_int_equal(p.key.domain, 1);
        assert_string_equal(p.title,
                            "Alder & Finch Brass Mist Nozzle, \xC2\xBD inch, \"Quiet\" <b>Series</b>");
        assert_string_equal(p.brand, "Alder & Finch");
        assert_string_equal(p.parent_asin, "B0TESTPAR1");
        assert_int_equal(p.last_update, AT(8068002));
        assert_int_equal(p.availability_amazon, -1);
        assert_int_equal(p.monthly_sold, 900);
        assert_int_equal(p.current_price, 2899);
        assert_int_equal(p.rating, 45);
        assert_int_equal(p.review_count, 911);
        assert_int_equal(p.n_ranks, 3); /* the empty one is dropped */
        assert_int_equal(p.ranks[0].category_id, 9900001);
        assert_int_equal(p.ranks[1].category_id, 9900112233);
        assert_int_equal(p.ranks[2].category_id, 9900777777);
        last_point(&p.ranks[0].series, 40, 7982468, 855);
        last_point(&p.ranks[1].series, 24, 7965920, 1);
        last_point(&p.ranks[2].series, 2, 7990400, BW_UNRANKED);
        assert_int_equal(p.ranks[0].series.points[0].at, AT(7950000));
        assert_int_equal(p.ranks[0].series.points[0].value, 251);
        assert_int_equal(p.n_tree, 3);
        assert_int_equal(p.tree[2].category_id, 9900112233);
        assert_int_equal(p.tree[2].parent, 9900110000);
        assert_int_equal(p.tree[0].parent, 0);
        assert_string_equal(p.tree[2].name, "Mist Nozzles \xE2\x80\x93 Brass");
        last_point(&p.values[BW_VALUE_AMAZON], 1, 7950000, -1);
        last_point(&p.values[BW_VALUE_NEW], 4, 8041000, 2899);
        last_point(&p.values[BW_VALUE_LIST], 2, 8010000, 3299);
        last_point(&p.values[BW_VALUE_RATING], 2, 7999000, 45);
        last_point(&p.values[BW_VALUE_REVIEWS], 3, 8050000, 911);
        last_point(&p.values[BW_VALUE_MONTHLY_SOLD], 4, 8031000, 900);
        last_point(&p.values[BW_VALUE_BUY_BOX], 5, 8041000, 2899);
        assert_int_equal(p.values[BW_VALUE_BUY_BOX].points[2].value, 2799 + 499);
        assert_int_equal(p.values[BW_VALUE_BUY_BOX].points[3].value, -1);
        bw_product_fini(&p);
    }
}

static void other_products(void **state)
{
    struct bw_product p = capture("answer_2026.json", 1);

    (void)state;
    assert_int_equal(p.unknown, BW_KNOWN);
    assert_int_equal(p.n_ranks, 2);
    assert_null(p.brand);
    assert_null(p.parent_asin);
    assert_int_equal(p.n_tree, 0);
    assert_int_equal(p.current_price, 1199); /* no buy box, no new: Amazon */
    assert_int_equal(p.monthly_sold, -1);
    assert_int_equal(p.rating, -1);
    assert_int_equal(p.availability_amazon, 0);
    bw_product_fini(&p);
    p = capture("answer_2026.json", 2);
    assert_int_equal(p.unknown, BW_UNKNOWN_STUB);
    assert_null(p.title);
    assert_int_equal(p.last_update, 0);
    assert_true(p.availability_amazon == INT64_MIN);
    bw_product_fini(&p);
    p = capture("answer_2026.json", 3);
    assert_int_equal(p.unknown, BW_UNKNOWN_NO_RANKS);
    assert_string_equal(p.parent_asin, "B0TESTPAR1");
    bw_product_fini(&p);
}

static const struct {
    const char *json;
    enum bw_unknown unknown;
    const char *detail; /* part of it; NULL: must be empty */
} kinds[] = {
    {HEAD RANKS "}", BW_KNOWN, NULL},
    {HEAD "\"salesRanks\":null}", BW_UNKNOWN_NO_RANKS, NULL},
    {HEAD "\"salesRanks\":{}}", BW_UNKNOWN_NO_RANKS, NULL},
    {HEAD "\"salesRanks\":{\"5\":[],\"6\":null}}", BW_UNKNOWN_NO_RANKS, NULL},
    {HEAD "\"x\":0}", BW_UNKNOWN_NO_RANKS, NULL},
    {"{\"asin\":\"B0TEST0001\",\"title\":null," RANKS "}", BW_KNOWN, NULL},
    {"{\"asin\":\"B0TEST0001\",\"title\":null,\"productType\":0}", BW_UNKNOWN_STUB, NULL},
    {"{\"asin\":\"B0TEST0001\"}", BW_UNKNOWN_STUB, NULL},
    {HEAD RANKS ",\"productType\":4}", BW_UNKNOWN_STUB, NULL},
    {HEAD RANKS ",\"productType\":3}", BW_UNKNOWN_INACCESSIBLE, NULL},
    {HEAD RANKS ",\"productType\":5}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"productType\":null}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"productType\":\"4\"}", BW_UNKNOWN_MALFORMED, "productType"},
    {HEAD RANKS ",\"productType\":18446744073709551615}", BW_UNKNOWN_MALFORMED, "productType"},
    {HEAD "\"salesRanks\":[1,2]}", BW_UNKNOWN_MALFORMED, "salesRanks is not an object"},
    {HEAD "\"salesRanks\":\"none\"}", BW_UNKNOWN_MALFORMED, "salesRanks is not an object"},
    {HEAD "\"salesRanks\":7}", BW_UNKNOWN_MALFORMED, "salesRanks is not an object"},
    {HEAD "\"salesRanks\":{\"5\":{}}}", BW_UNKNOWN_MALFORMED, "salesRanks 5 item 0: no array"},
    {HEAD "\"salesRanks\":{\"5\":[10,2,20]}}", BW_UNKNOWN_MALFORMED, "salesRanks 5 item 2: half a point"},
    {HEAD "\"salesRanks\":{\"5\":[10,2,10,3]}}", BW_UNKNOWN_MALFORMED, "item 2: times that do not ascend"},
    {HEAD "\"salesRanks\":{\"5\":[10,2,9,3]}}", BW_UNKNOWN_MALFORMED, "item 2: times that do not ascend"},
    {HEAD "\"salesRanks\":{\"5\":[10,0]}}", BW_UNKNOWN_MALFORMED, "a rank out of range"},
    {HEAD "\"salesRanks\":{\"5\":[10,-2]}}", BW_UNKNOWN_MALFORMED, "a rank out of range"},
    {HEAD "\"salesRanks\":{\"5\":[-10,2]}}", BW_UNKNOWN_MALFORMED, "a time out of range"},
    {HEAD "\"salesRanks\":{\"5\":[2147483648,2]}}", BW_UNKNOWN_MALFORMED, "a time out of range"},
    {HEAD "\"salesRanks\":{\"5\":[10,2147483648]}}", BW_UNKNOWN_MALFORMED, "a value out of range"},
    {HEAD "\"salesRanks\":{\"5\":[10,99999999999]}}", BW_UNKNOWN_MALFORMED,
     "item 1: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[10,1.0]}}", BW_UNKNOWN_MALFORMED, "item 1: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[10,1e0]}}", BW_UNKNOWN_MALFORMED, "item 1: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[10,\"1\"]}}", BW_UNKNOWN_MALFORMED, "item 1: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[10,null]}}", BW_UNKNOWN_MALFORMED, "item 1: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[[10,1]]}}", BW_UNKNOWN_MALFORMED, "item 0: something that is no integer"},
    {HEAD "\"salesRanks\":{\"5\":[10,1],\"x\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"05\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"-5\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"0\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"9223372036854775808\":[10,1]}}", BW_UNKNOWN_MALFORMED, "no category id"},
    {HEAD "\"salesRanks\":{\"9223372036854775807\":[10,1]}}", BW_KNOWN, NULL},
    {HEAD "\"salesRanks\":{\"5\":[10,1],\"5\":[10,2]}}", BW_UNKNOWN_MALFORMED, "category 5 twice"},
    {HEAD RANKS "," RANKS "}", BW_UNKNOWN_MALFORMED, "'salesRanks' twice"},
    {HEAD RANKS ",\"sales\\u0052anks\":{}}", BW_UNKNOWN_MALFORMED, "'salesRanks' twice"},
    {HEAD RANKS ",\"asin\":\"B0TEST0002\"}", BW_UNKNOWN_MALFORMED, "'asin' twice"},
    {"{\"asin\":\"B0TEST0001\",\"domainId\":\"1\"," RANKS "}", BW_UNKNOWN_MALFORMED, "domainId"},
    {"{\"asin\":\"B0TEST0001\",\"domainId\":7," RANKS "}", BW_UNKNOWN_MALFORMED, "domainId 7"},
    /* whatever happens elsewhere leaves the ranks alone */
    {HEAD RANKS ",\"csv\":null}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"csv\":[]}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"csv\":{\"0\":1}}", BW_KNOWN, "csv is not an array"},
    {HEAD RANKS ",\"csv\":[[10]]}", BW_KNOWN, "csv[0] item 0: half a point"},
    {HEAD RANKS ",\"csv\":[null,[10,5,10,6]]}", BW_KNOWN, "csv[1] item 2: times"},
    {HEAD RANKS ",\"csv\":[null,null,\"odd rows nobody reads\",7,null]}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"monthlySoldHistory\":\"many\"}", BW_KNOWN, "monthlySoldHistory item 0: no array"},
    {HEAD RANKS ",\"categoryTree\":null}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"categoryTree\":7}", BW_KNOWN, "categoryTree"},
    {HEAD RANKS ",\"categoryTree\":[null,{\"catId\":\"5\",\"name\":\"x\"}]}", BW_KNOWN,
     "categoryTree level 0"},
    {HEAD RANKS ",\"monthlySold\":\"900\"}", BW_KNOWN, "monthlySold"},
    {HEAD RANKS ",\"lastUpdate\":1.5}", BW_KNOWN, "lastUpdate"},
    {HEAD RANKS ",\"brand\":{\"a\":1}}", BW_KNOWN, "brand is not a string"},
    {HEAD RANKS ",\"parentAsin\":\"nope\"}", BW_KNOWN, "parentAsin"},
    {HEAD RANKS ",\"parentAsin\":\"\"}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"reviews\":[]}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"reviews\":{\"ratingCount\":\"x\"}}", BW_KNOWN, NULL},
    {HEAD RANKS ",\"stats\":{\"a\":[[],{},[{}]],\"b\":-1.5E+9},\"asi\":1,\"asinX\":2}", BW_KNOWN, NULL},
    /* a fault that forbids use is told before one that does not */
    {HEAD "\"csv\":7,\"salesRanks\":7}", BW_UNKNOWN_MALFORMED, "salesRanks is not an object"},
    /* not JSON as a whole */
    {HEAD RANKS, BW_UNKNOWN_MALFORMED, "not JSON at byte"},
    {HEAD RANKS "}}", BW_UNKNOWN_MALFORMED, "more bytes after the end"},
    {HEAD RANKS ",}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD RANKS ",\"x\":[}}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD RANKS ",\"x\":NaN}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD RANKS ",\"x\":'y'}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD RANKS ",\"title2\":\"\n\"}", BW_UNKNOWN_MALFORMED, "control character"},
    {HEAD "\"salesRanks\":{\"5\":[10,1],}}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD "\"salesRanks\":{\"5\":[10,1,]}}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD "\"salesRanks\":{\"5\":[010,1]}}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD "\"salesRanks\":{\"5\":[-,1]}}", BW_UNKNOWN_MALFORMED, "not JSON"},
    {HEAD "\"salesRanks\":{\"5\" [10,1]}}", BW_UNKNOWN_MALFORMED, "not JSON"},
};

static void classification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct bw_product p = decoded(kinds[i].json);
        bool detail = kinds[i].detail ? strstr(p.detail, kinds[i].detail) != NULL : p.detail[0] == '\0';

        if (p.unknown != kinds[i].unknown || !detail)
            fail_msg("'%s' gave '%s', detail '%s'", kinds[i].json, bw_unknown_name(p.unknown), p.detail);
        assert_int_equal(p.n_ranks, kinds[i].unknown == BW_KNOWN ? 1 : 0);
        assert_string_equal(p.key.asin, "B0TEST0001");
        assert_int_equal(p.key.domain, 1);
        bw_product_fini(&p);
    }
}

static void no_usable_asin(void **state)
{
    static const struct {
        const char *json;
        enum bw_err err;
    } rows[] = {
        {"", BW_ERR_SYNTAX},
        {"null", BW_ERR_SYNTAX},
        {"7", BW_ERR_SYNTAX},
        {"[]", BW_ERR_SYNTAX},
        {"{", BW_ERR_SYNTAX},
        {"{\"title\":\"x\",\"asi", BW_ERR_SYNTAX},
        {"{\"asin\":\"B0TEST000", BW_ERR_SYNTAX},
        {"{\"variations\":[{\"asin\":\"B0TEST0002\"}", BW_ERR_SYNTAX}, /* somebody else's */
        {"{}", BW_ERR_INVALID},
        {"{\"asin\":null}", BW_ERR_INVALID},
        {"{\"asin\":7}", BW_ERR_INVALID},
        {"{\"asin\":\"b0test0001\"}", BW_ERR_INVALID},
        {"{\"asin\":\"B0TEST00012\"}", BW_ERR_INVALID},
        {"{\"x\":{\"asin\":\"B0TEST0001\"}}", BW_ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bw_product p;
        struct bw_error error = {0};

        enum bw_err err = decode_n(rows[i].json, strlen(rows[i].json), &p, &error);
        if (err != rows[i].err || error.text[0] == '\0')
            fail_msg("'%s': %s", rows[i].json, bw_err_text(err));
    }
}

/* What a cut answer leaves: nothing before the asin, then a product that claims nothing. */
static void cut_anywhere(void **state)
{
    struct data_slices s;
    size_t len, known = 0;
    char *body = data_read("answer_2026.json", &len);

    (void)state;
    data_split(body, len, 0, &s);
    for (size_t n = 0; n < s.at[0].len; n++) {
        struct bw_product p;

        enum bw_err err = decode_n(s.at[0].json, n, &p, NULL);
        if (err) {
            assert_int_equal(err, BW_ERR_SYNTAX);
            assert_int_equal(known, 0);
            continue;
        }
        known++;
        assert_int_equal(p.unknown, BW_UNKNOWN_MALFORMED);
        assert_int_equal(p.n_ranks, 0);
        assert_null(p.title);
        assert_string_equal(p.key.asin, "B0TEST0001");
        bw_product_fini(&p);
    }
    assert_true(known > 1000);
    data_slices_free(&s);
    free(body);
}

static void domains(void **state)
{
    struct bw_product p;

    (void)state;
    assert_int_equal(bw_keepa_product_decode("{\"asin\":\"B0TEST0001\"}", 21, 3, &p, NULL), BW_OK);
    assert_int_equal(p.key.domain, 3); /* absent: as expected */
    bw_product_fini(&p);
    assert_int_equal(bw_keepa_product_decode("{\"asin\":\"B0TEST0001\",\"domainId\":2}", 34, 3, &p, NULL),
                     BW_OK);
    assert_int_equal(p.key.domain, 2); /* given: as sent */
    bw_product_fini(&p);
}

static void texts(void **state)
{
    struct bw_product p =
        decoded("{\"asin\":\"B0TEST0001\",\"title\":\"a\\u0000b \\ud83d\\udca7 \\ud800 \\n \\/\","
                "\"brand\":\"Caf\xE9\"," RANKS "}");

    (void)state;
    assert_string_equal(p.title, "a\xEF\xBF\xBD"
                                 "b \xF0\x9F\x92\xA7 \xEF\xBF\xBD \n /");
    assert_string_equal(p.brand, "Caf\xEF\xBF\xBD");
    assert_int_equal(p.unknown, BW_KNOWN); /* bytes that are no UTF-8 do not cost the ranks */
    bw_product_fini(&p);
}

static void long_title_is_cut(void **state)
{
    struct bw_buf b;

    (void)state;
    bw_buf_init(&b, 100000);
    (void)bw_buf_adds(&b, HEAD RANKS ",\"brand\":\"x");
    for (int i = 0; i < 10000; i++)
        (void)bw_buf_adds(&b, "\xC3\xBC");
    (void)bw_buf_adds(&b, "\"}");
    struct bw_product p = decoded(bw_buf_str(&b));
    assert_int_equal(strlen(p.brand), 199); /* between characters */
    assert_true(bw_utf8_valid(p.brand, strlen(p.brand)));
    bw_product_fini(&p);
    bw_buf_fini(&b);
}

static void current_values(void **state)
{
    static const struct {
        const char *csv;
        int64_t price, reviews;
    } rows[] = {
        {"[[1,500],[1,600]]", 600, 7},
        {"[[1,500],[1,600,2,-1]]", 500, 7},
        {"[[1,-1],[1,-1]]", -1, 7},
        {"[[1,500],null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,[1,44],[1,9],["
         "1,700,50]]",
         750, 9},
        {"[[1,500],null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,[1,44],[1,9],["
         "1,700,50,2,-1,-1]]",
         500, 9},
        {"null", -1, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *json = bw_asprintf(HEAD RANKS
                                 ",\"reviews\":{\"reviewCount\":[1,2],\"ratingCount\":[1,3,2,7]},\"csv\":%s}",
                                 rows[i].csv);
        struct bw_product p = decoded(json);

        assert_int_equal(p.current_price, rows[i].price);
        assert_int_equal(p.review_count, rows[i].reviews);
        bw_product_fini(&p);
        free(json);
    }
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    for (size_t n = 1; n < 2000; n = n < 70 ? n + 1 : n * 2) {
        struct bw_buf b;

        bw_buf_init(&b, 10000);
        (void)bw_buf_adds(&b, HEAD RANKS ",\"x\":");
        for (size_t i = 0; i < n; i++)
            (void)bw_buf_adds(&b, i % 2 ? "[" : "{\"\":");
        (void)bw_buf_addc(&b, '0');
        for (size_t i = n; i > 0; i--)
            (void)bw_buf_addc(&b, (i - 1) % 2 ? ']' : '}');
        (void)bw_buf_addc(&b, '}');
        struct bw_product p = decoded(bw_buf_str(&b));
        assert_int_equal(p.unknown, n <= 63 ? BW_KNOWN : BW_UNKNOWN_MALFORMED);
        bw_product_fini(&p);
        bw_buf_fini(&b);
    }
}

/* ---- against a second reader ---- */

static void same_series(const struct bw_series *s, const struct bw_json_node *flat, size_t stride)
{
    assert_int_equal(bw_json_count(flat), s->n * stride);
    for (size_t i = 0; i < s->n; i++) {
        int64_t minute, value, shipping = 0;

        assert_true(bw_json_is_int(bw_json_at(flat, i * stride), &minute));
        assert_true(bw_json_is_int(bw_json_at(flat, i * stride + 1), &value));
        if (stride == 3)
            assert_true(bw_json_is_int(bw_json_at(flat, i * stride + 2), &shipping));
        assert_int_equal(s->points[i].at, AT(minute));
        assert_int_equal(s->points[i].value,
                         stride == 3 && value < 0 ? -1 : value + (shipping > 0 ? shipping : 0));
    }
}

struct oracle {
    const struct bw_product *p;
    size_t series;
};

static void same_category(void *ctx, const char *key, const struct bw_json_node *flat)
{
    struct oracle *o = ctx;

    if (bw_json_count(flat) == 0)
        return;
    const struct bw_rank_series *r = bw_product_rank(o->p, strtoll(key, NULL, 10));
    assert_non_null(r);
    same_series(&r->series, flat, 2);
    o->series++;
}

/* The decoder's series are those that json-c reads from the same bytes. */
static size_t compare_with_json_c(const char *json, size_t len)
{
    static const struct {
        size_t row, stride;
        enum bw_value_kind kind;
    } rows[] = {{0, 2, BW_VALUE_AMAZON},  {1, 2, BW_VALUE_NEW},      {4, 2, BW_VALUE_LIST},
                {16, 2, BW_VALUE_RATING}, {17, 2, BW_VALUE_REVIEWS}, {18, 3, BW_VALUE_BUY_BOX}};
    struct bw_json_doc *doc;
    struct bw_product p;
    size_t points = 0;

    assert_int_equal(decode_n(json, len, &p, NULL), BW_OK);
    assert_int_equal(bw_json_parse(json, len, &doc, NULL), BW_OK);
    const struct bw_json_node *root = bw_json_root(doc);
    struct oracle o = {.p = &p};
    assert_int_equal(p.unknown, BW_KNOWN);
    bw_json_each(bw_json_get(root, "salesRanks"), same_category, &o);
    assert_int_equal(o.series, p.n_ranks);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        same_series(&p.values[rows[i].kind], bw_json_at(bw_json_get(root, "csv"), rows[i].row),
                    rows[i].stride);
    same_series(&p.values[BW_VALUE_MONTHLY_SOLD], bw_json_get(root, "monthlySoldHistory"), 2);
    for (size_t i = 0; i < p.n_ranks; i++)
        points += p.ranks[i].series.n;
    bw_json_free(doc);
    bw_product_fini(&p);
    return points;
}

static void same_as_json_c_own(void **state)
{
    static const char *const files[] = {"answer_2025.json", "answer_2026.json"};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct data_slices s;
        size_t len;
        char *body = data_read(files[f], &len);

        data_split(body, len, 0, &s);
        assert_int_equal(compare_with_json_c(s.at[0].json, s.at[0].len), 40 + 24 + 2);
        assert_int_equal(compare_with_json_c(s.at[1].json, s.at[1].len), 2 + 3);
        data_slices_free(&s);
        free(body);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void add_random_series(struct bw_buf *b, uint32_t *seed, bool ranks, size_t stride)
{
    static const char *const gaps[] = {"", "", "", " ", "\n\t", "\r\n  "};
    size_t n = next_random(seed) % 200 + 1;
    int64_t minute = (int64_t)(next_random(seed) % 8000000);

    (void)bw_buf_addc(b, '[');
    for (size_t i = 0; i < n * stride; i++) {
        int64_t v =
            next_random(seed) % 7 == 0 ? -1 : (int64_t)(next_random(seed) >> (next_random(seed) % 24));

        if (i % stride == 0)
            v = minute += 1 + (int64_t)(next_random(seed) % 5000);
        else if (ranks && v == 0)
            v = 1;
        (void)bw_buf_addf(b, "%s%s%" PRId64 "%s", i ? "," : "", gaps[next_random(seed) % 6], v,
                          gaps[next_random(seed) % 6]);
    }
    (void)bw_buf_addc(b, ']');
}

static void same_as_json_c_generated(void **state)
{
    uint32_t seed = 99;

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct bw_buf b;

        bw_buf_init(&b, 8u << 20);
        (void)bw_buf_adds(&b,
                          "{ \"filler\":{\"a\":[{},[],\"]}\\\"\"]},\"asin\":\"B0TEST0001\",\"salesRanks\":{");
        size_t categories = 1 + next_random(&seed) % 6;
        for (size_t i = 0; i < categories; i++) {
            (void)bw_buf_addf(&b, "%s\"%zu%05zu\" : ", i ? "," : "", 9 - i,
                              (size_t)next_random(&seed) % 99999);
            add_random_series(&b, &seed, true, 2);
        }
        (void)bw_buf_adds(&b, "},\"csv\":[");
        for (size_t row = 0; row < 37; row++) {
            (void)bw_buf_adds(&b, row ? "," : "");
            if (next_random(&seed) % 3 == 0)
                (void)bw_buf_adds(&b, "null");
            else
                add_random_series(&b, &seed, false, row == 18 ? 3 : 2);
        }
        (void)bw_buf_adds(&b, "],\"monthlySoldHistory\":");
        add_random_series(&b, &seed, false, 2);
        (void)bw_buf_adds(&b, "}");
        assert_false(b.overflow);
        assert_true(compare_with_json_c(bw_buf_str(&b), b.len) >= categories);
        bw_buf_fini(&b);
    }
}

static struct bw_product reference(const char *name, size_t *points)
{
    struct data_slices s;
    struct bw_product p;
    size_t len;
    char *body = data_reference(name, &len);

    if (!body)
        skip();
    data_split(body, len, 1000, &s);
    assert_int_equal(s.n, 1);
    *points = compare_with_json_c(s.at[0].json, s.at[0].len);
    assert_int_equal(decode_n(s.at[0].json, s.at[0].len, &p, NULL), BW_OK);
    assert_string_equal(p.detail, "");
    data_slices_free(&s);
    free(body);
    return p;
}

/* A reference capture: 13 stays at #1 in Serums, the last of them still going on. */
static void reference_busy(void **state)
{
    size_t points, stays = 0;
    struct bw_product p = reference("cunuo_product_B0D8W1YVBX_full_20260510.json", &points);
    const struct bw_rank_series *root = bw_product_rank(&p, 3760911),
                                *serums = bw_product_rank(&p, 7792528011);

    (void)state;
    assert_non_null(root);
    assert_non_null(serums);
    assert_int_equal(points, 2735 + 1772);
    assert_int_equal(root->series.n, 2735);
    assert_int_equal(serums->series.n, 1772);
    for (size_t i = 0; i < serums->series.n; i++)
        stays += serums->series.points[i].value == 1 && (i == 0 || serums->series.points[i - 1].value != 1);
    assert_int_equal(stays, 13);
    assert_int_equal(serums->series.points[serums->series.n - 1].value, 1);
    assert_int_equal(root->series.points[root->series.n - 1].value, 23);
    assert_int_equal(p.current_price, 1499);
    assert_int_equal(p.rating, 43);
    assert_int_equal(p.review_count, 11598);
    assert_int_equal(p.monthly_sold, 100000);
    assert_int_equal(p.values[BW_VALUE_BUY_BOX].n, 249);
    bw_product_fini(&p);
}

static void reference_quiet(void **state)
{
    size_t points, stays = 0;
    struct bw_product p = reference("cunuo_product_B0F7XPYCSJ_full_20260510.json", &points);
    const struct bw_rank_series *root = bw_product_rank(&p, 16310091), *sub = bw_product_rank(&p, 393384011);

    (void)state;
    assert_non_null(root);
    assert_non_null(sub);
    assert_int_equal(root->series.n, 359);
    assert_int_equal(points, 359 + sub->series.n);
    for (size_t i = 0; i < sub->series.n; i++)
        stays += sub->series.points[i].value == 1;
    assert_int_equal(stays, 6);
    assert_int_equal(sub->series.points[sub->series.n - 1].value, BW_UNRANKED);
    assert_int_equal(p.current_price, 2599);
    assert_int_equal(p.review_count, -1);
    bw_product_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_product),
        cmocka_unit_test(other_products),
        cmocka_unit_test(classification),
        cmocka_unit_test(no_usable_asin),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(domains),
        cmocka_unit_test(texts),
        cmocka_unit_test(long_title_is_cut),
        cmocka_unit_test(current_values),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(same_as_json_c_own),
        cmocka_unit_test(same_as_json_c_generated),
        cmocka_unit_test(reference_busy),
        cmocka_unit_test(reference_quiet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
