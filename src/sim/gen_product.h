/* A made-up product as a Keepa object: the numbers of generate.h with the members around them. */
#pragma once

#include "generate.h"
#include "view.h"

/* A new reference. */
struct json_object *sim_gen_product(const struct sim_generator *g, size_t index, const struct sim_view *view);
void sim_gen_title(const struct sim_generator *g, size_t index, char *out, size_t size);
