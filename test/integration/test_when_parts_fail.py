"""When parts fail: a test for each line of that table of the contract, named after it. What a line promises is in the steps
it names; a long line is split, so that its parts run side by side."""
import stack
import when_daemons_fail
import when_keepa_fails
import when_postgres_fails
import when_redis_fails
import when_slack_fails


def keepa_slow_429_5xx_html_truncated_bad_gzip_100mb():
    """Bounded time and memory, back-off, the products stay due, nothing else is held up."""
    when_keepa_fails.requests()


def keepa_wrong_types():
    """Answers that say nothing, or nonsense: unknown, never lost."""
    when_keepa_fails.answers()


def keepa_down_for_a_day():
    when_keepa_fails.down_for_a_day()


def keepa_key_refused():
    """No hammering, red."""
    when_keepa_fails.key_refused()


def postgres_away_or_restarted():
    """Checks and alerts go on, within the same time; history is written in order when it is back; each row once."""
    when_postgres_fails.away_and_restarted()


def postgres_read_only_out_of_connections_or_wrong_password():
    when_postgres_fails.read_only_out_of_connections_or_wrong_password()


def postgres_disk_full_locked_or_half_open():
    when_postgres_fails.refuses_what_is_written_or_stands_still()


def redis_away_or_restarted():
    """Checks wait; it says so; what moved meanwhile is found."""
    when_redis_fails.away_and_restarted()


def redis_older_than_what_was_told():
    """Also where Postgres was away when it was told."""
    when_redis_fails.older_than_what_was_told()


def redis_half_open():
    when_redis_fails.half_open()


def redis_refuses_writes():
    """Memory or disk full, a replica, a password."""
    when_redis_fails.refuses_writes()


def entries_nobody_can_read():
    """A poison entry never blocks the others."""
    when_redis_fails.entries_nobody_can_read()


def backlog_over_stage_limit():
    """Checks pause until it drains; nothing is dropped."""
    when_postgres_fails.backlog()


def slack_away_revoked_archived():
    """Alerts wait in order."""
    when_slack_fails.away()
    when_slack_fails.operator_must_act()
    when_slack_fails.told_to_wait_for_hours()


def slack_outcome_unknown():
    when_slack_fails.each_fault_once()
    when_slack_fails.history_is_limited()
    when_slack_fails.each_page_is_limited()
    when_slack_fails.token_revoked_before_the_look()


def slack_cut_off_and_posts_later():
    when_slack_fails.posted_late()


def slack_outcome_unknown_and_nobody_can_look():
    when_slack_fails.nobody_can_look()
    when_slack_fails.history_is_refused()


def kill_9_anywhere():
    """At the next start nothing lost, nothing twice."""
    when_daemons_fail.killed()


def clock_stepped():
    """No burst of checks, none missed."""
    when_daemons_fail.own_clock_stepped()


def clock_stepped_on_the_whole_host():
    when_daemons_fail.host_clock_stepped()
    when_daemons_fail.sign_of_life_lost()


def suspended_laptop():
    when_daemons_fail.suspended()


def two_or_more_daemons():
    """They share the work; each check and alert happens once; one dying loses nothing."""
    when_daemons_fail.two_daemons()
    when_daemons_fail.told_in_order()


def sigterm():
    """Stops taking work, finishes or hands back what is in flight, exits 0 within 10 s."""
    when_daemons_fail.ended()
    when_daemons_fail.ended_in_the_middle()


if __name__ == '__main__':
    stack.main(*[f for name, f in list(globals().items()) if callable(f) and getattr(f, '__module__', '') == '__main__'])
