"""The reference work: every engine lives by the same law, and one that does not is refused."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from benchmarks import in_c, in_mesa, in_numba, in_numpy, law, peer_rounds, reference
from benchmarks.law import Outcome
from benchmarks.report import EnginesDisagree
from cradlecast.model import kernels
from cradlecast.model.compiled import NOJIT, compile_all

COMPILERS = in_c.compilers()


def same(mine: Outcome, other: Outcome) -> bool:
    """True if all counts are equal."""
    return all(np.array_equal(a, b) for a, b in zip(mine, other, strict=True))


@pytest.fixture(scope="module")
def children() -> law.Population:
    return law.population(6_020)  # 12 whole blocks and a part of one


@pytest.fixture(scope="module")
def strict(children: law.Population) -> Outcome:
    return in_numba.run(children, 3)


def test_the_strict_kernel_counts_what_keyed_numpy_counts(children: law.Population, strict: Outcome) -> None:
    assert same(strict, in_numpy.run(children, 3))
    assert not same(strict, in_numba.run(children, 4)), "another world, other counts"


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_count(threads: int, children: law.Population, strict: Outcome) -> None:
    assert same(strict, in_numba.run(children, 3, threads))


def test_all_seats_are_taken_where_enough_families_apply(children: law.Population, strict: Outcome) -> None:
    assert strict.seated == 2 * law.PROVIDERS * children.seats
    assert int(strict.children.sum()) == children.n
    assert (strict.reached <= strict.children[:, None]).all()


def test_its_words_uniforms_and_normals_are_those_of_the_model(children: law.Population) -> None:
    row, half, age, world = 12_345, 2, 17, 99
    words = [int(word) for word in in_numba.philox(row, half, age, world, 0)]
    assert words == [int(word) for word in kernels.philox(row, 0, half, age, world, 0)]
    u = np.concatenate([np.geomspace(2.0**-24, 0.5, 200), 1.0 - np.geomspace(2.0**-24, 0.5, 200)]).astype(np.float32)
    for mine, models in ((in_numba.standard_normal, kernels.standard_normal), (in_numba.logarithm, kernels.logarithm)):
        assert [float(mine(each)) for each in u] == [float(models(each)) for each in u]
    odds = np.linspace(-21, 21, 500).astype(np.float32)
    mine = [float(in_numba.exponential(each)) for each in odds]
    assert mine == [float(kernels.exponential(each)) for each in odds]
    assert mine == in_numpy.exponential(odds).tolist()
    assert in_numpy.standard_normal(u).tolist() == [float(in_numba.standard_normal(each)) for each in u]


@pytest.mark.skipif(not COMPILERS, reason="no C compiler (cc, gcc, clang) is on the PATH")
def test_plain_c_counts_the_same_and_fast_math_all_but_the_same(
    children: law.Population, strict: Outcome, tmp_path: Path
) -> None:
    plain, fast = (in_c.build(COMPILERS[0], flags, tmp_path)(children, 3) for flags in in_c.FLAGS.values())
    assert same(strict, plain)
    reference.agree(strict, fast, "but for rounding", "C")


@pytest.mark.parametrize("own", ["Mesa", "NumPy"])
def test_engines_with_draws_of_their_own_agree_within_sampling_error(
    own: str, children: law.Population, strict: Outcome
) -> None:
    other = in_mesa.run(in_mesa.Life(children, 5)) if own == "Mesa" else in_numpy.run(children, 5, own_generator=True)
    assert not same(strict, other)
    reference.agree(strict, other, "statistically", own)


def test_rates_that_are_off_are_refused(children: law.Population, strict: Outcome) -> None:
    reached = strict.reached.copy()
    reached[0, 0] += 1
    one_off = strict._replace(reached=reached)
    with pytest.raises(EnginesDisagree, match="'other' gives other rates for 6,020 children"):
        reference.agree(strict, one_off, "exactly", "other")
    reference.agree(strict, one_off, "but for rounding", "other")
    reached = strict.reached + 1
    with pytest.raises(EnginesDisagree):
        reference.agree(strict, strict._replace(reached=reached), "but for rounding", "other")
    reference.agree(strict, strict._replace(reached=reached), "statistically", "other")
    reached[:, 4] += children.n // law.GROUPS // 20  # five points
    with pytest.raises(EnginesDisagree):
        reference.agree(strict, strict._replace(reached=reached), "statistically", "other")
    with pytest.raises(EnginesDisagree):
        reference.agree(strict, strict._replace(seated=strict.seated - 1), "exactly", "other")


def test_all_engines_are_timed_in_the_same_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_c, "COMPILERS", ("no-such-compiler",))
    report = reference.measure([1_000, 2_000], objects=200, repeats=2)
    names = [reference.MESA, reference.STRICT, reference.STRICT_2, reference.KEYED, reference.GENERATED]
    assert [row[0] for row in report.sections[0].rows[1:]] == 2 * names
    seconds: Any = report.figures["seconds, 2000 children"]
    assert [len(taken) for taken in seconds.values()] == [2] * 5
    floor = next(f for f in report.floors if f.what == "strict kernel against plain Mesa, 2,000 children")
    ratio = sum(10 * a / b for a, b in zip(seconds[reference.MESA], seconds[reference.STRICT], strict=True)) / 2
    assert floor.measured == f"{ratio:,.2f}x"
    assert report.notes == ["C was left out: none of no-such-compiler is on the PATH."]


def test_an_engine_that_lives_by_another_law_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = in_numpy.run

    def biased(children: law.Population, world: int, own_generator: bool = False) -> Outcome:
        found = honest(children, world, own_generator)
        return found._replace(years=found.years + 1)

    monkeypatch.setattr(in_numpy, "run", biased)
    with pytest.raises(EnginesDisagree, match=r"'NumPy, keyed draws' .*; nothing was timed"):
        reference.measure([1_000], objects=200, repeats=1)


# --- peers ---


def test_every_peer_has_a_script_and_a_lock_with_hashes() -> None:
    for name in peer_rounds.PEERS.values():
        assert (peer_rounds.HERE / f"live_{name}.py").exists()
        lock = (peer_rounds.HERE / f"{name}.lock").read_text(encoding="utf-8")
        pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins and all("==" in line for line in pins)
        assert lock.count("--hash=sha256:") >= len(pins)


def test_a_peer_that_cannot_be_had_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(name: str, folder: Path) -> Path:
        raise subprocess.CalledProcessError(1, "install", stderr="Downloading\nno such distribution")

    monkeypatch.setattr(peer_rounds, "environment", refused)
    report = peer_rounds.measure([1_000], repeats=1, folder=tmp_path)
    assert [row[0] for row in report.sections[0].rows[1:]] == [reference.STRICT]
    assert len(report.notes) == 3 + 1
    said = "Vivarium was left out: its locked environment could not be made here (no such distribution)."
    assert said in report.notes


# --- compiling ---


@pytest.mark.skipif(NOJIT, reason="CRADLECAST_NOJIT is set: nothing is compiled")
@pytest.mark.parametrize("module", [kernels, in_numba])
def test_no_kernel_is_compiled_for_a_second_signature(module: Any) -> None:
    compile_all(module)
    found = [each for each in vars(module).values() if isinstance(each, Dispatcher)]
    assert len(found) >= 12
    assert {each.__name__: len(each.signatures) for each in found if len(each.signatures) != 1} == {}
    with pytest.raises(TypeError):
        module.philox("a word")
    floats = np.zeros(4)
    with pytest.raises(TypeError, match="No matching definition"):
        module.standard_normal(floats)
