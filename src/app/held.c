/* A queue in the order of the stream's ids. */
#include "held.h"

#include "badgewatch/base/alloc.h"
#include "ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define BYTES_MAX                                                                                            \
    ((size_t)16 << 20) /* eight batches of the writer: what has no room is read again from Redis */
#define RECORD_SIZE ((size_t)4 << 10) /* a state with its names, and its texts */

struct held {
    TAILQ_ENTRY(held) link;
    struct bw_stream_id id;
    size_t size;
    struct bw_held_check check;
};

struct bw_held {
    TAILQ_HEAD(queue, held) queue;
    struct bw_stream_id newest;
    size_t bytes;
    bool full; /* one had no room: none is taken until the queue is empty, so that it has no gap */
};

static size_t size_of(const struct bw_check_record *r, size_t raw_len)
{
    size_t points = 0;
    for (size_t i = 0; i < r->n_ranks; i++)
        points += r->ranks[i].series.n;
    for (size_t i = 0; i < r->n_values; i++)
        points += r->values[i].series.n;
    return raw_len + RECORD_SIZE + points * sizeof(struct bw_point);
}

void bw_held_check_fini(struct bw_held_check *c)
{
    bw_check_record_fini(&c->record);
    bw_state_text_fini(&c->text);
    free(c->raw);
    *c = (struct bw_held_check){.raw_len = 0};
}

/* Takes the oldest out of the queue. */
static struct held *pop(struct bw_held *h)
{
    struct held *oldest = TAILQ_FIRST(&h->queue);
    TAILQ_REMOVE(&h->queue, oldest, link);
    h->bytes -= oldest->size;
    return oldest;
}

static void drop(struct bw_held *h)
{
    struct held *oldest = pop(h);
    bw_held_check_fini(&oldest->check);
    free(oldest);
}

void bw_held_clear(struct bw_held *h)
{
    while (!TAILQ_EMPTY(&h->queue))
        drop(h);
}

void bw_held_put(struct bw_held *h, const char *id, struct bw_held_check *check)
{
    size_t size = size_of(&check->record, check->raw_len);
    if (bw_stream_id_compare(bw_stream_id_parse(id), h->newest) <= 0)
        bw_held_clear(h); /* the stream began anew */
    h->newest = bw_stream_id_parse(id);
    /* The newest has no room, not the oldest: that is read next. */
    h->full = !TAILQ_EMPTY(&h->queue) && (h->full || h->bytes + size > BYTES_MAX);
    if (h->full) {
        bw_held_check_fini(check);
        return;
    }
    struct held *held = bw_alloc(sizeof(*held));
    held->id = h->newest;
    held->size = size;
    held->check = *check;
    TAILQ_INSERT_TAIL(&h->queue, held, link);
    h->bytes += held->size;
}

bool bw_held_take(struct bw_held *h, const char *id, struct bw_held_check *out)
{
    struct bw_stream_id wanted = bw_stream_id_parse(id);
    while (!TAILQ_EMPTY(&h->queue) && bw_stream_id_compare(TAILQ_FIRST(&h->queue)->id, wanted) < 0)
        drop(h);
    if (TAILQ_EMPTY(&h->queue) || bw_stream_id_compare(TAILQ_FIRST(&h->queue)->id, wanted) != 0)
        return false;
    struct held *held = pop(h);
    *out = held->check;
    free(held);
    return true;
}

void bw_held_ends(const struct bw_held *h, char oldest[BW_HELD_ID], char newest[BW_HELD_ID])
{
    const struct held *first = TAILQ_FIRST(&h->queue), *last = TAILQ_LAST(&h->queue, queue);
    oldest[0] = newest[0] = '\0';
    if (!first)
        return;
    snprintf(oldest, BW_HELD_ID, "%" PRIu64 "-%" PRIu64, first->id.ms, first->id.seq);
    snprintf(newest, BW_HELD_ID, "%" PRIu64 "-%" PRIu64, last->id.ms, last->id.seq);
}

size_t bw_held_bytes(const struct bw_held *h)
{
    return h->bytes;
}

struct bw_held *bw_held_new(void)
{
    struct bw_held *h = bw_alloc(sizeof(*h));
    TAILQ_INIT(&h->queue);
    return h;
}

void bw_held_free(struct bw_held *h)
{
    if (!h)
        return;
    bw_held_clear(h);
    free(h);
}
