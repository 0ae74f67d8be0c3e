"""The Makefile finds an interpreter that works, and a browser or words for its absence, on machines of any kind."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAILING_SHIM = "#!/bin/sh\necho 'shim: command not found' >&2\nexit 127\n"
NAMES = ("python3.13", "python3.12", "python3", "python")


def program(folder: Path, name: str, text: str) -> Path:
    """A small shell program in a folder of the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def interpreter(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """What ``make interpreter`` says where the PATH and the home hold only what the test put there."""
    make = shutil.which("make")
    assert make is not None
    environment = {"PATH": str(folder / "bin"), "HOME": str(folder / "home")}
    command = [make, "-s", "--no-print-directory", "-C", str(ROOT), "interpreter", *overrides]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def working(folder: Path, name: str) -> Path:
    """A program that stands for a working interpreter: it hands over to the one that runs this test."""
    return program(folder, name, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')


def test_a_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    for name in NAMES[:2]:
        shim = program(tmp_path / "bin", name, FAILING_SHIM)
        assert subprocess.run([shim], capture_output=True).returncode == 127
    working(tmp_path / "bin", "python3")
    assert interpreter(tmp_path).stdout == "python3\n"


def test_an_interpreter_without_the_means_to_make_environments_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin", "python3.13", f'#!/bin/sh\nexec "{sys.executable}" "$1" "import nosuchmodule"\n')
    working(tmp_path / "bin", "python")
    assert interpreter(tmp_path).stdout == "python\n"


def test_the_versions_of_pyenv_are_looked_into_last(tmp_path: Path) -> None:
    for name in NAMES:
        program(tmp_path / "bin", name, FAILING_SHIM)
    versions = tmp_path / "home" / ".pyenv" / "versions"
    program(versions / "3.11.7" / "bin", "python", FAILING_SHIM)
    working(versions / "3.12.1" / "bin", "python")
    newest = working(versions / "3.13.0" / "bin", "python")
    assert interpreter(tmp_path).stdout == f"{newest}\n"


def test_a_named_interpreter_overrides_the_search(tmp_path: Path) -> None:
    working(tmp_path / "bin", "python3.13")
    chosen = working(tmp_path / "my python", "python")
    assert interpreter(tmp_path, f"PYTHON={chosen}").stdout == f"{chosen}\n"


def test_a_named_interpreter_that_fails_is_refused_by_name(tmp_path: Path) -> None:
    working(tmp_path / "bin", "python3.13")
    program(tmp_path / "bin", "python2", FAILING_SHIM)
    refused = interpreter(tmp_path, "PYTHON=python2")
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[0].startswith("PYTHON=python2 is not a Python 3.12 or later")


def test_where_none_works_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    for name in NAMES:
        program(tmp_path / "bin", name, FAILING_SHIM)
    refused = interpreter(tmp_path)
    assert refused.returncode != 0
    sentences = [line for line in refused.stderr.splitlines() if not line.startswith("make")]
    assert len(sentences) == 1
    assert "Python 3.12 or later" in sentences[0]


# --- the browser ---


def browser(folder: Path) -> subprocess.CompletedProcess[str]:
    """What ``make browser`` does where the PATH holds only what the test put there."""
    make = shutil.which("make")
    assert make is not None
    (folder / "bin").mkdir(exist_ok=True)
    command = [make, "-s", "--no-print-directory", "-C", str(ROOT), "browser"]
    return subprocess.run(command, env={"PATH": str(folder / "bin")}, capture_output=True, text=True)


def test_a_browser_that_is_there_is_left_alone(tmp_path: Path) -> None:
    program(tmp_path / "bin", "chromium", "#!/bin/sh\nexit 0\n")
    program(tmp_path / "bin", "id", "#!/bin/sh\necho 0\n")
    program(tmp_path / "bin", "apt-get", f"#!/bin/sh\necho asked > {tmp_path}/asked\n")
    done = browser(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "asked").exists()


def test_a_missing_browser_is_installed_where_that_is_allowed(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    program(bin_, "id", "#!/bin/sh\necho 0\n")
    made = f'echo "#!/bin/sh" > {bin_}/chromium; /bin/chmod +x {bin_}/chromium'
    install = f'case "$*" in *install*chromium*) {made};; esac'
    program(bin_, "apt-get", f"#!/bin/sh\n{install}\n")
    done = browser(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing Chromium, in which the page is tested.\n"
    assert (bin_ / "chromium").exists()


def test_where_it_cannot_be_installed_one_sentence_says_what_is_skipped(tmp_path: Path) -> None:
    program(tmp_path / "bin", "id", "#!/bin/sh\necho 1000\n")
    program(tmp_path / "bin", "apt-get", "#!/bin/sh\nexit 1\n")
    done = browser(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    sentence = "Chromium is missing and cannot be installed here: the tests marked browser will be skipped.\n"
    assert done.stderr == sentence
