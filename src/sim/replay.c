/* Captured Keepa answers. See replay.h.
 *
 * Fails: unreadable file, not JSON, no products in it, a product without asin and domainId: named in the error,
 * nothing of that file is kept. */
#include "replay.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* gzread gives plain files as they are, so one path reads both kinds. */
static enum bw_err read_file(const char *path, struct bw_buf *out, struct bw_error *error)
{
    gzFile f = gzopen(path, "rb");
    if (!f)
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    char block[65536];
    int n;
    enum bw_err err = BW_OK;
    while ((n = gzread(f, block, sizeof block)) > 0 && err == BW_OK)
        err = bw_buf_add(out, block, (size_t)n);
    if (n < 0)
        err = bw_error_set(error, BW_ERR_SYSTEM, "cannot read '%s'", path);
    else if (err != BW_OK)
        bw_error_set(error, err, "'%s' is larger than %d MB", path, SIM_CAPTURE_MAX_FILE >> 20);
    gzclose(f);
    return err;
}

static struct json_object *parse(const char *path, const struct bw_buf *text, struct bw_error *error)
{
    struct json_tokener *t = json_tokener_new_ex(32);
    struct json_object *o = json_tokener_parse_ex(t, bw_buf_str(text), (int)text->len);
    enum json_tokener_error e = json_tokener_get_error(t);
    json_tokener_free(t);
    if (e == json_tokener_success && o)
        return o;
    bw_error_set(error, BW_ERR_SYNTAX, "'%s' is not JSON: %s", path, json_tokener_error_desc(e));
    json_object_put(o);
    return NULL;
}

static void series_from_json(struct json_object *array, struct sim_series *out)
{
    size_t n = json_object_array_length(array);
    for (size_t i = 0; i < n; i++)
        sim_series_add(out, json_object_get_int64(json_object_array_get_idx(array, i)));
    out->n -= out->n % out->stride;
}

static void load_ranks(struct sim_capture *c)
{
    struct json_object *ranks = sim_json_get(c->object, "salesRanks");
    if (!json_object_is_type(ranks, json_type_object))
        return;
    c->ranks = bw_alloc_array((size_t)json_object_object_length(ranks) + 1, sizeof *c->ranks);
    json_object_object_foreach(ranks, key, value)
    {
        if (!json_object_is_type(value, json_type_array))
            continue;
        struct sim_rank_series *r = &c->ranks[c->n_ranks++];
        r->category_id = strtoll(key, NULL, 10);
        sim_series_init(&r->points, 2);
        series_from_json(value, &r->points);
    }
}

static enum bw_err add_capture(const char *path, struct json_object *product, struct sim_capture **captures,
                               size_t *n, struct bw_error *error)
{
    const char *asin = sim_json_str(product, "asin", "");
    int64_t domain = sim_json_int(product, "domainId", 0);
    if (strlen(asin) != 10 || domain < 1 || domain > 12)
        return bw_error_set(error, BW_ERR_INVALID, "'%s': a product without asin and domainId", path);
    *captures = bw_realloc_array(*captures, *n + 1, sizeof **captures);
    struct sim_capture *c = &(*captures)[(*n)++];
    *c = (struct sim_capture){.object = json_object_get(product), .domain = (int)domain};
    memcpy(c->asin, asin, 11);
    load_ranks(c);
    return BW_OK;
}

static enum bw_err load_file(const char *path, struct sim_capture **captures, size_t *n,
                             struct bw_error *error)
{
    struct bw_buf text;
    bw_buf_init(&text, SIM_CAPTURE_MAX_FILE);
    enum bw_err err = read_file(path, &text, error);
    struct json_object *o = err == BW_OK ? parse(path, &text, error) : NULL;
    bw_buf_fini(&text);
    if (!o)
        return err == BW_OK ? BW_ERR_SYNTAX : err;
    struct json_object *list = json_object_is_type(o, json_type_array) ? o : sim_json_get(o, "products");
    if (json_object_is_type(list, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(list) && err == BW_OK; i++)
            err = add_capture(path, json_object_array_get_idx(list, i), captures, n, error);
    } else {
        err = add_capture(path, o, captures, n, error);
    }
    json_object_put(o);
    return err;
}

