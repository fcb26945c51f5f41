/* The command line of badgewatch-sim. See args.h. */
#include "args.h"

#include "badgewatch/base/clock.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off: a line of the text is a line here */
static const char help[] =
    "Usage: badgewatch-sim [options]\n"
    "\n"
    "Keepa and Slack on loopback, for badgewatch to be run against:\n"
    "  KEEPA_BASE_URL=http://127.0.0.1:9788  SLACK_BASE_URL=http://127.0.0.1:9788/api\n"
    "  SLACK_WEBHOOK_URL=http://127.0.0.1:9788/services/T000/B000/XXXX\n"
    "\n"
    "  --listen HOST:PORT      loopback address, repeatable; port 0 chooses one (127.0.0.1:9788)\n"
    "  --open                  --listen may be any address: in a container, never where strangers are\n"
    "  --state FILE            keep time, tokens, totals here, and messages in FILE.messages\n"
    "\n"
    "Time\n"
    "  --start TIME            simulated time at the first start, e.g. 2026-05-01T00:00Z\n"
    "                          (just before the first point of a replay; else now)\n"
    "  --speed X               simulated seconds per real second, 0 to 100000 (1)\n"
    "  --clock stopped         stand still; POST /control/clock moves it\n"
    "\n"
    "Keepa\n"
    "  --key KEY               the right key; any accepts all (demo-key)\n"
    "  --rate N                tokens per minute; the bucket holds 60 times as many (60)\n"
    "  --tokens N              tokens at the first start (full)\n"
    "  --bucket-clock CLOCK    real or sim (real)\n"
    "  --order ORDER           of the members of an answer: 2025, 2026, alternate (2026)\n"
    "  --gzip HOW              on: when asked for; off; always (on)\n"
    "  --history0 HOW          salesRanks with history=0: pair (the current one) or absent (pair)\n"
    "\n"
    "Products\n"
    "  --replay FILE|DIR       captured answers (*.json, *.json.gz), cut at the simulated time; repeatable\n"
    "  --generate N            N made-up products, the same for the same seed and start (0)\n"
    "  --seed S                (1)\n"
    "  --history-days D        history of made-up products before the start (30)\n"
    "  --churn R               mean badge changes per made-up product and simulated day, 0 to 100 (1.5)\n"
    "  --family N              so many made-up products in a row are variations of one (1)\n"
    "  --pad BYTES             size of a made-up product at days=1, about (6000)\n"
    "  --domains LIST          domains of the made-up products in turn, e.g. 1,3 (1)\n"
    "\n"
    "Slack\n"
    "  --slack-token T         the right bot token; any accepts all (xoxb-demo)\n"
    "  --channel C             a known channel, repeatable; any accepts all (C0DEMO)\n"
    "  --scopes LIST           granted scopes (chat:write,channels:history)\n"
    "  --webhook PATH          the incoming webhook (/services/T000/B000/XXXX)\n"
    "  --slack-rate R          messages a second for each channel; 0 no limit (1)\n"
    "  --slack-burst N         messages that may come at once (5)\n"
    "\n"
    "Faults\n"
    "  --fault SPEC            TARGET:KIND[,MEMBER=VALUE]..., repeatable, e.g. "
    "keepa:status,status=429,count=2;\n"
    "                          POST /control/faults takes the same members as JSON, \"target\" and \"fault\" "
    "too\n"
    "    targets               keepa (/product, /token), category, slack\n"
    "    of one request        status (status, retry_after), html (status), truncated-gzip,\n"
    "                          rst (mid-body), stall (ms, before the headers), drip (ms, bytes),\n"
    "                          close (no answer), close-posted, shuffle, no-products,\n"
    "                          error (error: Slack's code, or the type of an error in a 200 of Keepa),\n"
    "                          refuse (ms, port: no connections for so long),\n"
    "                          huge (bytes, shape=products|product)\n"
    "    of products (keepa)   omit, stub, inaccessible, no-ranks, no-category (category), wrong-types,\n"
    "                          duplicate, bad-utf8, stale (age, e.g. 8h),\n"
    "                          unranked (category: -1 from now until the fault is deleted, then the rank)\n"
    "    members               count (1; -1 without end), probability (without end unless count is given),\n"
    "                          asin, k (the first k products of an answer), method (Slack's, or any;\n"
    "                          chat.postMessage), posted=true|false: whether the request is carried out,\n"
    "                          that is charged or posted (false for status, html, close, error, refuse)\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "A request runs while tokens are above zero. /product costs 1 for each ASIN, and 1 more with update=0\n"
    "when the data is younger than an hour; /category costs 1. Keepa's Date and timestamp are simulated,\n"
    "Slack's ts is real.\n"
    "\n"
    "Look  /  /channel?channel=C&refresh=SECONDS\n"
    "Ask   GET /control/state  /control/products  /control/products.csv  /control/faults\n"
    "      /control/record?from=TIME&to=TIME (the true badge changes)  /control/messages?channel=C\n"
    "      /control/requests?since=N&service=keepa|slack|all\n"
    "Set   POST /control/clock   {\"now\": TIME} {\"advance_s\": N} {\"speed\": X} {\"stopped\": true}\n"
    "      POST /control/faults  {\"target\": \"keepa\", \"fault\": \"stub\", \"asin\": A} or a list\n"
    "      DELETE /control/faults?id=N (without id: all)\n"
    "      POST /control/refuse  {\"ms\": N, \"port\": P}    POST /control/tokens  {\"left\": N}\n";
