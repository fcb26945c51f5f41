/* Titles and names of categories come from Amazon's listings: written by strangers, shown in our name.
 *
 * Happy way: the text is walked character by character. What could leave its place is taken away: & < > (Slack's own
 * markup, so "<!channel>" calls nobody), line ends and other control characters (a second line could pass for ours),
 * and the bidi controls that turn around what stands behind them. There is no escape for * _ ~ and the back-tick in
 * mrkdwn, and inserting invisible characters would break searching and copying: such a title may look bold in `text`,
 * which is why the blocks show titles as plain_text.
 *
 * Nothing fails. Bytes that are no UTF-8 become U+FFFD here already: a lone lead byte must not carry a '<' past the
 * escaping. */
#include "slack_escape.h"

#include "utf8.h"

#include "badgewatch/codec/slack.h"

#include <stdint.h>
#include <string.h>

static uint32_t code_point(const unsigned char *s, size_t n)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t cp = s[0] & masks[n];
    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (s[i] & 0x3f);
    return cp;
}

static bool is_bidi_control(uint32_t cp)
{
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms, and the mark that makes text run so. */
static bool is_right_to_left(uint32_t cp)
{
    return (cp >= 0x590 && cp <= 0x8ff) || cp == 0x200f || (cp >= 0xfb1d && cp <= 0xfdff) ||
           (cp >= 0xfe70 && cp <= 0xfefc) || (cp >= 0x10800 && cp <= 0x10fff) ||
           (cp >= 0x1e800 && cp <= 0x1efff);
}

bool bw_slack_runs_right_to_left(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t left = strlen(text); left > 0;) {
        bool valid;
        size_t n = bw_utf8_step(p, left, &valid);
        if (valid && is_right_to_left(code_point(p, n)))
            return true;
        p += n;
        left -= n;
    }
    return false;
}

/* C0, DEL, C1 (with NEL), and the two separators that some programs take for line ends. */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x2028 || cp == 0x2029;
}

static const char *escape_of(uint32_t cp)
{
    return cp == '&' ? "&amp;" : cp == '<' ? "&lt;" : cp == '>' ? "&gt;" : NULL;
}

/* Slack does not say what a character is: one past U+FFFF counts for the two units that JavaScript sees. */
bool bw_slack_put_clean(const char *text, size_t max, bool markup, struct bw_buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text), used = 0;
    bool seen = false;
    while (left > 0) {
        bool valid;
        size_t n = bw_utf8_step(p, left, &valid);
        uint32_t cp = valid ? code_point(p, n) : 0xfffd;
        const char *piece = (const char *)p, *escape = markup ? escape_of(cp) : NULL;
        size_t len = n, units = cp > 0xffff ? 2 : 1;
        p += n;
        left -= n;
        if (is_bidi_control(cp))
            continue;
        if (is_control(cp)) {
            piece = " ";
            len = 1;
        } else if (escape) {
            piece = escape;
            len = units = strlen(escape);
        } else if (!valid) {
            piece = BW_UTF8_REPLACEMENT;
            len = strlen(piece);
        }
        if (used + units > max) {
            bw_buf_adds(out, "…");
            return seen;
        }
        seen = seen || !(len == 1 && *piece == ' ');
        used += units;
        bw_buf_add(out, piece, len);
    }
    return seen;
}

void bw_slack_escape(const char *text, size_t max, struct bw_buf *out)
{
    bw_slack_put_clean(text, max, true, out);
}
