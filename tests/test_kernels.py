"""The rules and their luck: known answers, uniform and independent draws, exact arithmetic, one law in two engines."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit, ndtri

from cradlecast.model import kernels
from cradlecast.model.compiled import NOJIT
from cradlecast.model.kernels import Decision, Real, Wide
from tests import rule_digest

ROOT = Path(__file__).resolve().parent.parent
TOP = 2**32 - 1
TAIL = 1e-4
"""A perfect stream of numbers would fail a check once in 1 / TAIL times; the streams are fixed, so a pass stays one."""

N_CHILDREN = 500 if NOJIT else 20_000

type Array = np.ndarray[Any, np.dtype[Any]]


def typed(*words: int) -> tuple[np.uint64, ...]:
    """Words of a counter and a key as the kernels pass them."""
    return tuple(np.uint64(word) for word in words)


def uniforms(low: Array, high: Array, decision: int, year: int, world: int, seed: int) -> Array:
    """The uniforms that the kernels draw for these children."""
    out = np.empty(len(low), np.float32)
    kernels.uniforms(
        low.astype(np.uint32), high.astype(np.uint32), np.array([world, seed], np.uint64), int(decision), year, out
    )
    return out.astype(np.float64)


# --- Philox ---


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((TOP,) * 4, (TOP,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_philox_gives_the_known_answers_of_its_authors(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    """Rows ``philox4x32 10`` of tests/kat_vectors in Random123 (Salmon et al., SC 2011)."""
    assert tuple(int(word) for word in kernels.philox(*typed(*counter, *key))) == answer


def test_words_given_as_python_numbers_draw_the_same_luck() -> None:
    for counter in list(rule_digest.counters())[:20]:
        plain = tuple(int(word) for word in counter)
        assert kernels.uniform(*plain) == kernels.uniform(*counter)
        assert kernels.normal(*plain) == kernels.normal(*counter)
        assert kernels.lottery_number(*plain) == kernels.lottery_number(*counter)


def test_the_loops_over_children_draw_what_the_rules_draw() -> None:
    low, high = np.arange(50, dtype=np.uint32), np.full(50, (3 << 16) | 2015, np.uint32)
    world = np.array([7, 9], np.uint64)
    u, z = np.empty(50, np.float32), np.empty(50, np.float32)
    kernels.uniforms(low, high, world, int(Decision.SHOCK), 2019, u)
    kernels.normals(low, high, world, int(Decision.SHOCK), 2019, z)
    for child in range(50):
        words = typed(int(low[child]), int(high[child]), int(Decision.SHOCK), 2019, 7, 9)
        assert u[child] == kernels.uniform(*words)
        assert z[child] == kernels.normal(*words)


# --- uniforms ---


def as_uniform(word: Array) -> Array:
    """The uniform that a 32-bit word stands for, in the arithmetic of the rule."""
    middle = (word >> np.uint64(9)).astype(np.int32).astype(np.float32) + np.float32(0.5)
    uniform: Array = middle * np.float32(2.0**-23)
    return uniform


def test_a_uniform_is_the_middle_of_one_of_8388608_equal_steps() -> None:
    for counter in rule_digest.counters():
        first = np.array([int(kernels.philox(*counter)[0])], np.uint64)
        assert np.float32(kernels.uniform(*counter)) == as_uniform(first)[0]


def test_the_lowest_and_the_highest_word_still_lie_inside_0_and_1() -> None:
    low, high = as_uniform(np.array([0, TOP], np.uint64))
    assert low == 2.0**-24 > 0.0
    assert high == np.float32(1.0) - np.float32(2.0**-24) < 1.0
    assert np.isfinite([kernels.standard_normal(low), kernels.standard_normal(high)]).all()
    assert kernels.happens(low, np.float32(-16.0))
    assert not kernels.happens(high, np.float32(16.0))


def stack(rows: list[Array]) -> Array:
    """Streams as (steps along the axis, children)."""
    return np.stack(rows)


LOW = np.arange(N_CHILDREN)
HIGH = np.full(N_CHILDREN, (47 << 16) | 2015)

AXES: dict[str, Callable[[], Array]] = {
    "neighbouring children": lambda: uniforms(
        np.arange(10 * N_CHILDREN), np.full(10 * N_CHILDREN, (47 << 16) | 2015), Decision.TRAIT, 0, 3, 1
    )[:, None],
    "birth years": lambda: stack([uniforms(LOW, HIGH + step, Decision.TRAIT, 0, 3, 1) for step in range(32)]),
    "places": lambda: stack([uniforms(LOW, HIGH + (step << 16), Decision.TRAIT, 0, 3, 1) for step in range(32)]),
    "years": lambda: stack([uniforms(LOW, HIGH, Decision.SHOCK, 2018 + step, 3, 1) for step in range(30)]),
    "decisions": lambda: stack([uniforms(LOW, HIGH, decision, 2019, 3, 1) for decision in Decision]),
    "worlds": lambda: stack([uniforms(LOW, HIGH, Decision.SHOCK, 2019, step, 1) for step in range(32)]),
    "seeds": lambda: stack([uniforms(LOW, HIGH, Decision.SHOCK, 2019, 3, step) for step in range(32)]),
}
"""Uniforms along everything that keys them, with the children of a study beside one another."""


@pytest.fixture(scope="module", params=list(AXES))
def streams(request: pytest.FixtureRequest) -> Array:
    """Uniforms as (steps along one axis, children)."""
    return AXES[request.param]()


def assert_even(counts: Array) -> None:
    """Chi-square: neither more uneven nor more even than chance leaves one time in 1 / TAIL."""
    expected = counts.sum() / counts.size
    assert expected > 5.0
    statistic = float(((counts - expected) ** 2).sum() / expected)
    low, high = stats.chi2.ppf([TAIL / 2, 1 - TAIL / 2], counts.size - 1)
    assert low < statistic < high


def test_draws_are_uniform_along_every_key(streams: Array) -> None:
    flat = streams.ravel()
    assert 0.0 < flat.min() < flat.max() < 1.0
    assert_even(np.bincount((flat * 256).astype(np.int64), minlength=256))
    assert stats.kstest(flat, "uniform").pvalue > TAIL


def test_draws_one_step_apart_are_independent_along_every_key(streams: Array) -> None:
    before, after = streams[:-1].ravel(), streams[1:].ravel()
    z = float(np.corrcoef(before, after)[0, 1]) * np.sqrt(len(before))
    assert abs(z) < stats.norm.isf(TAIL / 2)
    pairs = 2 * (len(streams) // 2)
    first, second = streams[:pairs:2].ravel(), streams[1:pairs:2].ravel()
    assert len(first) == len(second) > 0
    cells = (first * 16).astype(np.int64) * 16 + (second * 16).astype(np.int64)
    assert_even(np.bincount(cells, minlength=256))


def test_no_two_decisions_of_a_child_go_together() -> None:
    table = np.corrcoef(AXES["decisions"]())
    pairs = table[np.triu_indices(len(Decision), 1)]
    assert len(pairs) == len(Decision) * (len(Decision) - 1) // 2
    assert np.abs(pairs).max() * np.sqrt(N_CHILDREN) < stats.norm.isf(TAIL / 2 / len(pairs))


def test_the_sum_of_a_childs_draws_over_30_years_spreads_as_independence_says() -> None:
    total = AXES["years"]().sum(axis=0)
    spread = total.var(ddof=1) / (30 / 12)
    assert abs(spread - 1.0) < stats.norm.isf(TAIL / 2) * np.sqrt(2.0 / N_CHILDREN) * 1.01


def test_lottery_numbers_are_56_even_bits_and_nobody_shares_one() -> None:
    n = min(N_CHILDREN, 5_000)
    numbers = [
        int(kernels.lottery_number(*typed(child, (47 << 16) | 2015, int(Decision.LOTTERY_PREK), 2019, 3, 1)))
        for child in range(n)
    ]
    assert len(set(numbers)) == n
    assert 0 <= min(numbers) < max(numbers) < 2**56
    for shift in (0, 20, 51):
        assert_even(np.bincount([(number >> shift) & 31 for number in numbers], minlength=32))


# --- normals, logarithm, chances ---


def sampled_uniforms() -> Array:
    """Uniforms of 23 bits as float32: both ends, the middle, and a sample in between."""
    n = 300 if NOJIT else 3_000
    middle = np.random.default_rng(5).integers(0, 2**23, 20 * n)
    ends = np.arange(n)
    steps = np.unique(np.concatenate([ends, 2**23 - 1 - ends, 2**22 - n // 2 + ends, middle]))
    return ((steps + 0.5) * 2.0**-23).astype(np.float32)


def test_normals_are_the_inverse_of_the_normal_distribution_to_a_millionth() -> None:
    u = sampled_uniforms()
    assert u[0] == 2.0**-24
    z = np.array([kernels.standard_normal(value) for value in u], np.float64)
    exact = ndtri(u.astype(np.float64))
    assert exact[0] < -5.2
    assert (np.abs(z - exact) < 1e-6 * np.abs(exact)).all()
    assert (np.diff(z) >= 0.0).all()


def test_normals_are_symmetric() -> None:
    for u in sampled_uniforms()[:500]:
        assert kernels.standard_normal(np.float32(1.0) - u) == -kernels.standard_normal(u)


def test_normals_drawn_for_children_are_normal() -> None:
    z = np.empty(N_CHILDREN, np.float32)
    ids = LOW.astype(np.uint32), HIGH.astype(np.uint32)
    kernels.normals(*ids, np.array([3, 1], np.uint64), int(Decision.SHOCK), 2019, z)
    assert stats.kstest(z.astype(np.float64), "norm").pvalue > TAIL


def test_the_logarithm_is_right_wherever_the_rules_take_one() -> None:
    """Uniforms, one minus them, and four times the product of both: from 2^-24 to 1, and a little beyond."""
    powers = (2.0 ** np.linspace(-32, 0.5, 2_000)).astype(np.float32)
    values = np.concatenate([sampled_uniforms(), powers])
    log = np.array([kernels.logarithm(value) for value in values], np.float64)
    exact = np.log(values.astype(np.float64))
    assert (np.abs(log - exact) <= 3e-7 * np.abs(exact) + 3e-8).all()


def test_higher_odds_only_add_children_and_reach_the_stated_rate() -> None:
    n = 1_024 if NOJIT else 8_192
    u = ((np.arange(n) + 0.5) / n).astype(np.float32)
    chances = [0.001, 0.05, 0.3, 0.5, 0.501, 0.9, 0.999]
    before = np.zeros(n, np.bool_)
    for chance in chances:
        now = np.array([kernels.happens(value, np.float32(logit(chance))) for value in u])
        assert (now >= before).all()
        assert abs(now.mean() - chance) <= 1.0 / n
        assert now.sum() > before.sum()
        before = now


@pytest.mark.parametrize("odds", [-30.0, -8.0, 0.0, 8.0, 30.0])
def test_chances_stay_right_in_the_far_tails(odds: float) -> None:
    ends = np.concatenate([np.arange(6_000), 2**23 - 1 - np.arange(6_000)])
    u = ((ends + 0.5) * 2.0**-23).astype(np.float32)
    got = np.array([bool(kernels.happens(value, np.float32(odds))) for value in u])
    exact = u.astype(np.float64) < expit(odds)
    near = np.abs(u.astype(np.float64) - expit(odds)) < 1e-5 * min(expit(odds), expit(-odds)) + 2.0**-24
    assert (got == exact)[~near].all()
    assert near.sum() <= 2


# --- whole numbers ---


def test_fixed_point_sums_do_not_depend_on_the_order_of_children() -> None:
    rng = np.random.default_rng(8)
    skills = (rng.standard_normal(5_000) * 1.5).astype(np.float32)
    exact = sum(int(kernels.to_fixed(value)) for value in skills)
    floats = set()
    for _ in range(20):
        order = rng.permutation(len(skills))
        assert sum(int(kernels.to_fixed(value)) for value in skills[order]) == exact
        floats.add(float(np.cumsum(skills[order])[-1]))
    assert len(floats) > 1, "sums of floats do depend on the order, which is why these are not"
    assert exact / 2**20 == pytest.approx(skills.sum(dtype=np.float64), abs=5_000 * 2.0**-21)


def test_class_sums_are_the_same_for_permuted_children() -> None:
    rng = np.random.default_rng(9)
    n, schools = 400, 7
    x, wide = np.zeros((len(Real), n), np.float32), np.zeros((len(Wide), n), np.int32)
    x[Real.SKILL] = rng.standard_normal(n)
    wide[Wide.SCHOOL] = rng.integers(0, schools, n)
    order = rng.permutation(n)
    sums = [np.zeros(2 * schools, np.int64) for _ in range(2)]
    spans = np.array([[2015, 0, n, 0]], np.int64)
    kernels.class_sums(sums[0], spans, x, wide, schools)
    permuted = (np.ascontiguousarray(columns[:, order]) for columns in (x, wide))
    kernels.class_sums(sums[1], spans, *permuted, schools)
    assert (sums[0] == sums[1]).all()
    assert sums[0][schools:].sum() == n
    assert (sums[0][schools:] == np.bincount(wide[Wide.SCHOOL], minlength=schools)).all()


def test_classmates_mean_leaves_out_the_child_and_is_nothing_for_one_alone() -> None:
    skills = [np.float32(v) for v in (1.0, -0.5, 0.25)]
    total = np.int64(sum(int(kernels.to_fixed(v)) for v in skills))
    got = kernels.peer_effect(total, np.int64(kernels.to_fixed(skills[0])), np.int64(3), np.float32(0.5))
    assert got == pytest.approx(0.5 * (-0.5 + 0.25) / 2)
    alone = np.int64(kernels.to_fixed(skills[0]))
    assert kernels.peer_effect(alone, alone, np.int64(1), np.float32(0.5)) == 0.0


def test_a_category_is_the_first_whose_cumulative_share_lies_above() -> None:
    shares = np.array([0.25, 0.25, 0.75, 0.9999999], np.float32)
    below, above = np.float32(2.0**-24), np.float32(1.0 - 2.0**-24)
    cases = {below: 0, np.float32(0.25): 2, np.float32(0.7499999): 2, np.float32(0.75): 3, above: 3}
    assert above > shares[-1]
    assert {u: int(kernels.category(u, shares)) for u in cases} == cases


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000, 2**20])
def test_one_of_so_many_stays_below_and_reaches_both_ends(count: int) -> None:
    ends = [int(kernels.one_of(np.float32(u), np.int32(count))) for u in (2.0**-24, 1.0 - 2.0**-24)]
    assert ends == [0, count - 1]
    assert kernels.one_of(np.float32(1.0), np.int32(count)) == count - 1, "even at 1, which no uniform reaches"


def test_one_of_so_many_takes_each_as_often() -> None:
    u = uniforms(np.arange(4_000), np.full(4_000, 2015), Decision.SCHOOL, 0, 1, 1).astype(np.float32)
    picks = [int(kernels.one_of(value, np.int32(7))) for value in u]
    assert_even(np.bincount(picks, minlength=7))


def test_the_long_run_shift_is_nothing_at_kindergarten_and_whole_at_grade_6() -> None:
    phases = [float(kernels.phase(np.int32(age))) for age in range(31)]
    assert phases[:6] == [0.0] * 6
    assert phases[8] == 0.5
    assert phases[11:] == [1.0] * 20
    assert (np.diff(phases) >= 0.0).all()


# --- the register ---

NUMBERS = {
    "GROUP": 1,
    "INCOME": 2,
    "AREA": 3,
    "TRAIT": 4,
    "TRANSIENT": 5,
    "SCHOOL": 6,
    "SEX": 7,
    "MOTHER": 8,
    "LANGUAGE": 9,
    "APPLY_PREK": 10,
    "APPLY_HEAD_START": 11,
    "CENTER_CARE": 12,
    "PREFER_HEAD_START": 13,
    "TRAVEL": 14,
    "TRAVEL_WHERE": 15,
    "BIRTH_WEIGHT": 16,
    "BEHAVIOUR": 17,
    "LIABILITY": 18,
    "CARE_EARLY": 19,
    "LOTTERY_PREK": 20,
    "LOTTERY_HEAD_START": 21,
    "LOTTERY_CHILD_CARE": 22,
    "ROOM": 24,
    "ROOM_QUALITY": 25,
    "SHOCK": 30,
    "CAESAREAN": 31,
    "DEVELOPMENT": 33,
    "LITERACY_OWN": 34,
    "MATH_OWN": 35,
    "LANGUAGE_OWN": 36,
    "PRELITERACY_FALL": 40,
    "PRELITERACY_SPRING": 41,
    "READINESS": 42,
    "READING_GRADE3": 43,
    "MATH_GRADE8": 44,
    "PREK_ATTENDANCE": 45,
    "MATH_FALL": 46,
    "LANGUAGE_FALL": 47,
    "BEHAVIOUR_FALL": 48,
    "GRADES": 49,
    "GRADUATION": 50,
    "ENROLMENT": 51,
    "COMPLETION": 52,
    "EMPLOYMENT": 53,
    "LEAVING": 54,
    "SECTOR": 55,
    "COLLEGE_RETURN": 56,
    "EARNINGS": 57,
    "CHRONIC_ABSENCE": 60,
    "SUSPENSION": 61,
    "ARREST": 62,
    "SPECIAL_EDUCATION": 63,
    "RETENTION": 64,
    "TRIAL_TAKE_UP": 70,
    "TRIAL_CARE": 71,
    "TRIAL_SAMPLING": 72,
    "SERVICE_TAKE_UP": 80,
    "SERVICE_LOTTERY": 81,
    "SERVICE_SCREEN": 82,
    "DATA_SHARING": 83,
    "CONVENER": 84,
    "PARAMETER": 90,
}
"""Every decision with its number: add new ones here; a number that stands here never changes its meaning."""

RETIRED = {23: "STREAM"}
"""Numbers that decisions once had: a decision that goes moves here, and its number is not given out again."""


def test_every_decision_keeps_its_number_and_no_number_is_used_twice() -> None:
    assert {decision.name: int(decision) for decision in Decision} == NUMBERS
    assert len(Decision.__members__) == len(Decision), "two names for one number"
    assert not set(RETIRED) & {int(decision) for decision in Decision}
    assert not set(RETIRED.values()) & set(Decision.__members__)
    assert all(0 < int(decision) <= TOP for decision in Decision)


def test_the_lotteries_of_the_programs_follow_one_another() -> None:
    first = int(Decision.LOTTERY_PREK)
    assert [int(Decision.LOTTERY_HEAD_START), int(Decision.LOTTERY_CHILD_CARE)] == [first + 1, first + 2]


def test_a_familys_luck_stands_in_the_order_of_its_decisions() -> None:
    """``applications`` draws six decisions in a row, and ``rank_places`` reads each by its place in that row."""
    names = ("APPLY_PREK", "APPLY_HEAD_START", "CENTER_CARE", "PREFER_HEAD_START", "TRAVEL", "TRAVEL_WHERE")
    first = int(Decision.APPLY_PREK)
    assert [int(Decision[name]) - first for name in names] == [getattr(kernels, f"L_{name}") for name in names]
    assert sorted(int(Decision[name]) - first for name in names) == list(range(6))


# --- compiled and plain ---


def run(*words: str, cwd: Path = ROOT, **environment: str) -> str:
    """Standard output of another Python that sees the package in ``cwd``; warnings are errors there too."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CRADLECAST_", "NUMBA_"))}
    inherited |= {name: os.environ[name] for name in ("NUMBA_CACHE_DIR",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=cwd,
        env=inherited | {"PYTHONPATH": str(cwd)} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_scalar_rule_has_a_grid_of_arguments() -> None:
    assert set(rule_digest.RULES) == rule_digest.scalar_rules()


def test_compiled_and_plain_rules_agree_bit_for_bit() -> None:
    compiled = json.loads(run("-m", "tests.rule_digest"))
    plain = json.loads(run("-m", "tests.rule_digest", CRADLECAST_NOJIT="1"))
    assert (compiled["plain"], plain["plain"]) == (False, True)
    assert compiled["digests"] == plain["digests"]
    assert set(compiled["digests"]) == rule_digest.scalar_rules()
    assert rule_digest.digests() == compiled["digests"]


def test_every_kernel_is_compiled_once_for_one_signature() -> None:
    asked = rule_digest.compiled_functions()
    assert len(asked) > 30
    for name in asked:
        signatures = getattr(getattr(kernels, name), "signatures", None)
        assert NOJIT if signatures is None else len(signatures) == 1, name


@pytest.mark.skipif(NOJIT, reason="CRADLECAST_NOJIT is set: nothing is compiled")
def test_a_rule_is_loaded_when_it_is_first_called_and_then_stands_in_the_module() -> None:
    script = """
from cradlecast.model import compiled, kernels
import numpy as np
rule = kernels.phase
print(sum(isinstance(each, compiled.Compiled) for each in vars(kernels).values()) > 30, type(rule).__name__)
print(rule(np.int32(11)), type(kernels.phase).__name__, kernels.phase(np.int32(5)), rule(np.int32(5)))
compiled.compile_all(kernels)
print(sum(isinstance(each, compiled.Compiled) for each in vars(kernels).values()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["True Compiled", "1.0 CPUDispatcher 0.0 0.0", "0"]


def test_an_array_of_another_type_is_refused_and_not_compiled_anew() -> None:
    ids = np.zeros(3, np.int64)
    if not NOJIT:
        with pytest.raises(TypeError):
            kernels.uniforms(ids, ids, np.zeros(2, np.uint64), 1, 1, np.zeros(3, np.float32))
    assert NOJIT or len(kernels.uniforms.signatures) == 1


SNIPPET = """
import json
import numpy as np
from cradlecast.model import kernels
answers = [kernels.happens(np.float32(u), np.float32(0.0)) for u in (0.2, 0.4, 0.6, 0.8)]
hits = sum(kernels.happens.stats.cache_hits.values())
print(json.dumps({"file": kernels.__file__, "answers": answers, "hits": hits}))
"""


def test_an_edited_rule_changes_results_although_the_compiler_keeps_a_cache(tmp_path: Path) -> None:
    """``happens`` has ``logarithm`` inside; here is the half of the file that holds the rules, to compile less."""
    shutil.copytree(ROOT / "model", tmp_path / "model", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cradlecast").mkdir()
    shutil.copy(ROOT / "cradlecast" / "__init__.py", tmp_path / "cradlecast")
    (tmp_path / "cradlecast" / "model").symlink_to(Path("..") / "model")
    path = tmp_path / "model" / "kernels.py"
    rules, marker, _ = path.read_text(encoding="utf-8").partition("# --- rules: birth ---")
    assert marker
    path.write_text(rules, encoding="utf-8")

    def answer() -> dict[str, Any]:
        told = run("-c", SNIPPET, cwd=tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
        answers: dict[str, Any] = json.loads(told)
        assert Path(answers["file"]).samefile(path)
        return answers

    first, again = answer(), answer()
    assert first["answers"] == again["answers"] == [True, True, False, False]
    assert (first["hits"], again["hits"]) == (0, 1)
    line = "return _2 * s * series - shift * _LN2"
    assert rules.count(line) == 1
    path.write_text(rules.replace(line, "return shift * _LN2 - _2 * s * series"), encoding="utf-8")
    assert answer()["answers"] == [False, False, True, True]
