/* Declares every metric of the contract at start, so that a rate over a counter that has not moved yet is 0 and not
 * absent. The registry owns the series; this file only keeps pointers to them. */
#include "counters.h"

#include "badgewatch/base/clock.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const double request_bounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
static const double age_bounds[] = {60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800};
static const double detection_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
static const double delivery_bounds[] = {0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 300, 3600};
static const double stage_bounds[] = {0.01, 0.1, 1, 5, 30, 60, 300, 900, 3600, 14400, 86400, 604800};
static const double lag_bounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1};

static const char *const part_names[BW_PARTS] = {"redis", "postgres", "slack", "keepa"};

const char *bw_part_name(enum bw_part part)
{
    return part_names[part];
}

static void declare_checks(struct bw_counters *c)
{
    static const char *const labels[BW_CHECK_OUTCOMES] = {"outcome=\"ok\"", "outcome=\"unknown\"",
                                                          "outcome=\"missing\"", "outcome=\"error\""};
    for (size_t i = 0; i < BW_CHECK_OUTCOMES; i++)
        c->checks[i] = bw_metrics_counter(c->registry, "checks_total", labels[i],
                                          "Products looked at in a Keepa answer");
    c->stale_answers = bw_metrics_counter(c->registry, "stale_answers_total", "",
                                          "Answers older than what was known, dropped");
    c->changes[0] =
        bw_metrics_counter(c->registry, "changes_total", "type=\"gained\"", "Badges gained and lost");
    c->changes[1] =
        bw_metrics_counter(c->registry, "changes_total", "type=\"lost\"", "Badges gained and lost");
    c->badges_held = bw_metrics_gauge(c->registry, "badges_held", "", "Badges held now");
    c->products_tracked = bw_metrics_gauge(c->registry, "products_tracked", "", "Active products");
    c->checks_waiting =
        bw_metrics_gauge(c->registry, "checks_waiting", "", "1 while all checks wait for a store");
    c->source_ill =
        bw_metrics_gauge(c->registry, "source_ill", "",
                         "1 while ranks or answers vanish together and such losses are held back");
    c->badges_guarded =
        bw_metrics_gauge(c->registry, "badges_guarded", "", "Badges whose loss is held back so");
    c->products_overdue = bw_metrics_gauge(c->registry, "products_overdue", "",
                                           "Products whose check is more than a minute late");
}

static void declare_keepa(struct bw_counters *c)
{
    c->keepa_duration =
        bw_metrics_histogram(c->registry, "keepa_request_duration_seconds", "", "From request to last byte",
                             request_bounds, COUNT(request_bounds));
    c->keepa_tokens_left = bw_metrics_gauge(c->registry, "keepa_tokens_left", "", "Tokens in the bucket");
    c->keepa_tokens_consumed =
        bw_metrics_counter(c->registry, "keepa_tokens_consumed_total", "", "Tokens spent");
    c->keepa_data_age =
        bw_metrics_histogram(c->registry, "keepa_data_age_seconds", "",
                             "Age of the newest rank data in an answer", age_bounds, COUNT(age_bounds));
    c->cost_cents =
        bw_metrics_counter(c->registry, "cost_cents_total", "", "Tokens spent at the price of the plan");
    bw_metrics_counter(c->registry, "keepa_requests_total", "endpoint=\"product\",code=\"200\"",
                       "Requests to Keepa");
}

