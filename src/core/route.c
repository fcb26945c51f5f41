/* The rules of routes. Nothing fails: what no route says is told at once. */
#include "badgewatch/core/route.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

void bw_route_fini(struct bw_route *r)
{
    free(r->tag);
    free(r->channel);
    *r = (struct bw_route){.tag = NULL};
}

static bool has_tag(const char *tags, const char *tag)
{
    size_t wanted = strlen(tag);
    while (*tags) {
        size_t len = strcspn(tags, ";");
        if (len == wanted && memcmp(tags, tag, len) == 0)
            return true;
        tags += len + (tags[len] == ';');
    }
    return false;
}

const struct bw_route *bw_route_of(const struct bw_route *routes, size_t n, const char *tags)
{
    const struct bw_route *fallback = NULL;
    for (size_t i = 0; i < n; i++) {
        if (routes[i].tag[0] == '\0')
            fallback = &routes[i];
        else if (has_tag(tags, routes[i].tag))
            return &routes[i];
    }
    return fallback;
}

const char *bw_route_channel(const struct bw_route *route, const char *own, const char *fallback)
{
    if (own[0])
        return own;
    return route && route->channel[0] ? route->channel : fallback;
}

const char *bw_route_withholds(const struct bw_route *route, int priority, bool gained, bool lost)
{
    if (!route)
        return NULL;
    if (route->min_priority > 0 && priority > route->min_priority)
        return "priority";
    bool wanted = (gained && route->trigger_on_gained) || (lost && route->trigger_on_lost);
    return wanted ? NULL : "trigger";
}

int64_t bw_route_quiet_until(const struct bw_route *route, int64_t now_s)
{
    if (!route || route->quiet.from_min == route->quiet.to_min)
        return 0;
    int64_t from = (int64_t)route->quiet.from_min * 60, to = (int64_t)route->quiet.to_min * 60;
    int64_t into = now_s % DAY_S;
    int64_t midnight = now_s - into;
    if (from < to)
        return into >= from && into < to ? midnight + to : 0;
    if (into >= from)
        return midnight + DAY_S + to;
    return into < to ? midnight + to : 0;
}
