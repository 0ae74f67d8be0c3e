"""Draws shared out over the cores: the same numbers in processes, and what happens when one of them fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import loky
import numpy as np
import pytest

from cradlecast import workers
from cradlecast.model.children import Longs
from cradlecast.model.interrupts import interrupts_wait
from cradlecast.samples import ground_of, live
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario, load_trial, names
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.trials import run_trials
from cradlecast.workers import each_draw, kind_for
from tests.worlds import SCENARIOS

SMALL = Options(children=400, draws=4, worlds=1)


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However small the work, and with nothing solved before."""
    monkeypatch.setattr(workers, "PROCESSES_FROM", 0.0)
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    ("options", "unsolved", "cores", "kind"),
    [
        (Options(children=10_000, draws=200), 0, 2, "processes"),
        (Options(children=10_000, draws=200), 0, 1, "serial"),
        (Options(children=10_000_000, draws=1), 0, 2, "serial"),
        (Options(children=1_000_000, draws=20), 0, 2, "threads"),
        (Options(children=8_000, draws=4), 0, 2, "threads"),
        (Options(children=2_000, draws=4), 0, 2, "serial"),
        (Options(children=300, draws=200), 200, 2, "processes"),
        (Options(children=300, draws=200), 0, 2, "serial"),
    ],
)
def test_the_size_of_the_work_tells_how_it_is_shared_out(
    options: Options, unsolved: int, cores: int, kind: str
) -> None:
    assert kind_for(options, 4, unsolved, cores) == kind


@pytest.mark.usefixtures("in_processes")
def test_processes_do_not_change_a_byte_and_what_they_solved_is_kept() -> None:
    scenario = load_scenario(SCENARIOS[0])
    assert kind_for(SMALL, 2, 0, 2) == "processes"
    shared = run(scenario, SMALL, workers=2).tables
    ground = ground_of(scenario, SMALL)
    assert [ground.cache.get(draw) is not None for draw in range(5)] == [True] * 4 + [False]
    alone = run(scenario, SMALL, workers=1).tables
    assert set(shared) == set(alone)
    for name, table in alone.items():
        assert table.equals(shared[name]), name


@pytest.mark.usefixtures("in_processes")
def test_both_this_process_and_another_live_draws_and_what_they_solve_is_the_same(tmp_path: Path) -> None:
    scenario, many, here = load_scenario(SCENARIOS[0]), replace(SMALL, draws=workers.HEAD + 4), os.getpid()
    ground, started = ground_of(scenario, many), tmp_path / "started"

    def lived(draw: int) -> tuple[int, Longs]:
        if os.getpid() != here:
            started.touch()
        else:
            _wait_for(started)
        return os.getpid(), live(ground, [scenario], draw)[0][0].milestones[1]

    shared = list(each_draw(lived, many, [ground.cache], 2, workers=2))
    assert len({pid for pid, _ in shared}) == 2
    assert {here} < {pid for pid, _ in shared}
    assert all(ground.cache.get(draw) is not None for draw in range(many.draws))
    alone = [live(ground_of(scenario, many), [scenario], draw)[0][0].milestones[1] for draw in range(many.draws)]
    assert all(np.array_equal(one, other) for (_, one), other in zip(shared, alone, strict=True))


def _wait_for(file: Path) -> None:
    """Wait until another process has left a sign."""
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, "no other process came"
        time.sleep(0.01)


@pytest.mark.usefixtures("in_processes")
def test_trials_are_the_same_in_processes() -> None:
    every = [load_trial(name) for name in names("trial")]
    trials = [next(one for one in every if one.of_service is of_service) for of_service in (True, False)]
    one, two = (run_trials(trials, SMALL, workers=number) for number in (1, 2))
    assert repr(one) == repr(two)


@pytest.mark.usefixtures("in_processes")
def test_what_is_refused_in_a_process_is_refused_here() -> None:
    def refuse(draw: int) -> int:
        if draw == 2:
            raise InputError("draw 2 cannot be")
        return draw

    ground, seen = ground_of(load_scenario(SCENARIOS[0]), SMALL), []
    with pytest.raises(InputError, match=r"^draw 2 cannot be$"):
        for one in each_draw(refuse, SMALL, [ground.cache], 1, workers=2):
            seen.append(one)
    assert seen == [0, 1]
    assert list(each_draw(lambda draw: 2 * draw, SMALL, [ground.cache], 1, workers=2)) == [0, 2, 4, 6]


