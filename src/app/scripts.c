/* Ties the embedded Lua texts to their names. A script without its text would be a mistake of the build. */
#include "badgewatch/app/scripts.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/embedded.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

extern const struct bw_embedded bw_lua[];

struct bw_script bw_script_claim = {.name = "claim"}, bw_script_release = {.name = "release"},
                 bw_script_stage = {.name = "stage"}, bw_script_track = {.name = "track"},
                 bw_script_untrack = {.name = "untrack"}, bw_script_poll = {.name = "poll"},
                 bw_script_adopt = {.name = "adopt"}, bw_script_written = {.name = "written"},
                 bw_script_set_aside = {.name = "set_aside"}, bw_script_told = {.name = "told"},
                 bw_script_products = {.name = "products"}, bw_script_verified = {.name = "verified"},
                 bw_script_read = {.name = "read"}, bw_script_address = {.name = "address"},
                 bw_script_intend = {.name = "intend"}, bw_script_requeue = {.name = "requeue"},
                 bw_script_note = {.name = "note"}, bw_script_history = {.name = "history"},
                 bw_script_health = {.name = "health"}, bw_script_tokens = {.name = "tokens"},
                 bw_script_park = {.name = "park"}, bw_script_wake = {.name = "wake"},
                 bw_script_guard_look = {.name = "guard_look"}, bw_script_guard_say = {.name = "guard_say"},
                 bw_script_reload = {.name = "reload"};

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
    struct bw_script *const all[] = {
        &bw_script_claim,     &bw_script_release, &bw_script_stage,      &bw_script_track,
        &bw_script_untrack,   &bw_script_poll,    &bw_script_adopt,      &bw_script_written,
        &bw_script_set_aside, &bw_script_told,    &bw_script_products,   &bw_script_verified,
        &bw_script_read,      &bw_script_address, &bw_script_intend,     &bw_script_requeue,
        &bw_script_note,      &bw_script_history, &bw_script_health,     &bw_script_tokens,
        &bw_script_park,      &bw_script_wake,    &bw_script_guard_look, &bw_script_guard_say,
        &bw_script_reload};
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
