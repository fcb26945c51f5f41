/* Small answers of Keepa, kept whole: /token, /category, error bodies.
 *
 * Happy way: the envelope, and from a /category answer the names in "categories" and "categoryParents" (a name may be
 * in both), ascending by id, each once. How it fails: not a JSON object gives BW_ERR_SYNTAX; an entry without a usable
 * id and name is passed over, since a missing name never delays anything. */
#include "category.h"
#include "envelope.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct names {
    struct bw_category_name *at;
    size_t n, room;
};

static void add_name(void *ctx, const char *key, const struct bw_json_node *value)
{
    struct names *names = ctx;
    int64_t id, same, parent = 0;
    const char *name;

    if (!bw_category_id_parse(key, strlen(key), &id) || !bw_json_get_string(value, "name", &name) || !name[0])
        return;
    if (bw_json_get(value, "catId") && (!bw_json_get_int(value, "catId", &same) || same != id))
        return;
    if (!bw_json_get_int(value, "parent", &parent) || parent < 0)
        parent = 0;
    if (names->n == names->room) {
        names->room = names->room ? names->room * 2 : 16;
        names->at = bw_realloc_array(names->at, names->room, sizeof *names->at);
    }
    names->at[names->n++] = (struct bw_category_name){
        .category_id = id, .parent = parent, .name = bw_category_name_dup(name, strlen(name))};
}

static int by_id(const void *a, const void *b)
{
    const struct bw_category_name *x = a, *y = b;

    return (x->category_id > y->category_id) - (x->category_id < y->category_id);
}

static void sort_once(struct names *names)
{
    size_t n = 0;

    if (names->n > 1)
        qsort(names->at, names->n, sizeof *names->at, by_id);
    for (size_t i = 0; i < names->n; i++) {
        if (n > 0 && names->at[n - 1].category_id == names->at[i].category_id)
            free(names->at[i].name);
        else
            names->at[n++] = names->at[i];
    }
    names->n = n;
}

enum bw_err bw_keepa_answer_decode(const char *json, size_t len, struct bw_keepa_envelope *envelope,
                                   struct bw_category_name **names, size_t *n_names, struct bw_error *error)
{
    struct bw_json_doc *doc;

    enum bw_err err = bw_envelope_parse(json, len, &doc, error);
    if (err)
        return err;
    bw_envelope_read(bw_json_root(doc), envelope);
    if (names) {
        struct names found = {0};

        bw_json_each(bw_json_get(bw_json_root(doc), "categories"), add_name, &found);
        bw_json_each(bw_json_get(bw_json_root(doc), "categoryParents"), add_name, &found);
        sort_once(&found);
        *names = found.at;
        *n_names = found.n;
    }
    bw_json_free(doc);
    return BW_OK;
}

void bw_keepa_names_free(struct bw_category_name *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i].name);
    free(names);
}
