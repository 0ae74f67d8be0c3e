"""Long work: shared by who asks the same, told how far it is, stopped within a second, and refused in words."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cradlecast.pricing import price
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui import work
from cradlecast.ui.jobs import PLACES, Job, Jobs
from cradlecast.ui.keep import plainly
from cradlecast.ui.rows import tables_of

LAPSE = load_scenario("memphis-prek-1000-lapse")
DEAL = load_deal("memphis-illustrative")
SMALL = Options(children=300, draws=3, worlds=1, horizon=6)
LARGE = Options(children=20_000, draws=5_000, worlds=1)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    pool = Jobs(2)
    pool.warm()
    yield pool
    pool.close()


def until(condition: Callable[[], Any], seconds: float = 60) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_study_and_a_deal_from_the_pool_are_those_of_python(jobs: Jobs) -> None:
    job = jobs.start(
        "small", {"study": (work.run_study, (LAPSE, SMALL)), "deal": (work.run_deal, (DEAL, LAPSE, SMALL))}
    )
    until(lambda: job.done)
    direct = {"study": run(LAPSE, SMALL), "deal": price(DEAL, LAPSE, SMALL)}
    for name, result in direct.items():
        found, known = job.result(name), plainly(result.record, result.tables)
        assert found.record == known.record
        tables = {table.name: table for table in tables_of(found.tables)}
        for table in tables_of(known.tables):
            assert tables[table.name] == table
    assert set(job.result("study").tables) == {*direct["study"].tables, "costs"}
    assert job.share == 1.0
    jobs.leave(job)


def test_a_run_tells_how_far_it_is_and_stops_within_a_second(jobs: Jobs) -> None:
    job = jobs.start("large", {"study": (work.run_study, (LAPSE, LARGE))})
    until(lambda: job.seconds_left() is not None or job.share > 0.001)
    first = job.share
    until(lambda: job.share > first)
    assert not job.done
    jobs.leave(job)
    assert until(lambda: job.done, 5) < 1.0
    assert job.stopped
    with pytest.raises(InputError, match="the run was stopped"):
        job.result("study")


def test_who_asks_the_same_shares_the_job_and_it_runs_on_while_one_waits(jobs: Jobs) -> None:
    asked = {"study": (work.run_study, (LAPSE, LARGE))}
    job, same = jobs.start("shared", asked), jobs.start("shared", asked)
    assert job is same
    until(lambda: job.share > 0)
    jobs.leave(job)
    time.sleep(0.3)
    assert not job.done
    jobs.leave(same)
    until(lambda: job.done, 5)
    assert jobs.start("shared", {}) is not job


def test_what_a_deal_refuses_is_told(jobs: Jobs) -> None:
    few = LAPSE.with_levers({"seats": 10})
    job = jobs.start("few", {"deal": (work.run_deal, (DEAL, few, SMALL))})
    until(lambda: job.done)
    with pytest.raises(InputError, match="uses are"):
        job.result("deal")
    jobs.leave(job)


def test_a_process_that_dies_is_told_and_the_next_job_runs() -> None:
    pool = Jobs(1)
    try:
        job = pool.start("large", {"study": (work.run_study, (LAPSE, LARGE))})
        until(lambda: job.share > 0)
        executor = pool._pool
        assert executor is not None
        for process in list(executor._processes.values()):
            process.kill()
        until(lambda: job.done)
        with pytest.raises(InputError, match="a process of the run ended before its work was done"):
            job.result("study")
        pool.leave(job)
        again = pool.start("small", {"study": (work.run_study, (LAPSE, SMALL))})
        until(lambda: again.done)
        assert "milestones" in again.result("study").tables
    finally:
        pool.close()


def test_too_many_waiting_are_refused_and_ended_jobs_make_room(jobs: Jobs) -> None:
    tasks = {str(at): (work.run_study, (LAPSE, LARGE)) for at in range(PLACES - 1)}
    many = jobs.start("many", tasks)
    with pytest.raises(InputError, match="too many runs are waiting"):
        jobs.start("more", {"a": (work.run_study, (LAPSE, SMALL)), "b": (work.run_study, (LAPSE, SMALL))})
    jobs.leave(many)
    until(lambda: many.done, 10)
    after: Job = jobs.start("after", {"study": (work.run_study, (LAPSE, SMALL))})
    until(lambda: after.done)
    assert not after.stopped
    jobs.leave(after)
