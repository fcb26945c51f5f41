/* One line that is written over: a carriage return is all that any terminal needs to know. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define CELLS 30

static void draw(const struct progress *p)
{
    char bar[CELLS + 1];
    int full = p->percent * CELLS / 100;
    for (int i = 0; i < CELLS; i++)
        bar[i] = i < full ? '#' : '-';
    bar[CELLS] = '\0';
    fprintf(stderr, "\r%s [%s] %3d %%", p->what, bar, p->percent);
}

void progress_begin(struct progress *p, const char *what, size_t total)
{
    *p =
        (struct progress){.what = what, .total = total, .percent = -1, .visible = isatty(STDERR_FILENO) == 1};
    progress_at(p, 0);
}

void progress_at(struct progress *p, size_t done)
{
    int percent = p->total > 0 && done < p->total ? (int)(done * 100 / p->total) : 100;
    if (!p->visible || percent == p->percent)
        return;
    p->percent = percent;
    draw(p);
}

void progress_end(struct progress *p)
{
    if (p->visible)
        fprintf(stderr, "\r%*s\r", (int)(CELLS + 64), "");
    p->visible = false;
}
