/* A bar on the terminal for work that takes long: `importing [#####-----]  50 %`. On stderr, and only where that is a
 * terminal; without colours, so NO_COLOR has nothing to switch off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *what;
    size_t total;
    int percent; /* shown; -1 = nothing yet */
    bool visible;
};

void progress_begin(struct progress *p, const char *what, size_t total);
void progress_at(struct progress *p, size_t done); /* draws where the percent is another */
void progress_end(struct progress *p); /* takes the bar away: what follows is a message of the command */
