/* What the environment and the file say, before any value is looked at. Private to this room. */
#pragma once

#include "values.h"

struct given {
    char *text;   /* the value, or the path of its file; NULL: not given */
    bool is_file; /* in its _FILE form */
    int line;     /* of the settings file; 0: from the environment */
};

/* A [route "..."] of the file. */
struct given_route {
    char *tag; /* "" = the default route */
    int line;
    struct given values[ROUTE_SETTINGS_N];
};

#define ROUTES_MAX 100

struct layers {
    struct given environment[SETTINGS_N];
    struct given file[SETTINGS_N];
    struct given_route *routes;
    size_t n_routes;
    char *path;            /* of the settings file; NULL before it was found */
    unsigned open_mode;    /* its mode where everybody may read it, else 0 */
    struct bw_buf strange; /* a line for each of our names in the environment that is no setting */
};

void layers_init(struct layers *l);

#define PLACE_MAX 320 /* "environment: BADGEWATCH_LISTEN", "path/of/file:12: listen" */

enum bw_err layers_read_environment(struct layers *l, char *const *envp, struct bw_error *error) BW_MUSTCHECK;
/* A file that does not exist is no error unless it must. */
enum bw_err layers_read_file(struct layers *l, const char *path, bool must_exist,
                             struct bw_error *error) BW_MUSTCHECK;
void layers_fini(struct layers *l); /* wipes the values */

/* What counts for setting i: the environment, else the file. Its text is NULL where neither says anything. */
const struct given *layers_of(const struct layers *l, size_t i);
/* Where that stands, and under which name. */
void layers_place(const struct layers *l, size_t i, char out[PLACE_MAX]);
/* The same of the i-th setting of a route; that of the route itself where it is not given. */
void layers_route_place(const struct layers *l, const struct given_route *r, size_t i, char out[PLACE_MAX]);

/* The mode of a file that everybody on this machine may read; 0 for any other, and for what is no file (a pipe). */
unsigned open_to_all(int fd);

void wipe(char *text); /* and free; NULL is allowed */
