/* The data of a message on its way; what happens with it is deliver.c. */
#include "message.h"

#include "badgewatch/base/alloc.h"
#include "channels.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BW_REMARK_SIZE 256

struct bw_message *bw_message_new(struct bw_notifier *notifier, const char *stream, const char *check,
                                  size_t of, const struct bw_product_key *key)
{
    struct bw_message *m = bw_alloc(sizeof(*m));
    m->notifier = notifier;
    m->stream = stream;
    m->of = of;
    if (key)
        m->key = *key;
    m->checks = bw_alloc(sizeof(*m->checks));
    m->n_checks = 1;
    snprintf(m->checks[0].name, sizeof(m->checks[0].name), "%s", check);
    m->gathered = bw_mono_now();
    TAILQ_INIT(&m->company);
    return m;
}

bool bw_message_has(const struct bw_message *m, const char *id)
{
    for (size_t i = 0; i < m->n_refs; i++) {
        if (strcmp(m->refs[i].id, id) == 0)
            return true;
    }
    return false;
}

static void set_ref(struct bw_message_ref *ref, const struct bw_message_check *check, const char *id,
                    const char *change_id)
{
    *ref = (struct bw_message_ref){.check = *check};
    snprintf(ref->id, sizeof(ref->id), "%s", id);
    snprintf(ref->change_id, sizeof(ref->change_id), "%s", change_id);
}

bool bw_message_add(struct bw_message *m, const char *id, struct bw_change_entry *entry, int64_t doubt_ms)
{
    if (bw_message_has(m, id)) {
        bw_change_entry_fini(entry);
        return false;
    }
    int64_t since = doubt_ms != 0 ? doubt_ms : entry->change.detected_at_ms;
    m->doubtful = m->doubtful || doubt_ms != 0;
    m->doubt_ms = m->n_refs == 0 || since < m->doubt_ms ? since : m->doubt_ms;
    m->entries = bw_realloc_array(m->entries, m->n + 1, sizeof(*m->entries));
    m->refs = bw_realloc_array(m->refs, m->n_refs + 1, sizeof(*m->refs));
    set_ref(&m->refs[m->n_refs++], &m->checks[0], id, entry->change.id);
    entry->queued_at_ms = (int64_t)bw_stream_id_parse(id).ms;
    m->entries[m->n++] = *entry;
    return true;
}

void bw_message_set_note(struct bw_message *m, const char *id, struct bw_note *note, int64_t doubt_ms)
{
    m->note = note;
    m->doubtful = doubt_ms != 0;
    m->doubt_ms = doubt_ms != 0 ? doubt_ms : (int64_t)bw_stream_id_parse(id).ms;
    m->refs = bw_realloc_array(m->refs, 1, sizeof(*m->refs));
    m->n_refs = 1;
    set_ref(&m->refs[0], &m->checks[0], id, note->id);
}

void bw_note_free(struct bw_note *note)
{
    if (!note)
        return;
    free(note->headline);
    free(note->lines);
    free(note);
}

struct bw_slack_sought *bw_message_sought(const struct bw_message *m, size_t *n)
{
    struct bw_slack_sought *sought = bw_alloc_array(m->n + 1, sizeof(*sought));
    size_t most = m->progress.plain ? BW_SLACK_PLAIN_IDS_MAX : BW_SLACK_IDS_MAX;
    *n = m->note ? 1 : m->n < most ? m->n : most;
    for (size_t i = 0; i < *n; i++)
        snprintf(sought[i].id, sizeof(sought[i].id), "%s", m->note ? m->note->id : m->entries[i].change.id);
    return sought;
}

const char *bw_message_kind(const struct bw_message *m)
{
    return m->note ? m->note->kind : "change";
}

/* Adds n items of size bytes to the list of *count. */
static void *append(void *list, size_t *count, const void *items, size_t n, size_t size)
{
    char *grown = bw_realloc_array(list, *count + n, size);
    memcpy(grown + *count * size, items, n * size);
    *count += n;
    return grown;
}

