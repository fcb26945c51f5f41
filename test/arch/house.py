"""The rules of the house that no compiler checks, as functions: each takes a Tree and yields what breaks it.

A Tree is the text files of a folder by their relative names. test_house.py runs each rule over this checkout, and over
small made-up trees that break it, so that a rule which sees nothing is itself seen.
"""
import json
import os
import re
import subprocess

# Who may include whom. base <- core <- {conf, codec}; base <- loop <- the clients; app and what is above it see all.
CLIENTS = {"http", "redis", "pg", "status"}
MAY_SEE = {
    "base": set(),
    "conf": {"base", "core"},
    "core": {"base"},
    "codec": {"base", "core"},
    "loop": {"base"},
    **{room: {"base", "loop"} for room in CLIENTS},
    "web": {"base"},
    "app": {"base", "conf", "core", "codec", "loop", "web"} | CLIENTS,
    "cli": {"base", "conf", "core", "codec", "loop", "web", "app"} | CLIENTS,
    "main": {"base", "cli"},
    "sim": {"base"},  # a program of its own: an independent witness shares nothing but the base
}
# The one room of each library; the simulator has libraries of its own.
HOME = {
    "uv.h": "loop",
    "curl": "http",
    "hiredis": "redis",
    "libpq-fe.h": "pg",
    "microhttpd.h": "status",
    "json-c": "codec",
    "csv.h": "codec",
    "ini.h": "conf",
    "emmintrin.h": "codec",
    "openssl": "core",
    "systemd": "app",
}
SIM_LIBRARIES = {"json-c", "microhttpd.h", "zlib.h"}
LIBC = set("""
    assert.h ctype.h dirent.h dlfcn.h errno.h fcntl.h float.h ftw.h getopt.h grp.h inttypes.h limits.h locale.h math.h
    malloc.h netdb.h poll.h pthread.h pwd.h sched.h search.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h
    stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h syslog.h termios.h threads.h time.h unistd.h
    wchar.h""".split())
LIBC_FOLDERS = {"arpa", "linux", "net", "netinet", "sys"}
# core computes: what it knows comes in by argument, also the time.
CORE_HEADERS = set("""
    assert.h ctype.h errno.h inttypes.h limits.h math.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h
    search.h""".split())
IMPURE = """bw_wall_now bw_mono_now time clock_gettime gettimeofday getenv rand random getrandom fopen open printf fprintf
    bw_log_error bw_log_warning bw_log_info bw_log_debug""".split()
BANNED = """strcpy strcat stpcpy sprintf vsprintf strtok atoi atol atoll atof localtime gmtime ctime asctime gets scanf
    sscanf fscanf vscanf vsscanf vfscanf system popen mktemp tmpnam alloca rand srand""".split()

MAX_FUNCTION = 100
MAX_FILE = 700
MAX_TEST_FILE = 800
MAX_MAIN = 150


class Tree:
    """files: relative name -> text. root: where they are, or None for a made-up tree."""

    SKIPPED = {".git", "build", "var", "__pycache__", ".cache", "node_modules"}
    DATA = ("test/data/", "test/fuzz/corpus/")  # bytes of others, kept as they came

    def __init__(self, files, root=None):
        self.files = files
        self.root = root

    @classmethod
    def read(cls, root):
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in cls.SKIPPED]
            for name in names:
                path = os.path.join(folder, name)
                short = os.path.relpath(path, root)
                if short.startswith(cls.DATA) or os.path.islink(path):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                if b"\0" not in data:
                    files[short] = data.decode("utf-8", "surrogateescape")
        return cls(files, root)

    def c_files(self, *tops):
        for name in sorted(self.files):
            if name.endswith((".c", ".h")) and name.startswith(tops or ("src/", "include/", "test/")):
                yield name, self.files[name]


