/* The data of a message on its way; what happens with it is notifier.c. */
#include "delivery.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bw_delivery *bw_delivery_new(struct bw_notifier *notifier, const char *check, size_t of)
{
    struct bw_delivery *d = bw_alloc(sizeof(*d));
    d->notifier = notifier;
    d->of = of;
    snprintf(d->check, sizeof(d->check), "%s", check);
    d->gathered = bw_mono_now();
    return d;
}

bool bw_delivery_add(struct bw_delivery *d, const char *id, struct bw_change_entry *entry)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->ids[i], id) == 0) {
            bw_change_entry_fini(entry);
            return false;
        }
    }
    d->entries = bw_realloc_array(d->entries, d->n + 1, sizeof(*d->entries));
    d->ids = bw_realloc_array(d->ids, d->n + 1, sizeof(*d->ids));
    d->entries[d->n] = *entry;
    snprintf(d->ids[d->n], sizeof(d->ids[0]), "%s", id);
    d->n++;
    return true;
}

void bw_delivery_free(struct bw_delivery *d)
{
    for (size_t i = 0; i < d->n; i++)
        bw_change_entry_fini(&d->entries[i]);
    free(d->entries);
    free(d->ids);
    free(d);
}

bool bw_delivery_body(const struct bw_delivery *d, bool webhook, int64_t now_ms, struct bw_buf *out)
{
    struct bw_message_options options = {.channel = webhook ? "" : d->channel,
                                         .plain = d->plain,
                                         .possible_repeat = d->possible_repeat,
                                         .now_ms = now_ms,
                                         .metadata = !webhook};
    bw_slack_changes(d->entries, d->n, &options, out);
    return !out->overflow;
}

void bw_delivery_attempt(const struct bw_delivery *d, const char *outcome, const char *error, int64_t now_ms,
                         struct bw_buf *out)
{
    char **ids = bw_alloc_array(d->n, sizeof(*ids));
    for (size_t i = 0; i < d->n; i++)
        ids[i] = d->entries[i].change.id;
    struct bw_attempt_record record = {
        .kind = "change", .change_ids = ids, .n_change_ids = d->n, .attempt = d->attempt, .at_ms = now_ms};
    snprintf(record.channel, sizeof(record.channel), "%s", d->channel);
    snprintf(record.outcome, sizeof(record.outcome), "%s", outcome);
    snprintf(record.error, sizeof(record.error), "%s", error);
    bw_attempt_encode(&record, out);
    free(ids);
}
