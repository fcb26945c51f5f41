/* Names of the Redis keys (CONTRACT 5), made once from the prefix; borrowed by everyone.
 *
 *   product:D:ASIN  HASH    live state, and how the product is tracked; "state" is the machine's record
 *   tracked         ZSET    every product of tracked_asins, score 0 (for ordered paging)
 *   due             ZSET    active products that nobody is checking: score = unix s of the next check
 *   due:1 .. due:9  ZSET    the same by priority (9: that and lower), for claim.lua
 *   turn            INTEGER batches taken: every fourth goes by due time alone
 *   leased          ZSET    products being checked: score = unix ms when the lease runs out
 *   lease           HASH    of each of them: "owner|due score|polled"
 *   poll            ZSET    products asked for by `badgewatch poll`: score = unix ms of the asking
 *   badges          ZSET    "D:ASIN:category", score = since
 *   history         STREAM  what Postgres must get; group "postgres"
 *   changes         STREAM  what Slack must be told, and the newest ones told; group "slack"
 *   outbox          STREAM  messages that are about no change (the daily summary); group "slack"
 *   health          HASH    parts that were said to fail: the daemon that said it
 *   delivery        HASH    messages under way: intention before, outcome after
 *   quiet           ZSET    alerts that wait for quiet hours to end: "entry of changes, product", score = unix ms of that
 *   digest          HASH    entry of changes -> when its quiet hours ended; until it is told
 *   reload          HASH    who asked the daemons to read their settings again, and what each answered (app/reload.h)
 *   set_aside       STREAM  entries that nobody can read or store
 *   staged_bytes    INTEGER of entries in history
 *   tokens          HASH    the Keepa bucket, as the newest answer to any daemon told it; "seq" counts what changed
 *   spending        HASH    daemon -> tokens that its requests under way may cost
 *   names           HASH    "D:category" -> name
 *   epoch           STRING  run id of the Redis server whose states were verified against Postgres
 *   guard           HASH    while the source is found ill (rule 8); guard:... what is needed to find out, see lua/guard.lua
 *   untold          SET     ids of changes that Postgres does not know as told: each is queued once
 *   doubt           STRING  "stream id ms": Redis had lost data by then; changes up to that id may have been told
 *   unconfirmed     STRING  ms: since then messages were sent that Postgres may not know of yet
 *   generation      STRING  of what Redis holds: another after each verification
 *   lost            STRING  there while a verification finds that Redis lost data
 *   writer          STRING  the daemon that writes the history; runs out by itself
 *   teller          STRING  the daemon that tells Slack; runs out by itself (lua/read.lua)
 *   daemon:ID       STRING  alive, expires by itself */
#pragma once

#include "badgewatch/core/asin.h"

#include <stddef.h>

struct bw_keys {
    char *prefix;
    char *tracked, *due, *leased, *lease, *poll, *badges, *history, *changes, *delivery, *set_aside;
    char *staged_bytes, *tokens, *names, *epoch, *outbox, *health, *untold, *lost, *doubt, *turn, *spending,
        *quiet, *digest, *reload, *writer, *teller;
    char *unconfirmed, *generation, *guard;
};

#define BW_KEY_MAX        128 /* room for a product's or a daemon's key; the prefix is at most 40 characters */
#define BW_GROUP_POSTGRES "postgres"
#define BW_GROUP_SLACK    "slack"

void bw_keys_init(struct bw_keys *k, const char *prefix);
void bw_keys_fini(struct bw_keys *k);
void bw_keys_product(const struct bw_keys *k, const struct bw_product_key *key, char out[BW_KEY_MAX]);
void bw_keys_daemon(const struct bw_keys *k, const char *id, char out[BW_KEY_MAX]);
