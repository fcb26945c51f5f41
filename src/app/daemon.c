/* Builds the daemon from its parts, in the order of the way through, and takes it down again.
 *
 * Start: clients connect by themselves; parts begin at once and wait for what they need. End (SIGTERM, SIGINT): no new
 * batches and messages -> what is in flight ends or is handed back -> the last history is written -> clients close ->
 * the loop is empty. A second signal, or DRAIN_MS, cuts the waiting short: leases of a dead daemon are taken over. */
#include "badgewatch/app/daemon.h"

#include "api.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/backoff.h"
#include "badgewatch/base/log.h"
#include "collector.h"
#include "due_clock.h"
#include "guard.h"
#include "health.h"
#include "heartbeat.h"
#include "history.h"
#include "housekeeping.h"
#include "ids.h"
#include "leases.h"
#include "notifier.h"
#include "reload.h"
#include "scheduler.h"
#include "schema.h"
#include "settler.h"
#include "stage.h"
#include "summary.h"
#include "supervisor.h"
#include "tracker.h"
#include "writer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_MS      4000 /* requests to Keepa that are not answered by then are cancelled */
#define DRAIN_MS       8000 /* the contract allows 10 s in all */
#define DRAIN_LOOK_MS  20
#define CLOSE_DRAIN_MS 500

struct bw_daemon {
    struct bw_conf conf;
    const char *conf_path;
    struct bw_context cx;
    struct bw_keepa *keepa;
    struct bw_names *names;
    struct bw_leases *leases;
    struct bw_due_clock *clock;
    struct bw_stage *stage;
    struct bw_collector *collector;
    struct bw_scheduler *scheduler;
    struct bw_tracker *tracker;
    struct bw_writer *writer;
    struct bw_notifier *notifier;
    struct bw_summarizer *summarizer;
    struct bw_settler *settler;
    struct bw_guard *guard;
    struct bw_health_watch *health;
    struct bw_heartbeat *heartbeat;
    struct bw_housekeeping *housekeeping;
    struct bw_schema *schema;
    struct bw_api *api;
    struct bw_status *status;
    struct bw_supervisor *supervisor;
    struct bw_reload *reload;
    struct bw_signal *signals[3];
    struct bw_timer *drain;
    struct bw_mono stop_at; /* when the end began; 0 = running */
    bool cancelled;
    bool checking; /* the scheduler was started: there is a key */
};

/* ---- ports between the parts ---- */

static size_t port_room(void *ctx)
{
    return bw_collector_room(((struct bw_daemon *)ctx)->collector);
}

static void port_take(void *ctx, struct bw_batch *batch)
{
    bw_collector_take(((struct bw_daemon *)ctx)->collector, batch);
}

static void port_release(void *ctx, const struct bw_member *members, size_t n)
{
    bw_leases_release(((struct bw_daemon *)ctx)->leases, members, n);
}

static void port_release_one(void *ctx, const struct bw_member *member)
{
    bw_leases_release(((struct bw_daemon *)ctx)->leases, member, 1);
}

static void port_emptied(void *ctx)
{
    bw_tracker_resync(((struct bw_daemon *)ctx)->tracker, true);
    bw_summarizer_forget(((struct bw_daemon *)ctx)->summarizer);
}

static void port_note(void *ctx)
{
    bw_notifier_notes(((struct bw_daemon *)ctx)->notifier);
}

static void port_tracked(void *ctx)
{
    bw_notifier_reroute(((struct bw_daemon *)ctx)->notifier);
}

static void port_clock_went_back(void *ctx)
{
    bw_tracker_resync(((struct bw_daemon *)ctx)->tracker, false);
}

static void port_check(void *ctx, struct bw_check *check, void (*done)(void *), void *done_ctx)
{
    bw_stage_submit(((struct bw_daemon *)ctx)->stage, check, done, done_ctx);
}

static void port_send(void *ctx)
{
    bw_stage_send(((struct bw_daemon *)ctx)->stage);
}

static void port_idle(void *ctx)
{
    bw_scheduler_kick(((struct bw_daemon *)ctx)->scheduler);
}

static void port_changed(void *ctx)
{
    bw_notifier_kick(((struct bw_daemon *)ctx)->notifier);
}

