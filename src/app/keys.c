/* Redis key names from the prefix. One place, so that a person with redis-cli and the code agree. */
#include "badgewatch/app/keys.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bw_keys_init(struct bw_keys *k, const char *prefix)
{
    *k = (struct bw_keys){
        .prefix = bw_strdup(prefix),
        .tracked = bw_asprintf("%stracked", prefix),
        .due = bw_asprintf("%sdue", prefix),
        .leased = bw_asprintf("%sleased", prefix),
        .lease = bw_asprintf("%slease", prefix),
        .poll = bw_asprintf("%spoll", prefix),
        .badges = bw_asprintf("%sbadges", prefix),
        .history = bw_asprintf("%shistory", prefix),
        .changes = bw_asprintf("%schanges", prefix),
        .delivery = bw_asprintf("%sdelivery", prefix),
        .set_aside = bw_asprintf("%sset_aside", prefix),
        .staged_bytes = bw_asprintf("%sstaged_bytes", prefix),
        .tokens = bw_asprintf("%stokens", prefix),
        .names = bw_asprintf("%snames", prefix),
        .epoch = bw_asprintf("%sepoch", prefix),
        .health = bw_asprintf("%shealth", prefix),
        .outbox = bw_asprintf("%soutbox", prefix),
        .untold = bw_asprintf("%suntold", prefix),
        .lost = bw_asprintf("%slost", prefix),
        .doubt = bw_asprintf("%sdoubt", prefix),
        .unconfirmed = bw_asprintf("%sunconfirmed", prefix),
        .generation = bw_asprintf("%sgeneration", prefix),
        .turn = bw_asprintf("%sturn", prefix),
        .guard = bw_asprintf("%sguard", prefix),
        .spending = bw_asprintf("%sspending", prefix),
        .quiet = bw_asprintf("%squiet", prefix),
        .digest = bw_asprintf("%sdigest", prefix),
        .reload = bw_asprintf("%sreload", prefix),
        .writer = bw_asprintf("%swriter", prefix),
        .teller = bw_asprintf("%steller", prefix),
    };
}

void bw_keys_fini(struct bw_keys *k)
{
    char *const all[] = {k->prefix,      k->tracked,      k->due,     k->leased,  k->lease,
                         k->poll,        k->badges,       k->history, k->changes, k->delivery,
                         k->set_aside,   k->staged_bytes, k->tokens,  k->names,   k->epoch,
                         k->outbox,      k->health,       k->untold,  k->lost,    k->doubt,
                         k->unconfirmed, k->generation,   k->turn,    k->guard,   k->spending,
                         k->quiet,       k->digest,       k->reload,  k->writer,  k->teller};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
    *k = (struct bw_keys){0};
}

void bw_keys_product(const struct bw_keys *k, const struct bw_product_key *key, char out[BW_KEY_MAX])
{
    static const char word[] = "product:";
    size_t len = strlen(k->prefix);
    assert(len + sizeof(word) + BW_PRODUCT_TEXT <= BW_KEY_MAX);
    memcpy(out, k->prefix, len);
    memcpy(out + len, word, sizeof(word));
    bw_product_key_format(key, out + len + sizeof(word) - 1);
}

void bw_keys_daemon(const struct bw_keys *k, const char *id, char out[BW_KEY_MAX])
{
    snprintf(out, BW_KEY_MAX, "%sdaemon:%s", k->prefix, id);
}
