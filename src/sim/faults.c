/* Faults: parsing, choosing, counting. See faults.h. */
#include "faults.h"

#include "badgewatch/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const target_names[] = {"keepa", "category", "slack"};

#define ON(t) (1U << (t))
#define ANY   (ON(SIM_KEEPA) | ON(SIM_CATEGORY) | ON(SIM_SLACK))

static const struct {
    const char *name;
    unsigned targets;
    bool posted; /* the default */
} kinds[SIM_F_KINDS] = {
    [SIM_F_STATUS] = {"status", ANY, false},
    [SIM_F_HTML] = {"html", ANY, false},
    [SIM_F_TRUNCATED_GZIP] = {"truncated-gzip", ANY, true},
    [SIM_F_RST] = {"rst", ANY, true},
    [SIM_F_STALL] = {"stall", ANY, true},
    [SIM_F_DRIP] = {"drip", ANY, true},
    [SIM_F_CLOSE] = {"close", ANY, false},
    [SIM_F_ERROR] = {"error", ANY, false},
    [SIM_F_NO_PRODUCTS] = {"no-products", ON(SIM_KEEPA), true},
    [SIM_F_HUGE] = {"huge", ON(SIM_KEEPA), true},
    [SIM_F_REFUSE] = {"refuse", ANY, false},
    [SIM_F_SHUFFLE] = {"shuffle", ON(SIM_KEEPA), true},
    [SIM_F_OMIT] = {"omit", ON(SIM_KEEPA), true},
    [SIM_F_STUB] = {"stub", ON(SIM_KEEPA), true},
    [SIM_F_INACCESSIBLE] = {"inaccessible", ON(SIM_KEEPA), true},
    [SIM_F_NO_RANKS] = {"no-ranks", ON(SIM_KEEPA), true},
    [SIM_F_NO_CATEGORY] = {"no-category", ON(SIM_KEEPA), true},
    [SIM_F_UNRANKED] = {"unranked", ON(SIM_KEEPA), true},
    [SIM_F_WRONG_TYPES] = {"wrong-types", ON(SIM_KEEPA), true},
    [SIM_F_DUPLICATE] = {"duplicate", ON(SIM_KEEPA), true},
    [SIM_F_BAD_UTF8] = {"bad-utf8", ON(SIM_KEEPA), true},
    [SIM_F_STALE] = {"stale", ON(SIM_KEEPA), true},
};

static const char *const members[] = {"target",   "fault",  "count",  "probability", "asin",  "k",
                                      "category", "status", "ms",     "retry_after", "bytes", "age",
                                      "error",    "posted", "method", "shape",       "port"};

const char *sim_fault_name(enum sim_fault_kind kind)
{
    return kinds[kind].name;
}

static enum bw_err check_members(struct json_object *spec, struct bw_error *error)
{
    json_object_object_foreach(spec, key, value)
    {
        (void)value;
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            known = known || strcmp(key, members[i]) == 0;
        if (!known)
            return bw_error_set(error, BW_ERR_INVALID, "fault: unknown member '%s'", key);
    }
    return BW_OK;
}

static enum bw_err parse_target(const char *name, enum sim_target *out, struct bw_error *error)
{
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, target_names[i]) == 0) {
            *out = (enum sim_target)i;
            return BW_OK;
        }
    }
    return bw_error_set(error, BW_ERR_INVALID, "fault: target '%s', expected keepa, category or slack", name);
}

static enum bw_err parse_kind(const char *name, enum sim_target target, enum sim_fault_kind *out,
                              struct bw_error *error)
{
    bool closes_posted = strcmp(name, "close-posted") == 0; /* short for close with posted=true */
    const char *wanted = closes_posted ? "close" : name;
    for (size_t i = 0; i < SIM_F_KINDS; i++) {
        if (strcmp(wanted, kinds[i].name) != 0)
            continue;
        if (!(kinds[i].targets & ON(target)))
            return bw_error_set(error, BW_ERR_INVALID, "fault: '%s' is not for %s", name,
                                target_names[target]);
        *out = (enum sim_fault_kind)i;
        return BW_OK;
    }
    return bw_error_set(error, BW_ERR_INVALID, "fault: unknown kind '%s'", name);
}

