"""Slack allows one message a second in a channel: the daemon keeps to it by itself, not by being refused."""
import stack
from stack import true


def one_message_a_second():
    sim = ['--generate', '60', '--seed', '3', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '2',
           '--slack-rate', '0', '--pad', '1000']
    with stack.Stack(sim=sim, env={'BADGEWATCH_GROUP_WINDOW': '1ms'}) as s:
        s.track_all()
        for _ in range(12):
            if len(s.messages()) >= 3:
                break
            s.post('/control/clock', {'advance_s': 1800})
            s.poll()
        s.settled(30)
        times = [m['received_ms'] for m in s.messages()]
        true(len(times) >= 3, f'{len(times)} messages are too few to tell')
        gaps = [b - a for a, b in zip(times, times[1:])]
        true(min(gaps) >= 950, f'messages came within {min(gaps)} ms')


if __name__ == '__main__':
    stack.main(one_message_a_second)
