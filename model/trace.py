"""One synthetic child's life in one arm, year by year, and where two lives of the same child part.

The arm is lived by the array engine itself; a child's columns are read before and after every year, and the year's
chance events are told again beside them (``decisions``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cradlecast.model import kernels as rules
from cradlecast.model.children import Children
from cradlecast.model.decisions import LOTTERY, RULES, Columns, Moment, Told, Watched, tell
from cradlecast.model.kernels import Real, Whole, Wide
from cradlecast.model.town import PROGRAMS, Setting
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.options import METRIC_AGES

PARTS: Final = ("own", "gain_this_year", "fading", "long_run", "peers")
"""What a child's skill is the sum of, sd."""

SAME: Final = 1e-6
"""Gains of care, sd, that are no further apart are the same: what services add rounds them."""

LASTING: Final = ("lasting_shift_of_tests", "lasting_gain_outside_tests")
"""What care leaves for good: the long-run shift, sd of scores, and the gain outside tests, sd of adult outcomes."""

HOME: Final = "home"

_ASKED_OF: Final = {rule.decision.name.lower(): rule.of for rule in RULES}


@dataclass(frozen=True)
class Place:
    """One place on a family's list, and who got the last seat there.

    Attributes
    ----------
    seats, seated
        Simulated seats of the program in the area for the age, and children in them.
    returning
        True for a child with the priority of last year's children of the program.
    lottery
        The child's lottery number as a share of all numbers; the lowest come first, behind children with priority.
    last_lottery, last_returning
        Number and priority of the last child seated; None where a seat stayed free, or there is none.
    within
        True where the child stands in front of the end of the line, so that the place would have been given.
    given
        True for the place that the child got.
    """

    program: str
    area: str
    seats: int
    seated: int
    returning: bool
    lottery: float
    last_lottery: float | None
    last_returning: bool | None
    within: bool
    given: bool


@dataclass(frozen=True)
class Year:
    """A child's school year: ``places`` and ``care`` at 3 and 4, ``parts`` of skill and their sum at 3 to 17, sd.

    ``helped`` is what services added to skill this year, sd, which is in the gain; ``lasting`` what care has left
    for good so far, in the order of ``LASTING``.
    """

    age: int
    year: int
    told: tuple[Told, ...]
    care: str | None = None
    area: str | None = None
    stream: str | None = None
    financed: bool = False
    places: tuple[Place, ...] = ()
    parts: tuple[float, ...] | None = None
    skill: float | None = None
    lasting: tuple[float, ...] | None = None
    helped: float = 0.0


@dataclass(frozen=True)
class Life:
    """A synthetic child as lived in one arm; ``reached`` has an entry a milestone, ``left`` is an age."""

    child: int
    cohort: int
    group: str
    area: str
    school: int
    income_to_poverty: float
    below_poverty: bool
    trait: float
    reached: tuple[bool, ...]
    left: int | None
    years: tuple[Year, ...]


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in two lives of a child, and why."""

    age: int
    what: str
    baseline: str
    scenario: str
    because: str


def follow(setting: Setting, children: Children, rows: Sequence[int]) -> list[Life]:
    """Live through one arm, and tell the lives of some of its children.

    Parameters
    ----------
    setting, children
        As for ``Pipeline``.
    rows
        Rows of the children to tell of.
    """
    town = Watched(setting, children)
    years: dict[int, list[Year]] = {row: [] for row in rows}
    while town.time < town.last_year - town.first_year + 1:
        before = {row: town.column(row) for row in rows}
        town.step()
        for row in rows:
            age = town.year - _cohort(town, row)
            if 0 <= age < setting.horizon:
                moment = Moment(town, row, age, town.year, before[row], town.column(row))
                years[row].append(_year(moment))
    return [_life(town, row, tuple(years[row])) for row in rows]


def places_of(town: Watched, row: int, age: int) -> tuple[Place, ...]:
    """A family's list in the year just lived, with the end of the line at each place."""
    order = town.columns().cohorts.index(_cohort(town, row))
    rows = np.arange(town.columns().starts[order], town.columns().starts[order + 1])
    given, seats = town.given(rows), town.pool_seats(age)
    got = int(town.given(np.array([row]))[0])
    found = []
    for pool in town.ranked(row):
        program, area = divmod(pool, town.n_areas)
        key, held = town.key(program, row), rows[given == pool]
        full = len(held) == int(seats[pool])
        last = max(town.key(program, int(other)) for other in held) if full and len(held) else None
        found.append(
            Place(
                program=PROGRAMS[program],
                area=town.setting.place.area_names[area],
                seats=int(seats[pool]),
                seated=len(held),
                returning=key < LOTTERY,
                lottery=key % LOTTERY / LOTTERY,
                last_lottery=None if last is None else last % LOTTERY / LOTTERY,
                last_returning=None if last is None else last < LOTTERY,
                within=not full if last is None else key <= last,
                given=got == pool,
            )
        )
    return tuple(found)