static bool is_same(const struct bw_product_key *a, const struct bw_product_key *b)
{
    return a->domain == b->domain && strcmp(a->asin, b->asin) == 0;
}

/* Behind those of the same product, which stay together (bw_slack_group). */
static void add_entries(struct bw_message *m, const struct bw_message *other)
{
    size_t at = m->n;
    while (at > 0 && other->n > 0 && !is_same(&m->entries[at - 1].change.key, &other->entries[0].change.key))
        at--;
    if (at == 0)
        at = m->n;
    m->entries = bw_realloc_array(m->entries, m->n + other->n, sizeof(*m->entries));
    memmove(&m->entries[at + other->n], &m->entries[at], (m->n - at) * sizeof(m->entries[0]));
    memcpy(&m->entries[at], other->entries, other->n * sizeof(m->entries[0]));
    m->n += other->n;
}

void bw_message_absorb(struct bw_message *m, struct bw_message *other)
{
    m->checks = append(m->checks, &m->n_checks, other->checks, other->n_checks, sizeof(*m->checks));
    m->refs = append(m->refs, &m->n_refs, other->refs, other->n_refs, sizeof(*m->refs));
    add_entries(m, other);
    m->doubt_ms = other->doubt_ms < m->doubt_ms ? other->doubt_ms : m->doubt_ms;
    m->fence.ms = other->fence.ms > m->fence.ms ? other->fence.ms : m->fence.ms;
    m->left_behind = m->left_behind || other->left_behind;
    other->n = 0;
    TAILQ_INSERT_TAIL(&m->company, other, link);
}

bool bw_message_is_about(const struct bw_message *m, const struct bw_product_key *key)
{
    if (is_same(&m->key, key))
        return true;
    for (size_t i = 0; i < m->n; i++) {
        if (is_same(&m->entries[i].change.key, key))
            return true;
    }
    return false;
}

bool bw_message_shares_product(const struct bw_message *a, const struct bw_message *b)
{
    bool shares = bw_message_is_about(a, &b->key);
    for (size_t i = 0; !shares && i < b->n; i++)
        shares = bw_message_is_about(a, &b->entries[i].change.key);
    return shares;
}

bool bw_message_has_check(const struct bw_message *m, const char *check)
{
    for (size_t i = 0; i < m->n_checks; i++) {
        if (strcmp(m->checks[i].name, check) == 0)
            return true;
    }
    return false;
}

void bw_message_leave_out(struct bw_message *m, const char *change_id)
{
    for (size_t i = 0; i < m->n_refs; i++)
        m->refs[i].told = m->refs[i].told || strcmp(m->refs[i].change_id, change_id) == 0;
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->entries[i].change.id, change_id) == 0) {
            bw_change_entry_fini(&m->entries[i]);
            m->n--;
            memmove(&m->entries[i], &m->entries[i + 1], (m->n - i) * sizeof(m->entries[0]));
            return;
        }
    }
}

/* Moves entry i and its references. */
static void move_entry(struct bw_message *to, struct bw_message *from, size_t i)
{
    const char *id = from->entries[i].change.id;
    size_t kept = 0;
    for (size_t r = 0; r < from->n_refs; r++) {
        if (strcmp(from->refs[r].change_id, id) == 0)
            to->refs = append(to->refs, &to->n_refs, &from->refs[r], 1, sizeof(*to->refs));
        else
            from->refs[kept++] = from->refs[r];
    }
    from->n_refs = kept;
    to->entries = append(to->entries, &to->n, &from->entries[i], 1, sizeof(*to->entries));
    from->n--;
    memmove(&from->entries[i], &from->entries[i + 1], (from->n - i) * sizeof(from->entries[0]));
}

static bool has_change(const struct bw_message_ref *refs, size_t n, const char *change_id)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(refs[i].change_id, change_id) == 0)
            return true;
    }
    return false;
}