static int is_capture(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return (n > 5 && strcmp(e->d_name + n - 5, ".json") == 0) ||
           (n > 8 && strcmp(e->d_name + n - 8, ".json.gz") == 0);
}

enum bw_err sim_replay_load(const char *path, struct sim_capture **captures, size_t *n,
                            struct bw_error *error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return load_file(path, captures, n, error);
    struct dirent **names = NULL;
    int found = scandir(path, &names, is_capture, alphasort);
    enum bw_err err = BW_OK;
    if (found <= 0)
        err = bw_error_set(error, BW_ERR_NOT_FOUND, "no *.json in '%s'", path);
    for (int i = 0; i < found; i++) {
        char *file = bw_asprintf("%s/%s", path, names[i]->d_name);
        if (err == BW_OK)
            err = load_file(file, captures, n, error);
        free(file);
        free(names[i]);
    }
    free(names);
    return err;
}

void sim_replay_free(struct sim_capture *captures, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < captures[i].n_ranks; j++)
            sim_series_fini(&captures[i].ranks[j].points);
        free(captures[i].ranks);
        json_object_put(captures[i].object);
    }
    free(captures);
}

/* A captured array of `stride` members a point, cut by the time in each point's first member. Those members are
 * shared with the capture. Times may be numbers or, in the *SellerIdHistory kind, strings. */
static struct json_object *cut_array(struct json_object *array, size_t stride, const struct sim_view *view)
{
    size_t n = json_object_array_length(array) / stride;
    size_t begin = 0;
    size_t end = 0;
    while (end < n &&
           json_object_get_int64(json_object_array_get_idx(array, end * stride)) <= view->now_minute) {
        int64_t at = json_object_get_int64(json_object_array_get_idx(array, end * stride));
        if (view->days > 0 && at <= view->now_minute - view->days * 1440)
            begin = end;
        end++;
    }
    struct json_object *out = json_object_new_array_ext((int)((end - begin) * stride) + 1);
    for (size_t i = begin * stride; i < end * stride; i++)
        json_object_array_add(out, json_object_get(json_object_array_get_idx(array, i)));
    return out;
}

static size_t csv_stride(size_t kind)
{
    return kind == 7 || (kind >= 18 && kind <= 29) || kind == 32 ? 3 : 2;
}

static struct json_object *cut_csv(struct json_object *csv, const struct sim_view *view)
{
    struct json_object *out = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(csv); i++) {
        struct json_object *row = json_object_array_get_idx(csv, i);
        struct json_object *cut = NULL;
        if (json_object_is_type(row, json_type_array))
            cut = cut_array(row, csv_stride(i), view);
        if (cut && json_object_array_length(cut) == 0) {
            json_object_put(cut);
            cut = NULL;
        }
        json_object_array_add(out, cut);
    }
    return out;
}

static struct json_object *cut_ranks(const struct sim_capture *c, const struct sim_view *view)
{
    struct json_object *out = json_object_new_object();
    for (size_t i = 0; i < c->n_ranks; i++) {
        struct json_object *series = sim_json_ranks(&c->ranks[i].points, c->ranks[i].category_id, view);
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)c->ranks[i].category_id);
        if (series)
            json_object_object_add(out, id, series);
    }
    return out;
}

/* "reviews": an object of pairs arrays and scalars. */
static struct json_object *cut_members(struct json_object *object, const struct sim_view *view)
{
    struct json_object *out = json_object_new_object();
    json_object_object_foreach(object, key, value)
    {
        struct json_object *v =
            json_object_is_type(value, json_type_array) ? cut_array(value, 2, view) : json_object_get(value);
        json_object_object_add(out, key, v);
    }
    return out;
}

static const struct {
    const char *key;
    size_t stride;
} histories[] = {{"monthlySoldHistory", 2}, {"salesRankReferenceHistory", 2}, {"buyBoxSellerIdHistory", 2},
                 {"buyBoxUsedHistory", 2},  {"parentAsinHistory", 2},         {"couponHistory", 3}};