/* While answers are on their way, which may come at any moment, the history that is there waits for the writer's timer. */
static void port_staged(void *ctx, const char *id, struct bw_held_check *check)
{
    struct bw_daemon *d = ctx;
    bw_writer_hold(d->writer, id, check);
    if (d->cx.staging == 0 && bw_collector_pending(d->collector) == 0)
        bw_writer_kick(d->writer);
}

static bool port_answers_come(void *ctx)
{
    const struct bw_daemon *d = ctx;
    return d->cx.asking > 0 || d->cx.staging > 0;
}

static const char *port_slack_reason(void *ctx)
{
    return bw_notifier_reason(((struct bw_daemon *)ctx)->notifier);
}

static const char *port_writer_reason(void *ctx)
{
    return bw_writer_reason(((struct bw_daemon *)ctx)->writer);
}

static const char *port_checks_reason(void *ctx)
{
    struct bw_daemon *d = ctx;
    const char *reason = bw_scheduler_reason(d->scheduler);
    return reason[0] ? reason : bw_keepa_reason(d->keepa);
}

static bool port_synced(void *ctx)
{
    return bw_tracker_synced(((struct bw_daemon *)ctx)->tracker);
}

static const char *port_part_reason(void *ctx, enum bw_part part)
{
    return bw_api_reason(((struct bw_daemon *)ctx)->api, part);
}

static bool port_red(void *ctx)
{
    const struct bw_daemon *d = ctx;
    bool red = port_checks_reason(ctx)[0] != '\0';
    for (int part = 0; part < BW_PARTS; part++)
        red = red || bw_api_reason(d->api, (enum bw_part)part)[0] != '\0';
    return red;
}

static void port_probe(void *ctx)
{
    bw_notifier_probe(((struct bw_daemon *)ctx)->notifier);
}

/* ---- the stores come and go ---- */

static void on_redis(void *ctx, bool ready, const char *reason)
{
    struct bw_daemon *d = ctx;
    bw_counters_up(&d->cx.counters, BW_PART_REDIS, ready);
    if (!ready) {
        bw_log_warning("redis", "checks wait: %s", reason);
        return;
    }
    bw_log_info("redis", "connected");
    if (d->stop_at.ms != 0)
        return;
    bw_housekeeping_alive(d->housekeeping);
    bw_keepa_share(d->keepa);
    bw_names_load(d->names);
    bw_tracker_resync(d->tracker, d->cx.unconfirmed.since_ms != 0);
    bw_writer_rewind(d->writer);
    bw_notifier_rewind(d->notifier);
    bw_scheduler_kick(d->scheduler);
}

/* Connected, but its disk or its memory is full: as bad as away for checks and alerts; what frees memory goes on. */
static void on_redis_writes(void *ctx, bool taken, const char *why)
{
    struct bw_daemon *d = ctx;
    bw_counters_up(&d->cx.counters, BW_PART_REDIS, taken);
    if (!taken) {
        bw_log_warning("redis", "checks and alerts wait, it takes no writes: %s", why);
        return;
    }
    bw_log_info("redis", "takes writes again");
    if (d->stop_at.ms != 0)
        return;
    bw_tracker_resync(d->tracker, false);
    bw_leases_flush(d->leases);
    bw_writer_rewind(d->writer);
    bw_notifier_rewind(d->notifier);
    bw_scheduler_kick(d->scheduler);
}

static void on_schema(void *ctx)
{
    struct bw_daemon *d = ctx;
    bw_tracker_resync(d->tracker, false);
    bw_housekeeping_postgres_ready(d->housekeeping);
    bw_writer_kick(d->writer);
}

static void on_postgres(void *ctx, bool ready, const char *reason)
{
    struct bw_daemon *d = ctx;
    bw_counters_up(&d->cx.counters, BW_PART_POSTGRES, ready);
    if (!ready) {
        bw_schema_lost(d->schema);
        bw_log_warning("postgres", "history waits in Redis: %s", reason);
        return;
    }
    bw_log_info("postgres", "connected");
    if (d->stop_at.ms == 0)
        bw_schema_verify(d->schema); /* on_schema follows when it is the right one */
}

