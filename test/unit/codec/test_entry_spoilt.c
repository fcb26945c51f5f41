/* Stream entries that hands or faults have spoilt: refused, by the name of the member. */
#include "made.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum kind { CHECK, CHANGE, REQUEST, TOLD, ATTEMPT, NAMES, KINDS };

static enum bw_err decode(enum kind kind, const char *json, size_t len, struct bw_error *error)
{
    union {
        struct bw_check_record check;
        struct bw_change_entry change;
        struct bw_request_record request;
        struct bw_told_record told;
        struct bw_attempt_record attempt;
    } u;
    struct bw_category_name *list;
    size_t n;
    int domain;
    enum bw_err err = BW_OK;
    switch (kind) {
    case CHECK:
        if ((err = bw_check_decode(json, len, &u.check, error)) == BW_OK)
            bw_check_record_fini(&u.check);
        break;
    case CHANGE:
        if ((err = bw_change_entry_decode(json, len, &u.change, error)) == BW_OK)
            bw_change_entry_fini(&u.change);
        break;
    case REQUEST:
        err = bw_request_decode(json, len, &u.request, error);
        break;
    case TOLD:
        if ((err = bw_told_decode(json, len, &u.told, error)) == BW_OK)
            bw_told_record_fini(&u.told);
        break;
    case ATTEMPT:
        if ((err = bw_attempt_decode(json, len, &u.attempt, error)) == BW_OK)
            bw_attempt_record_fini(&u.attempt);
        break;
    default:
        if ((err = bw_names_decode(json, len, &domain, &list, &n, error)) == BW_OK)
            bw_keepa_names_free(list, n);
    }
    return err;
}

#define ID "6f0c3a52-0000-5000-8000-000000000001"
#define CHANGE_TEXT                                                                                          \
    "{\"id\":\"" ID "\",\"domain\":3,\"asin\":\"B0TEST0001\",\"type\":\"lost\",\"reason\":\"outranked\","    \
    "\"category_id\":7,\"category\":\"Serums\",\"previous_rank\":1,\"new_rank\":4,\"occurred_at\":"          \
    "1755100000,"                                                                                            \
    "\"received_at_ms\":1755100000990,\"detected_at_ms\":1755100001000,\"previous_check_at\":0,\"held_"      \
    "since\":0}"
#define ENTRY_TEXT "{\"change\":" CHANGE_TEXT ",\"title\":\"T\",\"data_at\":5}"

/* A good text of each kind; that of a check comes from its writer. */
static char *good_text(enum kind kind)
{
    static const char *const texts[KINDS] = {
        [CHANGE] = ENTRY_TEXT,
        [REQUEST] =
            "{\"batch_id\":\"" ID "\",\"started_at_ms\":1,\"completed_at_ms\":2,\"endpoint\":\"product\","
            "\"http_status\":200,\"asins\":3,\"tokens_consumed\":4,\"tokens_left\":-5,\"cost_cents\":0.5,"
            "\"error\":\"\"}",
        [TOLD] = "{\"channel\":\"C1\",\"ts\":\"1.2\",\"told_at_ms\":9,\"entries\":[" ENTRY_TEXT "," ENTRY_TEXT
                 "]}",
        [ATTEMPT] = "{\"kind\":\"change\",\"channel\":\"C1\",\"change_ids\":[\"" ID "\"],\"attempt\":1,"
                    "\"outcome\":\"sent\",\"error\":\"\",\"at_ms\":9}",
        [NAMES] = "{\"domain\":3,\"names\":[{\"category_id\":7,\"name\":\"Serums\",\"parent\":0}]}",
    };
    struct made m;
    uint32_t seed = 9;
    struct bw_buf json;
    if (kind != CHECK)
        return bw_strdup(texts[kind]);
    made_init(&m, &seed);
    m.d.n_changes = m.d.n_reigns = 1;
    m.d.n_unknowns = m.d.n_rank_points = 1;
    m.p.n_tree = 1;
    m.d.unknown = BW_KNOWN;
    m.changes[0].key = made_key;
    bw_change_fini(&m.changes[0]);
    m.changes[0] = (struct bw_change){.id = ID,
                                      .key = made_key,
                                      .type = BW_LOST,
                                      .reason = BW_OUTRANKED,
                                      .category_id = 7,
                                      .occurred_at = 1755100000};
    memcpy(m.reigns[0].id, ID, sizeof ID);
    m.reigns[0].ended_at = 1755100001;
    m.new[0].from = 6;
    bw_buf_init(&json, 1u << 20);
    made_encode(&m, &json);
    made_fini(&m);
    return bw_buf_take(&json, NULL);
}

