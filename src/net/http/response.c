/* What the owner of a call is told.
 *
 * Happy way: a complete response came; its status, body and the few headers that are asked for.
 *
 * How it fails: libcurl's codes become ours here and nowhere else. The text for people is libcurl's, which may
 * name the host; a URL of ours can hold a key in its query or its path (Slack's webhooks), so a text that holds
 * any longer part of the URL behind the host is replaced by the code's general text. */
#include "http_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { SECRET_MIN = 4 }; /* shorter words of a URL ("v1") are no secrets, and would hide useful texts */

static enum bw_err err_of_curl(const struct bw_http_call *call, CURLcode code)
{
    if (code != CURLE_OK && call->refused != BW_OK)
        return call->refused;
    switch (code) {
    case CURLE_OK:
        return BW_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return BW_ERR_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return BW_ERR_TOO_BIG;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9": bytes that are not HTTP */
    case CURLE_HTTP_RETURNED_ERROR:
    case CURLE_WRITE_ERROR: /* with nothing refused by us: the decoder's */
        return BW_ERR_PROTOCOL;
    default:
        return BW_ERR_UNAVAILABLE;
    }
}

/* True when a word of the URL that may be secret (its user, its path, its query) is in the text. */
static bool shows_secret(const char *text, const char *url)
{
    static const char between[] = "/?&=#,;:@%+";
    const char *host = strstr(url, "://");
    const char *rest = host ? host + 3 : url;
    const char *path = rest + strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', (size_t)(path - rest));

    for (const char *word = at ? rest : path; *word;) {
        size_t len = strcspn(word, between);
        if (len >= SECRET_MIN && !(word > at && word < path) && memmem(text, strlen(text), word, len))
            return true;
        word += len + (word[len] != '\0');
    }
    return false;
}

static void explain(struct bw_http_call *call, CURLcode code)
{
    struct bw_http_response *r = &call->response;
    const char *text = call->curl_text[0] ? call->curl_text : curl_easy_strerror(code);

    if (call->refused == BW_ERR_TOO_BIG && call->head_len > HTTP_MAX_HEAD)
        snprintf(r->reason, sizeof r->reason, "the answer's headers are bigger than %d bytes", HTTP_MAX_HEAD);
    else if (call->refused == BW_ERR_TOO_BIG)
        snprintf(r->reason, sizeof r->reason, "the answer is bigger than %zu bytes", call->max_body);
    else if (call->refused == BW_ERR_TIMEOUT && !call->sent)
        snprintf(r->reason, sizeof r->reason, "too late to begin the request");
    else if (call->refused != BW_OK)
        snprintf(r->reason, sizeof r->reason, "the answer was refused: %s", bw_err_text(call->refused));
    else
        snprintf(r->reason, sizeof r->reason, "%s",
                 shows_secret(text, call->url) ? curl_easy_strerror(code) : text);
}

static const char *header(CURL *easy, const char *name)
{
    struct curl_header *found = NULL;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "";
}

static int64_t retry_after_ms(const char *value)
{
    enum { MOST_DIGITS = 9 };
    size_t digits = strspn(value, "0123456789");

    if (digits == 0 || value[digits + strspn(value + digits, " \t")] != '\0')
        return -1;
    if (digits > MOST_DIGITS) /* 31 years will do for any number */
        return (int64_t)999999999 * 1000;
    return (int64_t)strtol(value, NULL, 10) * 1000;
}

static int64_t date_of(CURL *easy)
{
    time_t date = curl_getdate(header(easy, "Date"), NULL);

    return date != (time_t)-1 ? (int64_t)date : 0;
}

void bw_http_head(const struct bw_http_call *call, long *status, int64_t *date_s)
{
    *status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, status);
    *date_s = date_of(call->easy);
}

static void fill_head(struct bw_http_call *call)
{
    struct bw_http_response *r = &call->response;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &r->status);
    r->retry_after_ms = retry_after_ms(header(call->easy, "Retry-After"));
    r->content_type = header(call->easy, "Content-Type");
    r->oauth_scopes = header(call->easy, "X-OAuth-Scopes");
    r->date.ms = date_of(call->easy) * 1000;
    r->has_date = r->date.ms != 0;
}

static void fill(struct bw_http_call *call, enum bw_err err)
{
    struct bw_http_response *r = &call->response;

    r->err = err;
    r->sent = call->sent;
    r->sent_at = call->sent_at;
    r->body_complete = err == BW_OK;
    r->last_byte = bw_mono_now();
    r->total_s = (double)(r->last_byte.ms - call->start.ms) / 1000.0;
    r->body = bw_buf_str(&call->body);
    r->body_len = call->body.len;
    fill_head(call);
}

/* Only an interim answer (1xx), or no empty line after the last header. */
static bool is_cut_in_head(const struct bw_http_call *call)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || !call->head_complete;
}

void http_response_of_curl(struct bw_http_call *call, CURLcode code)
{
    if (code == CURLE_OK && is_cut_in_head(call)) {
        http_response_of_err(call, BW_ERR_UNAVAILABLE,
                             "the connection was closed within the answer's headers");
        return;
    }
    fill(call, err_of_curl(call, code));
    if (code != CURLE_OK)
        explain(call, code);
}

void http_response_of_err(struct bw_http_call *call, enum bw_err err, const char *reason)
{
    fill(call, err);
    snprintf(call->response.reason, sizeof call->response.reason, "%s", reason);
}