static void on_notify(void *ctx, const char *channel, const char *payload)
{
    struct bw_daemon *d = ctx;
    (void)channel; /* only one is listened to */
    bw_tracker_notify(d->tracker, payload);
}

/* ---- the end ---- */

/* The clients close one after the other, each while those that its last callbacks use are there: an answer of Keepa or
 * Slack is recorded in Redis, and so is what Postgres has committed. */
static void on_postgres_closed(void *ctx)
{
    struct bw_daemon *d = ctx;
    bw_redis_close(d->cx.redis, CLOSE_DRAIN_MS, NULL, NULL);
}

static void on_http_closed(void *ctx)
{
    struct bw_daemon *d = ctx;
    bw_pg_close(d->cx.pg, CLOSE_DRAIN_MS, on_postgres_closed, d);
}

static void on_status_closed(void *ctx)
{
    struct bw_daemon *d = ctx;
    bw_http_close(d->cx.http, on_http_closed, d);
}

static void close_clients(struct bw_daemon *d)
{
    bw_leases_farewell(d->leases);
    for (size_t i = 0; i < 3; i++)
        bw_signal_free(d->signals[i]);
    bw_supervisor_free(d->supervisor);
    bw_timer_free(d->drain);
    bw_loop_on_turn(d->cx.loop, NULL, NULL);
    d->drain = NULL;
    if (d->status)
        bw_status_close(d->status, on_status_closed, d);
    else
        on_status_closed(d);
    d->status = NULL;
}

static bool drained(const struct bw_daemon *d)
{
    return bw_scheduler_quiet(d->scheduler) && bw_collector_pending(d->collector) == 0 &&
           bw_keepa_in_flight(d->keepa) == 0 && bw_stage_pending(d->stage) == 0 &&
           bw_notifier_quiet(d->notifier) && bw_health_watch_quiet(d->health) && bw_guard_quiet(d->guard) &&
           bw_heartbeat_quiet(d->heartbeat) && bw_writer_quiet(d->writer);
}

static void on_drain(void *ctx)
{
    struct bw_daemon *d = ctx;
    int64_t since = bw_mono_now().ms - d->stop_at.ms;
    if (since >= CANCEL_MS && !d->cancelled) {
        d->cancelled = true;
        bw_keepa_cancel(d->keepa);
    }
    if (drained(d) || since >= DRAIN_MS) {
        if (since >= DRAIN_MS)
            bw_log_warning("daemon",
                           "not everything ended in time; what is unfinished is taken up at the next start");
        close_clients(d);
        return;
    }
    bw_timer_start(d->drain, DRAIN_LOOK_MS);
}

static void stop(struct bw_daemon *d)
{
    d->stop_at = bw_mono_now();
    bw_supervisor_stopping(d->supervisor);
    bw_scheduler_stop(d->scheduler);
    bw_tracker_stop(d->tracker);
    bw_notifier_stop(d->notifier);
    bw_summarizer_stop(d->summarizer);
    bw_reload_stop(d->reload);
    bw_settler_stop(d->settler);
    bw_guard_stop(d->guard);
    bw_health_watch_stop(d->health);
    bw_heartbeat_stop(d->heartbeat);
    bw_writer_stop(d->writer);
    bw_housekeeping_stop(d->housekeeping);
    bw_schema_stop(d->schema);
    bw_timer_start(d->drain, 1);
}

static void on_stop_signal(void *ctx, int signum)
{
    struct bw_daemon *d = ctx;
    const char *name = signum == SIGINT ? "SIGINT" : "SIGTERM";
    if (d->stop_at.ms == 0) {
        bw_log_info("daemon", "%s: finishing what is under way (again: at once)", name);
        stop(d);
    } else if (d->drain) {
        bw_log_warning("daemon", "%s again: ending at once", name);
        bw_keepa_cancel(d->keepa);
        d->cancelled = true;
        d->stop_at.ms -= DRAIN_MS;
    }
}

/* ---- settings ---- */

/* Neither is asked before there is a check to make or an alert to tell, which may be hours: until then 0 would be a false
 * alarm after each start, and with a webhook, which cannot be probed, a lasting one. What fails says so by itself. */