/* The text with the first `old` made `new`. */
static char *edited(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    if (!at)
        fail_msg("'%s' is not in %s", old, text);
    return bw_asprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static const struct edit {
    enum kind kind;
    const char *old, *new, *error;
} edits[] = {
    {CHANGE, ENTRY_TEXT, "[]", "a JSON object was expected"},
    {CHANGE, ENTRY_TEXT, "null", "a JSON object was expected"},
    {CHANGE, CHANGE_TEXT, "7", "'change': a JSON object was expected"},
    {CHANGE, "\"change\"", "\"chance\"", "'change': a JSON object was expected"},
    {CHANGE, ID, "6f0c3a52", "'change': 'id': a UUID in lower case was expected"},
    {CHANGE, "6f0c3a52-", "6F0C3A52-", "'change': 'id': a UUID in lower case was expected"},
    {CHANGE, "6f0c3a52-", "6f0c3a52x", "'change': 'id': a UUID in lower case was expected"},
    {CHANGE, "\"id\":", "\"ID\":", "'change': 'id': a text was expected"},
    {CHANGE, "\"domain\":3", "\"domain\":7", "'change': 'domain': a Keepa domain was expected, not 7"},
    {CHANGE, "\"domain\":3", "\"domain\":13", "'change': 'domain': a whole number from 1 to 12 was expected"},
    {CHANGE, "\"domain\":3", "\"domain\":\"3\"",
     "'change': 'domain': a whole number from 1 to 12 was expected"},
    {CHANGE, "B0TEST0001", "b0test0001", "'change': 'asin': ten of A-Z and 0-9 were expected"},
    {CHANGE, "B0TEST0001", "B0TEST00011", "'change': 'asin': a text of at most 10 bytes was expected"},
    {CHANGE, "\"lost\"", "\"last\"", "'change': 'type': gained or lost was expected"},
    {CHANGE, "\"lost\"", "\"gained\"", "'change': 'reason': not one of a badge gained"},
    {CHANGE, "\"outranked\"", "\"reached_top\"", "'change': 'reason': not one of a badge lost"},
    {CHANGE, "\"outranked\"", "\"\"", "'change': 'reason': the name of a reason was expected"},
    {CHANGE, "\"outranked\"", "null", "'change': 'reason': a text was expected"},
    {CHANGE, "\"category_id\":7", "\"category_id\":0",
     "'change': 'category_id': a whole number from 1 to 9223372036854775807 was expected"},
    {CHANGE, "\"category_id\":7", "\"category_id\":9223372036854775808",
     "'change': 'category_id': a whole number from 1 to 9223372036854775807 was expected"},
    {CHANGE, "\"Serums\"", "7", "'change': 'category': a text or null was expected"},
    {CHANGE, "\"previous_rank\":1", "\"previous_rank\":-2",
     "'change': 'previous_rank': a whole number from -1 to 2147483647 was expected"},
    {CHANGE, "\"new_rank\":4", "\"new_rank\":2147483648",
     "'change': 'new_rank': a whole number from -1 to 2147483647 was expected"},
    {CHANGE, "\"new_rank\":4", "\"new_rank\":4.5",
     "'change': 'new_rank': a whole number from -1 to 2147483647 was expected"},
    {CHANGE, "\"occurred_at\":1755100000", "\"occurred_at\":0",
     "'change': 'occurred_at': a whole number from 1 to 253402300799 was expected"},
    {CHANGE, "\"occurred_at\":1755100000", "\"occurred_at\":253402300800",
     "'change': 'occurred_at': a whole number from 1 to 253402300799 was expected"},
    {CHANGE, "\"detected_at_ms\":1", "\"detected_at_ms\":-1",
     "'change': 'detected_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {CHANGE, "\"received_at_ms\":1", "\"received_at_ms\":-1",
     "'change': 'received_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {CHANGE, "\"previous_check_at\":0", "\"previous_check_at\":true",
     "'change': 'previous_check_at': a whole number from 0 to 253402300799 was expected"},
    {CHANGE, ",\"held_since\":0", "",
     "'change': 'held_since': a whole number from 0 to 253402300799 was expected"},
    {CHANGE, "\"title\":\"T\"", "\"title\":{}", "'title': a text or null was expected"},
    {CHANGE, "\"data_at\":5", "\"data_at\":5,\"queued_at_ms\":\"\"",
     "'queued_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {CHANGE, "\"data_at\":5", "\"data_at\":-5",
     "'data_at': a whole number from 0 to 253402300799 was expected"},

    {REQUEST, ID, "", "'batch_id': a UUID in lower case was expected"},
    {REQUEST, "\"started_at_ms\":1", "\"started_at_ms\":-1",
     "'started_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {REQUEST, "\"completed_at_ms\":2", "\"completed_at_ms\":null",
     "'completed_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {REQUEST, "\"product\"", "\"0123456789abcdef\"", "'endpoint': a text of at most 15 bytes was expected"},
    {REQUEST, "\"http_status\":200", "\"http_status\":1000",
     "'http_status': a whole number from 0 to 999 was expected"},
    {REQUEST, "\"asins\":3", "\"asins\":2147483648",
     "'asins': a whole number from 0 to 2147483647 was expected"},
    {REQUEST, "\"tokens_consumed\":4", "\"tokens_consumed\":-4",
     "'tokens_consumed': a whole number from 0 to 2147483647 was expected"},
    {REQUEST, "\"tokens_left\":-5", "\"tokens_left\":\"-5\"",
     "'tokens_left': a whole number from -2147483648 to 2147483647 was expected"},
    {REQUEST, "\"cost_cents\":0.5", "\"cost_cents\":1e8",
     "'cost_cents': a number from 0 to 1e+08 was expected"},
    {REQUEST, "\"cost_cents\":0.5", "\"cost_cents\":1e999",
     "'cost_cents': a number from 0 to 1e+08 was expected"},
    {REQUEST, "\"error\":\"\"", "\"error\":[]", "'error': a text was expected"},

    {TOLD, "\"C1\"", "1", "'channel': a text was expected"},
    {TOLD, "\"1.2\"", "1.2", "'ts': a text was expected"},
    {TOLD, "\"told_at_ms\":9", "\"told_at_ms\":\"9\"",
     "'told_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {TOLD, "[" ENTRY_TEXT "," ENTRY_TEXT "]", "[]", "'entries': at least one was expected"},
    {TOLD, "[" ENTRY_TEXT "," ENTRY_TEXT "]", "{}", "'entries': a list of at most 100000 was expected"},
    {TOLD, "," ENTRY_TEXT, ",null", "'entries' 1: a JSON object was expected"},
    {TOLD, "\"type\":\"lost\"", "\"type\":\"\"",
     "'entries' 0: 'change': 'type': gained or lost was expected"},

    {ATTEMPT, "\"kind\":\"change\"", "\"kind\":7", "'kind': a text was expected"},
    {ATTEMPT, "[\"" ID "\"]", "[\"" ID "\",7]", "'change_ids' 1: a UUID in lower case was expected"},
    {ATTEMPT, ID, "6f0c3a52-0000-5000-8000-00000000000g",
     "'change_ids' 0: a UUID in lower case was expected"},
    {ATTEMPT, "[\"" ID "\"]", "\"" ID "\"", "'change_ids': a list of at most 100000 was expected"},
    {ATTEMPT, "\"attempt\":1", "\"attempt\":-1",
     "'attempt': a whole number from 0 to 2147483647 was expected"},
    {ATTEMPT, "\"outcome\":\"sent\"", "\"outcome\":\"sent and sent and sent\"",
     "'outcome': a text of at most 15 bytes was expected"},
    {ATTEMPT, "\"at_ms\":9", "\"at_ms\":9.5",
     "'at_ms': a whole number from 0 to 253402300799999 was expected"},

    {NAMES, "\"domain\":3", "\"domain\":7", "'domain': a Keepa domain was expected, not 7"},
    {NAMES, "\"names\":[", "\"names\":7,\"x\":[", "'names': a list of at most 100000 was expected"},
    {NAMES, "\"category_id\":7", "\"category_id\":-7",
     "'names' 0: 'category_id': a whole number from 1 to 9223372036854775807 was expected"},
    {NAMES, "\"Serums\"", "null", "'names' 0: 'name': a text was expected"},
    {NAMES, "\"parent\":0", "\"parent\":\"\"",
     "'names' 0: 'parent': a whole number from 0 to 9223372036854775807 was expected"},

    {CHECK, "\"asin\":\"B0TEST0001\"", "\"asin\":\"B0TEST0002\"",
     "'changes' 0: of another product than the check"},
    {CHECK, "\"domain\":3", "\"domain\":0", "'domain': a whole number from 1 to 12 was expected"},
    {CHECK, "\"state\":[", "\"state\":7,\"x\":[", "'state': the stored state is no list"},
    {CHECK, "[2,[17,", "[2,[-1,", "'state': the stored state has no valid 'version'"},
    {CHECK, ",1755101612,", ",1755101612000000000,", "'state': a time is out of range"},
    {CHECK, "\"unknown\":\"\"", "\"unknown\":\"odd\"",
     "'unknown': \"\" or the name of a reason was expected"},
    {CHECK, "\"checked_at_ms\":1755101612345", "\"checked_at_ms\":null",
     "'checked_at_ms': a whole number from 0 to 253402300799999 was expected"},
    {CHECK, "\"batch_id\":\"" BATCH, "\"batch_id\":\"x",
     "'batch_id': a UUID in lower case was expected, or nothing"},
    {CHECK, HASH, "0123", "'raw_sha256': \"\" or 64 hex digits in lower case were expected"},
    {CHECK, "0123456789abcdef", "0123456789ABCDEF",
     "'raw_sha256': \"\" or 64 hex digits in lower case were expected"},
    {CHECK, HASH, HASH "0", "'raw_sha256': a text of at most 64 bytes was expected"},
    {CHECK, "\"raw_mended\":true", "\"raw_mended\":1", "'raw_mended': true or false was expected"},
    {CHECK, "\"changes\":[", "\"changes\":{},\"x\":[", "'changes': a list of at most 100000 was expected"},
    {CHECK, "\"type\":\"lost\"", "\"type\":0", "'changes' 0: 'type': a text was expected"},
    {CHECK, "\"started_at\":", "\"started\":",
     "'reigns' 0: 'started_at': a whole number from 1 to 253402300799 was expected"},
    {CHECK, "\"ended_by\":\"delisted\"", "\"ended_by\":\"reached_top\"",
     "'reigns' 0: 'ended_by': the name of a loss was expected"},
    {CHECK, "\"ended_by\":\"delisted\"", "\"ended_by\":null", "'reigns' 0: 'ended_by': a text was expected"},
    {CHECK, "\"unknowns\":[", "\"unknowns\":[7,", "'unknowns' 0: a JSON object was expected"},
    {CHECK, "\"reason\":\"category_missing\"", "\"reason\":\"0123456789012345678901234\"",
     "'unknowns' 0: 'reason': a text of at most 23 bytes was expected"},
    {CHECK, "\"ranks\":{", "\"ranks\":[],\"x\":{", "'ranks': an object was expected"},
    {CHECK, "\"ranks\":{\"1\"", "\"ranks\":{\"01\"", "'ranks' '01': no category id"},
    {CHECK, "\"ranks\":{\"1\"", "\"ranks\":{\" 1\"", "'ranks' ' 1': no category id"},
    {CHECK, "\"ranks\":{\"1\"", "\"ranks\":{\"9223372036854775808\"",
     "'ranks' '9223372036854775808': no category id"},
    {CHECK, "[1755100006,", "[1755100006,1,1755100006,", "'ranks' '1': its times do not ascend, or are none"},
    {CHECK, "[1755100006,", "[0,", "'ranks' '1': its times do not ascend, or are none"},
    {CHECK, "[1755100006,", "[", "'ranks' '1': a flat list of times and values was expected"},
    {CHECK, "[1755100006,", "[1755100005,0,1755100006,", "'ranks' '1': a rank is out of range"},
    {CHECK, "[1755100006,", "[1755100005,\"1\",1755100006,", "'ranks' '1': a value is no number"},
    {CHECK, "\"amazon\"", "\"azamon\"", "'values' 'azamon': no kind of value"},
    {CHECK, "\"amazon\":[", "\"amazon\":7,\"new\":[",
     "'values' 'amazon': a flat list of times and values was expected"},
    {CHECK, "\"names\":[{", "\"names\":[7,{", "'names' 0: a JSON object was expected"},
};

static void edited_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct bw_error error = {.code = BW_OK};
        char *good = good_text(edits[i].kind), *bad = edited(good, edits[i].old, edits[i].new);
        if (decode(edits[i].kind, good, strlen(good), &error) != BW_OK)
            fail_msg("%s: %s", error.text, good);
        enum bw_err err = decode(edits[i].kind, bad, strlen(bad), &error);
        if (err != BW_ERR_INVALID || strcmp(error.text, edits[i].error) != 0)
            fail_msg("edit %zu ('%s'): %d '%s', expected '%s'", i, edits[i].new, err, error.text,
                     edits[i].error);
        assert_int_equal(decode(edits[i].kind, bad, strlen(bad), NULL), BW_ERR_INVALID);
        free(good);
        free(bad);
    }
}

