"""Write README's session anew, with the numbers of today: ``python -m tests.refresh_session``.

Commands and lines stay. A shown line is found again by its words; one whose words changed too is named, and stays for
a person to choose.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
GAP = "..."


def printed(command: str) -> list[str]:
    """The lines that a command of the session prints, where the output is no terminal."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, cwd=README.parent, env=environment, capture_output=True, check=True, encoding="utf-8")
    return done.stdout.splitlines()


def words_of(line: str) -> str:
    """A line without what may move: numbers, spaces, the length of rules."""
    line = re.sub(r"[-+]?\$?[0-9][0-9,.]*", "0", line)
    return re.sub(r"─+", "─", re.sub(r"\s+", " ", line))


def fresh(block: str) -> str:
    """A block of commands and shown lines, with what they print today."""
    lines: list[str] = []
    output: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            output = printed(line[2:])
        elif line != GAP:
            at = next((at for at, each in enumerate(output) if words_of(each) == words_of(line)), None)
            if at is None:
                print(f"no line like this any more: {line}")
            else:
                line, output = output[at], output[at + 1 :]
        lines.append(line)
    return "\n".join(lines) + "\n"


def fresh_python(block: str) -> str:
    """A block of Python as typed, with what it gives today."""
    lines: list[str] = []
    names: dict[str, object] = {}
    for example in doctest.DocTestParser().get_examples(block):
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            exec(compile(example.source, "README.md", "single"), names)
        source = example.source.rstrip("\n").splitlines()
        lines += [f"{'...' if number else '>>>'} {line}" for number, line in enumerate(source)]
        lines += heard.getvalue().splitlines()
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write README anew."""
    text = README.read_text(encoding="utf-8")
    for language, write in (("console", fresh), ("pycon", fresh_python)):
        for block in re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            text = text.replace(block, write(block))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
