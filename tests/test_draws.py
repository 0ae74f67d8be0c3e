"""Uncertain parameters: each has the distribution that it states, jointly with those it is correlated with."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cradlecast.model.distributions import quantile
from cradlecast.model.draws import draw_parameters, value_of_effect
from cradlecast.scenarios.library import load_parameters
from cradlecast.scenarios.parameters import Parameter, ParameterSet

N_DRAWS = 2_000
TAIL = 1e-4
"""A right sampler fails a check once in 1 / TAIL times; draws are keyed, so a pass stays one."""

SCORES = np.array([-5.2, -3.0, -1.5, -0.2, 0.0, 0.7, 1.9, 4.0, 5.2])


def parameter(shape: str, mean: float, sd: float, **more: Any) -> Parameter:
    """A parameter of a test."""
    declared = {"title": "x", "shape": shape, "mean": mean, "sd": sd, "unit": "sd", "grade": "assumption"}
    return Parameter.model_validate(declared | {"assumption": "made up for a test"} | more)


def parameters(**named: Parameter) -> ParameterSet:
    """A set of parameters, in order."""
    return ParameterSet.model_validate({"schema": "x", "description": "x", "parameters": named})


def declared_distribution(p: Parameter) -> Any:
    """What the words of a declaration mean, told with scipy's distributions."""
    if p.shape == "normal":
        return stats.norm(p.mean, p.sd)
    if p.shape == "student_t":
        return stats.t(p.df, p.mean, p.sd)
    assert p.lower is not None and p.upper is not None
    if p.shape == "truncated_normal":
        return stats.truncnorm((p.lower - p.mean) / p.sd, (p.upper - p.mean) / p.sd, p.mean, p.sd)
    width = p.upper - p.lower
    m, v = (p.mean - p.lower) / width, (p.sd / width) ** 2
    size = m * (1 - m) / v - 1
    return stats.beta(m * size, (1 - m) * size, p.lower, width)


EXAMPLES = {
    "normal": parameter("normal", 0.21, 0.07),
    "student_t": parameter("student_t", 0.0, 0.12, df=4),
    "truncated on both sides": parameter("truncated_normal", 0.63, 0.06, lower=0.3, upper=0.9),
    "truncated near its mean": parameter("truncated_normal", 0.1, 0.2, lower=0.0, upper=0.25),
    "beta": parameter("beta", 0.35, 0.1, lower=0.0, upper=1.0),
    "beta on another range": parameter("beta", 2.0, 0.4, lower=1.0, upper=4.0),
}


