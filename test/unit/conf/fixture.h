/* A temporary folder that is the current one, files in it, and loads of settings. */
#pragma once

#include "badgewatch/conf/conf.h"

int folder_set_up(void **state);
int folder_tear_down(void **state);
/* Writes a file in the folder; subfolder "conf" exists. */
void put_file(const char *name, const char *text, size_t len);
void put_text(const char *name, const char *text);
/* Loads what must be right. The settings are freed with bw_conf_fini. */
struct bw_conf load_ok(const char *const *envp, const char *path);
/* Loads what must be refused with exactly this text. */
void load_refused(const char *const *envp, const char *path, const char *text);

/* The environment of a load, such as ENV("A=1", "B=2"). */
#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV   ((const char *const[]){NULL})
