/* Names and identities. The UUIDs were computed with another implementation (Python's uuid.uuid5). */
#include "badgewatch/core/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct bw_product_key serum = {.domain = 1, .asin = "B0D8W1YVBX"};

static void test_change_ids(void **state)
{
    struct bw_product_key book = {.domain = 12, .asin = "0306406152"};
    char id[BW_UUID_TEXT];
    (void)state;
    bw_change_id(&serum, 7792528011, BW_GAINED, 1778473140, id);
    assert_string_equal(id, "070fdaef-dced-5d2f-bb60-c0ee6f300dc6");
    bw_change_id(&serum, 7792528011, BW_LOST, 1778473140, id);
    assert_string_equal(id, "69a41b91-5ec4-55f6-ad2b-45e8983edb35");
    bw_change_id(&book, INT64_MAX, BW_LOST, 0, id);
    assert_string_equal(id, "eb1cdc5a-9df1-516a-8a8c-46c1c8bab1f5");
}

static void test_reign_ids(void **state)
{
    struct bw_product_key joint = {.domain = 3, .asin = "B00DI7U88G"};
    char id[BW_UUID_TEXT];
    (void)state;
    bw_reign_id(&serum, 7792528011, 1778473140, id);
    assert_string_equal(id, "f56d633a-6b8c-5414-805c-66dba2abc415");
    bw_reign_id(&joint, 23, -1, id);
    assert_string_equal(id, "d2151215-5def-53c2-9cfe-4d9e2f0d25db");
}

static void test_names(void **state)
{
    static const char *const reasons[] = {"reached_top", "outranked", "unranked", "category_removed",
                                          "delisted"};
    enum bw_reason reason = BW_REASONS;
    enum bw_change_type type = BW_LOST;
    (void)state;
    for (unsigned i = 0; i < BW_REASONS; i++) {
        assert_string_equal(bw_reason_name((enum bw_reason)i), reasons[i]);
        assert_true(bw_reason_parse(reasons[i], &reason));
        assert_int_equal(reason, i);
    }
    assert_false(bw_reason_parse("", &reason));
    assert_false(bw_reason_parse("Outranked", &reason));
    assert_true(bw_change_type_parse("gained", &type));
    assert_int_equal(type, BW_GAINED);
    assert_true(bw_change_type_parse("lost", &type));
    assert_int_equal(type, BW_LOST);
    assert_false(bw_change_type_parse("found", &type));
    assert_string_equal(bw_change_type_name(BW_GAINED), "gained");
    assert_string_equal(bw_change_type_name(BW_LOST), "lost");
}

static void test_sha256(void **state) /* vectors of FIPS 180-2 */
{
    char hex[65];
    (void)state;
    bw_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    bw_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    bw_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change_ids),
        cmocka_unit_test(test_reign_ids),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
