# SPDX-License-Identifier: Apache-2.0
"""Each rule of the lint catches what it is for, and lets the clean sample pass. Prints TAP."""

import subprocess
import sys
import tempfile
from pathlib import Path

import lint

SPDX_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
PURPOSE = "/*\n * A thing.\n *\n * Owns:    nothing.\n * Threads: any.\n * Limits:  none.\n */\n"


def header(guard, body="int base_x(void);"):
    return f"{SPDX_C}{PURPOSE}#ifndef {guard}\n#define {guard}\n\n{body}\n\n#endif\n"


def function(lines):
    return SPDX_C + "\nint long_one(void)\n{\n" + "\treturn 0;\n" * lines + "}\n"


# name, check, path, content, what the finding must say
BAD = [
    ("c file too long", "sizes", "base/a.c", SPDX_C + "\n" * 700, "701 lines"),
    ("header too long", "sizes", "base/a.h", SPDX_C + "\n" * 200, "201 lines"),
    ("function too long", "sizes", "base/a.c", function(69), "long_one has 71 lines"),
    ("line too wide", "sizes", "base/a.c", SPDX_C + "\t" * 12 + "int x;\n", "102 columns"),
    ("upward include", "floors", "base/a.c", SPDX_C + '#include "policy/policy.h"\n', "may not include policy"),
    ("floor-mate", "floors", "policy/a.c", SPDX_C + '#include "metering/usage/usage.h"\n', "may not include"),
    ("include not from root", "floors", "base/a.c", SPDX_C + '#include "str.h"\n', "not a path from the root"),
    ("unknown folder", "floors", "util/a.c", SPDX_C, "stands on no floor"),
    ("library away from home", "homes", "base/a.c", SPDX_C + "#include <openssl/evp.h>\n", "belongs in"),
    ("parser with jansson", "homes", "gateway/proxy/a.c", SPDX_C + "#include <jansson.h>\n", "belongs in"),
    ("banned call", "banned", "base/a.c", SPDX_C + "int f(void)\n{\n\treturn atoi (x);\n}\n", "atoi is banned"),
    ("memcmp on a secret", "banned", "gateway/identity/a.c", SPDX_C + "int x = memcmp(digest, d, 32);\n", "crypt_equal"),
    ("guard from another path", "guards", "base/a.h", header("BASE_B_H"), "BASE_A_H"),
    ("no licence", "spdx", "base/a.c", "int x;\n", "SPDX"),
    ("licence below a blank", "spdx", "tests/a.py", "\n# SPDX-License-Identifier: Apache-2.0\n", "SPDX"),
    ("goto elsewhere", "language", "base/a.c", SPDX_C + "void f(void)\n{\n\tgoto again;\n}\n", "goto again"),
    ("float beside money", "language", "metering/money/a.c", SPDX_C + "double x;\n", "double beside money"),
    ("line comment", "language", "base/a.c", SPDX_C + "int x; // no\n", "comments are"),
    ("conditional outside base", "language", "gateway/net/a.c", SPDX_C + "#ifdef X\n#endif\n", "only in base"),
    ("header without purpose", "purpose", "base/a.h", SPDX_C + "#ifndef BASE_A_H\n#define BASE_A_H\n#endif\n", "Owns:"),
    ("unfinished word", "words", "base/a.c", SPDX_C + "/* " + "TO" + "DO: more */\n", "unfinished"),
    ("blank at the end", "words", "base/a.c", SPDX_C + "int x; \n", "blanks at the end"),
    ("no newline", "words", "base/a.c", SPDX_C + "int x;", "no newline"),
    ("layout", "format", "base/a.c", SPDX_C + "int   x;\n", "clang-format"),
    ("misspelling", "spelling", "README.md", "# reci" + "eve\n", "==>"),
]

WRITABLE = """static int counter;
int f(void);
int f(void)
{
	static long calls = 1;
	return counter++ + (int)calls++;
}
static int one(void)
{
	return 1;
}
int (*const table[])(void) = {one, f};
const char *const names[] = {"a", "b"};
"""


def findings(root, check, build=None):
    arguments = (lint.Tree(root),) + ((build,) if build else ())
    return list(lint.CHECKS[check](*arguments))


def write(root, path, content):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


def sample_tree(root):
    write(root, ".clang-format", (Path(lint.__file__).parent.parent.parent / ".clang-format").read_text())
    write(root, "policy/policy.h", header("POLICY_POLICY_H"))
    write(root, "metering/usage/usage.h", header("METERING_USAGE_USAGE_H"))


def bad_sample_is_caught(check, path, content, want):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sample_tree(root)
        write(root, path, content)
        return any(want in finding for finding in findings(root, check))


def clean_sample_passes(check):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sample_tree(root)
        write(root, "base/a.h", header("BASE_A_H"))
        write(root, "gateway/net/a.c", SPDX_C + '#include "base/a.h"\n\n#include "policy/policy.h"\n\n'
              '/* strcpy( and goto in a comment, "TAB\\t" in text. */\nint base_x(void)\n{\n'
              '\treturn base_y("sprintf(");\n}\n')
        write(root, "base/b.c", function(68))
        return not findings(root, check)


def writable_symbols_are_seen():
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder)
        write(build, "base/a.c", WRITABLE)
        for command in (["gcc", "-fPIC", "-fsanitize=address,undefined", "-c", "a.c", "-o", "a.o"],
                        ["ar", "rc", "liba.a", "a.o"]):
            subprocess.run(command, cwd=build / "base", check=True)
        found = "\n".join(findings(build, "symbols", build))
        return all(f": {name}" in found for name in ("counter", "calls")) and \
            not any(f": {name}" in found for name in ("one", "table", "names"))


def main():
    cases = [(f"catches: {name}", bad_sample_is_caught, (check, path, content, want))
             for name, check, path, content, want in BAD]
    cases += [(f"clean sample passes {check}", clean_sample_passes, (check,))
              for check in lint.CHECKS if check not in lint.NEED_BUILD]
    cases.append(("catches: writable symbols, and only those", writable_symbols_are_seen, ()))
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, run, arguments) in enumerate(cases, 1):
        good = run(*arguments)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
