/* getopt_long with one table of all options; each command names those it takes. */
#include "options.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "badgewatch/codec/keepa.h"
#include "badgewatch/pg/pg.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JSON = 1,
    ALL,
    PRIORITY,
    EVERY,
    LABEL,
    CHANNEL,
    TAG,
    FOR,
    SINCE,
    ASIN,
    DATE,
    SEND,
    KEEP,
    INTO,
    TIMING
};

static const struct option long_options[] = {
    {"json", no_argument, NULL, JSON},
    {"all", no_argument, NULL, ALL},
    {"priority", required_argument, NULL, PRIORITY},
    {"every", required_argument, NULL, EVERY},
    {"label", required_argument, NULL, LABEL},
    {"channel", required_argument, NULL, CHANNEL},
    {"tag", required_argument, NULL, TAG},
    {"for", required_argument, NULL, FOR},
    {"since", required_argument, NULL, SINCE},
    {"asin", required_argument, NULL, ASIN},
    {"date", required_argument, NULL, DATE},
    {"send", no_argument, NULL, SEND},
    {"keep", required_argument, NULL, KEEP},
    {"into", required_argument, NULL, INTO},
    {"timing", no_argument, NULL, TIMING},
    {NULL, 0, NULL, 0},
};

static bool is_allowed(const char *allowed, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = allowed; (p = strstr(p, name)); p += len) {
        bool begins = p == allowed || p[-1] == ',';
        if (begins && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

static bool number(const struct command *c, const char *name, const char *text, long least, long most,
                   int *out)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    bool plain = text[0] >= '0' && text[0] <= '9'; /* strtol takes blanks and a sign, too */
    if (plain && *end == '\0' && value >= least && value <= most) {
        *out = (int)value;
        return true;
    }
    usage_error(c, "--%s '%s': a number from %ld to %ld was expected", name, text, least, most);
    return false;
}

/* "8h" ago, or a time. */
static bool since(const struct command *c, const char *text, int64_t *out)
{
    int64_t ms;
    if (bw_duration_parse(text, &ms) == BW_OK) {
        *out = bw_wall_now().ms - ms;
        return true;
    }
    if (bw_time_parse(text, out) == BW_OK)
        return true;
    usage_error(c, "--since '%s': a time like 2026-05-10T04:19:28Z or a duration like 8h was expected", text);
    return false;
}

static bool text_option(const struct command *c, const char *name, const char *text, size_t most,
                        const char **out)
{
    size_t len = strlen(text);
    if (!bw_utf8_valid(text, len) || bw_utf8_length(text, len) > most) {
        usage_error(c, "--%s: at most %zu characters of UTF-8 were expected", name, most);
        return false;
    }
    *out = text;
    return true;
}

static void ignore(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    (void)name;
    (void)value;
}

/* An empty one (of a variable that is not set) would mean libpq's default. It may hold a password and is not repeated. */
static bool database(const struct command *c, const char *text, const char **out)
{
    *out = text;
    if (text[0] && bw_pg_url_environment(text, ignore, NULL))
        return true;
    usage_error(c, "--into: a database like postgresql://host/name was expected");
    return false;
}

static bool take(const struct command *c, int option, char *arg, struct options *o)
{
    struct bw_error error;
    switch (option) {
    case JSON:
        o->json = true;
        return true;
    case ALL:
        o->all = true;
        return true;
    case PRIORITY:
        o->has_priority = true;
        return number(c, "priority", arg, 1, 100, &o->priority);
    case EVERY:
        return number(c, "every", arg, 1, 10080, &o->every_min);
    case LABEL:
        return text_option(c, "label", arg, BW_CSV_LABEL_MAX, &o->label);
    case CHANNEL:
        return text_option(c, "channel", arg, BW_CHANNEL_MAX, &o->channel);
    case TAG:
        if (o->n_tags == BW_CSV_TAGS_MAX || strchr(arg, ';') || !arg[0]) {
            usage_error(c, "--tag '%s': at most %d tags, not empty and without ';', were expected", arg,
                        BW_CSV_TAGS_MAX);
            return false;
        }
        return text_option(c, "tag", arg, BW_CSV_TAG_MAX, &o->tags[o->n_tags++]);
    case FOR:
        if (bw_duration_parse(arg, &o->for_ms) == BW_OK)
            return true;
        usage_error(c, "--for '%s': a duration like 8h was expected", arg);
        return false;
    case SINCE:
        o->has_since = true;
        return since(c, arg, &o->since_ms);
    case DATE:
        o->has_period = true;
        if (bw_period_parse(arg, &o->period))
            return true;
        usage_error(
            c,
            "--date '%s': a day like 2026-05-10, a week like 2026-W19 or a month like 2026-05 was expected",
            arg);
        return false;
    case SEND:
        o->send = true;
        return true;
    case KEEP:
        return number(c, "keep", arg, 1, 10000, &o->keep);
    case TIMING:
        o->timing = true;
        return true;
    case INTO:
        return database(c, arg, &o->into);
    case ASIN:
        o->has_asin = true;
        if (bw_product_key_parse(arg, &o->asin, &error) == BW_OK)
            return true;
        usage_error(c, "--asin: %s", error.text);
        return false;
    default:
        return false;
    }
}

/* There are no short ones: of "-xy" the letter that getopt fell over is named, for argv[optind - 1] is the word before. */
static void complain(const struct command *c, int option, char **argv)
{
    const char *word = argv[optind - 1];
    bool is_letter = optopt < 0 || optopt > TIMING; /* else what --json=5 was meant for, or 0 */
    char letter[3] = {'-', (char)(optopt > ' ' && optopt < 0x7f ? optopt : '?'), '\0'};
    if (option == ':')
        usage_error(c, "'%s' needs a value", word);
    else
        usage_error(c, "'%s' is no option of it", is_letter ? letter : word);
}

bool parse_options(struct invocation *in, const char *allowed, struct options *out)
{
    const struct command *c = in->command;
    *out = (struct options){0};
    /* getopt wants a program name at 0 and may reorder the arguments */
    char **argv = bw_alloc_array((size_t)in->argc + 2, sizeof(*argv));
    static char name[] = "badgewatch";
    argv[0] = name;
    for (int i = 0; i < in->argc; i++)
        argv[i + 1] = in->argv[i];
    optind = 0;
    bool ok = true;
    int index = 0, option;
    while (ok && (option = getopt_long(in->argc + 1, argv, ":", long_options, &index)) != -1) {
        if (option == '?' || option == ':') {
            complain(c, option, argv);
            ok = false;
        } else if (!is_allowed(allowed, long_options[index].name)) {
            usage_error(c, "--%s is no option of it", long_options[index].name);
            ok = false;
        } else {
            ok = take(c, option, optarg, out);
        }
    }
    out->n_rest = in->argc + 1 - optind;
    for (int i = 0; ok && i < out->n_rest; i++)
        in->argv[i] = argv[optind + i];
    out->rest = in->argv;
    free(argv);
    return ok;
}

bool parse_products(struct invocation *in, const struct options *o, int least, struct bw_product_key **out)
{
    struct bw_error error;
    if (o->n_rest < least) {
        usage_error(in->command,
                    "which product? B0D8W1YVBX, or 3:B0D8W1YVBX for another domain, was expected");
        return false;
    }
    struct bw_product_key *keys = bw_alloc_array((size_t)o->n_rest + 1, sizeof(*keys));
    for (int i = 0; i < o->n_rest; i++) {
        if (bw_product_key_parse(o->rest[i], &keys[i], &error) != BW_OK) {
            usage_error(in->command, "%s", error.text);
            free(keys);
            return false;
        }
    }
    *out = keys;
    return true;
}