static enum bw_err parse_age(struct json_object *spec, struct sim_fault *fault, struct bw_error *error)
{
    const char *text = sim_json_str(spec, "age", "1d");
    int64_t ms = 0;
    if (bw_duration_parse(text, &ms) != BW_OK)
        return bw_error_set(error, BW_ERR_INVALID, "fault: age '%s', expected a duration like 8h", text);
    fault->age_s = ms / 1000;
    return BW_OK;
}

static enum bw_err check_ranges(const struct sim_fault *f, struct bw_error *error)
{
    if (f->count < -1 || f->count == 0)
        return bw_error_set(error, BW_ERR_INVALID, "fault: count must be at least 1, or -1 for no end");
    if (!(f->probability > 0 && f->probability <= 1))
        return bw_error_set(error, BW_ERR_INVALID, "fault: probability must be above 0 and at most 1");
    if (f->status < 200 || f->status > 599)
        return bw_error_set(error, BW_ERR_INVALID, "fault: status must be 200 to 599");
    if (f->ms < 1 || f->ms > 3600000)
        return bw_error_set(error, BW_ERR_INVALID, "fault: ms must be 1 to 3600000");
    if (f->bytes < 1 || f->bytes > INT64_C(4) << 30)
        return bw_error_set(error, BW_ERR_INVALID, "fault: bytes must be 1 to 4 GiB");
    return BW_OK;
}

static void read_members(struct json_object *spec, struct sim_fault *f)
{
    /* a bare probability means without end, a bare fault once */
    f->probability = sim_json_number(spec, "probability", 1.0);
    bool endless = sim_json_get(spec, "probability") || f->kind == SIM_F_UNRANKED;
    f->count = sim_json_int(spec, "count", endless ? -1 : 1);
    f->k = sim_json_int(spec, "k", 0);
    f->category = sim_json_int(spec, "category", 0);
    f->status = sim_json_int(spec, "status", f->kind == SIM_F_HTML || f->kind == SIM_F_STATUS ? 503 : 200);
    f->retry_after = sim_json_int(spec, "retry_after", -1);
    f->ms = sim_json_int(spec, "ms", f->kind == SIM_F_DRIP ? 100 : 1000);
    f->bytes = sim_json_int(spec, "bytes", f->kind == SIM_F_HUGE ? 100 << 20 : 256);
    f->port = sim_json_int(spec, "port", 0);
    f->one = strcmp(sim_json_str(spec, "shape", "products"), "product") == 0;
    bool closes_posted = strcmp(sim_json_str(spec, "fault", ""), "close-posted") == 0;
    f->posted = sim_json_bool(spec, "posted", kinds[f->kind].posted || closes_posted);
    snprintf(f->asin, sizeof f->asin, "%s", sim_json_str(spec, "asin", ""));
    snprintf(f->error, sizeof f->error, "%s",
             sim_json_str(spec, "error", f->target == SIM_SLACK ? "internal_error" : "invalidParameter"));
    snprintf(f->method, sizeof f->method, "%s", sim_json_str(spec, "method", "chat.postMessage"));
}

/* Used-up faults stay in the list, so that a test can see that they fired, until their room is needed. */
static void drop_used_up(struct sim_faults *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].count != 0 || f->list[i].kind == SIM_F_UNRANKED)
            f->list[kept++] = f->list[i];
    f->n = kept;
}

enum bw_err sim_faults_add(struct sim_faults *f, struct json_object *spec, struct bw_error *error)
{
    struct sim_fault fault = {.id = f->last_id + 1};
    if (!json_object_is_type(spec, json_type_object))
        return bw_error_set(error, BW_ERR_INVALID, "fault: expected an object");
    enum bw_err err = check_members(spec, error);
    if (err == BW_OK)
        err = parse_target(sim_json_str(spec, "target", "keepa"), &fault.target, error);
    if (err == BW_OK)
        err = parse_kind(sim_json_str(spec, "fault", ""), fault.target, &fault.kind, error);
    if (err == BW_OK)
        err = parse_age(spec, &fault, error);
    if (err != BW_OK)
        return err;
    read_members(spec, &fault);
    err = check_ranges(&fault, error);
    if (err != BW_OK)
        return err;
    if (f->n == SIM_MAX_FAULTS)
        drop_used_up(f);
    if (f->n == SIM_MAX_FAULTS)
        return bw_error_set(error, BW_ERR_TOO_BIG, "fault: at most %d at a time", SIM_MAX_FAULTS);
    f->list[f->n++] = fault;
    f->last_id = fault.id;
    return BW_OK;
}

