"""One synthetic child traced: what is told is what the engine did, for every decision of many children."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cradlecast.cli import main
from cradlecast.model.decisions import MILESTONE_OF, RULES, ByService, Moment, Told
from cradlecast.model.kernels import Decision, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.model.trace import LASTING, PARTS, Life, Place, Year, differences, follow
from cradlecast.samples import live
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.tracing import SEARCHES, Trace, trace
from cradlecast.ui.arguments import CHILD_WORDS
from tests.service_examples import ALL, with_services
from tests.worlds import SCENARIOS, born, ground, settings

LAPSE, CONTINUE, DISPLACE = SCENARIOS
SERVED = "services"
WORLDS = (*SCENARIOS, SERVED)
"""Shipped scenarios, and one with services of every kind, fewer of them in the baseline."""

SMALL = Options(children=3000, draws=1, worlds=1)
EVERY = 20
"""One child of so many is followed where many are."""

type Capture = pytest.CaptureFixture[str]


def arms(name: str) -> tuple[Setting, Setting]:
    """Both arms of a scenario, some of whose levers are moved so that arms differ in all that they can."""
    if name == SERVED:
        both = settings(LAPSE, 3000, draw=1)
        return with_services(both[0], places=900), with_services(both[1], places=3_500, quality=1.5)
    levers = {LAPSE: {}, CONTINUE: {"quality": 1.7, "hours": 1500.0}, DISPLACE: {"seats": 3000.0, "take_up": 0.99}}
    return settings(load_scenario(name).with_levers(levers[name]), 3000, draw=1)


@cache
def followed(name: str) -> tuple[list[Life], list[Life]]:
    """Every twentieth child in both arms."""
    fewer, more = arms(name)
    children = born(fewer)
    rows = range(0, len(children), EVERY)
    return follow(fewer, children, rows), follow(more, children, rows)


# --- what is told is what the engine did ---


def rule_of(told: Told) -> str:
    """The decision that was told; services are named behind it."""
    return told.decision.partition(" of ")[0]


@pytest.mark.parametrize("name", WORLDS)
def test_every_decision_told_again_is_the_one_that_the_engine_took(name: str) -> None:
    told = [one for lives in followed(name) for life in lives for year in life.years for one in year.told]
    wrong = [one for one in told if not one.agrees]
    assert wrong == []
    counts = Counter(rule_of(one) for one in told)
    about_services = {rule.decision.name.lower() for rule in RULES if isinstance(rule, ByService)}
    assert len(about_services) == 3
    expected = {rule.decision.name.lower() for rule in RULES}
    assert set(counts) == (expected if name == SERVED else expected - about_services)
    assert min(counts.values()) > 10, "every decision occurs, and not only once"
    for decision in counts:
        outcomes = {one.outcome for one in told if rule_of(one) == decision}
        assert len(outcomes) > 1, f"{decision} always has the same outcome here"


def test_every_decision_of_a_child_in_the_register_is_told() -> None:
    told = [rule.decision for rule in RULES]
    assert len(told) == len(set(told))
    of_no_study = {Decision.PARAMETER, Decision.TRIAL_TAKE_UP, Decision.TRIAL_CARE, Decision.TRIAL_SAMPLING}
    of_pools = {
        Decision.CONVENER,
        Decision.DATA_SHARING,
    }  # the one is no child's; of the other a trace has only who is taken
    assert set(Decision) - set(told) == of_no_study | of_pools, "RULES in model/decisions.py needs the new decision"


def test_a_wrong_draw_of_any_decision_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each decision in turn is told with another one's luck: the telling then differs from what the engine did."""
    setting = arms(SERVED)[1]
    children = born(setting)
    keyed = Moment.key
    for rule in RULES:

        def elsewhere(
            moment: Moment, decision: Decision, year: int | None = None, wrong: Decision = rule.decision
        ) -> tuple[int, ...]:
            low, high, number, *rest = keyed(moment, decision, year)
            return (low, high, number + 1000 * (decision is wrong), *rest)

        monkeypatch.setattr(Moment, "key", elsewhere)
        lives = follow(setting, children, range(0, len(children), 2 * EVERY))
        wrong = {rule_of(one) for life in lives for year in life.years for one in year.told if not one.agrees}
        assert rule.decision.name.lower() in wrong


