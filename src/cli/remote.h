/* Questions to Keepa and Slack that a command asks by itself: free of tokens, and without posting unless it says so. */
#pragma once

#include "session.h"

/* One line for a person: what was found, or what is wrong. */
struct finding {
    bool ok;
    char text[512];
};

void keepa_token_status(struct session *s, struct finding *out); /* /token: costs nothing */
void slack_auth_test(struct session *s, struct finding *out);    /* auth.test and the scopes granted */
/* Whether the bot reaches a channel; nothing is posted. */
void slack_channel_test(struct session *s, const char *channel, struct finding *out);
void slack_post_test(struct session *s, struct finding *out); /* posts the TEST message */
void slack_post_note(struct session *s, const char *headline, const char *lines, const char *id,
                     struct finding *out);
