/* Cuts a streaming /product answer into its products, as the bytes arrive and in chunks of any size.
 *
 * Happy way: the members of the outer object are told apart by a small state machine. The elements of "products" are
 * measured by brackets and strings alone, and handed over one by one: straight from the chunk where the element lies
 * in one, else from a buffer. All other bytes are the envelope, in which "products" stands as null; the strict reader
 * judges it at the end.
 *
 * How it fails: anything that is not one JSON object gives BW_ERR_SYNTAX with the place and the body's first bytes; an
 * envelope over 64 KB gives BW_ERR_TOO_BIG. The inside of an element is not judged here: a product that is no JSON is
 * one product lost, found by its decoder, and its neighbours are still good. For the same reason an element that is
 * no object (null) is handed over too.
 *
 * Why not json-c in chunks: 100 full histories would be a gigabyte of tree, and the bytes as sent would be gone. */
#include "cursor.h"
#include "envelope.h"
#include "word.h"

#include "badgewatch/base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE_MAX (64u << 10)
#define HEAD_MAX     48
#define KEY_MAX      16 /* more than "products" needs */

enum state {
    START,          /* before the outer object */
    KEY_OR_END,     /* behind its bracket */
    KEY,            /* behind a comma */
    IN_KEY,         /* */
    COLON,          /* */
    VALUE,          /* */
    IN_VALUE,       /* of a member of the envelope */
    AFTER_VALUE,    /* a comma or the end */
    ELEMENT_OR_END, /* behind the bracket of "products" */
    ELEMENT,        /* behind a comma */
    IN_ELEMENT,     /* */
    AFTER_ELEMENT,  /* a comma or the end of "products" */
    DONE            /* behind the outer object */
};

/* How far a value reaches: brackets still open, and whether we are in a string. */
struct extent {
    size_t depth;
    bool string;
    bool escape; /* the next byte belongs to a backslash */
};

struct bw_keepa_splitter {
    bw_keepa_product_cb cb;
    void *ctx;
    size_t max_product;
    enum state state;
    struct extent extent;
    char key[KEY_MAX];
    size_t key_len; /* of the whole key, also past KEY_MAX */
    bool products_seen, has_products;
    struct bw_buf envelope;
    struct bw_buf element; /* the part of an element that came in earlier chunks, at most max_product */
    size_t element_len;    /* of the element so far, also past max_product */
    size_t usual;          /* room for the next one, where the memory of the one before was given away */
    uint64_t offset;       /* of the chunk in the body */
    char head[HEAD_MAX];
    size_t head_len;
    enum bw_err err;
    struct bw_error error;
};

struct bw_keepa_splitter *bw_keepa_splitter_new(size_t max_product, bw_keepa_product_cb cb, void *ctx)
{
    struct bw_keepa_splitter *s = bw_alloc(sizeof *s);

    s->cb = cb;
    s->ctx = ctx;
    s->max_product = max_product;
    bw_buf_init(&s->envelope, ENVELOPE_MAX);
    bw_buf_init(&s->element, max_product);
    return s;
}

void bw_keepa_splitter_free(struct bw_keepa_splitter *s)
{
    if (!s)
        return;
    bw_buf_fini(&s->envelope);
    bw_buf_fini(&s->element);
    free(s);
}

char *bw_keepa_splitter_take(struct bw_keepa_splitter *s, const char *json, size_t len)
{
    if (json != s->element.data)
        return bw_strndup(json, len);
    size_t spare = s->element.cap - len;
    char *bytes = bw_buf_take(&s->element, NULL);
    s->usual = len + len / 8;
    return spare > len / 4 ? bw_realloc_array(bytes, len + 1, 1) : bytes; /* it may be held for long */
}

/* ---- how far a value reaches ---- */

static const char *string_part(struct extent *x, const char *p, const char *end)
{
    if (x->escape) {
        x->escape = false;
        return p + 1;
    }
    p = bw_word_find_special(p, end);
    while (p < end && *p != '"' && *p != '\\') /* control characters are the decoder's business */
        p = bw_word_find_special(p + 1, end);
    if (p == end)
        return p;
    if (*p == '"')
        x->string = false;
    else
        x->escape = true;
    return p + 1;
}

static bool blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* c begins a value; passed by extent_part() like the rest. */
static bool extent_begin(struct extent *x, char c)
{
    *x = (struct extent){0};
    return !strchr(",:]}", c) || c == '\0';
}