@pytest.fixture(scope="module")
def shipped() -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Every shipped parameter in many draws."""
    draws = [draw_parameters(load_parameters(), 1, draw) for draw in range(N_DRAWS)]
    return {name: np.array([values[name] for values in draws]) for name in draws[0]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_value_at_a_score_is_the_quantile_of_the_stated_distribution(name: str) -> None:
    p = EXAMPLES[name]
    got = np.array([quantile(p, score) for score in SCORES])
    assert got == pytest.approx(declared_distribution(p).ppf(stats.norm.cdf(SCORES)), rel=1e-7, abs=1e-9)
    assert (np.diff(got) > 0.0).all()


def test_a_fixed_parameter_is_its_mean_at_any_score() -> None:
    assert {quantile(parameter("fixed", 0.4, 0.0), score) for score in SCORES} == {0.4}


@pytest.mark.parametrize("name", ["beta", "beta on another range"])
def test_mean_and_sd_of_a_beta_are_the_stated_ones(name: str) -> None:
    p = EXAMPLES[name]
    steps = (np.arange(20_000) + 0.5) / 20_000
    values = np.array([quantile(p, score) for score in stats.norm.ppf(steps)])
    assert values.mean() == pytest.approx(p.mean, rel=1e-4)
    assert values.std() == pytest.approx(p.sd, rel=1e-3)


@pytest.mark.parametrize("name", EXAMPLES)
def test_drawn_values_follow_the_stated_distribution(name: str) -> None:
    declared = parameters(it=EXAMPLES[name])
    values = np.array([draw_parameters(declared, 1, draw)["it"] for draw in range(N_DRAWS)])
    assert stats.kstest(values, declared_distribution(EXAMPLES[name]).cdf).pvalue > TAIL
    assert len(set(values.tolist())) > 0.99 * N_DRAWS


def test_every_shipped_parameter_follows_its_stated_distribution(shipped: dict[str, Any]) -> None:
    declared = load_parameters().parameters
    assert set(shipped) == set(declared)
    assert len({p.shape for p in declared.values()}) == 5
    for name, p in declared.items():
        if p.shape == "fixed":
            assert set(shipped[name].tolist()) == {p.mean}, name
        else:
            exact = declared_distribution(p)
            assert stats.kstest(shipped[name], exact.cdf).pvalue > TAIL / len(declared), name


def test_shipped_parameters_stay_within_their_bounds(shipped: dict[str, Any]) -> None:
    bounded = {name: p for name, p in load_parameters().parameters.items() if p.lower is not None}
    assert len(bounded) > 5
    for name, p in bounded.items():
        assert p.lower is not None and p.upper is not None
        assert p.lower <= shipped[name].min() < shipped[name].max() <= p.upper, name
        assert all(p.lower <= quantile(p, score) <= p.upper for score in (-7.5, *SCORES, 7.5)), name


def correlation(a: Any, b: Any) -> float:
    """Correlation of the normal scores behind two columns, from their ranks."""
    scores = [stats.norm.ppf((stats.rankdata(column) - 0.5) / len(column)) for column in (a, b)]
    return float(np.corrcoef(*scores)[0, 1])


def margin(r: float, n: int) -> float:
    """How far a sample's correlation may lie off, on Fisher's scale."""
    return float(stats.norm.isf(TAIL / 2) / np.sqrt(n - 3)) * (1 - r * r) * 1.1


@pytest.mark.parametrize("r", [-0.8, -0.3, 0.0, 0.5, 0.95])
def test_correlated_parameters_share_as_much_of_their_score_as_stated(r: float) -> None:
    first = EXAMPLES["student_t"]
    second = parameter("beta", 0.35, 0.1, lower=0.0, upper=1.0, correlated_with={"first": r})
    rows = [draw_parameters(parameters(first=first, second=second), 5, draw) for draw in range(N_DRAWS)]
    columns = [np.array([row[name] for row in rows]) for name in ("first", "second")]
    assert abs(correlation(*columns) - r) < margin(r, N_DRAWS)
    assert stats.kstest(columns[1], declared_distribution(second).cdf).pvalue > TAIL


def test_correlation_passes_on_along_a_chain() -> None:
    declared = parameters(
        a=parameter("normal", 0.0, 1.0),
        b=parameter("normal", 0.0, 1.0, correlated_with={"a": 0.8}),
        c=parameter("normal", 0.0, 1.0, correlated_with={"b": 0.7}),
    )
    rows = [draw_parameters(declared, 2, draw) for draw in range(N_DRAWS)]
    a, c = (np.array([row[name] for row in rows]) for name in ("a", "c"))
    assert abs(correlation(a, c) - 0.56) < margin(0.56, N_DRAWS)


def test_shipped_parameters_go_together_only_where_they_say_so(shipped: dict[str, Any]) -> None:
    declared = load_parameters().parameters
    free = [name for name, p in declared.items() if p.shape != "fixed"]
    stated = {(other, name): r for name, p in declared.items() for other, r in p.correlated_with.items()}
    assert stated, "some parameters are correlated"
    table = np.corrcoef([stats.norm.ppf((stats.rankdata(shipped[name]) - 0.5) / N_DRAWS) for name in free])
    pairs = [(i, j) for i in range(len(free)) for j in range(i + 1, len(free))]
    limit = stats.norm.isf(TAIL / 2 / len(pairs)) / np.sqrt(N_DRAWS)
    for i, j in pairs:
        r = stated.get((free[i], free[j]), 0.0)
        assert abs(table[i, j] - r) < limit, (free[i], free[j])


def test_adding_or_moving_a_parameter_changes_no_other() -> None:
    shipped = load_parameters().parameters
    new = parameter("normal", 0.0, 1.0)
    reversible = {name: p for name, p in reversed(shipped.items()) if not p.correlated_with}
    correlated = {name: p for name, p in shipped.items() if p.correlated_with}
    assert correlated
    before = draw_parameters(parameters(**shipped), 3, 17)
    first = draw_parameters(parameters(new=new, **shipped), 3, 17)
    last = draw_parameters(parameters(**reversible, **correlated, new=new), 3, 17)
    assert first.pop("new") == last.pop("new") != 0.0
    assert first == last == before


def test_taking_a_parameter_away_changes_no_other() -> None:
    shipped = load_parameters().parameters
    named = {other for p in shipped.values() for other in p.correlated_with}
    gone = next(name for name in shipped if name not in named)
    rest = {name: p for name, p in shipped.items() if name != gone}
    expected = draw_parameters(parameters(**shipped), 3, 17)
    del expected[gone]
    assert draw_parameters(parameters(**rest), 3, 17) == expected


def test_a_draw_is_its_seed_and_its_number() -> None:
    declared = parameters(it=EXAMPLES["normal"])
    assert draw_parameters(declared, 1, 4) == draw_parameters(declared, 1, 4)
    values = {draw_parameters(declared, seed, draw)["it"] for seed in range(20) for draw in range(20)}
    assert len(values) == 400


def test_draws_of_neighbouring_seeds_have_nothing_in_common() -> None:
    declared = parameters(it=EXAMPLES["normal"])
    one, two = (np.array([draw_parameters(declared, seed, draw)["it"] for draw in range(N_DRAWS)]) for seed in (1, 2))
    assert abs(correlation(one, two)) < margin(0.0, N_DRAWS)
    assert abs(correlation(one[:-1], two[1:])) < margin(0.0, N_DRAWS)
    assert abs(correlation(one[:-1], one[1:])) < margin(0.0, N_DRAWS)


def test_an_effect_measured_only_against_another_program_is_a_difference() -> None:
    values = {"prek_value": 0.25, "contrast": 0.10}
    assert value_of_effect(values, "prek_value", None) == 0.25
    assert value_of_effect(values, "prek_value", "contrast") == pytest.approx(0.15)