/* A value of the command line: a number, true or false, else text. */
static struct json_object *value_of(const char *text)
{
    char *end = NULL;
    long long i = strtoll(text, &end, 10);
    if (*text && *end == '\0')
        return json_object_new_int64(i);
    double d = strtod(text, &end);
    if (*text && *end == '\0')
        return json_object_new_double(d);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return json_object_new_boolean(*text == 't');
    return json_object_new_string(text);
}

enum bw_err sim_faults_add_text(struct sim_faults *f, const char *spec, struct bw_error *error)
{
    char text[512];
    if (strlen(spec) >= sizeof text || !strchr(spec, ':'))
        return bw_error_set(error, BW_ERR_SYNTAX, "fault '%s': expected target:kind[,member=value]...", spec);
    snprintf(text, sizeof text, "%s", spec);
    struct json_object *o = json_object_new_object();
    char *rest = text;
    char *target = strsep(&rest, ":");
    char *kind = strsep(&rest, ",");
    json_object_object_add(o, "target", json_object_new_string(target));
    json_object_object_add(o, "fault", json_object_new_string(kind ? kind : ""));
    enum bw_err err = BW_OK;
    while (rest && err == BW_OK) {
        char *value = strsep(&rest, ",");
        char *name = strsep(&value, "=");
        if (!value)
            err = bw_error_set(error, BW_ERR_SYNTAX, "fault '%s': '%s' has no value", spec, name);
        else
            json_object_object_add(
                o, name, strcmp(name, "asin") == 0 ? json_object_new_string(value) : value_of(value));
    }
    if (err == BW_OK)
        err = sim_faults_add(f, o, error);
    json_object_put(o);
    return err;
}

bool sim_faults_remove(struct sim_faults *f, int64_t id)
{
    size_t kept = 0;
    size_t before = f->n;
    for (size_t i = 0; i < f->n; i++)
        if (id != 0 && f->list[i].id != id)
            f->list[kept++] = f->list[i];
    f->n = kept;
    return id == 0 || kept < before;
}

struct json_object *sim_faults_json(const struct sim_faults *f)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < f->n; i++) {
        const struct sim_fault *x = &f->list[i];
        struct json_object *o = json_object_new_object();
        json_object_object_add(o, "id", json_object_new_int64(x->id));
        json_object_object_add(o, "target", json_object_new_string(target_names[x->target]));
        json_object_object_add(o, "fault", json_object_new_string(kinds[x->kind].name));
        json_object_object_add(o, "left", json_object_new_int64(x->count));
        json_object_object_add(o, "probability", json_object_new_double(x->probability));
        json_object_object_add(o, "fired", json_object_new_int64(x->fired));
        if (x->asin[0])
            json_object_object_add(o, "asin", json_object_new_string(x->asin));
        json_object_array_add(list, o);
    }
    return list;
}

bool sim_fault_is_product(const struct sim_fault *fault)
{
    return fault->kind >= SIM_F_OMIT;
}

bool sim_fault_draws(struct sim_faults *f, const struct sim_fault *fault)
{
    return fault->count != 0 && (fault->probability >= 1 || sim_rng_unit(&f->rng) < fault->probability);
}

void sim_fault_count(struct sim_fault *fault)
{
    fault->fired++;
    if (fault->count > 0)
        fault->count--;
}

static bool concerns(const struct sim_fault *fault, enum sim_target target, const char *method)
{
    return fault->target == target && !sim_fault_is_product(fault) &&
           (!method || strcmp(fault->method, "any") == 0 || strcmp(fault->method, method) == 0);
}

const struct sim_fault *sim_faults_request(struct sim_faults *f, enum sim_target target, const char *method)
{
    for (size_t i = 0; i < f->n; i++) {
        struct sim_fault *x = &f->list[i];
        if (concerns(x, target, method) && sim_fault_draws(f, x)) {
            sim_fault_count(x);
            return x;
        }
    }
    return NULL;
}