@pytest.mark.usefixtures("in_processes")
@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
def test_a_process_that_is_killed_is_told_in_one_sentence_and_the_next_study_runs(tmp_path: Path) -> None:
    many, here, fallen = replace(SMALL, draws=workers.HEAD + 4), os.getpid(), tmp_path / "fallen"
    cache = ground_of(load_scenario(SCENARIOS[0]), many).cache

    def fall(draw: int) -> int:
        if os.getpid() != here:
            fallen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        _wait_for(fallen)
        return draw

    with pytest.raises(InputError, match=r"^a process of the run ended before its work was done; run again$"):
        list(each_draw(fall, many, [cache], 1, workers=2))
    assert list(each_draw(lambda draw: draw, many, [cache], 1, workers=2)) == list(range(many.draws))


@pytest.mark.usefixtures("in_processes")
def test_where_no_process_can_start_all_draws_are_lived_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError("no semaphores")

    monkeypatch.setattr("loky.get_reusable_executor", refused)
    cache = ground_of(load_scenario(SCENARIOS[0]), SMALL).cache
    here = os.getpid()
    assert list(each_draw(lambda _: os.getpid(), SMALL, [cache], 1, workers=2)) == [here] * SMALL.draws


LONG = f"""
import os, signal, sys, time
from pathlib import Path
from cradlecast import workers
from cradlecast.samples import ground_of
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
workers.PROCESSES_FROM = 0.0
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background is deaf to it
size, here = Options(children=300, draws=10_000), os.getpid()
def draw(number):
    if os.getpid() != here:
        Path(sys.argv[1]).touch()
    time.sleep(0.02)
    return bytes(1_000_000)
try:
    for _ in workers.each_draw(draw, size, [ground_of(load_scenario("{SCENARIOS[0]}"), size).cache], 1, workers=2):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
def test_an_interrupt_from_the_keyboard_ends_all_processes_without_a_word_from_the_others(tmp_path: Path) -> None:
    script, started = tmp_path / "long.py", tmp_path / "started"
    script.write_text(LONG)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    going = subprocess.Popen([sys.executable, script, started], env=_environment(tmp_path), **pipes)
    try:
        _wait_for(started)
        os.killpg(going.pid, signal.SIGINT)
        out, err = going.communicate(timeout=60)  # ends only when every process that could write has ended
    finally:
        going.kill()
    assert (going.returncode, out, err) == (0, "interrupted\n", "")


@pytest.fixture
def hears() -> Iterator[None]:
    """An interrupt is heard, as it is not by a suite in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears")
def test_an_interrupt_waits_for_what_must_not_be_left_half_done() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("in_processes", "hears")
def test_an_interrupt_is_heard_that_comes_while_processes_start(monkeypatch: pytest.MonkeyPatch) -> None:
    start = loky.get_reusable_executor

    def interrupted(**words: Any) -> object:
        signal.raise_signal(signal.SIGINT)
        return start(**words)

    monkeypatch.setattr("loky.get_reusable_executor", interrupted)
    cache = ground_of(load_scenario(SCENARIOS[0]), SMALL).cache
    with pytest.raises(KeyboardInterrupt):
        list(each_draw(lambda draw: draw, SMALL, [cache], 1, workers=2))


@pytest.mark.usefixtures("in_processes", "hears")
def test_an_interrupt_is_heard_only_when_no_lock_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in the middle of handing out draws or of looking at those that came back is heard right after."""
    many = replace(SMALL, draws=workers.HEAD + 4)
    send, told = workers._send, []

    def interrupted(*words: Any) -> None:
        if told:  # the first time processes start
            signal.raise_signal(signal.SIGINT)
        send(*words)
        told.append("handed out")

    monkeypatch.setattr(workers, "_send", interrupted)
    cache = ground_of(load_scenario(SCENARIOS[0]), many).cache
    with pytest.raises(KeyboardInterrupt):
        list(each_draw(lambda draw: draw, many, [cache], 1, workers=2))
    assert told == ["handed out"] * 2


def _environment(folder: Path) -> dict[str, str]:
    """That of another Python, which finds what this one does and keeps its calibrations in a folder."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CRADLECAST_CACHE": str(folder)}


SCRIPT = f"""
print("once", flush=True)
from cradlecast import workers
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
workers.PROCESSES_FROM = 0.0
print(len(run(load_scenario("{SCENARIOS[0]}"), Options(children=300, draws=3, worlds=1), workers=2).tables) > 5)
"""


def test_a_plain_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(SCRIPT)
    words = [sys.executable, script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=_environment(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\nTrue\n", "")
