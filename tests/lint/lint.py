# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can check (STYLE, L1 to L6, and the tools that have the last word).

usage: tests/lint/lint.py [--root DIR] [--build DIR] [--tap] [CHECK...]
       tests/lint/lint.py --format

There is no list of exceptions. A finding is `path:line: what`; the exit status is 1 when there is
one, 2 on wrong use. --build names a meson build folder, for the checks that need compiled code or
the compile commands (symbols, tidy). --format rewrites the C files by clang-format.
"""

import argparse
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import floors

SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_LINES = {".c": 700, ".h": 200}
MAX_FUNCTION = 70
MAX_COLUMNS = 100
TAB = 8
BANNED = ("strcpy strcat sprintf vsprintf strncpy strtok strtol strtoul strtod atoi atof sscanf gets gmtime "
          "localtime asctime rand system popen alloca").split()
# The words are put together here so that this file does not contain them.
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "X" * 3]
# Words of the trade that codespell does not know: TE is a header field, bu our business unit,
# inout_ the prefix of a parameter that is read and written.
WORDS = ["bu", "inout", "te"]
LEFT_OUT_DIRS = {"build", "node_modules", "__pycache__", ".git", ".pytest_cache", "corpus", "results"}
SOURCE_SUFFIXES = {".c", ".h", ".def", ".py", ".sh", ".js", ".mjs"}
SOURCE_NAMES = {"dev", "run", "meson.build", "meson_options.txt", "Dockerfile"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".yaml", ".yml", ".cedar", ".cedarschema", ".txt", ".build", ".service"}


class Tree:
    """The files of the project, each read once."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.paths = []
        self.texts = {}
        self.bare = {}
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(name for name in names
                              if name not in LEFT_OUT_DIRS and not name.startswith("build-"))
            for name in sorted(files):
                self.paths.append((Path(folder) / name).relative_to(self.root).as_posix())

    def of(self, *suffixes):
        return [path for path in self.paths if Path(path).suffix in suffixes]

    def sources(self):
        return [path for path in self.paths
                if Path(path).suffix in SOURCE_SUFFIXES or Path(path).name in SOURCE_NAMES]

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self.texts[path]

    def code(self, path):
        """The text of a C file with comments and the insides of literals blanked; lines stay."""
        if path not in self.bare:
            self.bare[path] = blank_comments(self.text(path))
        return self.bare[path]


LEXEME = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def blank_comments(text):
    def blank(match):
        lexeme = match.group(0)
        if lexeme[0] in "\"'":
            return lexeme[0] + " " * (len(lexeme) - 2) + lexeme[-1]
        return re.sub(r"[^\n]", " ", lexeme)
    return LEXEME.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def folder_of(path):
    return os.path.dirname(path)


def is_free(path):
    return path.split("/")[0] in floors.FREE


def functions(code):
    """(name, first line, last line) of each function whose braces stand in the first column."""
    lines = code.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and number > 1 and not lines[number - 2].rstrip().endswith(("=", ",")):
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\s*\(", head.split(";")[-1].split("}")[-1])
            if names:
                yield names[0], start, number
            start = None


def check_sizes(tree):
    """L1: .c of 700 lines, .h of 200, functions of 70, lines of 100 columns."""
    for path in tree.of(".c", ".h", ".def"):
        lines = tree.text(path).split("\n")
        limit = MAX_LINES.get(Path(path).suffix)
        if limit and len(lines) - 1 > limit:
            yield f"{path}:{limit + 1}: {len(lines) - 1} lines, the limit is {limit}"
        for number, line in enumerate(lines, 1):
            if Path(path).suffix != ".def" and len(line.expandtabs(TAB)) > MAX_COLUMNS:
                yield f"{path}:{number}: {len(line.expandtabs(TAB))} columns, the limit is {MAX_COLUMNS}"
    for path in tree.of(".c", ".h"):
        for name, first, last in functions(tree.code(path)):
            if last - first + 1 > MAX_FUNCTION:
                yield f"{path}:{first}: {name} has {last - first + 1} lines, the limit is {MAX_FUNCTION}"


INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.M)


