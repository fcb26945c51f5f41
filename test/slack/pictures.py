#!/usr/bin/python3
"""Draws the messages as Slack shows them: doc/pictures/*.png, from real bodies.

    test/slack/pictures.py [--verify]

Bodies of changes come from `slack_bodies examples`, those of daemons at work from the run that check.py made last. Each is
laid out by a small renderer of the blocks that badgewatch uses (header, section, context) and drawn by chromium. The bodies
are kept beside the pictures, in messages.jsonl.

--verify draws nothing: it exits 1 where the pictures show something else than what the code says today. Without it chromium,
fonts-noto-color-emoji and pngquant are needed; they are no part of what the tests install.
"""
import html
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('BW_BUILD', os.path.join(ROOT, 'build', 'asan')))
PLACE = os.path.join(ROOT, 'doc', 'pictures')
KEPT = os.path.join(PLACE, 'messages.jsonl')
WIDTH = 620
SHORTEST = 140  # chromium draws nothing in a lower window
MADE = {'gained': 'gained', 'lost, outranked': 'lost', 'came and went': 'came-and-went', 'several changes of a product': 'several',
        'grouped': 'grouped', 'family': 'family', 'late': 'late', 'flapping': 'flapping', 'daily': 'summary', 'test': 'test'}
AT_WORK = {'at work: BEST SELLER SETTLED': 'settled', 'at work: Postgres is failing': 'part-fails',
           "at work: Keepa's data is ill, losses are held back": 'source-ill'}
STYLE = """
body { margin: 0; width: %dpx; font: 15px/1.47 Lato, 'DejaVu Sans', 'Noto Color Emoji', sans-serif; color: #1d1c1d; background: #fff }
.message { padding: 10px 16px 12px 64px; position: relative }
.face { position: absolute; left: 16px; top: 13px; width: 36px; height: 36px; border-radius: 6px; background: #f4b400; color: #fff;
  font: bold 20px/36px Lato, sans-serif; text-align: center }
.who { font-weight: 900 } .app { font-size: 10px; background: #e8e8e8; border-radius: 2px; padding: 1px 3px; color: #616061 }
.at { font-size: 12px; color: #616061; margin-left: 4px }
.header { font-weight: 900; font-size: 18px; margin: 4px 0 } .section { white-space: pre-wrap; margin: 4px 0 }
.context { font-size: 13px; color: #616061; margin: 4px 0 } a { color: #1264a3; text-decoration: none }
""" % WIDTH


def lines_of(path):
    with open(path, encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def made():
    out = subprocess.run([os.path.join(BUILD, 'test', 'slack', 'slack_bodies'), 'examples'], capture_output=True, check=True).stdout
    return {MADE[m['kind']]: m['body'] for m in map(json.loads, out.decode().splitlines()) if m['kind'] in MADE}


def at_work():
    """Without the temporary folder that their stores were in."""
    with open(os.path.join(BUILD, 'test', 'slack', 'node', 'bodies.jsonl'), encoding='utf-8') as f:
        lines = re.sub(r'/tmp/bw-\w+/pg', '/var/run/postgresql', f.read()).splitlines()
    return {AT_WORK[m['kind']]: m['body'] for m in map(json.loads, lines) if m['kind'] in AT_WORK}


# ---- the blocks that badgewatch uses ----

def mrkdwn(text):
    """Its texts are escaped already; all that is marked up are links."""
    return re.sub(r'<([^|>]+)\|([^>]*)>', r'<a href="\1">\2</a>', text)


def text_of(o):
    return mrkdwn(o['text']) if o['type'] == 'mrkdwn' else html.escape(o['text'])


def block(b):
    if b['type'] == 'context':
        inner = ' '.join(text_of(e) for e in b['elements'])
    elif b['type'] in ('header', 'section'):
        inner = text_of(b['text'])
    else:
        sys.exit(f'no picture of a block {b["type"]} yet')
    return f'<div class="{b["type"]}">{inner}</div>'


def page(body):
    blocks = body.get('blocks') or [{'type': 'section', 'text': {'type': 'mrkdwn', 'text': body['text']}}]
    inner = ''.join(map(block, blocks))
    return (f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><div class="message"><div class="face">b</div>'
            f'<span class="who">badgewatch</span> <span class="app">APP</span><span class="at">16:13</span>{inner}</div>')


def chromium(place, *args):
    return subprocess.run(['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--hide-scrollbars',
                           '--disable-background-networking', '--disable-component-update', '--disable-sync',
                           f'--user-data-dir={place}/profile', *args], capture_output=True, text=True, check=True).stdout


def draw(name, body):
    with tempfile.TemporaryDirectory() as place:
        source, png = f'{place}/message.html', f'{place}/message.png'
        with open(source, 'w', encoding='utf-8') as f:
            f.write(page(body) + '<script>document.title = document.body.scrollHeight</script>')
        height = re.search(r'<title>(\d+)</title>', chromium(place, '--dump-dom', f'--window-size={WIDTH},300', f'file://{source}'))
        chromium(place, f'--screenshot={png}', f'--window-size={WIDTH},{max(SHORTEST, int(height.group(1)))}', '--force-device-scale-factor=1.5',
                 f'file://{source}')
        subprocess.run(['pngquant', '--force', '--strip', '--output', f'{PLACE}/{name}.png', '64', png], check=True)


def main():
    if sys.argv[1:] == ['--verify']:
        shown, now = {m['picture']: m['body'] for m in lines_of(KEPT)}, made()
        other = [name for name in now if shown.get(name) != now[name]]
        gone = [name for name in shown if not os.path.exists(f'{PLACE}/{name}.png')]
        if other or gone:
            sys.exit(f'doc/pictures shows something else than the code says ({", ".join(other + gone)}): run test/slack/pictures.py')
        return
    os.makedirs(PLACE, exist_ok=True)
    bodies = {**made(), **at_work()}
    for name, body in bodies.items():
        draw(name, body)
    with open(KEPT, 'w', encoding='utf-8') as f:
        f.writelines(json.dumps({'picture': name, 'body': body}, ensure_ascii=False) + '\n' for name, body in bodies.items())


if __name__ == '__main__':
    main()
