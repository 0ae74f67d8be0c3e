"""One synthetic child in both arms of a scenario: which child, the two lives, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from cradlecast.model.children import Bools, Children
from cradlecast.model.decisions import MILESTONE_OF
from cradlecast.model.kernels import Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.model.trace import LASTING, PARTS, Difference, Life, differences, follow
from cradlecast.samples import baseline_setting, children_in, digest, ground_of, scenario_setting
from cradlecast.scenarios.community import MILESTONES, Community
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.wording import shown

type Cell = str | int | float | bool | None
type Row = dict[str, Cell]

ARMS: Final = ("baseline", "scenario")

CHANGED: Final = "changed"
MOVED: Final = "moved"
SEARCHES: Final = {CHANGED: "whose milestones differ between the arms", MOVED: "whose care differs between the arms"}
"""Words that may stand for a child's id: the first child of whom it holds."""


@dataclass(frozen=True)
class Trace:
    """One child's two lives: ``record`` says what was asked, ``lives`` are baseline and scenario."""

    record: dict[str, object]
    scenario: Scenario
    community: Community
    lives: tuple[Life, Life]

    @property
    def apart(self) -> list[Difference]:
        """What is not the same in both lives."""
        return differences(*self.lives)

    @property
    def disagreements(self) -> list[str]:
        """Decisions whose telling is not what the engine did; none, unless a rule is told wrongly."""
        return [
            f"{told.decision} at {year.age} in the {arm}"
            for arm, life in zip(ARMS, self.lives, strict=True)
            for year in life.years
            for told in year.told
            if not told.agrees
        ]

    @property
    def tables(self) -> dict[str, list[Row]]:
        """Everything as rows, decisions first."""
        return {
            "decisions": self._rows(_decision_rows),
            "places": self._rows(_place_rows),
            "years": self._rows(_year_rows),
            "milestones": self._milestones(),
            "differences": [asdict(each) for each in self.apart],
            "child": [self._child()],
        }

    def _rows(self, rows_of: Callable[[Life], list[Row]]) -> list[Row]:
        """Rows of both arms."""
        return [{"arm": arm, **row} for arm, life in zip(ARMS, self.lives, strict=True) for row in rows_of(life)]

    def _milestones(self) -> list[Row]:
        """The seven milestones in both arms."""
        before, after = (life.reached for life in self.lives)
        return [
            {"milestone": name, "age": METRIC_AGES[name], "baseline": before[m], "scenario": after[m]}
            for m, name in enumerate(MILESTONES)
        ]

    def _child(self) -> Row:
        """Who the child is: the same in both arms."""
        life = self.lives[0]
        names = ("child", "cohort", "group", "area", "school", "income_to_poverty", "below_poverty", "trait", "left")
        return {name: getattr(life, name) for name in names} | {"synthetic": True}


def trace(scenario: Scenario, child: str, options: Options, draw: int = 0, world: int = 0) -> Trace:
    """Trace one synthetic child through both arms of a scenario.

    Parameters
    ----------
    scenario
        With its levers as set.
    child
        A child's id, ``changed`` or ``moved``.
    options
        Children, seed and horizon are used; draws and worlds are not.
    draw, world
        Numbers of the draw and the world, as ``Result.outcomes()`` has them.

    Raises
    ------
    InputError
        For a child that there is not, a word that fits no child, or a scenario that does not fit its community.
    """
    ground = ground_of(scenario, options)
    values, calibration = ground.draw(draw)
    ground.cache.save()
    baseline = baseline_setting(ground, scenario, values, calibration, world)
    settings = baseline, scenario_setting(baseline, scenario, values)
    children = children_in(baseline)
    row = _row(child, children, settings, f"draw {draw} and world {world} of '{scenario.name}'")
    before, after = (follow(setting, children, [row])[0] for setting in settings)
    everything = (scenario, ground.community, *ground.programs.values(), ground.parameters)
    record: dict[str, object] = {
        "cradlecast": VERSION,
        "fingerprint": digest(*everything, options.children, options.seed, options.horizon, draw, world)[:16],
        "scenario": scenario.name,
        "baseline": scenario.baseline,
        "community": ground.community.name,
        "levers": {name: lever.value for name, lever in scenario.levers.items()},
        "child": before.child,
        "synthetic": True,
        "draw": draw,
        "world": world,
        "seed": options.seed,
        "children": options.children,
        "horizon": options.horizon,
        "parts_of_skill": list(PARTS),
        "milestone_of": {name.name.lower(): MILESTONES[m] for name, m in MILESTONE_OF.items()},
    }
    return Trace(record, scenario, ground.community, (before, after))


# --- which child ---


def _row(child: str, children: Children, settings: tuple[Setting, Setting], where: str) -> int:
    """The row of a child by id, or of the first of whom a word holds."""
    if child not in SEARCHES:
        return _row_of(child, children)
    before, after = (Pipeline(setting, children).run().columns() for setting in settings)
    found = np.flatnonzero(_fits(child, before, after))
    if len(found) == 0:
        raise InputError(f"there is no child {SEARCHES[child]} among the {len(children):,} of {where}")
    return int(found[0])


def _fits(word: str, before: Children, after: Children) -> Bools:
    """Of whom a word holds, bool (n,)."""
    columns = (Whole.REACHED,) if word == CHANGED else (Whole.CARE3, Whole.CARE4)
    return np.any([before.whole(column) != after.whole(column) for column in columns], axis=0)


def _row_of(child: str, children: Children) -> int:
    """The row of a child by id."""
    ids = children.child_ids()
    if child.isascii() and child.isdigit() and len(child) <= 18:
        found = np.flatnonzero(ids == int(child))
        if len(found):
            return int(found[0])
    spans = [
        f"{ids[start]} to {ids[stop - 1]} born in {cohort}"
        for cohort, start, stop in zip(children.cohorts, children.starts[:-1], children.starts[1:], strict=True)
        if stop > start
    ]
    if len(spans) > 3:
        spans = [spans[0], "...", spans[-1]]
    raise InputError(
        f"--child {shown(child)} is no child of this study; the {len(children):,} simulated children are "
        f"{', '.join(spans)}, or the words {' and '.join(SEARCHES)}"
    )


# --- rows ---


def _decision_rows(life: Life) -> list[Row]:
    """Every chance event, told again."""
    return [
        {
            "age": year.age,
            "year": year.year,
            "decision": told.decision,
            "draw": told.draw,
            "probability": told.probability,
            "score": told.score,
            "cut": told.cut,
            "outcome": told.outcome,
            "engine": told.engine,
            "agrees": told.agrees,
        }
        for year in life.years
        for told in year.told
    ]


def _place_rows(life: Life) -> list[Row]:
    """The family's list at 3 and 4."""
    return [
        {"age": year.age, "year": year.year, "rank": rank} | asdict(place)
        for year in life.years
        for rank, place in enumerate(year.places, start=1)
    ]


def _year_rows(life: Life) -> list[Row]:
    """Care and the parts of skill, year by year."""
    rows: list[Row] = []
    for year in life.years:
        if year.parts is not None:
            care: Mapping[str, Cell] = {
                "care": year.care,
                "care_area": year.area,
                "stream": year.stream,
                "financed": year.financed,
            }
            parts: Mapping[str, Cell] = dict(zip(PARTS, year.parts, strict=True))
            lasting: Mapping[str, Cell] = dict(zip(LASTING, year.lasting or (None, None), strict=True))
            rows.append({"age": year.age, "year": year.year, **care, **parts, "skill": year.skill, **lasting})
    return rows
