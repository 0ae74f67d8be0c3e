"""The bet: the array engine, the one-object-per-child engine and plain Python are one model, bit for bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cradlecast.model.children import Children
from cradlecast.model.kernels import KEPT, PREK, Real, Theta, Whole
from cradlecast.model.object_engine import ChildAgent, ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from tests.worlds import OTHERS, SCENARIOS, born, settings


def same(one: Children, other: Children) -> bool:
    """True if two sets of children agree in every bit of their state."""
    return bool(
        np.array_equal(one.ids, other.ids)
        and np.array_equal(one.x.view(np.uint32), other.x.view(np.uint32))
        and np.array_equal(one.k, other.k)
        and np.array_equal(one.seats, other.seats)
        and np.array_equal(one.wide, other.wide)
    )


def digest(children: Children) -> str:
    state = (children.x, children.k, children.seats, children.wide)
    return hashlib.sha256(b"".join(columns.tobytes() for columns in state)).hexdigest()


def digest_of(flows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    return hashlib.sha256(flows.tobytes()).hexdigest()


def shuffled(children: Children, seed: int) -> Children:
    """The same children, rows in another order within each birth year."""
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.arange(a, b)) for a, b in zip(children.starts[:-1], children.starts[1:], strict=True)]
    return children.permuted(np.concatenate(parts))


def by_id(children: Children) -> Children:
    """The same children in the order of their ids."""
    return children.permuted(np.lexsort((children.ids[0], children.ids[1])))


@pytest.mark.parametrize("name", (*SCENARIOS, *OTHERS))
@pytest.mark.parametrize("arm", [0, 1])
def test_the_array_engine_and_the_object_engine_agree_bit_for_bit(name: str, arm: int) -> None:
    setting = settings(name)[arm]
    children = born(setting)
    array_town, object_town = Pipeline(setting, children).run(), ObjectPipeline(setting, children).run()
    arrays, objects = array_town.columns(), object_town.columns()
    assert same(arrays, objects)
    assert not same(arrays, children)
    for column in [*Real][KEPT:]:
        remembered = object_town.read(column)
        assert np.array_equal(arrays.real(column).view(np.uint32), remembered.view(np.uint32)), column.name
        assert remembered.std() > 0.0, column.name
    assert np.array_equal(array_town.flows, object_town.flows)
    assert (array_town.flows.sum(axis=(0, 1, 2)) != 0).all(), "every flow occurs"


def test_what_columns_do_not_keep_is_what_children_remember_in_every_year() -> None:
    setting = settings(n_children=120)[1]
    children = born(setting)
    array_town, object_town = Pipeline(setting, children), ObjectPipeline(setting, children)
    known = set()
    while array_town.time <= array_town.last_year - array_town.first_year:
        array_town.step()
        object_town.step()
        for column in [*Real][KEPT:]:
            worked_out = array_town.columns().real(column)
            assert np.array_equal(worked_out, object_town.read(column)), (column.name, array_town.year)
            some = array_town.columns().real_of(column, np.array([7, 3, 119]))
            assert np.array_equal(some, worked_out[[7, 3, 119]])
            known |= {(column, array_town.year - cohort) for cohort, there in _measured(array_town, column) if there}
    first = {column: min(age for each, age in known if each == column) for column in [*Real][KEPT:]}
    assert (first[Real.DEVELOPMENT], first[Real.READING], first[Real.MATH]) == (2, 8, 13)
    assert {first[column] for column in (Real.PRELITERACY_START, Real.READINESS, Real.LANGUAGE_FALL_TRUE)} == {4}


def _measured(town: Pipeline, column: Real) -> list[tuple[int, bool]]:
    """Birth years, and whether anybody born then has been measured."""
    c, values = town.columns(), town.columns().real(column)
    return [(born, bool(values[a:b].any())) for born, a, b in zip(c.cohorts, c.starts[:-1], c.starts[1:], strict=True)]


@pytest.mark.parametrize("name", (*SCENARIOS, *OTHERS))
def test_they_agree_on_permuted_rows(name: str) -> None:
    setting = settings(name)[1]
    children = born(setting)
    mixed = shuffled(children, seed=5)
    assert not np.array_equal(mixed.ids, children.ids)
    straight = Pipeline(setting, children).run().columns()
    arrays = Pipeline(setting, mixed).run().columns()
    objects = ObjectPipeline(setting, mixed).run().columns()
    assert same(arrays, objects)
    assert same(by_id(arrays), by_id(straight))


def test_the_case_really_has_peers_and_two_years_of_scarce_seats() -> None:
    """What the agreement rests on occurs: classmates matter, and seats run out at 3 and at 4."""
    setting = settings()[0]
    assert setting.theta[Theta.PEER_EFFECT] > 0
    town = Pipeline(setting, born(setting)).run()
    children = town.columns()
    peers = _lived_to(setting, 9).real(Real.PEER)
    assert np.count_nonzero(peers) > 0.9 * len(children)
    for age, program in ((3, "head_start"), (4, "prek")):
        full = [
            site
            for site in town.sites
            for (_, at), held in site.filled.items()
            if site.program == program and at == age and 0 < held == site.seats[age]
        ]
        assert full, f"no site ran out of seats at {age}"
    applied = (children.whole(Whole.APPLIED) & 1) == 1
    assert np.count_nonzero(applied & (children.whole(Whole.CARE4) != PREK)) > 10


def _lived_to(setting, age: int) -> Children:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    shorter = replace(setting, horizon=age)
    return Pipeline(shorter, born(shorter)).run().columns()


def test_plain_python_agrees_bit_for_bit() -> None:
    """NOJIT runs the very kernels as plain Python in a process of its own."""
    code = (
        "from tests.worlds import OTHERS, SCENARIOS, born, settings\n"
        "from tests.service_examples import with_services\n"
        "from tests.test_engines import digest, digest_of, shuffled\n"
        "from cradlecast.model.compiled import NOJIT\n"
        "from cradlecast.model.pipeline import Pipeline\n"
        "print(NOJIT)\n"
        "for name in SCENARIOS:\n"
        "    for setting in settings(name, 240):\n"
        "        for places in (None, 300, 10**6):\n"
        "            lived = setting if places is None else with_services(setting, places=places)\n"
        "            town = Pipeline(lived, shuffled(born(lived), 7)).run()\n"
        "            print(digest(town.columns()), digest_of(town.flows))\n"
    )
    root = Path(__file__).parents[1]
    compiled = _run(code, root, "")  # first, so that the calibration is solved once and kept
    plain = _run(code, root, "1")
    assert plain[0] == "True"
    assert compiled[0] == "False"
    assert plain[1:] == compiled[1:]
    assert len(plain[1:]) == 2 * 2 * 3 * len(SCENARIOS)
    assert len(set(plain[1::2])) > 3 * len(SCENARIOS)


def _run(code: str, root: Path, nojit: str) -> list[str]:
    environment = os.environ | {"CRADLECAST_NOJIT": nojit, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_object_engine_is_an_ordinary_mesa_model() -> None:
    setting = settings(n_children=120)[1]
    model = ObjectPipeline(setting, born(setting))
    children = model.agents_by_type[ChildAgent]
    assert len(children) == 120
    model.step()
    model.run_for(4)
    assert model.year == setting.cohorts[0] + 4
    cared_for = children.select(lambda child: child.care[4] == PREK)
    assert 0 < len(cared_for) < 120
    assert {child.cohort for child in cared_for} == {setting.cohorts[0]}
