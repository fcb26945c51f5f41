/* Ties the embedded Lua texts to their names. A script without its text would be a mistake of the build. */
#include "badgewatch/app/scripts.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/embedded.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

extern const struct bw_embedded bw_lua[];

#define DEFINE(script) struct bw_script bw_script_##script = {.name = #script};
BW_SCRIPTS(DEFINE)

#define ADDRESS_OF(script) &bw_script_##script,
static struct bw_script *const all[] = {BW_SCRIPTS(ADDRESS_OF)};

/* Functions that several scripts need stand before each of them. */
static const struct {
    struct bw_script *script;
    const char *before[3];
} with[] = {
    {&bw_script_adopt, {"take_over"}},
    {&bw_script_read, {"take_over"}},
    {&bw_script_claim, {"due"}},
    {&bw_script_release, {"due"}},
    {&bw_script_untrack, {"due", "badges"}},
    {&bw_script_guard_look, {"guard"}},
    {&bw_script_stage, {"due", "badges", "guard"}},
    {&bw_script_track, {"due", "badges", "guard"}},
};

static const char *text_of(const char *name)
{
    char file[64];
    snprintf(file, sizeof(file), "%s.lua", name);
    for (const struct bw_embedded *e = bw_lua; e->name; e++) {
        if (strcmp(e->name, file) == 0)
            return e->text;
    }
    return NULL;
}

void bw_scripts_init(void)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        all[i]->source = text_of(all[i]->name);
        assert(all[i]->source);
    }
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
        const char *texts[3];
        for (size_t k = 0; k < 3; k++)
            texts[k] = with[i].before[k] ? text_of(with[i].before[k]) : "";
        with[i].script->source =
            bw_asprintf("%s%s%s%s", texts[0], texts[1], texts[2], with[i].script->source); /* for ever */
    }
}
