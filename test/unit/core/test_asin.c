/* Names of products: both forms in, one form out; what is refused says what was expected. */
#include "badgewatch/core/asin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int domain; /* 0 = refused */
        const char *asin;
    } rows[] = {
        {"B0D8W1YVBX", 1, "B0D8W1YVBX"},
        {"0306406152", 1, "0306406152"},
        {"1:B0D8W1YVBX", 1, "B0D8W1YVBX"},
        {"3:B0D8W1YVBX", 3, "B0D8W1YVBX"},
        {"12:B0D8W1YVBX", 12, "B0D8W1YVBX"},
        {"", 0, NULL},
        {"B0D8W1YVB", 0, NULL},
        {"B0D8W1YVBXX", 0, NULL},
        {"b0d8w1yvbx", 0, NULL},
        {"B0D8W1YVB ", 0, NULL},
        {" B0D8W1YVBX", 0, NULL},
        {"B0D8W1YVB-", 0, NULL},
        {"7:B0D8W1YVBX", 0, NULL},
        {"0:B0D8W1YVBX", 0, NULL},
        {"13:B0D8W1YVBX", 0, NULL},
        {"03:B0D8W1YVBX", 0, NULL},
        {"-1:B0D8W1YVBX", 0, NULL},
        {":B0D8W1YVBX", 0, NULL},
        {"1:", 0, NULL},
        {"1:3:B0D8W1YVBX", 0, NULL},
        {"x:B0D8W1YVBX", 0, NULL},
        {"4294967297:B0D8W1YVBX", 0, NULL},
        {"B0D8W1YVB\xc3", 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_product_key key = {.domain = -5};
        struct bw_error error = {.text = ""};
        enum bw_err err = bw_product_key_parse(rows[i].text, &key, &error);
        if (rows[i].domain == 0) {
            if (err != BW_ERR_INVALID)
                fail_msg("'%s' was accepted", rows[i].text);
            assert_int_equal(key.domain, -5); /* set only on success */
            assert_non_null(strstr(error.text, "expected"));
            continue;
        }
        if (err != BW_OK)
            fail_msg("'%s' was refused: %s", rows[i].text, error.text);
        assert_int_equal(key.domain, rows[i].domain);
        assert_string_equal(key.asin, rows[i].asin);
    }
}

static void test_refusal_names_the_part(void **state)
{
    struct bw_product_key key;
    struct bw_error error;
    (void)state;
    assert_int_equal(bw_product_key_parse("7:B0D8W1YVBX", &key, &error), BW_ERR_INVALID);
    assert_non_null(strstr(error.text, "domain"));
    assert_int_equal(bw_product_key_parse("3:B0D8", &key, &error), BW_ERR_INVALID);
    assert_non_null(strstr(error.text, "ASIN"));
    assert_int_equal(bw_product_key_parse("3:B0D8", &key, NULL), BW_ERR_INVALID);
}

static void test_format_and_compare(void **state)
{
    struct bw_product_key a = {.domain = 12, .asin = "B0D8W1YVBX"};
    struct bw_product_key b = {.domain = 2, .asin = "B0D8W1YVBX"};
    struct bw_product_key c = {.domain = 2, .asin = "B0D8W1YVBY"};
    char text[BW_PRODUCT_TEXT];
    (void)state;
    bw_product_key_format(&a, text);
    assert_string_equal(text, "12:B0D8W1YVBX");
    assert_true(bw_product_key_compare(&b, &a) < 0);
    assert_true(bw_product_key_compare(&a, &b) > 0);
    assert_true(bw_product_key_compare(&b, &c) < 0);
    assert_int_equal(bw_product_key_compare(&c, &c), 0);
}

static void test_domains(void **state)
{
    static const struct {
        int domain;
        const char *host;
        const char *currency;
    } rows[] = {
        {1, "amazon.com", "USD"},     {2, "amazon.co.uk", "GBP"},   {3, "amazon.de", "EUR"},
        {4, "amazon.fr", "EUR"},      {5, "amazon.co.jp", "JPY"},   {6, "amazon.ca", "CAD"},
        {8, "amazon.it", "EUR"},      {9, "amazon.es", "EUR"},      {10, "amazon.in", "INR"},
        {11, "amazon.com.mx", "MXN"}, {12, "amazon.com.br", "BRL"},
    };
    static const int bad[] = {-1, 0, 7, 13, INT32_MAX, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(bw_domain_valid(rows[i].domain));
        assert_string_equal(bw_domain_host(rows[i].domain), rows[i].host);
        assert_string_equal(bw_domain_currency(rows[i].domain), rows[i].currency);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bw_domain_valid(bad[i]));
        assert_null(bw_domain_host(bad[i]));
        assert_null(bw_domain_currency(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refusal_names_the_part),
        cmocka_unit_test(test_format_and_compare),
        cmocka_unit_test(test_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