def code_only(text):
    """The C text with comments, strings and characters blanked out; lines stay where they are."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def room_of(name):
    parts = name.split("/")
    if name == "src/main.c":
        return "main"
    if parts[0] == "include":
        return parts[2]
    return parts[2] if parts[1] == "net" else parts[1]


def includes(text):
    """(line, '<' or '"', header)"""
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', text, re.M):
        yield line_of(text, m.start()), m.group(1), m.group(2)


def _foreign(room, public, header):
    """What is wrong with <header> in this room; None if nothing."""
    key = header.split("/")[0]
    if header in LIBC or key in LIBC_FOLDERS:
        return f"core includes <{header}>, and core computes only" if room == "core" and header not in CORE_HEADERS else None
    if public:
        return f"<{header}> in a public header: a library stays inside its room"
    if room == "sim":
        return None if key in SIM_LIBRARIES else f"<{header}> is no library of the simulator"
    if key not in HOME:
        return f"<{header}> has no room yet: name its one room in test/arch/house.py"
    if HOME[key] != room:
        return f"<{header}> belongs to room {HOME[key]}, not {room}"
    return None


def include_rule(tree):
    for name, text in tree.c_files("src/", "include/"):
        room = room_of(name)
        if room not in MAY_SEE:
            yield f"{name}: room '{room}' is not in test/arch/house.py"
            continue
        for line, kind, header in includes(text):
            wrong = None
            m = re.match(r"badgewatch/([^/]+)/", header)
            if kind == "<":
                wrong = _foreign(room, name.startswith("include/"), header)
            elif m and m.group(1) != room and m.group(1) not in MAY_SEE[room]:
                wrong = f"room {room} may not see room {m.group(1)}"
            elif not m and f"{os.path.dirname(name)}/{header}" not in tree.files:
                wrong = f'"{header}" is not in its folder'
            if wrong:
                yield f"{name}:{line}: {wrong}"


def room_deps_rule(tree):
    """DEPS of bw_room() name only rooms that may be seen, and each source file is built."""
    for name, text in sorted(tree.files.items()):
        if not re.match(r"src/.+/CMakeLists\.txt$", name):
            continue
        folder = os.path.dirname(name)
        room = room_of(name)
        deps = re.search(r"bw_room\(.*?\bDEPS\b([^)]*?)(?:\bPKGS\b|\))", text, re.S)
        for dep in deps.group(1).split() if deps else []:
            if dep not in MAY_SEE.get(room, set()):
                yield f"{name}: room {room} may not depend on room {dep}"
        for source in sorted(tree.files):
            if os.path.dirname(source) == folder and source.endswith(".c"):
                if not re.search(rf"(?<![\w/.]){re.escape(os.path.basename(source))}(?!\w)", text):
                    yield f"{source}: not built by {name}"


def purity_rule(tree):
    """core reads no clock, no environment, no file, and writes no log."""
    calls = re.compile(r"(?<![\w.>])(" + "|".join(IMPURE) + r")\s*\(")
    for name, text in tree.c_files("src/core/", "include/badgewatch/core/"):
        code = code_only(text)
        for m in calls.finditer(code):
            yield f"{name}:{line_of(code, m.start())}: core calls {m.group(1)}()"


def banned_rule(tree):
    calls = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for name, text in tree.c_files("src/", "include/"):
        code = code_only(text)
        for m in calls.finditer(code):
            yield f"{name}:{line_of(code, m.start())}: {m.group(1)}() is banned"


def functions(text):
    """(line, lines, name) of each function: in our format its body stands between '{' and '}' in the first column."""
    lines = code_only(text).split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
            while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "}#":
                start -= 1
        elif line == "}" and start is not None:
            head = " ".join(lines[start:i])
            m = re.search(r"(\w+)\s*\(", head)
            yield start + 1, i - start + 1, m.group(1) if m else "?"
            start = None


def length_rule(tree):
    for name, text in tree.c_files():
        limit = MAX_MAIN if name == "src/main.c" else MAX_TEST_FILE if name.startswith("test/") else MAX_FILE
        lines = text.count("\n")
        if lines > limit:
            yield f"{name}: {lines} lines, at most {limit}"
        for line, length, function in functions(text):
            if length > MAX_FUNCTION:
                yield f"{name}:{line}: {function}() has {length} lines, at most {MAX_FUNCTION}"


def text_rule(tree):
    """Nothing left for later, no trailing blanks, one newline at the end."""
    later = re.compile(r"(?:^|[\s/*#(-])(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
    for name, text in sorted(tree.files.items()):
        for i, line in enumerate(text.split("\n"), 1):
            if later.search(line):
                yield f"{name}:{i}: left for later: {line.strip()[:60]}"
            if line != line.rstrip():
                yield f"{name}:{i}: blanks at the end of the line"
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield f"{name}: does not end with one newline"


def migrations_rule(tree):
    """db/001_x.sql, 002_y.sql, ... without a gap, and each travels inside the binary."""
    names = sorted(n for n in tree.files if re.match(r"db/\d+_.*\.sql$", n))
    built = tree.files.get("src/app/CMakeLists.txt", "")
    for i, name in enumerate(names, 1):
        if not os.path.basename(name).startswith(f"{i:03d}_"):
            yield f"{name}: number {i:03d} was expected"
        if name not in built:
            yield f"{name}: not in src/app/CMakeLists.txt"


def _complaint(tree, name, text):
    first = text.split("\n", 1)[0]
    try:
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".py") or "python" in first[:30]:
            compile(text, name, "exec")
        elif first.startswith("#!") and re.search(r"\b(ba)?sh\b", first):
            shell = "bash" if "bash" in first else "sh"
            run = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
            if run.returncode != 0:
                return run.stderr.strip()
    except (ValueError, SyntaxError) as e:
        return str(e)
    if tree.root and first.startswith("#!") and not os.access(os.path.join(tree.root, name), os.X_OK):
        return "begins with #! and may not be executed"
    return None


def scripts_rule(tree):
    """Scripts and JSON parse; what begins with #! is executable."""
    for name, text in sorted(tree.files.items()):
        complaint = _complaint(tree, name, text)
        if complaint:
            yield f"{name}: {complaint}"


RULES = {
    "includes": include_rule,
    "rooms": room_deps_rule,
    "purity": purity_rule,
    "banned": banned_rule,
    "length": length_rule,
    "text": text_rule,
    "migrations": migrations_rule,
    "scripts": scripts_rule,
}
