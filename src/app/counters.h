/* The metrics of CONTRACT 8, declared once so that all start at 0. */
#pragma once

#include "badgewatch/base/metrics.h"

enum bw_outcome { BW_CHECK_OK, BW_CHECK_UNKNOWN, BW_CHECK_MISSING, BW_CHECK_ERROR, BW_CHECK_OUTCOMES };

/* The way of an alert: Keepa until we had its data, detection, the queue, Slack. */
enum bw_change_stage { BW_STAGE_KEEPA, BW_STAGE_DETECT, BW_STAGE_QUEUE, BW_STAGE_SLACK, BW_STAGES };

struct bw_counters {
    struct bw_metrics *registry;
    struct bw_metric *checks[BW_CHECK_OUTCOMES];
    struct bw_metric *stale_answers; /* stale_answers_total: older than the state, dropped */
    struct bw_metric *changes[2];    /* by enum bw_change_type */
    struct bw_metric *badges_held, *products_tracked, *products_overdue;
    struct bw_metric *keepa_duration, *keepa_tokens_left, *keepa_tokens_consumed, *keepa_data_age;
    struct bw_metric *detection, *alert_delivery;
    struct bw_metric *stages[BW_STAGES];
    struct bw_metric *notifications_pending, *notifications_quiet; /* the second is part of the first */
    struct bw_metric *history_backlog, *history_backlog_bytes, *history_rows;
    struct bw_metric *redis_up, *postgres_up, *slack_up, *keepa_up;
    struct bw_metric *last_success[4]; /* redis, postgres, slack, keepa */
    struct bw_metric *loop_lag, *cost_cents, *set_aside, *set_aside_entries, *checks_waiting, *source_ill,
        *badges_guarded;
};

enum bw_part { BW_PART_REDIS, BW_PART_POSTGRES, BW_PART_SLACK, BW_PART_KEEPA, BW_PARTS };

void bw_counters_init(struct bw_counters *c);
void bw_counters_fini(struct bw_counters *c);
/* keepa_requests_total{endpoint,code}: code is the HTTP status, or "0" where none came. */
void bw_counters_keepa_request(struct bw_counters *c, const char *endpoint, int status, double seconds);
/* notifications_total{kind,outcome}. */
void bw_counters_notification(struct bw_counters *c, const char *kind, const char *outcome);
/* A part did what it is for just now / is up or not. */
void bw_counters_success(struct bw_counters *c, enum bw_part part);
void bw_counters_up(struct bw_counters *c, enum bw_part part, bool up);
const char *bw_part_name(enum bw_part part);