@pytest.mark.parametrize("name", WORLDS)
def test_a_followed_life_ends_as_the_engine_alone_ends_it(name: str) -> None:
    for setting, lives in zip(arms(name), followed(name), strict=True):
        columns = Pipeline(setting, born(setting)).run().columns()
        rows = np.arange(0, len(columns), EVERY)
        assert [life.child for life in lives] == columns.child_ids()[rows].tolist()
        for milestone in range(len(MILESTONES)):
            assert [life.reached[milestone] for life in lives] == columns.reached(milestone)[rows].tolist()
        ages = [-1 if life.left is None else life.left for life in lives]
        assert ages == columns.whole(Whole.LEFT)[rows].tolist()
        assert max(ages) > 17


def test_the_parts_of_skill_add_up_to_the_skill_of_the_engine_to_the_bit() -> None:
    f = np.float32
    for lives in followed(LAPSE):
        for life in lives:
            years = [year for year in life.years if year.parts is not None]
            assert [year.age for year in years] == list(range(3, 18))
            for year in years:
                assert year.parts is not None and year.skill is not None
                own, fresh, fading, long_run, peers = (f(part) for part in year.parts)
                assert f(own + f(f(f(fresh + fading) + long_run) + peers)) == f(year.skill)
    assert len(PARTS) == 5


def _yes(year: Year, decision: str) -> bool:
    """Whether a decision was taken in a year, and went well."""
    return any(one.outcome is True for one in year.told if one.decision == decision)


def test_a_milestone_told_is_the_milestone_of_the_life() -> None:
    by_name = {decision.name.lower(): milestone for decision, milestone in MILESTONE_OF.items()}
    assert sorted(by_name.values()) == list(range(len(MILESTONES)))
    once = [MILESTONES.index(name) for name in MILESTONES if name not in ("postsecondary_completed", "employed")]
    for life in followed(LAPSE)[1]:
        settled = {
            by_name[one.decision]: one.outcome for year in life.years for one in year.told if one.decision in by_name
        }
        assert all(life.reached[milestone] == settled.get(milestone, False) for milestone in once)
        yearly = {name: [_yes(year, name) for year in life.years] for name in ("completion", "employment")}
        assert life.reached[MILESTONES.index("employed")] == yearly["employment"][-1]
        if life.reached[MILESTONES.index("postsecondary_completed")]:
            assert sum(yearly["completion"]) in (2, 4)
        for year in life.years:
            for one in year.told:
                if by_name.get(one.decision) in once:
                    assert year.age + 1 == METRIC_AGES[MILESTONES[by_name[one.decision]]]


def test_each_service_tells_who_takes_part_and_of_its_own_line_alone() -> None:
    told = {one.decision for lives in followed(SERVED) for life in lives for year in life.years for one in year.told}
    assert {name for name in told if " of " in name} == {
        *(f"service_take_up of {one.name}" for one in ALL),
        *(f"service_lottery of {one.name}" for one in ALL if one.order in ("lottery", "schools")),
        *(f"service_screen of {one.name}" for one in ALL if one.order == "lowest_scores"),
    }


def test_where_lives_part_because_of_a_service_its_name_is_told() -> None:
    """Also of a service that has places in one arm only, and in the years in which it has any."""
    before, after = arms(SERVED)
    here = [replace(course, last_year=2024) for course in after.courses if course.service == "lessons"]
    after = replace(after, courses=tuple(here))
    before = replace(after, courses=())
    children = born(before)
    rows = range(0, len(children), EVERY)
    pairs = list(zip(follow(before, children, rows), follow(after, children, rows), strict=True))
    told = [one for _, life in pairs for year in life.years for one in year.told]
    assert all(one.agrees for one in told)
    apart = [each for pair in pairs for each in differences(*pair) if "service" in each.what]
    assert len(apart) > 30
    assert {each.what for each in apart} == {"service_take_up of lessons", "gain of the year's services"}
    because = {each.what: each.because for each in apart}
    assert because["service_take_up of lessons"] == (
        "only those for whom a service with open places is meant are asked: in the scenario alone"
    )
    gained = [each for each in apart if each.what == "gain of the year's services"]
    assert {(each.baseline, each.scenario) for each in gained} == {("+0.000 sd", "+0.450 sd")}