def _cohort(town: Watched, row: int) -> int:
    """A child's birth year."""
    return int(town.columns().ids[1, row]) & 0xFFFF


def _year(moment: Moment) -> Year:
    """One year of one child."""
    age, after, town = moment.age, moment.after, moment.town
    told = tell(moment)
    if age < rules.ENTRY_AGES[0] or age > rules.LAST_SKILL_AGE:
        return Year(age, moment.year, told)
    parts, skill = _parts(moment), float(after.x[Real.SKILL])
    lasting = (float(after.x[Real.LONG_RUN]), float(after.x[Real.NONTEST]))
    helped = float(after.x[Real.HELP_SKILL])
    if age not in rules.ENTRY_AGES:
        return Year(age, moment.year, told, parts=parts, skill=skill, lasting=lasting, helped=helped)
    care, place = rules.ENTRY_COLUMNS[age]
    kind, at = int(after.k[care]), int(after.seats[place])
    site = None if at < 0 else town.sites[at]
    return Year(
        age,
        moment.year,
        told,
        care=HOME if kind == 0 else PROGRAMS[kind - 1],
        area=None if site is None else site.area,
        stream=None if site is None else site.stream,
        financed=site is not None and site.financed,
        places=places_of(town, moment.row, age),
        parts=parts,
        skill=skill,
        lasting=lasting,
        helped=helped,
    )


def _parts(moment: Moment) -> tuple[float, ...]:
    """The parts of a child's skill at the end of a year, in the order of ``PARTS``."""
    x, s = moment.after.x, np.float32(rules.phase(moment.age))
    others = (x[Real.FRESH], x[Real.FADING], x[Real.LONG_RUN] * s, x[Real.PEER])
    return (float(moment.own(moment.after)), *(float(part) for part in others))


def _life(town: Watched, row: int, years: tuple[Year, ...]) -> Life:
    """A life as lived to the horizon."""
    end: Columns = town.column(row)
    place, c = town.setting.place, town.columns()
    left = int(end.k[Whole.LEFT])
    return Life(
        child=int(c.child_ids()[row]),
        cohort=_cohort(town, row),
        group=place.group_names[int(end.k[Whole.GROUP])],
        area=place.area_names[int(end.k[Whole.AREA])],
        school=int(end.wide[Wide.SCHOOL]),
        income_to_poverty=float(np.exp(place.log_mean + place.log_sd * float(end.x[Real.INCOME]))),
        below_poverty=bool(end.k[Whole.CELL] % 2 == 1),
        trait=float(end.x[Real.TRAIT]),
        reached=tuple(
            end.has(number) and METRIC_AGES[name] <= town.setting.horizon for number, name in enumerate(MILESTONES)
        ),
        left=None if left < 0 else left,
        years=years,
    )


# --- where two lives part ----------------------------------------------------------------------------------------


def differences(baseline: Life, scenario: Life) -> list[Difference]:
    """What is not the same in two lives of one child, and why, in the order of years.

    Care and what it gave, the first year in which classmates mattered, and each event that happened in one life only.
    """
    found: list[Difference] = []
    peers_differ = False
    for before, after in zip(baseline.years, scenario.years, strict=True):
        found += _care_differences(before, after)
        peers = [None if year.parts is None else year.parts[PARTS.index("peers")] for year in (before, after)]
        if peers[0] != peers[1] and not peers_differ:
            peers_differ = True
            words = [f"{value:+.5f} sd" for value in peers if value is not None]
            because = "classmates' mean skill of the year before is not the same"
            found.append(Difference(after.age, "classmates, first year", words[0], words[1], because))
        found += _event_differences(before, after)
    return found


