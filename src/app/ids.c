/* Random ones are from the kernel (getrandom(2) through bw_random). */
#include "ids.h"

#include "badgewatch/base/backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void bw_uuid_random(char out[BW_UUID_TEXT])
{
    uint32_t r[4] = {bw_random(), bw_random(), bw_random(), bw_random()};
    snprintf(out, BW_UUID_TEXT, "%08x-%04x-4%03x-%04x-%04x%08x", r[0], r[1] >> 16, r[1] & 0xfff,
             0x8000 | ((r[2] >> 16) & 0x3fff), r[2] & 0xffff, r[3]);
}

void bw_daemon_id(char out[64])
{
    char host[33] = "";
    if (gethostname(host, sizeof(host) - 1) != 0)
        snprintf(host, sizeof(host), "host");
    for (char *p = host; *p; p++) {
        if (*p == '|' || *p == ' ') /* '|' ends the owner in a lease */
            *p = '-';
    }
    snprintf(out, 64, "%s-%d-%08x", host, (int)getpid(), bw_random());
}

struct bw_stream_id bw_stream_id_parse(const char *text)
{
    char *end;
    struct bw_stream_id id = {.ms = strtoull(text, &end, 10)};
    if (*end == '-')
        id.seq = strtoull(end + 1, NULL, 10);
    return id;
}

int bw_stream_id_compare(struct bw_stream_id a, struct bw_stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}
