"""The fit of a calibration: every target of a community beside what its observed world shows.

The fit is measured twice: on the population that the intercepts were solved on, where it must be nearly exact, and on
children and luck that calibration never saw, which is the honest one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr

from cradlecast.model.associations import Life
from cradlecast.model.children import Bools
from cradlecast.model.kernels import (
    EVENT_FIRST_AGES,
    EVENT_LAST_AGES,
    FIRST_ONCE,
    FOUR_YEAR,
    INFANT_AGES,
    PREK,
    Real,
    Whole,
)
from cradlecast.model.outcomes import CARE, EARLY_CARE
from cradlecast.model.place import LOW_WEIGHT, Place
from cradlecast.observed import Findings, Observed, interval, observed_worlds, record_of
from cradlecast.samples import Ground, ground_in
from cradlecast.scenarios.community import EVENTS, Community, Rates, Schooling
from cradlecast.scenarios.evidence import estimate
from cradlecast.scenarios.fields import Figure, ShareFigure
from cradlecast.scenarios.options import Options
from cradlecast.workers import Progress

ALLOWED: Final = {"all": 0.01}
"""How far the rate of a group may be off, as a share; `ALLOWED_BY_GROUP` for the others."""

ALLOWED_BY_GROUP: Final = 0.02

SEATS_FILLED: Final = "E1021f"
"""Estimate of the share of public pre-K seats that are filled; it set the take-up of pre-K."""

_CHANCE: Final = 4.0
"""Standard errors within which a miss may be the luck of too few simulated children.

