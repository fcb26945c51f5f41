/* Stored state of any bytes: what is accepted is encoded and decoded again to the same text. */
#include "fuzz.h"

#include "badgewatch/codec/state_json.h"

#include <string.h>

#define TEXT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bw_product_key key = {.domain = 1, .asin = "B0TEST0001"};
    struct bw_state first, second;
    struct bw_buf a, b;

    bw_buf_init(&a, TEXT_MAX);
    bw_buf_init(&b, TEXT_MAX);
    if (bw_state_decode((const char *)data, size, &key, &first, NULL) != BW_OK)
        return 0;
    bw_state_encode(&first, &a);
    FUZZ_REQUIRE(bw_state_decode(bw_buf_str(&a), a.len, &key, &second, NULL) == BW_OK);
    bw_state_encode(&second, &b);
    FUZZ_REQUIRE(a.len == b.len && memcmp(bw_buf_str(&a), bw_buf_str(&b), a.len) == 0);
    bw_buf_clear(&a);
    bw_state_ranks_json(&first, &a);
    bw_state_badges_json(&second, &a);
    FUZZ_REQUIRE(!a.overflow);
    bw_state_fini(&first);
    bw_state_fini(&second);
    bw_buf_fini(&a);
    bw_buf_fini(&b);
    return 0;
}