# --- places ---


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_place_given_is_the_first_on_the_list_whose_line_the_child_is_within(name: str) -> None:
    """The end of the line is the number of the last child seated: all before it are in, all behind it are out."""
    seen: Counter[str] = Counter()
    for lives in followed(name):
        for year in (year for life in lives for year in life.years if year.age in (3, 4)):
            given = [place for place in year.places if place.given]
            first = next((place for place in year.places if place.within), None)
            assert given == ([] if first is None else [first])
            assert year.care == ("home" if first is None else first.program)
            assert first is None or year.area == first.area
            for place in year.places:
                assert place.seated <= place.seats
                seen["turned away"] += not place.within
                seen["returning"] += place.returning
                seen["seats free"] += place.seated < place.seats
                seen["at home"] += first is None
    assert min(seen[case] for case in ("turned away", "returning", "seats free", "at home")) > 3


def test_the_last_seat_went_to_a_child_of_that_number() -> None:
    """In one pool the highest number among the seated is the end of the line that others are told of."""
    fewer, _ = settings(LAPSE, 1200)
    children = born(fewer)
    lives = follow(fewer, children, range(len(children)))
    seated: dict[tuple[int, int, str, str], list[Place]] = {}
    for life in lives:
        for year in life.years:
            for place in year.places:
                if place.given:
                    seated.setdefault((life.cohort, year.age, place.program, place.area), []).append(place)
    full = 0
    for places in seated.values():
        assert len(places) == places[0].seated
        ends = {(place.last_returning, place.last_lottery) for place in places}
        assert len(ends) == 1
        if places[0].last_lottery is not None:
            full += 1
            last = max(places, key=lambda place: (not place.returning, place.lottery))
            assert (last.returning, last.lottery) == ends.pop()
    assert full > 3


# --- where two lives part, by hand ---


def life(*told: Told, care: str = "home", lottery_end: float | None = 0.4, gain: float = 0.0) -> Life:
    """A child who is 4 once, with one place on the list, and to whom some things happen that year."""
    place = Place("prek", "north", 2, 2, False, 0.6, lottery_end, None, lottery_end is None, care == "prek")
    year = Year(
        4, 2019, told, care=care, area=None if care == "home" else "north",
        stream=None if care == "home" else "standing", places=(place,), parts=(0.1, gain, 0.0, 0.0, 0.0),
        skill=0.1 + gain, lasting=(0.0, gain / 2),
    )  # fmt: skip
    return Life(7, 2015, "a", "north", 1, 0.8, True, 0.0, (False,) * 7, None, (year,))


def test_two_lives_that_are_the_same_do_not_part() -> None:
    assert differences(life(), life()) == []


def test_a_child_who_gets_a_seat_got_it_because_the_line_ends_later() -> None:
    """Number 0.6: behind the last seated at 0.4, in front of the one at 0.7."""
    found = differences(life(), life(care="prek", lottery_end=0.7, gain=0.25))
    assert [each.what for each in found] == ["care", "gain of the year's care", LASTING[1]]
    assert (found[0].baseline, found[0].scenario) == ("home", "prek in north (standing)")
    for words in ("the last to 0.4000 in the baseline", "the last to 0.7000 in the scenario", "number is 0.6000"):
        assert words in found[0].because
    assert (found[1].baseline, found[1].scenario) == ("+0.000 sd", "+0.250 sd")


def test_a_better_seat_is_not_another_place() -> None:
    found = differences(life(care="prek", gain=0.2), life(care="prek", gain=0.3))
    assert [each.what for each in found] == ["gain of the year's care", LASTING[1]]
    assert "quality" in found[0].because