static void assume_up(struct bw_daemon *d)
{
    static const enum bw_part asked_later[] = {BW_PART_SLACK, BW_PART_KEEPA};
    for (size_t i = 0; i < sizeof(asked_later) / sizeof(asked_later[0]); i++)
        bw_counters_up(&d->cx.counters, asked_later[i], !bw_api_reason(d->api, asked_later[i])[0]);
}

static void start_checks(struct bw_daemon *d)
{
    assume_up(d);
    if (!d->conf.keepa_api_key[0]) {
        bw_log_error("keepa", "KEEPA_API_KEY is not set: nothing is checked");
    } else if (!d->checking) {
        d->checking = true;
        bw_scheduler_start(d->scheduler);
    }
}

/* What waits for a person is tried at once: he may have mended it. */
static void on_settings(void *ctx)
{
    struct bw_daemon *d = ctx;
    bw_notifier_retry(d->notifier);
    bw_keepa_retry(d->keepa);
    start_checks(d);
}

static void on_hangup(void *ctx, int signum)
{
    (void)signum;
    bw_reload_now(((struct bw_daemon *)ctx)->reload, "SIGHUP");
}

/* ---- the beginning ---- */

static bool make_clients(struct bw_daemon *d)
{
    static const char *const listen[] = {"badgewatch_tracked", NULL};
    struct bw_error error;
    struct bw_redis_options redis = {.url = d->conf.redis_url,
                                     .client_name = d->cx.id,
                                     .read_write = true,
                                     .on_state = on_redis,
                                     .on_writes = on_redis_writes,
                                     .ctx = d};
    struct bw_pg_options pg = {.url = d->conf.database_url,
                               .application_name = "badgewatch",
                               .read_write = true,
                               .on_state = on_postgres,
                               .on_notify = on_notify,
                               .listen = listen,
                               .ctx = d};
    if (bw_redis_new(d->cx.loop, &redis, &d->cx.redis, &error) != BW_OK) {
        bw_log_error("daemon", "REDIS_URL: %s", error.text);
        return false;
    }
    if (bw_pg_new(d->cx.loop, &pg, &d->cx.pg, &error) != BW_OK) {
        bw_log_error("daemon", "DATABASE_URL: %s", error.text);
        bw_redis_close(d->cx.redis, 0, NULL, NULL);
        return false;
    }
    d->cx.http = bw_http_new(d->cx.loop, "badgewatch/" BW_VERSION, BW_CONCURRENCY_MAX + 2);
    return true;
}

static void make_parts(struct bw_daemon *d)
{
    struct bw_context *cx = &d->cx;
    struct bw_stage_port stage = {port_changed, port_staged, port_release_one, d};
    struct bw_collector_port collector = {port_check, port_send, port_release, port_idle, d};
    struct bw_scheduler_port scheduler = {port_room, port_take, port_release, port_emptied, d};
    cx->history = bw_history_new(cx);
    d->leases = bw_leases_new(cx);
    d->clock = bw_due_clock_new(cx, port_clock_went_back, d);
    d->keepa = bw_keepa_new(cx);
    d->names = bw_names_new(cx, d->keepa);
    d->stage = bw_stage_new(cx, d->names, &stage);
    d->collector = bw_collector_new(cx, d->keepa, &collector);
    d->scheduler = bw_scheduler_new(cx, d->keepa, d->clock, &scheduler);
    d->tracker = bw_tracker_new(cx, port_tracked, d);
    d->writer = bw_writer_new(cx);
    d->notifier = bw_notifier_new(cx);
    d->summarizer = bw_summarizer_new(cx, port_note, d);
    d->settler = bw_settler_new(cx, port_note, d);
    d->reload = bw_reload_new(cx, &d->conf, d->conf_path, on_settings, d);
    d->housekeeping = bw_housekeeping_new(cx, d->keepa, d->leases, d->names, d->clock);
    d->schema = bw_schema_new(cx, on_schema, d);
    struct bw_guard_port guard = {port_answers_come, port_note, d};
    d->guard = bw_guard_new(cx, d->stage, &guard);
    struct bw_api_parts parts = {d->keepa,           d->housekeeping, port_slack_reason, port_writer_reason,
                                 port_checks_reason, port_synced,     d->guard,          d};
    d->api = bw_api_new(cx, &parts);
    struct bw_health_port health = {port_part_reason, port_probe, port_note, d};
    d->health = bw_health_watch_new(cx, &health);
    struct bw_heartbeat_port heartbeat = {port_red, d};
    d->heartbeat = bw_heartbeat_new(cx, d->housekeeping, &heartbeat);
    d->drain = bw_timer_new(cx->loop, on_drain, d);
}