def includes(tree, path):
    text = tree.text(path)
    for match in INCLUDE.finditer(text):
        yield line_of(text, match.start()), match.group(1), match.group(2)


def check_floors(tree):
    """L2: a file includes its own folder and lower floors, each by its path from the root."""
    for path in tree.of(".c", ".h"):
        folder = folder_of(path)
        if is_free(path):
            continue
        if folder not in floors.MAY_INCLUDE:
            yield f"{path}:1: folder '{folder}' stands on no floor (tests/lint/floors.py)"
            continue
        may = floors.visible(folder)
        for line, kind, name in includes(tree, path):
            if kind == '"' and name not in tree.paths:
                yield f"{path}:{line}: \"{name}\" is not a path from the root"
            elif kind == '"' and folder_of(name) not in may:
                yield f"{path}:{line}: {folder} may not include {folder_of(name)} (\"{name}\")"


def check_homes(tree):
    """L3: each library is included by its home alone."""
    for path in tree.of(".c", ".h"):
        if is_free(path):
            continue
        for line, _, name in includes(tree, path):
            for prefix, homes in floors.HOMES.items():
                if name.startswith(prefix) and not any(fnmatch.fnmatch(path, home) for home in homes):
                    yield f"{path}:{line}: <{name}> belongs in {', '.join(homes)} alone"


CALL = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(BANNED) + r")\s*\(")
SECRET = re.compile(r"(secret|password|token|digest|hash|mac\b|signature|key)", re.I)


def check_banned(tree):
    """L4: functions that cannot be used safely; memcmp never meets a secret."""
    for path in tree.of(".c", ".h"):
        code = tree.code(path)
        for match in CALL.finditer(code):
            yield f"{path}:{line_of(code, match.start())}: {match.group(1)} is banned (STYLE 3.7)"
        if folder_of(path) in ("gateway/identity", "gateway/net"):
            for match in re.finditer(r"\bmemcmp\s*\(([^;]*);", code):
                if SECRET.search(match.group(1)):
                    yield f"{path}:{line_of(code, match.start())}: memcmp on a secret; crypt_equal"


def check_guards(tree):
    """L5: include guards derived from the path."""
    for path in tree.of(".h"):
        guard = re.sub(r"[^A-Z0-9]", "_", path.upper())
        directives = re.findall(r"^[ \t]*#[ \t]*(\w+)[ \t]*(\S*)", tree.code(path), re.M)
        good = (len(directives) >= 3 and directives[0] == ("ifndef", guard) and
                directives[1][:2] == ("define", guard) and directives[-1][0] == "endif")
        if not good:
            yield f"{path}:1: the include guard is to be {guard}, around everything"


def check_spdx(tree):
    """L6: the licence in the first line, the second after `#!`; nothing more in it."""
    for path in tree.sources():
        lines = tree.text(path).split("\n")
        number = 1 if lines[0].startswith("#!") else 0
        line = lines[number] if number < len(lines) else ""
        c_like = Path(path).suffix in (".c", ".h", ".def")
        script = Path(path).suffix in (".js", ".mjs")
        want = f"/* {SPDX} */" if c_like else f"// {SPDX}" if script else f"# {SPDX}"
        if line != want:
            yield f"{path}:{number + 1}: the line is to be '{want}'"


def check_language(tree):
    """What the language offers and we leave out: goto except out, floats beside money, `//`."""
    for path in tree.of(".c", ".h"):
        code = tree.code(path)
        for match in re.finditer(r"\bgoto\s+(\w+)", code):
            if match.group(1) != "out":
                yield f"{path}:{line_of(code, match.start())}: goto {match.group(1)}; only out:"
        if not is_free(path) and folder_of(path).startswith("metering"):
            for match in re.finditer(r"\b(double|float)\b", code):
                yield f"{path}:{line_of(code, match.start())}: {match.group(1)} beside money (STYLE 3.20)"
        text = tree.text(path)
        for match in LEXEME.finditer(text):
            if match.group(0).startswith("//"):
                yield f"{path}:{line_of(text, match.start())}: comments are /* */"
        if not is_free(path) and folder_of(path) != "base":
            for match in re.finditer(r"^[ \t]*#[ \t]*(if|ifdef|elif)\b", code, re.M):
                yield f"{path}:{line_of(code, match.start())}: #{match.group(1)} only in base/ (STYLE 3.15)"


