"""The observed world, lived: one birth year, all the seats that were there, and luck that calibration never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pandas as pd

from cradlecast.model.associations import SKILL_AGES, Life
from cradlecast.model.calibration import Calibration, calibrate
from cradlecast.model.children import Reals
from cradlecast.model.draws import draw_parameters
from cradlecast.model.kernels import GRADES_AGE, Real, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting, streams_of
from cradlecast.samples import CALIBRATION_CHILDREN, Ground, children_in, digest, setting_in
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.release import VERSION
from cradlecast.workers import Progress, each_draw

HORIZON = 30
"""Age to which the observed world is followed."""

_AGE_AT_KINDERGARTEN = 5


@dataclass(frozen=True)
class Observed:
    """The observed world of one draw.

    Attributes
    ----------
    values, calibration
        The draw's parameters, and the intercepts solved for them with their fit.
    town
        The town after its last year.
    life
        Its children.
    """

    values: Mapping[str, float]
    calibration: Calibration
    town: Pipeline
    life: Life


@dataclass(frozen=True)
class Findings:
    """What a look at the observed world found.

    Attributes
    ----------
    record
        What was asked.
    tables
        The numbers, in print order.
    missed
        What must hold and does not, in words.
    remarks
        What a reader must know of the tables, in sentences.
    """

    record: dict[str, object]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def observed_worlds[T](
    ground: Ground, measure: Callable[[Observed], T], progress: Progress | None = None, workers: int | None = None
) -> list[T]:
    """Solve every draw, live its observed world, and keep what ``measure`` makes of it, in the order of draws.

    Parameters
    ----------
    ground
        The community, and the size and seed of the look.
    measure
        Called for every draw, on a thread or in a process of its own.
    progress
        Called after every draw.
    workers
        Threads or processes; the same numbers for any number of them.

    Raises
    ------
    InputError
        If a target of the community cannot be reached, naming it.
    """

    def of_draw(draw: int) -> T:
        return measure(observed_world(ground, draw))

    return list(each_draw(of_draw, ground.options, [ground.cache], 1, workers, progress))


def observed_world(ground: Ground, draw: int) -> Observed:
    """Solve one draw anew, for its fit, and live one birth year of the observed world to 30."""
    values = draw_parameters(ground.parameters, ground.options.seed, draw)
    calibration = calibrate(ground.place, ground.programs, values, ground.options.seed, CALIBRATION_CHILDREN)
    ground.cache.put(draw, calibration)
    setting = _setting(ground, values, calibration, draw)
    town = Pipeline(setting, children_in(setting))
    skills: dict[int, Reals] = {}
    while town.time < town.last_year - town.first_year + 1:
        town.step()
        age = int(town.time) - 1
        if age in SKILL_AGES:
            skills[age] = np.array(town.columns().real(Real.SKILL))
        if age == GRADES_AGE:
            absent = (town.columns().whole(Whole.NOW) & 1) == 1
    return Observed(values, calibration, town, Life(town.columns(), skills, ground.place.group_names, absent))


def record_of(ground: Ground) -> dict[str, object]:
    """What was asked, with a fingerprint that two looks share only if everything behind their numbers is the same."""
    options: Options = ground.options
    return {
        "cradlecast": VERSION,
        "fingerprint": digest(ground.community, *ground.programs.values(), ground.parameters, asdict(options))[:16],
        "community": ground.community.name,
        "observed_year": ground.community.observed_year,
        **{name: value for name, value in asdict(options).items() if name != "worlds"},
        "calibration_children": CALIBRATION_CHILDREN,
        "preview": options.preview,
        "interval": 0.9,
    }


def interval(values: Reals | list[float]) -> tuple[float, float]:
    """Central 90 % of what the draws gave; a draw without a number is left out, NaN where none has one."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return (float(np.quantile(known, 0.05)), float(np.quantile(known, 0.95))) if len(known) else (np.nan, np.nan)


def _setting(ground: Ground, values: Mapping[str, float], calibration: Calibration, draw: int) -> Setting:
    """The observed world of one draw, in a world of luck of its own."""
    cohorts = (ground.community.observed_year - _AGE_AT_KINDERGARTEN,)
    setting = setting_in(ground, values, calibration, draw, cohorts, streams_of(ground.place, ()))
    return replace(setting, horizon=HORIZON)