/* A newer daemon on the same streams may know more members. */
static void unknown_members_are_no_fault(void **state)
{
    (void)state;
    for (int kind = CHECK; kind < KINDS; kind++) {
        char *good = good_text((enum kind)kind), *more = edited(good, "{", "{\"newer\":[1],");
        struct bw_error error = {.code = BW_OK};
        if (decode((enum kind)kind, more, strlen(more), &error) != BW_OK)
            fail_msg("%s", error.text);
        free(good);
        free(more);
    }
}

/* Cut at every byte, and each byte damaged in turn: an error or a record, never a crash or a leak. */
static void cut_and_damaged(void **state)
{
    uint32_t seed = 10;
    (void)state;
    for (int kind = CHECK; kind < KINDS; kind++) {
        char *good = good_text((enum kind)kind);
        size_t len = strlen(good);
        for (size_t i = 0; i < len; i++) {
            struct bw_error error = {.code = BW_OK};
            char kept = good[i], *cut = bw_alloc(i);
            memcpy(cut, good, i);
            assert_int_equal(decode((enum kind)kind, cut, i, &error), BW_ERR_SYNTAX);
            assert_true(error.text[0]);
            free(cut);
            good[i] = (char)next_random(&seed);
            enum bw_err err = decode((enum kind)kind, good, len, &error);
            assert_true(err == BW_OK || err == BW_ERR_SYNTAX || err == BW_ERR_INVALID);
            good[i] = kept;
        }
        free(good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edited_by_hand),
        cmocka_unit_test(unknown_members_are_no_fault),
        cmocka_unit_test(cut_and_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
