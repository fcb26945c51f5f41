"""What the tests in containers share: a Docker engine, images, and waiting. A test that cannot run here raises Skip."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..'))
WAIT = 90


class Skip(Exception):
    pass


class Failure(Exception):
    pass


def true(value, what):
    if not value:
        raise Failure(what)


def equal(got, expected, what):
    true(got == expected, f'{what}: {got!r}, not {expected!r}')


def wait(what, condition, seconds=WAIT):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'not within {seconds} s: {what}')
        time.sleep(0.25)


def call(*words, check=True, timeout=900, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise Failure(f'{" ".join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')
    return done


@contextlib.contextmanager
def engine():
    """One that answers, else our own for the time of the test."""
    if not shutil.which('docker'):
        raise Skip('there is no docker here')
    if call('docker', 'info', check=False).returncode == 0:
        yield
        return
    if os.geteuid() != 0 or not shutil.which('dockerd'):
        raise Skip('no Docker engine answers, and none can be started here (that needs root and dockerd)')
    with tempfile.TemporaryDirectory(prefix='bw-engine-') as folder:
        os.environ['DOCKER_HOST'] = f'unix://{folder}/docker.sock'
        with open(f'{folder}/log', 'w', encoding='utf-8') as log:
            process = subprocess.Popen(['dockerd', '--host', os.environ['DOCKER_HOST'], '--data-root', f'{folder}/data',
                                        '--exec-root', f'{folder}/exec', '--pidfile', f'{folder}/pid'], stdout=log, stderr=log)
        try:
            wait('the engine answers or ends', lambda: process.poll() is not None or
                 call('docker', 'info', check=False).returncode == 0, 60)
            if process.poll() is not None:
                with open(f'{folder}/log', encoding='utf-8') as log:
                    raise Skip('a Docker engine does not start here: ' + log.read().strip().splitlines()[-1])
            yield
        finally:
            process.terminate()
            process.wait(60)


def get_image(name):
    """A public image: there already, pulled, or a stand-in made of Debian's packages."""
    if call('docker', 'image', 'inspect', name, check=False).returncode == 0 or \
       call('docker', 'pull', '-q', name, check=False).returncode == 0:
        return
    done = call(os.path.join(SOURCE, 'test', 'compose', 'standin'), name, check=False)
    if done.returncode != 0:
        raise Skip(f'{name} is not to be had, nor a stand-in for it: {done.stderr.strip().splitlines()[-1:]}')


def main(name, test):
    """Exit 0, 1, or 77 with a line that says why nothing could be tested."""
    begin = time.monotonic()
    try:
        with engine():
            test()
    except Skip as e:
        print(f'SKIP {name}: {e}')
        sys.exit(77)
    except Failure as e:
        print(f'FAIL {name}: {e}', file=sys.stderr)
        sys.exit(1)
    print(f'ok   {name} ({time.monotonic() - begin:.0f} s)')