static void declare_way(struct bw_counters *c)
{
    c->detection = bw_metrics_histogram(c->registry, "detection_duration_seconds", "",
                                        "Last byte of an answer to its product staged in Redis",
                                        detection_bounds, COUNT(detection_bounds));
    c->alert_delivery =
        bw_metrics_histogram(c->registry, "alert_delivery_duration_seconds", "",
                             "Change detected, or the end of its quiet hours, to accepted by Slack",
                             delivery_bounds, COUNT(delivery_bounds));
    static const char *const stages[BW_STAGES] = {"stage=\"keepa\"", "stage=\"detect\"", "stage=\"queue\"",
                                                  "stage=\"slack\""};
    for (size_t i = 0; i < BW_STAGES; i++)
        c->stages[i] =
            bw_metrics_histogram(c->registry, "change_stage_duration_seconds", stages[i],
                                 "The way of an alert: Keepa's data until we had it, detection, the way "
                                 "into the queue, Slack with quiet hours",
                                 stage_bounds, COUNT(stage_bounds));
    bw_metrics_counter(c->registry, "notifications_total", "kind=\"change\",outcome=\"sent\"",
                       "Delivery attempts");
    c->notifications_pending =
        bw_metrics_gauge(c->registry, "notifications_pending", "", "Changes that Slack does not have yet");
    c->notifications_quiet = bw_metrics_gauge(c->registry, "notifications_quiet", "",
                                              "Of these, changes that wait for quiet hours to end");
    c->history_backlog =
        bw_metrics_gauge(c->registry, "history_backlog", "", "Entries that Postgres does not have yet");
    c->history_backlog_bytes =
        bw_metrics_gauge(c->registry, "history_backlog_bytes", "",
                         "Size of those entries; checks wait while it is over BADGEWATCH_STAGE_LIMIT");
    c->history_rows =
        bw_metrics_counter(c->registry, "history_rows_written_total", "", "Checks written to Postgres");
    c->set_aside = bw_metrics_counter(c->registry, "entries_set_aside_total", "",
                                      "Stream entries that could not be read or stored");
    c->set_aside_entries = bw_metrics_gauge(c->registry, "set_aside_entries", "",
                                            "Stream entries that lie aside until a person puts them back");
    c->loop_lag =
        bw_metrics_histogram(c->registry, "loop_lag_seconds", "",
                             "Time one turn of the loop held up the rest", lag_bounds, COUNT(lag_bounds));
}

static void declare_parts(struct bw_counters *c)
{
    c->redis_up = bw_metrics_gauge(c->registry, "redis_up", "", "1 while Redis is connected");
    c->postgres_up = bw_metrics_gauge(c->registry, "postgres_up", "", "1 while Postgres is connected");
    c->slack_up = bw_metrics_gauge(c->registry, "slack_up", "",
                                   "1 while Slack accepts our messages, or was not asked yet");
    c->keepa_up =
        bw_metrics_gauge(c->registry, "keepa_up", "", "1 while Keepa answers, or was not asked yet");
    for (size_t i = 0; i < BW_PARTS; i++) {
        char labels[32];
        snprintf(labels, sizeof(labels), "part=\"%s\"", part_names[i]);
        c->last_success[i] = bw_metrics_gauge(c->registry, "last_success_timestamp_seconds", labels,
                                              "When a part last did its work");
    }
}

void bw_counters_init(struct bw_counters *c)
{
    c->registry = bw_metrics_new();
    bw_metric_set(
        bw_metrics_gauge(c->registry, "build_info", "version=\"" BW_VERSION "\"", "The version that runs"),
        1);
    declare_checks(c);
    declare_keepa(c);
    declare_way(c);
    declare_parts(c);
}

void bw_counters_fini(struct bw_counters *c)
{
    bw_metrics_free(c->registry);
    *c = (struct bw_counters){0};
}

void bw_counters_keepa_request(struct bw_counters *c, const char *endpoint, int status, double seconds)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "endpoint=\"%s\",code=\"%d\"", endpoint, status);
    bw_metric_add(bw_metrics_counter(c->registry, "keepa_requests_total", labels, "Requests to Keepa"), 1);
    bw_metric_observe(c->keepa_duration, seconds);
}

void bw_counters_notification(struct bw_counters *c, const char *kind, const char *outcome)
{
    char labels[96];
    snprintf(labels, sizeof(labels), "kind=\"%s\",outcome=\"%s\"", kind, outcome);
    bw_metric_add(bw_metrics_counter(c->registry, "notifications_total", labels, "Delivery attempts"), 1);
}

void bw_counters_success(struct bw_counters *c, enum bw_part part)
{
    bw_metric_set(c->last_success[part], (double)bw_wall_now().ms / 1000.0);
}

void bw_counters_up(struct bw_counters *c, enum bw_part part, bool up)
{
    struct bw_metric *const metrics[BW_PARTS] = {c->redis_up, c->postgres_up, c->slack_up, c->keepa_up};
    bw_metric_set(metrics[part], up ? 1 : 0);
}