def _care_differences(before: Year, after: Year) -> Iterator[Difference]:
    """What services gave; another place at 3 or 4, or the same kind of place that gave something else."""
    if before.parts is None or after.parts is None:
        return
    here = [(year.care, year.area) for year in (before, after)]
    if before.helped != after.helped:
        given = [f"{year.helped:+.3f} sd" for year in (before, after)]
        because = "the services that took the child in are not the same, or of another quality"
        yield Difference(after.age, "gain of the year's services", given[0], given[1], because)
    if before.care is None:
        return
    gains = [year.parts[PARTS.index("gain_this_year")] - year.helped for year in (before, after) if year.parts]
    if here[0] != here[1]:
        yield Difference(after.age, "care", _where(before), _where(after), _why_place(before, after))
    if abs(gains[0] - gains[1]) > SAME:
        because = "care is not the same" if here[0] != here[1] else "the seat is another one: quality, hours or payer"
        yield Difference(after.age, "gain of the year's care", f"{gains[0]:+.3f} sd", f"{gains[1]:+.3f} sd", because)
        if before.lasting is not None and after.lasting is not None:
            for name, old, new in zip(LASTING, before.lasting, after.lasting, strict=True):
                if old != new:
                    yield Difference(after.age, name, f"{old:+.3f} sd", f"{new:+.3f} sd", because)
    elif here[0] == here[1] and before.stream != after.stream:
        because = "the same place under another payer: nothing changes for the child"
        yield Difference(after.age, "payer of the seat", str(before.stream), str(after.stream), because)


def _where(year: Year) -> str:
    """Care of a year, in words."""
    return HOME if year.care == HOME else f"{year.care} in {year.area} ({year.stream})"


def _why_place(before: Year, after: Year) -> str:
    """Why a child's place is not the same in both arms."""
    lists = [[(place.program, place.area) for place in year.places] for year in (before, after)]
    if lists[0] != lists[1]:
        return "the family did not ask for the same places: it applies in one arm and not in the other"
    for one, other in zip(before.places, after.places, strict=True):
        if one.given or other.given:
            ends = [_end_of_line(place) for place in (one, other)]
            priority = " with priority" if other.returning else ""
            if one.returning != other.returning:
                priority = " with priority in one arm only"
            return (
                f"{one.program} in {one.area}: {ends[0]} in the baseline, {ends[1]} in the scenario; "
                f"the child's number is {other.lottery:.4f}{priority}"
            )
    return "no place on the list was given in either arm"


def _end_of_line(place: Place) -> str:
    """Seats of a place, and the number that got the last one."""
    if place.last_lottery is None:
        return f"{place.seats} seats" + (", one still free" if place.seated < place.seats else "")
    who = " (a returning child)" if place.last_returning else ""
    return f"{place.seats} seats, the last to {place.last_lottery:.4f}{who}"


def _event_differences(before: Year, after: Year) -> Iterator[Difference]:
    """Events that happened, or were asked, in one arm only."""
    events = [{told.decision: told for told in year.told if isinstance(told.outcome, bool)} for year in (before, after)]
    for name in dict.fromkeys([*events[0], *events[1]]):
        one, other = events[0].get(name), events[1].get(name)
        if one is None or other is None:
            asked = other if one is None else one
            if asked is not None and asked.outcome:
                only = "scenario" if one is None else "baseline"
                because = f"only {_ASKED_OF[name.partition(' of ')[0]] or 'some'} are asked: in the {only} alone"
                yield Difference(after.age, name, _told(one), _told(other), because)
        elif one.outcome != other.outcome:
            yield Difference(after.age, name, _told(one), _told(other), _why_event(one, other))


def _told(told: Told | None) -> str:
    """What came of an event, in one word."""
    return "not asked" if told is None else "yes" if told.outcome else "no"


def _why_event(one: Told, other: Told) -> str:
    """Why an event happened in one arm only: the draw is the same, what it is held against is not."""
    if one.score is not None and other.score is not None and one.cut is not None:
        return f"the score is {one.score:.3f} and {other.score:.3f}, the cut {one.cut:.3f}; the noise is the same"
    if one.probability is not None and other.probability is not None:
        return f"the draw {one.draw:.4f} lies between the chances {one.probability:.4f} and {other.probability:.4f}"
    return "what it depends on is not the same"
