/* Which messages go out together, and which have to wait for others of their product. What it decides it decides from the
 * list alone, each time anew. */
#include "notifier_p.h"

#include <string.h>

#define ALONE_MAX 5 /* products that still have a message each */

/* ---- the order of a product ---- */

bool bw_message_is_unplaced(const struct bw_message *m)
{
    enum bw_delivery_step step = m->progress.step;
    return step == BW_DELIVERY_LOOK || step == BW_DELIVERY_PARK || (!m->addressed && !bw_message_is_over(m));
}

void bw_ahead_note(struct bw_ahead *ahead, const struct bw_message *m)
{
    if (ahead->n_waiting < WAITING_MAX)
        ahead->waiting[ahead->n_waiting++] = m;
}

bool bw_ahead_holds_up(const struct bw_ahead *ahead, const struct bw_message *m)
{
    for (size_t i = 0; i < ahead->n_waiting; i++) {
        if (bw_message_shares_product(ahead->waiting[i], m))
            return true;
    }
    return ahead->n_waiting == WAITING_MAX;
}

/* ---- changes that go out together ---- */

/* In doubt too: one look then finds whichever of them were told (part_with_told); an attempt that is recorded was of this
 * message as it is, and is looked for alone. */
bool bw_message_is_open(const struct bw_message *m)
{
    const struct bw_delivery_progress *p = &m->progress;
    return p->step == BW_DELIVERY_CONFIRM && p->past != BW_PAST_INTENDED && !p->plain && !m->under_way &&
           m->n_checks == 1 && !m->note && m->notifier->apart == 0;
}

/* It waited for the end of quiet hours: what did goes out together, however little it is. */
static bool is_digest(const struct bw_message *m)
{
    return m->quiet_ended_ms != 0;
}

static bool goes_with(const struct bw_message *other, const struct bw_message *m)
{
    const struct bw_delivery_progress *p = &other->progress, *q = &m->progress;
    return bw_message_is_open(other) && p->past == q->past && p->cleared == q->cleared &&
           p->possible_repeat == q->possible_repeat && is_digest(other) == is_digest(m) &&
           strcmp(other->channel, m->channel) == 0;
}

static bool is_among(const struct bw_message *m, struct bw_message *const *company, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bw_message_is_about(company[i], &m->key))
            return true;
    }
    return false;
}

static bool waits_for_channel(const struct bw_message *m, const char *channel)
{
    return bw_delivery_needs_channel(m->progress.step) && strcmp(m->channel, channel) == 0;
}

/* The message and those behind it that may go with it: of at most as many products as a group may have, and no more changes
 * than its metadata can name. */
static size_t company_of(struct bw_message *m, struct bw_ahead ahead,
                         struct bw_message *company[BW_SLACK_IDS_MAX])
{
    size_t n = 0, products = 0, changes = 0;
    for (struct bw_message *other = m; other && n < BW_SLACK_IDS_MAX; other = TAILQ_NEXT(other, link)) {
        if (!goes_with(other, m) || bw_ahead_holds_up(&ahead, other)) {
            if (bw_message_is_unplaced(other) || waits_for_channel(other, m->channel))
                bw_ahead_note(&ahead, other); /* nor does what follows of its product go before it */
            continue;
        }
        changes += other->n;
        products += !is_among(other, company, n);
        if (n > 0 && (changes > BW_SLACK_IDS_MAX || products > BW_SLACK_GROUP_MAX))
            break;
        company[n++] = other;
    }
    return n;
}

static bool are_family(const struct bw_message *a, const struct bw_message *b)
{
    return bw_slack_same_family(a->entries, a->n, b->entries, b->n);
}

/* Puts those of a family behind the first of them; gives how many families there are, single products too. */
static size_t sort_by_family(struct bw_message *company[], size_t n)
{
    size_t families = 0;
    for (size_t i = 0, next = 0; i < n; i = next, families++) {
        next = i + 1;
        for (size_t k = next; k < n; k++) {
            struct bw_message *m = company[k];
            if (!are_family(company[i], m))
                continue;
            for (size_t to = k; to > next; to--)
                company[to] = company[to - 1];
            company[next++] = m;
        }
    }
    return families;
}

/* A family goes out as one message always, others where they are many. */
void bw_company_gather(struct bw_message *m, const struct bw_ahead *ahead)
{
    struct bw_message *company[BW_SLACK_IDS_MAX];
    size_t n = company_of(m, *ahead, company), like = 1;
    bool many = sort_by_family(company, n) > ALONE_MAX || is_digest(m);
    while (!many && like < n && are_family(m, company[like]))
        like++;
    for (size_t i = 1; i < (many ? n : like); i++) {
        TAILQ_REMOVE(&m->notifier->list, company[i], link);
        m->notifier->n--;
        bw_message_absorb(m, company[i]);
    }
}