def check_purpose(tree):
    """Every header says what it is, Owns, Threads and Limits (STYLE 3.4)."""
    for path in tree.of(".h"):
        if is_free(path):
            continue
        head = tree.text(path).split("#ifndef")[0]
        missing = [word for word in ("Owns:", "Threads:", "Limits:") if word not in head]
        if missing:
            yield f"{path}:2: the header comment lacks {' '.join(missing)}"


def check_words(tree):
    """No unfinished work left in the tree, no blanks at line ends, a newline at the end."""
    pattern = re.compile(r"\b(" + "|".join(UNFINISHED) + r")\b")
    for path in tree.paths:
        if Path(path).suffix not in TEXT_SUFFIXES and Path(path).name not in SOURCE_NAMES:
            continue
        text = tree.text(path)
        for number, line in enumerate(text.split("\n"), 1):
            if pattern.search(line):
                yield f"{path}:{number}: unfinished: '{pattern.search(line).group(1)}'"
            if line != line.rstrip() and not path.endswith(".md"):
                yield f"{path}:{number}: blanks at the end of the line"
        if text and not text.endswith("\n"):
            yield f"{path}:{text.count(chr(10)) + 1}: no newline at the end"


WRITABLE = re.compile(r"^[0-9a-f]+ .{7} (\.data|\.bss|\.tdata|\.tbss)((?:\.(?!rel\.ro)\S+)?)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$")
# Made by the sanitizers, not by us.
MADE_BY_TOOLS = ("__odr_asan", "__asan", "__ubsan", "__sancov", "__tsan", "__gcov", "__llvm", "__prof",
                 "__unnamed_")