/* clang-format on */

enum option_id {
    O_LISTEN = 256,
    O_OPEN,
    O_STATE,
    O_START,
    O_SPEED,
    O_CLOCK,
    O_KEY,
    O_RATE,
    O_TOKENS,
    O_BUCKET_CLOCK,
    O_ORDER,
    O_GZIP,
    O_HISTORY0,
    O_REPLAY,
    O_GENERATE,
    O_SEED,
    O_HISTORY_DAYS,
    O_CHURN,
    O_FAMILY,
    O_PAD,
    O_DOMAINS,
    O_SLACK_TOKEN,
    O_CHANNEL,
    O_SCOPES,
    O_WEBHOOK,
    O_SLACK_RATE,
    O_SLACK_BURST,
    O_FAULT,
    O_HELP,
    O_VERSION
};

static const struct option options[] = {{"listen", 1, NULL, O_LISTEN},
                                        {"open", 0, NULL, O_OPEN},
                                        {"state", 1, NULL, O_STATE},
                                        {"start", 1, NULL, O_START},
                                        {"speed", 1, NULL, O_SPEED},
                                        {"clock", 1, NULL, O_CLOCK},
                                        {"key", 1, NULL, O_KEY},
                                        {"rate", 1, NULL, O_RATE},
                                        {"tokens", 1, NULL, O_TOKENS},
                                        {"bucket-clock", 1, NULL, O_BUCKET_CLOCK},
                                        {"order", 1, NULL, O_ORDER},
                                        {"gzip", 1, NULL, O_GZIP},
                                        {"history0", 1, NULL, O_HISTORY0},
                                        {"replay", 1, NULL, O_REPLAY},
                                        {"generate", 1, NULL, O_GENERATE},
                                        {"seed", 1, NULL, O_SEED},
                                        {"history-days", 1, NULL, O_HISTORY_DAYS},
                                        {"churn", 1, NULL, O_CHURN},
                                        {"family", 1, NULL, O_FAMILY},
                                        {"pad", 1, NULL, O_PAD},
                                        {"domains", 1, NULL, O_DOMAINS},
                                        {"slack-token", 1, NULL, O_SLACK_TOKEN},
                                        {"channel", 1, NULL, O_CHANNEL},
                                        {"scopes", 1, NULL, O_SCOPES},
                                        {"webhook", 1, NULL, O_WEBHOOK},
                                        {"slack-rate", 1, NULL, O_SLACK_RATE},
                                        {"slack-burst", 1, NULL, O_SLACK_BURST},
                                        {"fault", 1, NULL, O_FAULT},
                                        {"help", 0, NULL, O_HELP},
                                        {"version", 0, NULL, O_VERSION},
                                        {NULL, 0, NULL, 0}};

static bool integer(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || v < low || v > high)
        return false;
    *out = v;
    return true;
}

static bool decimal(const char *text, double high, double *out)
{
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0 && v <= high))
        return false;
    *out = v;
    return true;
}

/* The position of text among the words; false if it is none of them. */
static bool choice(const char *text, const char *const *words, int n, int *out)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool append(const char **list, size_t *n, size_t max, const char *text)
{
    if (*n == max)
        return false;
    list[(*n)++] = text;
    return true;
}

