"""The benchmark command measures, tells what it measured, and refuses what it cannot do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import DRAWS, engines
from benchmarks.__main__ import main
from cradlecast.model.object_engine import ObjectPipeline

ROOT = Path(__file__).resolve().parent.parent
TINY = ("--children", "400", "--small", "150", "--draws", "2", "--repeats", "2")


@pytest.fixture(autouse=True)
def compiled_and_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Caches of its own; no half minute of compiling to time it; and the benchmark's view of a compiled package."""
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CRADLECAST_NOJIT", raising=False)
    monkeypatch.setattr(engines, "NOJIT", False)
    monkeypatch.setattr(engines, "_first_call", lambda: (12.5, 0.5))


def test_the_command_times_both_engines_and_a_study_and_stores_what_it_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results" / "engines.json"
    assert main(["engines", *TINY, "--json", str(file)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Measured on this machine now")
    for word in ("processor", "python", "numba", "numpy", "same bytes for all 150 children", "2 interleaved rounds"):
        assert word in text
    rows = re.findall(
        r"^(object|array) +(\d+) +[\d.]+ +[\d.]+ - [\d.]+ +[\d.]+ +[\d.,]+ +[\d.,]+ - [\d.,]+$", text, re.M
    )
    assert rows == [("object", "150"), ("array", "150"), ("array", "400")]
    assert re.search(r"study of 400 children, birth to 30, two arms, 2 draws, 2 threads +[\d.]+ s +at most 15 s", text)
    assert re.search(r"peak memory of that process +(0\.\d+ GB|not known) +at most 2 GB", text)

    stored = json.loads(file.read_text(encoding="utf-8"))
    assert [timing["child_years"] for timing in stored["timings"]] == [4_500, 4_500, 12_000]
    for timing, rates, ratios in zip(stored["timings"], stored["rates"], stored["ratios"], strict=True):
        assert len(timing["seconds"]) == len(rates) == len(ratios) == 2
        assert rates == pytest.approx([timing["child_years"] / seconds / 1e6 for seconds in timing["seconds"]])
    assert stored["ratios"][0] == [1.0, 1.0]
    ratio, seconds, memory = stored["floors"]
    assert ratio["met"] in (True, False)
    assert seconds["met"] is memory["met"] is None, "these are promised for another size"
    assert stored["study"]["seconds"] > 0.0


def test_engines_that_disagree_are_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = ObjectPipeline.columns

    def one_bit_off(self: ObjectPipeline) -> Any:
        children = honest(self)
        children.x[3, 77] += 1.0
        return children

    monkeypatch.setattr(ObjectPipeline, "columns", one_bit_off)
    assert main(["engines", *TINY]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "benchmarks: the engines disagree on 'x' of 150 children; nothing was timed\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["engins"], "unknown benchmark 'engins'; did you mean 'engines'?"),
        (["xyzzy"], "unknown benchmark 'xyzzy' (there is engines, deal)"),
        (["engines", "--children", "3"], "--children must be 100 or more; got 3"),
        (["engines", "--repeats", "0"], "--repeats must be 1 or more; got 0"),
        (["engines", "--children", "many"], "argument --children: invalid int value: 'many'"),
        ([], "the following arguments are required: NAME"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"benchmarks: {sentence}\n")


def test_plain_python_kernels_are_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "NOJIT", True)
    assert main(["engines", *TINY]) == 2
    assert "CRADLECAST_NOJIT" in capsys.readouterr().err


def test_the_floors_are_judged_at_the_size_they_are_stated_for() -> None:
    timings = tuple(
        engines.Timing(engine, n, n * 30, seconds)
        for engine, n, seconds in (
            ("object", 1_000, (0.2, 0.3)),
            ("array", 1_000, (0.01, 0.01)),
            ("array", 50_000, (0.05, 0.15)),
        )
    )
    study = {"seconds": 15.5, "seconds_again": 2.0, "peak_bytes": 0.5e9}
    report = engines.Report({}, timings, (12.0, 0.5), study, DRAWS, (399_000, 10.5))
    assert report.ratios(2) == pytest.approx((200.0, 100.0))
    assert [floor.met for floor in engines.floors(report)] == [True, False, True, False]
    assert [floor.measured for floor in engines.floors(report)] == ["150x", "15.5 s", "0.50 GB", "10.5 s"]
    assert "NO" in engines.as_text(report)
    other = engines.Report({}, timings, (12.0, 0.5), study, 3, None)
    assert [floor.met for floor in engines.floors(other)] == [True, None, None]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "benchmarks", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


def test_the_command_ends_with_status_2_at_an_unknown_name() -> None:
    done = run("speed")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_whole_command_compiles_anew_and_then_from_the_cache(tmp_path: Path) -> None:
    file = tmp_path / "engines.json"
    done = run("engines", *TINY, "--json", str(file), CRADLECAST_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    compiled, loaded = json.loads(file.read_text(encoding="utf-8"))["first_call"]
    assert compiled > 2 * loaded > 0.0
    assert f"{compiled:.1f} s" in done.stdout
