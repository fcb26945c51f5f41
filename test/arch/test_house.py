#!/usr/bin/python3
"""Runs the rules of house.py.

test_house.py ROOT RULE    one rule over the checkout; each break is a line
test_house.py ROOT         made-up trees: every rule finds what breaks it, and nothing else
"""
import sys
import unittest

sys.dont_write_bytecode = True  # the checkout stays as it is
import house  # noqa: E402

ROOT = sys.argv[1]
RULE = sys.argv[2] if len(sys.argv) > 2 else None

LONG_BODY = "    call();\n" * house.MAX_FUNCTION

# rule, files, how many breaks
MADE_UP = [
    ("includes", {"src/core/a.c": '#include "badgewatch/base/err.h"\n#include <string.h>\n'}, 0),
    ("includes", {"src/core/a.c": '#include "badgewatch/codec/json.h"\n'}, 1),
    ("includes", {"src/core/a.c": "#include <uv.h>\n"}, 1),
    ("includes", {"src/core/a.c": "#include <unistd.h>\n"}, 1),
    ("includes", {"src/codec/a.c": "#include <json-c/json.h>\n"}, 0),
    ("includes", {"src/app/a.c": "#  include <json-c/json.h>\n"}, 1),
    ("includes", {"src/net/redis/a.c": "#include <hiredis/hiredis.h>\n#include <sys/socket.h>\n"}, 0),
    ("includes", {"src/net/pg/a.c": '#include <hiredis/hiredis.h>\n#include "badgewatch/redis/redis.h"\n'}, 2),
    ("includes", {"include/badgewatch/pg/pg.h": "#include <libpq-fe.h>\n"}, 1),
    ("includes", {"src/app/a.c": "#include <unknown/thing.h>\n"}, 1),
    ("includes", {"src/app/a.c": '#include "b.h"\n#include "../cli/c.h"\n', "src/app/b.h": "", "src/cli/c.h": ""}, 1),
    ("includes", {"src/sim/a.c": '#include <zlib.h>\n#include "badgewatch/core/asin.h"\n'}, 1),
    ("includes", {"src/main.c": '#include "badgewatch/cli/cli.h"\n#include "badgewatch/app/daemon.h"\n'}, 1),
    ("includes", {"src/attic/a.c": "\n"}, 1),
    ("rooms", {"src/core/CMakeLists.txt": "bw_room(core SOURCES a.c DEPS base PKGS libcrypto)", "src/core/a.c": ""}, 0),
    ("rooms", {"src/core/CMakeLists.txt": "bw_room(core SOURCES a.c DEPS base loop)", "src/core/a.c": ""}, 1),
    ("rooms", {"src/core/CMakeLists.txt": "bw_room(core SOURCES aa.c DEPS base)", "src/core/a.c": ""}, 1),
    ("purity", {"src/core/a.c": "int f(int now) { return now; } // time(0)\n"}, 0),
    ("purity", {"src/core/a.c": "long f(void) { return time(0) + bw_wall_now().ms; }\n"}, 2),
    ("banned", {"src/app/a.c": 'void f(void) { snprintf(b, 2, "atoi(x)"); x->system(1); gmtime_r(a, b); }\n'}, 0),
    ("banned", {"src/app/a.c": "void f(void)\n{\n    strcpy(a, b);\n    n = atoi (c);\n}\n"}, 2),
    ("length", {"src/app/a.c": "static int f(int a,\n             int b)\n{\n" + LONG_BODY[:-12] + "}\n"}, 1),
    ("length", {"src/app/a.c": "static int f(void)\n{\n" + "    call();\n" * (house.MAX_FUNCTION - 3) + "}\n"}, 0),
    ("length", {"src/app/a.c": "\n" * (house.MAX_FILE + 1)}, 1),
    ("length", {"test/unit/a.c": "\n" * (house.MAX_FILE + 1)}, 0),
    ("length", {"src/main.c": "\n" * (house.MAX_MAIN + 1)}, 1),
    ("text", {"a.md": "all is well\n", "b.sh": "mktemp x.XX" + "XXXX\n"}, 0),
    ("text", {"a.md": "to" "do: nothing\n", "b.md": "TO" "DO: much\n"}, 1),
    ("text", {"a.md": "blank \n", "b.md": "no end", "c.md": "two\n\n"}, 3),
    ("migrations", {"db/001_a.sql": "", "src/app/CMakeLists.txt": "${CMAKE_SOURCE_DIR}/db/001_a.sql"}, 0),
    ("migrations", {"db/001_a.sql": "", "db/003_b.sql": "", "src/app/CMakeLists.txt": "db/001_a.sql db/003_b.sql"}, 1),
    ("migrations", {"db/001_a.sql": "", "src/app/CMakeLists.txt": ""}, 1),
    ("scripts", {"a": "#!/bin/sh\necho\n", "b.json": "{}\n", "c.py": "pass\n"}, 0),
    ("scripts", {"a": "#!/usr/bin/env bash\nif\n", "b.json": "{\n", "c.py": "def\n"}, 3),
]


class Checkout(unittest.TestCase):
    def test_rule(self):
        tree = house.Tree.read(ROOT)
        self.assertIn("src/main.c", tree.files, "this is not the checkout")
        breaks = list(house.RULES[RULE](tree))
        self.assertFalse(breaks, "\n" + "\n".join(breaks))


class Rules(unittest.TestCase):
    def test_each_sees_what_breaks_it(self):
        for rule, files, expected in MADE_UP:
            with self.subTest(rule=rule, files=files):
                breaks = list(house.RULES[rule](house.Tree(files)))
                self.assertEqual(len(breaks), expected, breaks)

    def test_each_rule_is_tried(self):
        for rule in house.RULES:
            counts = {bool(n) for r, _, n in MADE_UP if r == rule}
            self.assertEqual(counts, {True, False}, rule)


if __name__ == "__main__":
    which = "Checkout" if RULE else "Rules"
    unittest.main(argv=[sys.argv[0], which])