static void free_parts(struct bw_daemon *d)
{
    bw_heartbeat_free(d->heartbeat);
    bw_health_watch_free(d->health);
    bw_guard_free(d->guard);
    bw_api_free(d->api);
    bw_schema_free(d->schema);
    bw_housekeeping_free(d->housekeeping);
    bw_settler_free(d->settler);
    bw_summarizer_free(d->summarizer);
    bw_reload_free(d->reload);
    bw_notifier_free(d->notifier);
    bw_writer_free(d->writer);
    bw_tracker_free(d->tracker);
    bw_scheduler_free(d->scheduler);
    bw_collector_free(d->collector);
    bw_stage_free(d->stage);
    bw_names_free(d->names);
    bw_keepa_free(d->keepa);
    bw_due_clock_free(d->clock);
    bw_leases_free(d->leases);
    bw_history_free(d->cx.history);
}

static bool open_status(struct bw_daemon *d)
{
    struct bw_error error;
    struct bw_status_options options = {.listen = d->conf.listen,
                                        .token = d->conf.status_token,
                                        .open = d->conf.status_open,
                                        .handler = bw_api_handle,
                                        .ctx = d->api};
    if (bw_status_new(d->cx.loop, &options, &d->status, &error) == BW_OK) {
        bw_log_info("status", "port %d on '%s': metrics, health, API and page", bw_status_port(d->status),
                    d->conf.listen);
        return true;
    }
    bw_log_error("daemon", "BADGEWATCH_LISTEN '%s': %s", d->conf.listen, error.text);
    return false;
}

static void on_turn(void *ctx, double busy_s)
{
    bw_metric_observe(((struct bw_daemon *)ctx)->cx.counters.loop_lag, busy_s);
}

static void start(struct bw_daemon *d)
{
    struct bw_loop *loop = d->cx.loop;
    d->signals[0] = bw_signal_new(loop, SIGTERM, on_stop_signal, d);
    d->signals[1] = bw_signal_new(loop, SIGINT, on_stop_signal, d);
    d->signals[2] = bw_signal_new(loop, SIGHUP, on_hangup, d);
    bw_loop_on_turn(loop, on_turn, d);
    bw_housekeeping_start(d->housekeeping);
    bw_writer_start(d->writer);
    bw_notifier_start(d->notifier);
    bw_summarizer_start(d->summarizer);
    bw_settler_start(d->settler);
    bw_reload_start(d->reload);
    bw_guard_start(d->guard);
    bw_health_watch_start(d->health);
    bw_heartbeat_start(d->heartbeat);
    d->supervisor = bw_supervisor_new(loop);
    start_checks(d);
}

int bw_daemon_run(struct bw_conf *conf, const char *conf_path)
{
    struct bw_daemon *d = bw_alloc(sizeof(*d));
    int code = 1;
    d->conf = *conf;
    d->conf_path = conf_path;
    d->cx.conf = &d->conf;
    d->cx.loop = bw_loop_new();
    bw_daemon_id(d->cx.id);
    bw_keys_init(&d->cx.keys, d->conf.redis_prefix);
    bw_counters_init(&d->cx.counters);
    bw_log_info("daemon", "badgewatch %s begins as '%s'", BW_VERSION, d->cx.id);
    if (make_clients(d)) {
        make_parts(d);
        if (open_status(d)) {
            code = 0;
            start(d);
        } else {
            close_clients(d);
        }
        bw_loop_run(d->cx.loop);
        free_parts(d);
    }
    if (bw_loop_free(d->cx.loop) != 0)
        code = 1;
    bw_counters_fini(&d->cx.counters);
    bw_keys_fini(&d->cx.keys);
    bw_conf_fini(&d->conf);
    free(d);
    if (code == 0)
        bw_log_info("daemon", "ended cleanly");
    return code;
}