def check_symbols(tree, build):
    """No mutable state at file scope: no writable symbol in the static libraries of the floors."""
    archives = [path for folder in ("base", "policy", "metering", "gateway")
                for path in sorted((build / folder).rglob("*.a"))]
    if not archives:
        yield f"{build}:1: there are no static libraries; build first"
    for archive in archives:
        text = subprocess.run(["objdump", "-t", str(archive)], capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            match = WRITABLE.match(line)
            if match and " O " in line and not match.group(3).startswith(MADE_BY_TOOLS):
                yield f"{archive.relative_to(build)}:1: {match.group(3)} is writable (in {match.group(1)})"


def in_parallel(commands, root):
    """Runs the commands, two or more at a time; yields (status, output) in order."""
    def one(command):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        yield from pool.map(one, commands)


def relative(line, root, build):
    """A compiler's finding with its path as seen from the root; it may be told from the build folder."""
    path, colon, rest = line.partition(":")
    whole = os.path.normpath(os.path.join(root, path))
    if not os.path.exists(whole):
        whole = os.path.normpath(os.path.join(build, path))
    return os.path.relpath(whole, root) + colon + rest


def check_format(tree):
    """clang-format has the last word on layout."""
    paths = tree.of(".c", ".h")
    for start in range(0, len(paths), 50):
        command = ["clang-format-14", "--dry-run", "--ferror-limit=3", *paths[start:start + 50]]
        done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            match = re.match(r"(\S+?):(\d+):\d+: (?:warning|error): code should be clang-formatted", line)
            if match:
                yield f"{match.group(1)}:{match.group(2)}: not as clang-format writes it; ./dev format"
        if done.returncode and not done.stderr:
            yield "clang-format-14:1: could not run"


def tidy_key(tree, path, everything):
    digest = hashlib.sha256(everything)
    digest.update(path.encode())
    digest.update(tree.text(path).encode())
    return digest.hexdigest()


def check_tidy(tree, build):
    """clang-tidy with the checks of .clang-tidy; files not changed since they passed are left out.
    Unit tests are left to the compilers and the sanitizers, which see them run."""
    commands = json.loads((build / "compile_commands.json").read_text())
    known = {os.path.relpath(os.path.join(row["directory"], row["file"]), tree.root): row for row in commands}
    paths = [path for path in tree.of(".c") if path in known and not path.startswith("tests/unit/")]
    shared = hashlib.sha256()
    for path in [".clang-tidy", *tree.of(".h", ".def")]:
        if (tree.root / path).exists():
            shared.update(path.encode() + b"\0" + tree.text(path).encode())
    cache = build / "lint-tidy"
    cache.mkdir(exist_ok=True)
    database = build / "lint-commands"
    database.mkdir(exist_ok=True)
    rows = []
    for row in commands:
        # gcc's own warning switches mean nothing to clang.
        words = [word for word in row["command"].split() if not re.match(r"-W(?!error|all|extra)|-fsanitize|-fno-sanitize", word)]
        rows.append({**row, "command": " ".join(words)})
    (database / "compile_commands.json").write_text(json.dumps(rows))
    waiting = [(path, cache / tidy_key(tree, path, shared.digest())) for path in paths]
    waiting = [(path, mark) for path, mark in waiting if not mark.exists()]
    # A tenth of the analyzer's usual depth: it finds the same here in an eighth of the time.
    depth = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=20000")]
    jobs = [["clang-tidy-14", "--quiet", "-p", str(database), *depth, path] for path, _ in waiting]
    for (path, mark), (status, output) in zip(waiting, in_parallel(jobs, tree.root)):
        found = [line for line in output.splitlines() if re.search(r": (error|warning): ", line)]
        for line in found:
            yield relative(line, tree.root, build)
        if status == 0 and not found:
            mark.touch()
        elif not found:
            yield f"{path}:1: clang-tidy-14 failed: {output.strip()[-300:]}"


def check_spelling(tree):
    """codespell over everything that people read."""
    paths = [path for path in tree.paths if Path(path).suffix in TEXT_SUFFIXES]
    for start in range(0, len(paths), 200):
        done = subprocess.run(["codespell", "--builtin", "clear,rare", "-L", ",".join(WORDS), *paths[start:start + 200]], cwd=tree.root,
                              capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if "==>" in line:
                yield line.removeprefix("./")
        if done.returncode not in (0, 65):
            yield f"codespell:1: {done.stderr.strip()[-200:]}"


CHECKS = {"sizes": check_sizes, "floors": check_floors, "homes": check_homes, "banned": check_banned,
          "guards": check_guards, "spdx": check_spdx, "language": check_language, "purpose": check_purpose,
          "words": check_words, "symbols": check_symbols, "format": check_format, "spelling": check_spelling,
          "tidy": check_tidy}
NEED_BUILD = {"symbols", "tidy"}
NEED_TOOL = {"symbols": "objdump", "format": "clang-format-14", "spelling": "codespell", "tidy": "clang-tidy-14"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent.parent)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--tap", action="store_true")
    parser.add_argument("--format", action="store_true")
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    options = parser.parse_args()
    unknown = [name for name in options.checks if name not in CHECKS]
    if unknown:
        parser.error(f"no check '{unknown[0]}'; there are: {' '.join(CHECKS)}")
    tree = Tree(options.root)
    if options.format:
        return subprocess.run(["clang-format-14", "-i", *tree.of(".c", ".h")], cwd=tree.root, check=False).returncode

    names = options.checks or list(CHECKS)
    failed = 0
    if options.tap:
        print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        if name in NEED_TOOL and not shutil.which(NEED_TOOL[name]):
            findings = [f"{NEED_TOOL[name]} is not installed; ./dev deps"]
        elif name in NEED_BUILD and not options.build:
            findings = ["needs --build"]
        else:
            arguments = (tree, options.build.resolve()) if name in NEED_BUILD else (tree,)
            findings = list(dict.fromkeys(CHECKS[name](*arguments)))
        failed += bool(findings)
        if options.tap:
            print(f"{'not ok' if findings else 'ok'} {number} - {name}")
        prefix = "# " if options.tap else ""
        for finding in findings:
            print(f"{prefix}{finding}")
        sys.stdout.flush()
    if not options.tap:
        print(f"lint: {len(names) - failed} of {len(names)} checks clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