/* Passes bytes of one value. *over: it ended, before or with the byte ahead of the result. first: p is its start. */
static const char *extent_part(struct extent *x, const char *p, const char *end, bool first, bool *over)
{
    *over = false;
    while (p < end) {
        if (x->string) {
            p = string_part(x, p, end);
            if (!x->string && x->depth == 0) {
                *over = true;
                return p;
            }
            continue;
        }
        if (x->depth == 0 && !first) {
            /* A number or a word: it ends where something else begins. */
            while (p < end && !blank(*p) && !strchr(",]}", *p))
                p++;
            *over = p < end;
            return p;
        }
        if (x->depth > 0)
            p = bw_word_find_structural(p, end);
        if (p == end)
            return p;
        first = false;
        char c = *p++;
        if (c == '"') {
            x->string = true;
        } else if (c == '[' || c == '{') {
            x->depth++;
        } else if (x->depth > 0) {
            if (--x->depth == 0) {
                *over = true;
                return p;
            }
        }
    }
    return p;
}

/* ---- errors ---- */

static void fail(struct bw_keepa_splitter *s, const char *at, const char *begin, const char *expected)
{
    s->err = bw_error_set(&s->error, BW_ERR_SYNTAX, "not JSON at byte %" PRIu64 ": %s was expected",
                          s->offset + (uint64_t)(at - begin), expected);
}

static void keep_head(struct bw_keepa_splitter *s, const char *data, size_t len)
{
    size_t n = HEAD_MAX - s->head_len;

    n = len < n ? len : n;
    if (n > 0)
        memcpy(s->head + s->head_len, data, n);
    s->head_len += n;
}

/* ---- elements ---- */

static void deliver(struct bw_keepa_splitter *s, const char *json)
{
    bool too_big = s->element_len > s->max_product;
    size_t len = too_big ? s->max_product : s->element_len;

    s->state = AFTER_ELEMENT;
    enum bw_err err = s->cb(s->ctx, json, len, too_big);
    if (err)
        s->err = bw_error_set(&s->error, err, "a product was refused: %s", bw_err_text(err));
}

static const char *element_part(struct bw_keepa_splitter *s, const char *p, const char *end)
{
    bool over;
    bool first = s->element_len == 0;
    const char *to = extent_part(&s->extent, p, end, first, &over);
    size_t len = (size_t)(to - p), room = s->max_product - s->element.len;

    s->element_len += len;
    if (over && first) {
        deliver(s, p);
        return to;
    }
    if (!s->element.data)
        bw_buf_room(&s->element, s->usual);
    (void)bw_buf_add(&s->element, p, len < room ? len : room);
    if (over) {
        deliver(s, bw_buf_str(&s->element));
        bw_buf_clear(&s->element);
    }
    return to;
}

/* ---- members of the outer object ---- */

static bool is_products(const struct bw_keepa_splitter *s)
{
    return s->key_len == strlen("products") && memcmp(s->key, "products", s->key_len) == 0;
}

static void collect(struct bw_keepa_splitter *s, const char *from, const char *to)
{
    if (bw_buf_add(&s->envelope, from, (size_t)(to - from)))
        s->err =
            bw_error_set(&s->error, BW_ERR_TOO_BIG, "more than %u bytes beside the products", ENVELOPE_MAX);
}

static const char *key_part(struct bw_keepa_splitter *s, const char *p, const char *end)
{
    const char *to = string_part(&s->extent, p, end);

    for (const char *k = p; k < to; k++, s->key_len++)
        if (s->key_len < KEY_MAX)
            s->key[s->key_len] = *k;
    if (!s->extent.string) {
        s->key_len--; /* the quote */
        s->state = COLON;
    }
    collect(s, p, to);
    return to;
}

/* p is the first byte of a member's value. */
static const char *value_begin(struct bw_keepa_splitter *s, const char *p, const char *begin)
{
    if (is_products(s)) {
        if (s->products_seen)
            s->err = bw_error_set(&s->error, BW_ERR_SYNTAX, "the answer has two members \"products\"");
        s->products_seen = true;
        if (*p == '[') {
            s->has_products = true;
            s->state = ELEMENT_OR_END;
            static const char null[] = {'n', 'u', 'l', 'l'};
            collect(s, null, null + sizeof null);
            return p + 1;
        }
    }
    if (!extent_begin(&s->extent, *p)) {
        fail(s, p, begin, "a value");
        return p;
    }
    s->state = IN_VALUE;
    bool over; /* never: one byte of a value cannot be all we know of it, as a digit may follow */
    const char *to = extent_part(&s->extent, p, p + 1, true, &over);
    collect(s, p, to);
    return to;
}

static const char *value_part(struct bw_keepa_splitter *s, const char *p, const char *end)
{
    bool over;
    const char *to = extent_part(&s->extent, p, end, false, &over);

    collect(s, p, to);
    if (over)
        s->state = AFTER_VALUE;
    return to;
}