A community has some sixty targets: at three, luck alone would name a miss in one small look out of seven.
"""

_AT_RISK: Final = {
    "postsecondary_enrolled": "graduates",
    "postsecondary_completed": "enrolled",
    "four_year": "enrolled",
}
_STEP_BEFORE: Final = {"graduates": "high_school_graduate", "enrolled": "postsecondary_enrolled"}

type Counts = tuple[float, float]
"""Children or years that count as a hit, and all that could have."""


@dataclass(frozen=True)
class Checked:
    """What one draw contributes: targets and models of the fit, counts of the check, and shares."""

    lines: tuple[tuple[str, str], ...]
    targets: tuple[float, ...]
    models: tuple[float, ...]
    counts: tuple[Counts, ...]
    shares: Mapping[tuple[str, str], float]
    stays: float


def fit(
    community: Community, options: Options | None = None, progress: Progress | None = None, workers: int | None = None
) -> Findings:
    """Solve a community's intercepts, and measure how well the observed world then shows its targets.

    Parameters
    ----------
    community
        A loaded community.
    options
        ``children`` is the number in the check, one birth year; ``draws`` and ``seed`` as in a study.
    progress
        Called after every draw.
    workers
        Threads or processes; the same numbers for any number of them.

    Returns
    -------
    Findings
        Tables ``fit`` and ``shares``; ``missed`` names every target that is missed by more than 1 point (all
        children) or 2 points (a group).

    Raises
    ------
    InputError
        If a target cannot be reached, naming it.
    """
    ground = ground_in(community, options or Options(children=40_000, draws=20, worlds=1))
    checked = observed_worlds(ground, checked_draw, progress, workers)
    table = fit_table(community, checked)
    missed = [_miss(row) for _, row in table.iterrows() if row["hit"] is False]
    tables = {"fit": table, "shares": share_table(ground, checked)}
    return Findings(record_of(ground), tables, tuple(missed))


def checked_draw(observed: Observed) -> Checked:
    """One draw reduced to what the tables need."""
    solved, life = observed.calibration.fit, observed.life
    return Checked(
        lines=tuple((line.group, line.milestone) for line in solved),
        targets=tuple(line.target for line in solved),
        models=tuple(line.model for line in solved),
        counts=tuple(counts_of(life, line.group, line.milestone) for line in solved),
        shares=dict(_shares(observed)),
        stays=observed.values[observed.town.setting.place.community.stays],
    )


def counts_of(life: Life, group: str, milestone: str) -> Counts:
    """Those of a group who reached a milestone or had a school event, and those who could have.

    Steps after school are counted among those at risk of them. Events that can happen every year are counted in
    years of pupils, the others in children.
    """
    inside = _inside(life, group)
    if milestone == "on_track_at_3":
        return _counted(life.children.whole(Whole.ON_TRACK) == 1, inside)
    if milestone in EVENTS:
        number = EVENTS.index(milestone)
        record = life.children.whole(Whole(Whole.ABSENT_YEARS + number))[inside]
        if number >= FIRST_ONCE:
            return float(np.count_nonzero(record >= 0)), float(len(record))
        return float(record.sum()), float(len(record) * _years(number))
    if milestone in _AT_RISK:
        inside = inside & life.reached(_STEP_BEFORE[_AT_RISK[milestone]])
    if milestone == "four_year":
        return _counted(life.children.whole(Whole.SECTOR) == FOUR_YEAR, inside)
    return _counted(life.reached(milestone), inside)


def _counted(hits: Bools, inside: Bools) -> Counts:
    """Hits among some children, and these."""
    return float(np.count_nonzero(hits & inside)), float(np.count_nonzero(inside))


def verdict(difference: float, allowed: float, target: float, n: float) -> bool | None:
    """Whether a target is met: None where it is off by more than allowed, but so few children could be off by chance.

    Examples
    --------
    >>> verdict(0.004, 0.01, 0.4, 800_000), verdict(0.015, 0.01, 0.4, 800_000), verdict(0.015, 0.01, 0.4, 500)
    (True, False, None)
    """
    if not np.isfinite(difference):
        return None
    if abs(difference) <= allowed:
        return True
    error = float(np.sqrt(max(target * (1.0 - target), 0.0) / max(n, 1.0)))
    return None if abs(difference) <= _CHANCE * error else False


def fit_table(community: Community, checked: list[Checked]) -> pd.DataFrame:
    """Every target beside the model: a row per milestone or school event and group, shares from 0 to 1."""
    rows = []
    for at, (group, milestone) in enumerate(checked[0].lines):
        rates = (community.milestones | community.events | community.stages)[milestone]
        figure = _figure(rates, group)
        target = float(np.mean([draw.targets[at] for draw in checked]))
        models = [draw.models[at] for draw in checked]
        hits, n = np.array([draw.counts[at] for draw in checked]).sum(axis=0)
        by_draw = [hit / of if of else np.nan for hit, of in (draw.counts[at] for draw in checked)]
        check = hits / n if n else np.nan
        difference = check - target
        low, high = _range(figure, target, group == "all" and milestone in _AT_RISK)
        allowed, apart = ALLOWED.get(group, ALLOWED_BY_GROUP), n / _years_together(milestone)
        rows.append(
            {
                "group": group,
                "milestone": milestone,
                "denominator": _denominator(milestone),
                "observed": figure.value,
                "target": target,
                "target_low": low,
                "target_high": high,
                "model": float(np.mean(models)),
                **dict(zip(("model_low", "model_high"), interval(models), strict=True)),
                "check": check,
                **dict(zip(("check_low", "check_high"), interval(by_draw), strict=True)),
                "difference": difference,
                "n": int(n),
                "hit": verdict(difference, allowed, target, apart),
                "source": figure.source,
                "borrowed": figure.borrowed,
            }
        )
    table = pd.DataFrame(rows)
    table["hit"] = table["hit"].astype(object)
    return table


def share_table(ground: Ground, checked: list[Checked]) -> pd.DataFrame:
    """Who lives where, who is cared for where, and which seats are filled, beside targets where there are any."""
    targets = dict(_share_targets(ground, float(np.mean([draw.stays for draw in checked]))))
    rows = []
    for quantity, name in checked[0].shares:
        values = [draw.shares[quantity, name] for draw in checked]
        model = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
        target, figure = targets.get((quantity, name), (np.nan, None))
        low, high = _range(figure, target) if figure is not None else (np.nan, np.nan)
        rows.append(
            {
                "quantity": quantity,
                "group": name,
                "target": target,
                "target_low": low,
                "target_high": high,
                "model": model,
                **dict(zip(("model_low", "model_high"), interval(values), strict=True)),
                "difference": model - target,
                "source": None if figure is None else figure.source,
                "borrowed": None if figure is None else figure.borrowed,
            }
        )
    return pd.DataFrame(rows)


def _shares(observed: Observed) -> Iterator[tuple[tuple[str, str], float]]:
    """Shares in one observed world, by quantity and group."""
    life, place = observed.life, observed.town.setting.place
    children = life.children
    everyone = np.ones(len(children), np.bool_)
    groups = {name: life.of_group(name) for name in place.group_names}
    areas = {name: np.asarray(children.whole(Whole.AREA) == at) for at, name in enumerate(place.area_names)}
    yield from ((("share_of_births", name), _share(inside, everyone)) for name, inside in groups.items())
    yield ("below_poverty", "all"), _share(life.poor(), everyone)
    yield from ((("below_poverty", name), _share(life.poor(), inside)) for name, inside in groups.items())
    yield ("below_185", "all"), _share(np.asarray(life.income() < place.income_at(1.85)), everyone)
    yield from ((("share_of_area", name), _share(inside, everyone)) for name, inside in areas.items())
    yield from ((("below_poverty_in_area", name), _share(life.poor(), inside)) for name, inside in areas.items())
    girls, mothers = children.whole(Whole.FEMALE) == 1, children.whole(Whole.MOTHER)
    yield ("girls", "all"), _share(np.asarray(girls), everyone)
    light = np.asarray(children.real(Real.BIRTH_WEIGHT) < LOW_WEIGHT)
    other = np.asarray(children.whole(Whole.LANGUAGE) == 1)
    for quantity, those in (("low_birth_weight", light), ("other_language_at_home", other)):
        yield (quantity, "all"), _share(those, everyone)
        yield from (((quantity, name), _share(those, inside)) for name, inside in groups.items())
    for level, name in enumerate(Schooling.model_fields):
        yield (f"mother_{name}", "all"), _share(np.asarray(mothers == level), everyone)
    for age in INFANT_AGES:
        care = children.whole(Whole(Whole.CARE0 + age))
        yield from (
            ((f"care_at_{age}", kind), _share(np.asarray(care == at), everyone)) for at, kind in enumerate(EARLY_CARE)
        )
    for age, column in ((3, Whole.CARE3), (4, Whole.CARE4)):
        care = children.whole(column)
        yield from (
            ((f"care_at_{age}", kind), _share(np.asarray(care == at), everyone)) for at, kind in enumerate(CARE)
        )
    yield from _filled(observed)
    in_prek = np.asarray(children.whole(Whole.CARE4) == PREK)
    yield ("regular_attendance", CARE[PREK]), _share(np.asarray(children.whole(Whole.ATTENDS) == 1), in_prek)
    yield ("still_near_at_26", "all"), _share(np.asarray(children.whole(Whole.LEFT) < 0), everyone)


def _filled(observed: Observed) -> Iterator[tuple[tuple[str, str], float]]:
    """Share of simulated seats that are filled, by program and age."""
    sums: dict[tuple[str, int], list[float]] = {}
    for row in observed.town.seat_rows():
        total = sums.setdefault((row["program"], row["age"]), [0.0, 0.0])
        total[0] += row["filled_simulated"]
        total[1] += row["seats_simulated"]
    for (program, age), (filled, seats) in sorted(sums.items(), key=lambda item: (item[0][1], item[0][0])):
        if seats:
            yield (f"seats_filled_at_{age}", program), filled / seats


def _share_targets(ground: Ground, stays: float) -> Iterator[tuple[tuple[str, str], tuple[float, Figure]]]:
    """Targets of shares, each with the figure that it comes from."""
    place, community = ground.place, ground.community
    for at, group in enumerate(community.groups):
        yield ("share_of_births", group.name), (float(place.group_shares[at]), group.share)
        yield ("below_poverty", group.name), (float(place.group_poverty[at]), group.below_poverty)
    yield ("below_poverty", "all"), (community.income.below_poverty.value, community.income.below_poverty)
    yield ("below_185", "all"), (community.income.below_185.value, community.income.below_185)
    for name, (share, poverty) in _areas(place).items():
        area = next(area for area in community.areas if area.name == name)
        yield ("share_of_area", name), (share, area.children)
        yield ("below_poverty_in_area", name), (poverty, area.below_poverty)
    births = community.births
    yield ("girls", "all"), (births.girls.value, births.girls)
    moved = {
        "low_birth_weight": (births.low_weight, ndtr((LOW_WEIGHT - place.weight_means) / births.weight_sd.value)),
        "other_language_at_home": (births.other_language, place.other_language),
    }
    for quantity, (rates, by_group) in moved.items():
        yield (quantity, "all"), (float(np.sum(by_group * place.group_shares)), rates.all)
        for at, name in enumerate(place.group_names):
            yield (quantity, name), (float(by_group[at]), rates.groups.get(name, rates.all))
    for level, name in enumerate(Schooling.model_fields):
        shares = np.diff(place.mothers, prepend=0.0, axis=1)[:, level]
        yield (f"mother_{name}", "all"), (float(np.sum(shares * place.group_shares)), getattr(births.mothers, name))
    filled = _seats_filled(community)
    yield ("seats_filled_at_4", "prek"), (filled.value, filled)
    yield ("regular_attendance", "prek"), (community.regular_attendance.value, community.regular_attendance)
    parameter = ground.parameters.parameters[community.stays]
    source = f"Parameter '{community.stays}': {parameter.title}; mean of these draws"
    figure = ShareFigure.model_validate({"value": stays, "unit": "share", "source": source, "provenance": "DERIVED"})
    yield ("still_near_at_26", "all"), (stays, figure)


def _areas(place: Place) -> dict[str, Counts]:
    """By area its share of children, and the share of them below the poverty line."""
    poor = place.community.income.below_poverty.value
    above, below = place.area_shares[0] * (1.0 - poor), place.area_shares[1] * poor
    whole = above + below
    return {name: (float(whole[at]), float(below[at] / whole[at])) for at, name in enumerate(place.area_names)}


def _seats_filled(community: Community) -> ShareFigure:
    """The share of pre-K seats that are filled, borrowed unless the estimate is about this very place."""
    found = estimate(SEATS_FILLED)
    assert found.value is not None
    here = community.name in found.setting.lower()
    return ShareFigure.model_validate(
        {
            "value": found.value / 100.0,
            "unit": "share",
            "source": f"{found.source_title}; {found.setting}",
            "evidence": (found.id,),
            "provenance": found.provenance,
            "borrowed": None if here else found.setting,
        }
    )


def _inside(life: Life, group: str) -> Bools:
    """Who belongs to a group of the fit, bool (n,)."""
    if group == "all":
        return np.ones(len(life.children), np.bool_)
    if group in ("below_poverty", "above_poverty"):
        return life.poor() if group == "below_poverty" else ~life.poor()
    return life.of_group(group)


def _figure(rates: Rates, group: str) -> ShareFigure:
    """The figure of the community file behind a target."""
    figure = rates.groups.get(group) or getattr(rates, group, None)
    assert isinstance(figure, ShareFigure)
    return figure


def _range(figure: Figure, target: float, of_others: bool = False) -> Counts:
    """The file's range, moved as the target was; NaN where it gives none.

    On the log-odds scale with its figure, or, where the target is a share of other children, in proportion.
    """
    if of_others and figure.value > 0.0:
        low, high = (np.nan if end is None else end * target / figure.value for end in (figure.low, figure.high))
        return low, min(high, 1.0) if np.isfinite(high) else high
    if not (0.0 < figure.value < 1.0 and 0.0 < target < 1.0):
        return np.nan, np.nan
    moved = float(logit(target) - logit(figure.value))
    ends = (figure.low, figure.high)
    low, high = (np.nan if end is None else float(expit(logit(end) + moved)) for end in ends)
    return low, high


def _denominator(milestone: str) -> str:
    """Of whom a row of the fit is a share."""
    if milestone in EVENTS and EVENTS.index(milestone) < FIRST_ONCE:
        return "pupil years"
    return _AT_RISK.get(milestone, "cohort")


def _years_together(milestone: str) -> int:
    """Years that count as one where luck is judged: one child's years with an event go together."""
    return _years(EVENTS.index(milestone)) if _denominator(milestone) == "pupil years" else 1


def _years(event: int) -> int:
    """Years in which a school event may happen."""
    return EVENT_LAST_AGES[event] - EVENT_FIRST_AGES[event] + 1


def _share(hits: Bools, among: Bools) -> float:
    """Share of some children; NaN where there are none."""
    n = int(np.count_nonzero(among))
    return np.count_nonzero(hits & among) / n if n else np.nan


def _miss(row: pd.Series[Any]) -> str:
    """A missed target in words."""
    target, check = row["target"], row["check"]
    return (
        f"{row['milestone']} of {row['group']} is {check:.1%} where {target:.1%} was observed "
        f"({100 * (check - target):+.1f} points)"
    )
