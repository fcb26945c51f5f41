/* Names of categories (rule 1): from the category trees of answers, else from /category, looked up once and kept in
 * bw:names and the table categories. A name that is missing never holds anything up. */
#pragma once

#include "keepa.h"

struct bw_names;

struct bw_names *bw_names_new(struct bw_context *context, struct bw_keepa *keepa);
void bw_names_load(struct bw_names *n); /* from Redis; call whenever it becomes ready */
/* Borrowed; NULL if not known. */
const char *bw_names_find(const struct bw_names *n, int domain, int64_t category_id);
/* Keeps what an answer said. */
void bw_names_learn(struct bw_names *n, int domain, const struct bw_category_name *names, size_t count);
/* Will be asked for by the next look-up, unless it is known or was asked for lately. */
void bw_names_want(struct bw_names *n, int domain, int64_t category_id);
/* Starts a look-up if some are wanted, a token can be spared and none is under way. Call it now and then. */
void bw_names_tick(struct bw_names *n);
void bw_names_free(struct bw_names *n);
