"""Evidence presets move what programs add, by a known distance, and nothing else."""

import numpy as np
import pytest

from cradlecast.model.distributions import quantile
from cradlecast.model.draws import draw_parameters
from cradlecast.model.presets import BETTER, QUANTILES, settled, under
from cradlecast.samples import ground_of
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_parameters, load_program, load_scenario, names
from cradlecast.scenarios.options import EVIDENCE, Options

PARAMETERS = load_parameters()
LAPSE = load_scenario("memphis-prek-1000-lapse")


def test_the_presets_are_those_that_can_be_asked_for() -> None:
    assert tuple(QUANTILES) == EVIDENCE
    with pytest.raises(InputError, match="evidence must be one of central, pessimistic, optimistic; got 'pesimistic'"):
        Options(evidence="pesimistic")


def test_every_effect_of_a_program_is_moved() -> None:
    effects = [
        effect
        for name in names("program")
        for effect in (
            load_program(name).effects.skill,
            load_program(name).effects.long_run,
            load_program(name).effects.nontest,
        )
    ]
    told = {effect.parameter for effect in effects} | {effect.less for effect in effects if effect.less}
    assert len(told) > 5
    assert told <= set(BETTER) <= set(PARAMETERS.parameters)


def test_central_evidence_is_the_evidence() -> None:
    assert under(PARAMETERS, "central") is PARAMETERS


@pytest.mark.parametrize(("evidence", "score"), [("pessimistic", -0.8416212), ("optimistic", 0.8416212)])
def test_a_preset_moves_a_normal_effect_to_its_fifth_and_keeps_its_spread(evidence: str, score: float) -> None:
    after = under(PARAMETERS, evidence).parameters
    for name, parameter in PARAMETERS.parameters.items():
        if name not in BETTER:
            assert after[name] == parameter
            continue
        assert (after[name].shape, after[name].sd) == (parameter.shape, parameter.sd)
        if parameter.shape == "normal":
            assert after[name].mean == pytest.approx(parameter.mean + BETTER[name] * score * parameter.sd)
        before = quantile(parameter, 0.0)
        assert np.sign(quantile(after[name], 0.0) - before) == np.sign(BETTER[name] * score)


def test_the_same_draw_is_moved_by_the_same_luck() -> None:
    worse = under(PARAMETERS, "pessimistic")
    for draw in range(5):
        here, there = (draw_parameters(each, 1, draw) for each in (PARAMETERS, worse))
        assert there["prek_value"] - here["prek_value"] == pytest.approx(-0.8416212 * 0.17)
        assert there["prek_take_up"] == here["prek_take_up"]


def test_a_study_draws_from_the_preset_it_asks_for() -> None:
    values = {
        evidence: ground_of(LAPSE, Options(draws=1, evidence=evidence)).draw(0)[0]["prek_value"]
        for evidence in EVIDENCE
    }
    assert values["pessimistic"] < values["central"] < values["optimistic"]


def test_settled_parameters_have_one_value_the_median() -> None:
    fixed = settled(PARAMETERS)
    first, second = (draw_parameters(fixed, 1, draw) for draw in (0, 1))
    assert first == second
    assert first == {name: quantile(each, 0.0) for name, each in PARAMETERS.parameters.items()}