static void take_back(struct bw_message *other, struct bw_message *m)
{
    struct bw_message_ref *refs = other->refs;
    size_t n = other->n_refs;
    other->refs = NULL;
    other->n_refs = 0;
    for (size_t i = 0; i < m->n;) {
        if (has_change(refs, n, m->entries[i].change.id))
            move_entry(other, m, i);
        else
            i++;
    }
    free(refs);
}

static void forget_check(struct bw_message *m, const char *check)
{
    for (size_t i = 0; i < m->n_checks; i++) {
        if (strcmp(m->checks[i].name, check) != 0)
            continue;
        m->n_checks--;
        memmove(&m->checks[i], &m->checks[i + 1], (m->n_checks - i) * sizeof(m->checks[0]));
        return;
    }
}

struct bw_message *bw_message_release(struct bw_message *m)
{
    struct bw_message *other;
    while ((other = TAILQ_FIRST(&m->company))) {
        TAILQ_REMOVE(&m->company, other, link);
        take_back(other, m);
        if (other->n > 0) {
            forget_check(m, other->checks[0].name);
            return other;
        }
        bw_message_free(other);
    }
    return NULL;
}

static void leave_channel(struct bw_message *m)
{
    if (m->pace)
        bw_channel_leave(m->pace);
    m->pace = NULL;
}

void bw_message_set_channel(struct bw_message *m, const char *name)
{
    leave_channel(m);
    snprintf(m->channel, sizeof(m->channel), "%s", name);
}

/* A message of the same check, for some of its changes. */
static struct bw_message *part_of(const struct bw_message *m)
{
    struct bw_message *part = bw_message_new(m->notifier, m->stream, m->checks[0].name, 0, &m->key);
    part->n_checks = 0; /* an intention is that of the rest (but see give_checks) */
    part->addressed = true;
    bw_message_set_channel(part, m->channel);
    return part;
}

struct bw_message *bw_message_take(struct bw_message *m, const bool *wanted)
{
    struct bw_message *part = part_of(m);
    for (size_t i = m->n; i-- > 0;) {
        if (wanted[i])
            move_entry(part, m, i);
    }
    return part;
}

static bool has_of_check(const struct bw_message *m, const struct bw_message_check *check)
{
    for (size_t i = 0; i < m->n_refs; i++) {
        if (strcmp(m->refs[i].check.name, check->name) == 0)
            return true;
    }
    return false;
}

/* The checks that have all gone to the part go with it: what follows with the rest says nothing of them, and no intention of
 * theirs may stay behind when that ends elsewhere. */
static void give_checks(struct bw_message *part, struct bw_message *m)
{
    for (size_t i = m->n_checks; i-- > 0;) {
        struct bw_message_check check = m->checks[i];
        if (has_of_check(m, &check))
            continue;
        part->checks = append(part->checks, &part->n_checks, &check, 1, sizeof(check));
        forget_check(m, check.name);
    }
}

static bool is_told(const struct bw_slack_sought *sought, size_t n, const char *id, const char *ts)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sought[i].id, id) == 0 && strcmp(sought[i].ts, ts) == 0)
            return true;
    }
    return false;
}

struct bw_message *bw_message_take_told(struct bw_message *m, const struct bw_slack_sought *sought, size_t n,
                                        const char *ts)
{
    struct bw_message *part = part_of(m);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sought[i].ts, ts) == 0)
            bw_message_stands_in(part, &sought[i]);
    }
    for (size_t i = m->n; i-- > 0;) {
        if (is_told(sought, n, m->entries[i].change.id, ts))
            move_entry(part, m, i);
    }
    give_checks(part, m);
    if (part->n > 0)
        return part;
    bw_message_free(part);
    return NULL;
}

void bw_message_note_thread(struct bw_message *m, const char *thread)
{
    for (size_t i = 0; thread && i < m->n_threads; i++) {
        if (strcmp(m->threads[i], thread) == 0)
            return;
    }
    if (!thread || !thread[0])
        return;
    m->threads = bw_realloc_array(m->threads, m->n_threads + 1, sizeof(*m->threads));
    snprintf(m->threads[m->n_threads++], sizeof(*m->threads), "%s", thread);
}