/* One byte between values; moves to the next state, or fails naming what could have come. */
static void punctuation(struct bw_keepa_splitter *s, const char *p, const char *begin)
{
    char c = *p;

    switch (s->state) {
    case START:
        if (c == '{')
            s->state = KEY_OR_END;
        else
            fail(s, p, begin, "an object");
        return;
    case KEY_OR_END:
    case KEY:
        if (c == '"') {
            s->state = IN_KEY;
            s->key_len = 0;
            s->extent = (struct extent){.string = true};
        } else if (c == '}' && s->state == KEY_OR_END) {
            s->state = DONE;
        } else {
            fail(s, p, begin, "a key");
        }
        return;
    case COLON:
        if (c == ':')
            s->state = VALUE;
        else
            fail(s, p, begin, "a colon");
        return;
    case AFTER_VALUE:
        if (c == ',' || c == '}')
            s->state = c == ',' ? KEY : DONE;
        else
            fail(s, p, begin, "a comma or the end of the object");
        return;
    default:
        fail(s, p, begin, "the end");
    }
}

/* The same inside "products", whose bytes are not kept. */
static const char *products_byte(struct bw_keepa_splitter *s, const char *p, const char *begin)
{
    if (s->state == AFTER_ELEMENT) {
        if (*p == ',' || *p == ']')
            s->state = *p == ',' ? ELEMENT : AFTER_VALUE;
        else
            fail(s, p, begin, "a comma or the end of the products");
        return p + 1;
    }
    if (s->state == ELEMENT_OR_END && *p == ']') {
        s->state = AFTER_VALUE;
        return p + 1;
    }
    if (!extent_begin(&s->extent, *p)) {
        fail(s, p, begin, "a product");
        return p;
    }
    s->state = IN_ELEMENT;
    s->element_len = 0;
    return p;
}

static const char *step(struct bw_keepa_splitter *s, const char *p, const char *end, const char *begin)
{
    if (s->state == IN_ELEMENT)
        return element_part(s, p, end);
    if (s->state == IN_KEY)
        return key_part(s, p, end);
    if (s->state == IN_VALUE)
        return value_part(s, p, end);
    if (blank(*p)) /* between tokens; not worth keeping */
        return p + 1;
    if (s->state == VALUE)
        return value_begin(s, p, begin);
    if (s->state == ELEMENT_OR_END || s->state == ELEMENT || s->state == AFTER_ELEMENT)
        return products_byte(s, p, begin);
    punctuation(s, p, begin);
    collect(s, p, p + 1);
    return p + 1;
}

enum bw_err bw_keepa_splitter_feed(struct bw_keepa_splitter *s, const char *data, size_t len)
{
    if (len == 0)
        return s->err;
    keep_head(s, data, len);
    const char *end = data + len;
    for (const char *p = data; p < end && s->err == BW_OK;)
        p = step(s, p, end, data);
    s->offset += len;
    return s->err;
}

/* ---- the end ---- */

/* Shows what came instead, since it is most often a page of some proxy. */
static enum bw_err finish_error(const struct bw_keepa_splitter *s, struct bw_error *error)
{
    char head[HEAD_MAX + 1];

    for (size_t i = 0; i < s->head_len; i++)
        head[i] = s->head[i] >= 0x20 && s->head[i] < 0x7F ? s->head[i] : '.';
    head[s->head_len] = '\0';
    if (s->err == BW_ERR_SYNTAX)
        return bw_error_set(error, s->err, "%s; the answer begins with '%s'", s->error.text, head);
    return bw_error_set(error, s->err, "%s", s->error.text);
}

static void judge_end(struct bw_keepa_splitter *s)
{
    if (s->err || s->state == DONE)
        return;
    if (s->offset == 0)
        s->err = bw_error_set(&s->error, BW_ERR_SYNTAX, "the answer is empty");
    else
        s->err = bw_error_set(&s->error, BW_ERR_SYNTAX, "the answer is cut off after %" PRIu64 " bytes",
                              s->offset);
}

enum bw_err bw_keepa_splitter_finish(struct bw_keepa_splitter *s, struct bw_keepa_envelope *envelope,
                                     bool *has_products, struct bw_error *error)
{
    struct bw_json_doc *doc = NULL;

    judge_end(s);
    if (!s->err)
        s->err = bw_envelope_parse(bw_buf_str(&s->envelope), s->envelope.len, &doc, &s->error);
    /* Not an array, or its name spelled with escapes: either way no products were read. */
    if (!s->err && bw_json_get(bw_json_root(doc), "products"))
        s->err = bw_error_set(&s->error, BW_ERR_SYNTAX, "\"products\" is not an array");
    if (!s->err) {
        bw_envelope_read(bw_json_root(doc), envelope);
        *has_products = s->has_products;
    }
    bw_json_free(doc);
    return s->err ? finish_error(s, error) : BW_OK;
}
