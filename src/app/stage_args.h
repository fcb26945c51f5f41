/* What one check says, as arguments of the script that stages it. */
#pragma once

#include "args.h"
#include "stage.h"

struct bw_staging {
    const struct bw_context *cx;
    const struct bw_check *check;
    const struct bw_detection *detection;
    const struct bw_state_text *text; /* of detection->next */
    bool settles, ill;  /* no check: it decides about losses that were held back; the source was found ill */
    const char *hash;   /* of the bytes as they came; "" = none */
    bool mended;        /* check->raw is not as it came */
    struct bw_buf *doc; /* to write in */
};

/* The product's key behind keys, the rest behind args. check->raw is lent: it must outlive both. */
void bw_stage_args(const struct bw_staging *s, struct bw_args *keys, struct bw_args *args);
