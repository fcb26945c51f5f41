/* Options of a command: long ones with getopt_long, products as the other arguments. */
#pragma once

#include "badgewatch/codec/csv.h"
#include "badgewatch/core/period.h"
#include "command.h"

#include <stdint.h>

struct options {
    bool json;
    bool all;
    bool has_priority;
    int priority;      /* >= 1 */
    int every_min;     /* 1..10080 */
    const char *label; /* NULL = not given */
    const char *channel;
    const char *tags[BW_CSV_TAGS_MAX];
    int n_tags;
    int64_t for_ms; /* 0 = not given */
    int64_t since_ms;
    bool has_since;
    struct bw_period period;
    bool has_period;
    bool send;
    bool timing;
    int keep;         /* >= 1; 0 = not given */
    const char *into; /* NULL = not given */
    struct bw_product_key asin;
    bool has_asin;
    char **rest; /* other arguments; borrowed */
    int n_rest;
};

/* allowed: names of the options this command takes, e.g. "json,since,asin". False after a message: EXIT_USAGE. */
bool parse_options(struct invocation *in, const char *allowed, struct options *out);
/* The other arguments as products; false after a message. NULL-safe to free. At least `least`. */
bool parse_products(struct invocation *in, const struct options *o, int least, struct bw_product_key **out);