def test_an_event_flips_where_its_draw_lies_between_two_chances() -> None:
    no = Told("graduation", 0.73, False, False, probability=0.70)
    yes = Told("graduation", 0.73, True, True, probability=0.75)
    [found] = differences(life(no), life(yes))
    assert (found.what, found.baseline, found.scenario) == ("graduation", "no", "yes")
    assert found.because == "the draw 0.7300 lies between the chances 0.7000 and 0.7500"


def test_a_milestone_flips_where_the_score_crosses_the_cut() -> None:
    no = Told("readiness", -0.2, False, False, score=0.30, cut=0.35)
    yes = Told("readiness", -0.2, True, True, score=0.40, cut=0.35)
    [found] = differences(life(no), life(yes))
    assert found.because.startswith("the score is 0.300 and 0.400, the cut 0.350")


def test_who_is_asked_in_one_arm_only_is_told_why() -> None:
    [found] = differences(life(), life(Told("enrolment", 0.2, True, True, probability=0.5)))
    assert (found.baseline, found.scenario) == ("not asked", "yes")
    assert found.because == "only graduates are asked: in the scenario alone"
    assert differences(life(), life(Told("enrolment", 0.9, False, False, probability=0.5))) == []


def test_a_telling_that_is_not_what_the_engine_did_is_seen() -> None:
    assert not Told("graduation", 0.5, True, False, probability=0.6).agrees


# --- as lived ---


@cache
def traced(child: str, name: str = LAPSE) -> Trace:
    """A child of a small study."""
    return trace(load_scenario(name), child, SMALL)


def test_changed_and_moved_are_the_first_children_of_whom_it_holds() -> None:
    before, after = (Pipeline(one, born(one)).run().columns() for one in settings(LAPSE, 3000, world=0))
    for word, columns in (("changed", (Whole.REACHED,)), ("moved", (Whole.CARE3, Whole.CARE4))):
        states = [np.stack([arm.whole(column) for column in columns]).T.tolist() for arm in (before, after)]
        first = next(row for row, (one, other) in enumerate(zip(*states, strict=True)) if one != other)
        assert traced(word).record["child"] == before.child_ids()[first]
    moved = traced("moved").lives
    assert [year.care for year in moved[0].years] != [year.care for year in moved[1].years]
    assert set(SEARCHES) == set(CHILD_WORDS)


def test_each_milestone_that_differs_has_its_reason() -> None:
    told = traced("changed")
    apart = [
        MILESTONES[m] for m, (a, b) in enumerate(zip(*(life.reached for life in told.lives), strict=True)) if a != b
    ]
    named = told.record["milestone_of"]
    assert isinstance(named, dict)
    explained = [named[each.what] for each in told.apart if each.what in named]
    assert apart and set(apart) <= set(explained)
    assert all(each.because for each in told.apart)


def test_a_traced_child_is_the_child_of_the_study() -> None:
    """The study's own count of readiness among these children, draw and world is that of the lives told."""
    scenario, base = load_scenario(LAPSE), replace(ground(LAPSE, 600), options=Options(children=600, draws=1, worlds=1))
    [[sample]] = live(base, [scenario], 0)
    lives = [trace(scenario, str(child), base.options).lives for child in _ids(600)[::120]]
    assert len(lives) == 5
    fewer, more = settings(scenario, 600, world=0)
    for setting, side in ((fewer, 0), (more, 1)):
        all_lives = follow(setting, born(setting), range(600))
        for milestone in range(len(MILESTONES)):
            reached = sum(life.reached[milestone] for life in all_lives)
            assert sample.milestones[side][:, 0, milestone].sum() == reached
        assert [pair[side] for pair in lives] == all_lives[::120]


def _ids(n_children: int) -> list[int]:
    """Ids of the children of a study of so many."""
    return [int(child) for child in born(settings(LAPSE, n_children, world=0)[0]).child_ids()]


def test_a_child_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    ids = _ids(3000)
    with pytest.raises(InputError, match="is no child of this study") as refusal:
        traced("12")
    assert f"{ids[0]} to {ids[999]} born in 2015" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="is no child of this study"):
        traced(str(ids[-1] + 1))
    assert traced(str(ids[-1])).lives[0].child == ids[-1]