void bw_message_stands_in(struct bw_message *m, const struct bw_slack_sought *where)
{
    snprintf(m->ts, sizeof(m->ts), "%s", where ? where->ts : "");
    snprintf(m->thread, sizeof(m->thread), "%s", where ? where->thread : "");
    m->broadcast = where && where->broadcast;
}

static void free_alone(struct bw_message *m)
{
    leave_channel(m);
    free(m->threads);
    bw_slack_look_free(m->look);
    for (size_t i = 0; i < m->n; i++)
        bw_change_entry_fini(&m->entries[i]);
    free(m->entries);
    free(m->refs);
    free(m->checks);
    free(m->staged.tags);
    bw_note_free(m->note);
    free(m);
}

void bw_message_free(struct bw_message *m)
{
    struct bw_message *other;
    while ((other = TAILQ_FIRST(&m->company))) { /* which have no company */
        TAILQ_REMOVE(&m->company, other, link);
        free_alone(other);
    }
    free_alone(m);
}

/* "Flapping: more than 3 changes here within 24 h. ..." */
static void put_remark(const struct bw_message *m, const struct bw_flap_rule *rule, char *out, size_t size)
{
    char window[BW_TIME_TEXT], settle[BW_TIME_TEXT];
    out[0] = '\0';
    if (m->flap != BW_FLAP_BEGINS)
        return;
    bw_duration_words(rule->window_ms / 1000, window);
    bw_duration_words(rule->settle_ms / 1000, settle);
    snprintf(out, size,
             "Flapping: more than %lld changes within %s. More of it goes into this thread, until there was "
             "none for %s.",
             (long long)rule->changes, window, settle);
}

bool bw_message_body(const struct bw_message *m, const struct bw_flap_rule *rule, bool webhook,
                     int64_t now_ms, struct bw_buf *out)
{
    char remark[BW_REMARK_SIZE];
    put_remark(m, rule, remark, sizeof(remark));
    struct bw_message_options options = {.channel = webhook ? "" : m->channel,
                                         .plain = m->progress.plain,
                                         .possible_repeat = m->progress.possible_repeat,
                                         .after_quiet = m->quiet_ended_ms != 0,
                                         .thread = m->thread,
                                         .broadcast = m->broadcast,
                                         .remark = remark,
                                         .now_ms = now_ms,
                                         .metadata = !webhook};
    if (m->note)
        bw_slack_note(m->note->headline, m->note->lines, m->note->id,
                      m->note->is_about ? &m->note->about : NULL, &options, out);
    else if (bw_slack_is_family(m->entries, m->n))
        bw_slack_family(m->entries, m->n, &options, out);
    else if (bw_slack_group_products(m->entries, m->n) > 1)
        bw_slack_group(m->entries, m->n, &options, out);
    else
        bw_slack_changes(m->entries, m->n, &options, out);
    return !out->overflow;
}

void bw_message_attempt(const struct bw_message *m, const char *outcome, const char *error, int64_t now_ms,
                        struct bw_buf *out)
{
    char **ids = bw_alloc_array(m->n + 1, sizeof(*ids));
    size_t n = 0;
    for (; n < m->n; n++)
        ids[n] = m->entries[n].change.id;
    if (m->note)
        ids[n++] = m->note->id;
    struct bw_attempt_record record = {
        .change_ids = ids, .n_change_ids = n, .attempt = m->attempt, .at_ms = now_ms};
    snprintf(record.kind, sizeof(record.kind), "%s", bw_message_kind(m));
    snprintf(record.channel, sizeof(record.channel), "%s", m->channel);
    snprintf(record.thread, sizeof(record.thread), "%s", m->thread);
    snprintf(record.outcome, sizeof(record.outcome), "%s", outcome);
    snprintf(record.error, sizeof(record.error), "%s", error);
    bw_attempt_encode(&record, out);
    free(ids);
}