static bool domains(const char *text, struct sim_args *a)
{
    a->n_domains = 0;
    while (true) {
        char *end = NULL;
        long v = strtol(text, &end, 10);
        if (end == text || v < 1 || v > 12 || v == 7 || a->n_domains == 12)
            return false;
        a->domains[a->n_domains++] = (int)v;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
}

static bool set_time(int id, const char *v, struct sim_args *a)
{
    static const char *const clocks[] = {"running", "stopped"};
    int i = 0;
    switch (id) {
    case O_START:
        a->start = v;
        return bw_time_parse(v, &a->start_ms) == BW_OK;
    case O_SPEED:
        return decimal(v, 100000, &a->speed);
    default:
        if (!choice(v, clocks, 2, &i))
            return false;
        a->stopped = i == 1;
        return true;
    }
}

static bool set_keepa(int id, const char *v, struct sim_args *a)
{
    static const char *const clocks[] = {"real", "sim"};
    static const char *const orders[] = {"2025", "2026", "alternate"};
    static const char *const gzips[] = {"on", "off", "always"};
    static const char *const kinds[] = {"absent", "pair"};
    int i = 0;
    bool ok = false;
    switch (id) {
    case O_RATE:
        return integer(v, 1, 100000, &a->rate);
    case O_TOKENS:
        return integer(v, -1000000000, 1000000000, &a->tokens);
    case O_BUCKET_CLOCK:
        ok = choice(v, clocks, 2, &i);
        a->bucket_sim = i == 1;
        return ok;
    case O_ORDER:
        ok = choice(v, orders, 3, &i);
        a->order = (enum sim_order)i;
        return ok;
    case O_GZIP:
        ok = choice(v, gzips, 3, &i);
        a->gzip = (enum sim_gzip)i;
        return ok;
    default:
        ok = choice(v, kinds, 2, &i);
        a->ranks_at_zero = i == 1;
        return ok;
    }
}

static bool set_products(int id, const char *v, struct sim_args *a)
{
    int64_t n = 0;
    switch (id) {
    case O_REPLAY:
        return append(a->replay, &a->n_replay, SIM_MAX_LIST, v);
    case O_GENERATE:
        return integer(v, 0, 1000000, &a->generate);
    case O_SEED:
        if (!integer(v, 0, INT64_MAX, &n))
            return false;
        a->seed = (uint64_t)n;
        return true;
    case O_HISTORY_DAYS:
        return integer(v, 0, 3650, &a->history_days);
    case O_CHURN:
        return decimal(v, 100, &a->churn);
    case O_FAMILY:
        return integer(v, 1, 1000, &a->family);
    case O_PAD:
        return integer(v, 0, 16 << 20, &a->pad);
    default:
        return domains(v, a);
    }
}

static bool set_slack(int id, const char *v, struct sim_args *a)
{
    switch (id) {
    case O_SLACK_TOKEN:
        a->slack_token = v;
        return *v != '\0';
    case O_CHANNEL:
        return *v && append(a->channels, &a->n_channels, SIM_MAX_LIST, v);
    case O_SCOPES:
        a->scopes = v;
        return true;
    case O_WEBHOOK:
        a->webhook = v;
        return strncmp(v, "/services/", 10) == 0;
    case O_SLACK_RATE:
        return decimal(v, 100000, &a->slack_rate);
    default:
        return integer(v, 1, 100000, &a->slack_burst);
    }
}

static bool set(int id, const char *v, struct sim_args *a)
{
    switch (id) {
    case O_LISTEN:
        return append(a->listen, &a->n_listen, SIM_MAX_LISTEN, v);
    case O_OPEN:
        a->open = true;
        return true;
    case O_STATE:
        a->state = v;
        return *v != '\0';
    case O_KEY:
        a->key = v;
        return *v != '\0';
    case O_FAULT:
        return append(a->faults, &a->n_faults, SIM_MAX_LIST, v);
    default:
        if (id >= O_START && id <= O_CLOCK)
            return set_time(id, v, a);
        if (id >= O_RATE && id <= O_HISTORY0)
            return set_keepa(id, v, a);
        return id <= O_DOMAINS ? set_products(id, v, a) : set_slack(id, v, a);
    }
}

static void set_defaults(struct sim_args *a)
{
    *a = (struct sim_args){.speed = 1,
                           .key = "demo-key",
                           .order = SIM_ORDER_2026,
                           .ranks_at_zero = true,
                           .rate = 60,
                           .tokens = INT64_MIN,
                           .seed = 1,
                           .history_days = 30,
                           .churn = 1.5,
                           .family = 1,
                           .pad = 6000,
                           .slack_token = "xoxb-demo",
                           .scopes = "chat:write,channels:history",
                           .webhook = "/services/T000/B000/XXXX",
                           .slack_rate = 1,
                           .slack_burst = 5};
}

static enum sim_args_outcome usage(void)
{
    fputs("Try 'badgewatch-sim --help'.\n", stderr);
    return SIM_EXIT_USAGE;
}

enum sim_args_outcome sim_args_parse(int argc, char **argv, struct sim_args *args)
{
    int index = 0;
    int id;
    set_defaults(args);
    optind = 0; /* glibc: start anew, also in a test that parses twice */
    while ((id = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (id == O_HELP || id == O_VERSION) {
            fputs(id == O_HELP ? help : "badgewatch-sim " BW_VERSION "\n", stdout);
            return SIM_EXIT_OK;
        }
        if (id == '?')
            return usage();
        if (!set(id, optarg, args)) {
            fprintf(stderr, "badgewatch-sim: --%s: '%s' is not valid\n", options[index].name, optarg);
            return usage();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "badgewatch-sim: unexpected '%s'\n", argv[optind]);
        return usage();
    }
    if (args->n_listen == 0)
        args->listen[args->n_listen++] = "127.0.0.1:9788";
    if (args->n_channels == 0)
        args->channels[args->n_channels++] = "C0DEMO";
    return SIM_RUN;
}