static size_t history_stride(const char *key)
{
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++)
        if (strcmp(key, histories[i].key) == 0)
            return histories[i].stride;
    return 0;
}

/* The newest value of a captured history at the view's moment. */
static int64_t current_of(const struct sim_capture *c, const char *key, const struct sim_view *view,
                          int64_t otherwise)
{
    struct json_object *history = sim_json_get(c->object, key);
    if (!json_object_is_type(history, json_type_array))
        return otherwise;
    int64_t value = otherwise;
    for (size_t i = 0; i + 1 < json_object_array_length(history); i += 2) {
        if (json_object_get_int64(json_object_array_get_idx(history, i)) > view->now_minute)
            break;
        value = json_object_get_int64(json_object_array_get_idx(history, i + 1));
    }
    return value;
}

static bool is_moment(const char *key)
{
    return strcmp(key, "lastPriceChange") == 0 || strcmp(key, "lastRatingUpdate") == 0 ||
           strcmp(key, "lastSoldUpdate") == 0;
}

static void add_member(struct json_object *out, const struct sim_capture *c, const char *key,
                       struct json_object *value, const struct sim_view *view)
{
    size_t stride = history_stride(key);
    struct json_object *v = NULL;
    if (strcmp(key, "stats") == 0 || strcmp(key, "offers") == 0)
        return;
    if (stride && json_object_is_type(value, json_type_array)) {
        if (!view->history)
            return;
        v = cut_array(value, stride, view);
    } else if (strcmp(key, "csv") == 0 && json_object_is_type(value, json_type_array)) {
        v = view->history ? cut_csv(value, view) : NULL;
    } else if (strcmp(key, "salesRanks") == 0 && json_object_is_type(value, json_type_object)) {
        if (!view->history && !view->ranks_at_zero)
            return;
        v = cut_ranks(c, view);
    } else if (strcmp(key, "reviews") == 0 && json_object_is_type(value, json_type_object)) {
        v = cut_members(value, view);
    } else if (strcmp(key, "lastUpdate") == 0) {
        v = json_object_new_int64(view->last_update);
    } else if (is_moment(key) && json_object_get_int64(value) > view->now_minute) {
        v = json_object_new_int64(view->now_minute / 2 * 2);
    } else if (strcmp(key, "salesRankReference") == 0) {
        v = json_object_new_int64(
            current_of(c, "salesRankReferenceHistory", view, json_object_get_int64(value)));
    } else if (strcmp(key, "monthlySold") == 0 && sim_json_get(c->object, "monthlySoldHistory")) {
        v = json_object_new_int64(current_of(c, "monthlySoldHistory", view, -1));
    } else {
        v = json_object_get(value);
    }
    json_object_object_add(out, key, v);
}

struct json_object *sim_replay_product(const struct sim_capture *c, const struct sim_view *view)
{
    struct json_object *out = json_object_new_object();
    json_object_object_foreach(c->object, key, value) add_member(out, c, key, value, view);
    return out;
}

int64_t sim_replay_first_minute(const struct sim_capture *captures, size_t n)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < captures[i].n_ranks; j++)
            if (captures[i].ranks[j].points.n > 0 && captures[i].ranks[j].points.v[0] < first)
                first = captures[i].ranks[j].points.v[0];
    return first;
}

const char *sim_replay_category(const struct sim_capture *c, int64_t id, int64_t *parent)
{
    struct json_object *tree = sim_json_get(c->object, "categoryTree");
    int64_t above = 0;
    for (size_t i = 0; json_object_is_type(tree, json_type_array) && i < json_object_array_length(tree);
         i++) {
        struct json_object *node = json_object_array_get_idx(tree, i);
        if (sim_json_int(node, "catId", -1) == id) {
            *parent = above;
            return sim_json_str(node, "name", NULL);
        }
        above = sim_json_int(node, "catId", 0);
    }
    return NULL;
}