def test_where_nobody_changes_there_is_nobody_to_trace() -> None:
    for word in CHILD_WORDS:
        with pytest.raises(InputError, match=r"there is no child whose .* differs? between the arms among the 3,000"):
            traced(word, CONTINUE)


def test_another_draw_and_another_world_are_other_lives() -> None:
    child = str(_ids(3000)[0])
    lives = [
        trace(load_scenario(LAPSE), child, SMALL, draw, world).lives[0] for draw, world in ((0, 0), (1, 0), (0, 1))
    ]
    assert len({one.child for one in lives}) == 1
    draws = [{(year.age, one.decision): one.draw for year in each.years for one in year.told} for each in lives]
    shared = draws[0].keys() & draws[1].keys() & draws[2].keys()
    assert all(draws[0][key] == draws[1][key] for key in shared if key[1] != "room_quality")
    assert all(draws[0][key] != draws[2][key] for key in shared)
    assert lives[0] != lives[1]


# --- the command ---


def test_the_page_says_that_the_child_is_synthetic_and_why_the_lives_part(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["trace", LAPSE, "--child", "changed", "--children", "3000"]) == 0
    page = capsys.readouterr().out
    assert f"{traced('changed').lives[0].child}, SYNTHETIC: invented by the model" in page
    assert max(map(len, page.splitlines())) <= 100
    for title in (
        "Where the two lives part",
        "Milestones",
        "Places at 3 and 4",
        "Skill at the end",
        "Every chance event",
    ):
        assert title in page
    for name in ("apply prek", "readiness", "graduation", "employment", "leaving"):
        assert f" {name} " in page
    assert " | " in page


def test_json_carries_everything_and_csv_the_decisions(capsys: Capture) -> None:
    words = ["trace", LAPSE, "--child", "moved", "--children", "3000"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "decisions", "places", "years", "milestones", "differences", "child"]
    assert answer["record"]["synthetic"] is True and answer["child"][0]["synthetic"] is True
    assert {row["arm"] for row in answer["decisions"]} == {"baseline", "scenario"}
    assert all(row["agrees"] for row in answer["decisions"])
    assert [row["milestone"] for row in answer["milestones"]] == list(MILESTONES)
    assert "care" in {row["what"] for row in answer["differences"]}
    assert {row["care"] for row in answer["years"]} > {None}
    assert main([*words, "--csv"]) == 0
    lines = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert lines[0] == list(answer["decisions"][0])
    assert len(lines) == len(answer["decisions"]) + 1


def test_a_child_with_two_equal_lives_is_told_so(capsys: Capture) -> None:
    child = next(str(one) for one in _ids(3000) if not traced(str(one), CONTINUE).apart)
    assert main(["trace", CONTINUE, "--child", child, "--children", "3000"]) == 0
    assert "two lives are the same in everything" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_telling_ends_with_status_1(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Told, "agrees", property(lambda told: told.decision != "graduation"))
    assert main(["trace", LAPSE, "--child", "moved", "--children", "3000", "--json"]) == 1
    answer = capsys.readouterr().err
    assert answer.startswith("cradlecast: what is told is not what the engine did: graduation at 17 in the baseline")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("--child moovd", "--child must name one child; got 'moovd'; did you mean 'moved'?"),
        ("--child -3", "--child must name one child; got '-3'; it is a number, or changed or moved"),
        ("--child 1.5", "--child must name one child; got '1.5'"),
        ("--child moved --draw 100000", "--draw must be from 0 to 99,999; got 100,000"),
        ("--child moved --world -1", "--world must be from 0 to 4,294,967,294; got -1"),
        ("--child moved --draw x", "--draw must be a number; got 'x'"),
        ("--child moved --children 50", "children must be from 100 to 20,000,000; got 50"),
        ("--child moved --set seets=1", f"unknown lever 'seets' of scenario '{LAPSE}'; did you mean 'seats'?"),
        ("", "trace needs --child; see cradlecast trace --help"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_one_sentence(words: str, answer: str, capsys: Capture) -> None:
    assert main(["trace", LAPSE, *words.replace(" -3", "=-3").replace(" -1", "=-1").split()]) == 2
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith(f"cradlecast: error: {answer}")
    assert heard.err.count("\n") == 1
