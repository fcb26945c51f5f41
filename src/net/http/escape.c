/* Percent-encoding of one query value. It cannot fail but for the buffer's cap, which the buffer keeps. */
#include "badgewatch/http/http.h"

#include <string.h>

void bw_http_escape(struct bw_buf *out, const char *value)
{
    /* RFC 3986 unreserved; ',' and ':' are legal in a query and keep lists of ASINs short and readable */
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,:";

    for (; *value; value++) {
        if (strchr(kept, *value))
            bw_buf_addc(out, *value);
        else
            bw_buf_addf(out, "%%%02X", (unsigned)(unsigned char)*value);
    }
}
