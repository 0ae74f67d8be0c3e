"""The benchmark command measures, tells what it measured, and refuses what it cannot do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import DRAWS, engines, gate, lives, luck, memory, preview, sweep
from benchmarks.__main__ import BENCHMARKS, MEASURES, main, sizes_up_to
from benchmarks.report import Report, Section, at_least, at_most
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


def cells(report: Report, first: str) -> tuple[str, ...]:
    """The row of a report that begins with some words."""
    return next(row for section in report.tables() for row in section.rows if row[0].startswith(first))


def test_the_command_times_both_engines_and_a_study_and_stores_what_it_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engines", *TINY, "--results", str(tmp_path / "results")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("engines: measured on this machine now")
    for word in ("processor", "python", "numba", "numpy", "same bytes for all 150 children", "2 interleaved rounds"):
        assert word in text
    rows = re.findall(
        r"^(object|array) +(\d+) +[\d.]+ +[\d.]+ - [\d.]+ +[\d.]+ +[\d.,]+ +[\d.,]+ - [\d.,]+$", text, re.M
    )
    assert rows == [("object", "150"), ("array", "150"), ("array", "400")]
    assert re.search(r"study of 400 children, birth to 30, two arms, 2 draws, 2 threads +[\d.]+ s +at most 15 s", text)
    assert re.search(r"peak memory of that process +(0\.\d+ GB|not known) +at most 2 GB", text)

    stored = json.loads((tmp_path / "results" / "engines.json").read_text(encoding="utf-8"))
    found = stored["figures"]
    assert [timing["child_years"] for timing in found["timings"]] == [4_500, 4_500, 12_000]
    for timing, rates, ratios in zip(found["timings"], found["rates"], found["ratios"], strict=True):
        assert len(timing["seconds"]) == len(rates) == len(ratios) == 2
        assert rates == pytest.approx([timing["child_years"] / seconds / 1e6 for seconds in timing["seconds"]])
    assert found["ratios"][0] == [1.0, 1.0]
    ratio, seconds, peak = stored["floors"]
    assert ratio["met"] in (True, False)
    assert seconds["met"] is peak["met"] is None, "these are promised for another size"
    assert found["study"]["seconds"] > 0.0
    page = (tmp_path / "results" / "engines.md").read_text(encoding="utf-8")
    assert "| array | 400 |" in page
    assert stored["machine"]["numba"] in page


def test_engines_that_disagree_are_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    honest = ObjectPipeline.columns

    def one_bit_off(self: ObjectPipeline) -> Any:
        children = honest(self)
        children.x[3, 77] += 1.0
        return children

    monkeypatch.setattr(ObjectPipeline, "columns", one_bit_off)
    for name in ("engines", "lives"):
        assert main([name, *TINY, "--largest", "1000", "--results", str(tmp_path)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "benchmarks: the engines disagree on 'x' of 150 children; nothing was timed\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["engins"], "unknown benchmark 'engins'; did you mean 'engines'?"),
        (["xyzzy"], f"unknown benchmark 'xyzzy' (there is {', '.join((*BENCHMARKS, 'all'))})"),
        (["engines", "--children", "3"], "--children must be 100 or more; got 3"),
        (["engines", "--repeats", "0"], "--repeats must be 1 or more; got 0"),
        (["reference", "--largest", "20"], "--largest must be 1,000 or more; got 20"),
        (["engines", "--children", "many"], "argument --children: invalid int value: 'many'"),
        ([], "the following arguments are required: NAME"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"benchmarks: {sentence}\n")


def test_every_name_has_its_measure() -> None:
    assert tuple(MEASURES) == BENCHMARKS


def test_sizes_are_powers_of_ten_up_to_the_largest() -> None:
    assert sizes_up_to(1_000_000) == [10_000, 100_000, 1_000_000]
    assert sizes_up_to(50_000) == [10_000, 50_000]
    assert sizes_up_to(2_000) == [2_000]


def test_plain_python_kernels_are_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(engines, "NOJIT", True)
    assert main(["engines", *TINY, "--results", str(tmp_path)]) == 2
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
    found = engines.Findings(timings, (12.0, 0.5), study, DRAWS, (399_000, 10.5))
    assert found.ratios(2) == pytest.approx((200.0, 100.0))
    assert [floor.met for floor in engines.floors(found)] == [True, False, True, False]
    assert [floor.measured for floor in engines.floors(found)] == ["150x", "15.5 s", "0.50 GB", "10.5 s"]
    assert "NO" in found.as_report().as_text()
    other = engines.Findings(timings, (12.0, 0.5), study, 3, None)
    assert [floor.met for floor in engines.floors(other)] == [True, None, None]


def test_a_report_says_the_same_on_the_terminal_and_on_its_page() -> None:
    floors = [
        at_least("speed", [3.0, 1.0, 2.0], 2.5),
        at_most("wait", 1.0, 1.5, "s"),
        at_most("size", 9.0, 1, "GB", False),
    ]
    report = Report("trial", [Section("Table", [("a", "b"), ("one", "2")])], floors, ["A note."], {}, {"python": "3"})
    assert [floor.met for floor in floors] == [False, True, None]
    text, page = report.as_text(), report.as_markdown()
    assert re.search(r"^speed +2\.00x +at least 2\.5x +NO$", text, re.M)
    assert "| speed | 2.00x | at least 2.5x | NO |" in page
    assert "| size | 9.00 GB | at most 1 GB | stated for another size |" in page
    assert text.endswith("A note.")
    assert report.as_json()["floors"] == [vars(floor) for floor in floors]


def test_the_real_model_is_timed_by_size_beside_the_object_engine() -> None:
    report = lives.measure([400, 1_000], repeats=2, small=100)
    assert [row[1] for row in report.sections[0].rows[1:]] == ["100", *["400"] * 4, "100", *["1,000"] * 4]
    for n in (400, 1_000):
        seconds: Any = report.figures[f"seconds, {n} children"]
        assert [len(taken) for taken in seconds.values()] == [2] * 5
        floor = next(f for f in report.floors if f.what == f"array engine against object engine, {n:,} children")
        pairs = zip(seconds[lives.OBJECTS], seconds[lives.ARM], strict=True)
        ratio = sum(n / 100 * objects / arm for objects, arm in pairs) / 2  # the median of two
        assert floor.measured == f"{ratio:,.2f}x"
    head = "cost a child, 400 to 1,000 children"
    assert report.floors[-2].what == f"{head}, array engine, one arm: most to least"
    assert report.floors[-1].what == f"{head}, baseline and scenario, one thread: most to least"


def test_the_same_luck_in_both_arms_narrows_an_impact() -> None:
    report = luck.measure(400, 12)
    ratios: Any = report.figures["ratios"]
    assert set(ratios) == {"kindergarten readiness", "grade-3 reading"}
    assert min(ratios.values()) > 5.0
    assert cells(report, "kindergarten readiness")[4] == f"{ratios['kindergarten readiness']:,.1f}"


def test_executors_give_the_same_results_and_are_compared_to_one_after_another() -> None:
    report = sweep.measure(200, 4, 1)
    assert cells(report, "one after another")[4] == "1.00"
    seconds: Any = report.figures["seconds"]
    efficiency = seconds["one after another"][0] / seconds["threads"][0] / 2
    assert cells(report, "threads")[4] == f"{efficiency:,.2f}"


def test_a_preview_is_timed_part_by_part() -> None:
    report = preview.measure(200, 2)
    parts: Any = report.figures["parts"]
    assert len(parts) == 6
    assert f"The whole surface takes {sum(parts):.1f} s" in report.notes[0]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not say what a peak was")
def test_memory_is_what_the_children_take() -> None:
    report = memory.measure(0.05)
    reference = float(cells(report, "the reference work, strict kernel")[2])
    mesa = float(cells(report, "the reference work, plain Mesa")[2].replace(",", ""))
    assert 48 < reference < 400  # attributes at the least
    assert mesa > 3 * reference


# --- the gate ---


def test_the_gate_refuses_what_has_become_slow_and_takes_what_is_new(tmp_path: Path) -> None:
    entries = [{"ratios": {"lives": ratio}} for ratio in (0.5, 1.0, 40.0)]
    for seconds, met in ((2.4, True), (2.6, False)):
        report = gate.judge(
            {gate.LOOP: [1.0, 9.0, 1.0], "lives": [seconds, 9.0 * seconds, seconds], "new": [1.0] * 3}, entries
        )
        assert [(floor.what, floor.met) for floor in report.floors] == [("lives", met)]
        assert report.figures["ratios"] == pytest.approx({"lives": 1 / seconds, "new": 1.0})
    history = tmp_path / "history.json"
    gate.keep(report, history)
    gate.keep(report, history)
    assert [entry["ratios"] for entry in gate.past(history)] == [{"lives": 0.3846, "new": 1.0}] * 2


def test_the_history_knows_every_ratio_of_the_gate() -> None:
    known = gate.past(gate.HISTORY)
    assert known
    assert all(set(entry["ratios"]) == set(gate.runs()) - {gate.LOOP} for entry in known[-1:])


def test_nothing_has_become_slow(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = main(["gate", "--results", str(tmp_path)])
    assert status == 0, capsys.readouterr().out


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
def test_a_first_run_and_a_warm_one_are_timed_in_processes_of_their_own(tmp_path: Path) -> None:
    done = run("start", "--repeats", "1", "--results", str(tmp_path), CRADLECAST_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    seconds = json.loads((tmp_path / "start.json").read_text(encoding="utf-8"))["figures"]["seconds"]
    first, warm = (next(taken for what, taken in seconds.items() if word in what) for word in ("first", "kept, calib"))
    assert first[0] > warm[0] > seconds["Python itself"][0]
    assert "load the kernels" in done.stdout


@pytest.mark.slow
def test_the_whole_command_compiles_anew_and_then_from_the_cache(tmp_path: Path) -> None:
    done = run("engines", *TINY, "--results", str(tmp_path), CRADLECAST_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    stored = json.loads((tmp_path / "engines.json").read_text(encoding="utf-8"))
    compiled, loaded = stored["figures"]["first_call"]
    assert compiled > 2 * loaded > 0.0
    assert f"{compiled:.1f} s" in done.stdout
