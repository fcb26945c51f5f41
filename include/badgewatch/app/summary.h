/* The figures of a summary, computed by Postgres. */
#pragma once

/* $1, $2: its first and its last day, "2026-05-10" (UTC). One row with one column: the JSON of codec/summary_json.h. */
extern const char bw_summary_select[];
