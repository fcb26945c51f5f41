/* Simulated time. See clock.h. Every change re-anchors first, so that time never jumps by itself. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

void sim_clock_init(struct sim_clock *c, int64_t real_ms, int64_t start_sim_ms, double speed, bool stopped)
{
    *c = (struct sim_clock){.anchor_real_ms = real_ms,
                            .anchor_sim_ms = start_sim_ms,
                            .speed = speed,
                            .stopped = stopped,
                            .start_sim_ms = start_sim_ms};
}

int64_t sim_clock_now(const struct sim_clock *c, int64_t real_ms)
{
    if (c->stopped || real_ms <= c->anchor_real_ms)
        return c->anchor_sim_ms;
    return c->anchor_sim_ms + (int64_t)((double)(real_ms - c->anchor_real_ms) * c->speed);
}

void sim_clock_set(struct sim_clock *c, int64_t real_ms, int64_t sim_ms)
{
    c->anchor_real_ms = real_ms;
    c->anchor_sim_ms = sim_ms;
}

void sim_clock_advance(struct sim_clock *c, int64_t real_ms, int64_t by_ms)
{
    sim_clock_set(c, real_ms, sim_clock_now(c, real_ms) + by_ms);
}

void sim_clock_speed(struct sim_clock *c, int64_t real_ms, double speed)
{
    sim_clock_advance(c, real_ms, 0);
    c->speed = speed;
}

void sim_clock_stop(struct sim_clock *c, int64_t real_ms, bool stopped)
{
    sim_clock_advance(c, real_ms, 0);
    c->stopped = stopped;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

int64_t sim_minute_of_ms(int64_t unix_ms)
{
    return floor_div(unix_ms, 60000) - SIM_KEEPA_EPOCH_MIN;
}

int64_t sim_even_minute_of_ms(int64_t unix_ms)
{
    return floor_div(sim_minute_of_ms(unix_ms), 2) * 2;
}

int64_t sim_ms_of_minute(int64_t minute)
{
    return (minute + SIM_KEEPA_EPOCH_MIN) * 60000;
}

void sim_http_date(int64_t unix_ms, char out[32])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t s = (time_t)floor_div(unix_ms, 1000);
    struct tm tm;
    if (!gmtime_r(&s, &tm)) {
        out[0] = '\0';
        return;
    }
    snprintf(out, 32, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday % 100,
             months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100);
}
