"""How large a study is: children, draws, worlds, seed and horizon, with the limits that are refused at once."""

from __future__ import annotations

from dataclasses import dataclass

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.wording import shown

INTERVAL_DRAWS = 200
"""Draws from which a 90 % interval is one; anything less is printed as a preview, and tails are refused."""

EVIDENCE = ("central", "pessimistic", "optimistic")
"""What programs add: as the evidence has it, or moved to its worse or better fifth (model/presets.py)."""

MAX_CHILDREN = 20_000_000
MAX_CHILD_YEARS = 200_000_000_000
CHILD_YEARS_PER_SECOND = 1.5e7
"""One core, measured; used for the time named when a request is refused."""

BYTES_PER_CHILD = 400
"""Two arms and their scratch columns, measured; used for the memory named when a request is refused."""

METRIC_AGES = {
    "prek_attendance": 5,
    "preliteracy_growth": 5,
    "special_education": 9,
    "kindergarten_ready": 5,
    "grade3_reading": 9,
    "grade8_math": 14,
    "high_school_graduate": 18,
    "postsecondary_enrolled": 20,
    "postsecondary_completed": 26,
    "employed": 30,
}
"""Metrics that a deal or a trial can name, and the age in years that a child reaches in the year of measurement."""


def metric_age(name: str) -> int:
    """Age to which children must be followed for a metric.

    Raises
    ------
    InputError
        If there is no such metric.
    """
    if name not in METRIC_AGES:
        raise InputError(f"unknown metric '{name}'{nearest(name, METRIC_AGES)} (metrics: {', '.join(METRIC_AGES)})")
    return METRIC_AGES[name]


@dataclass(frozen=True)
class Options:
    """The size and the luck of a study.

    Attributes
    ----------
    children
        Simulated children in all, over the cohorts that the scenario reaches.
    draws
        Sets of uncertain parameters.
    worlds
        Sets of chance events per draw.
    seed
        Key of all of them: same seed, same bytes.
    horizon
        Age to which children are followed.
    evidence
        One of `EVIDENCE`.

    Raises
    ------
    InputError
        If a number is outside its bounds or the whole is too large.
    """

    children: int = 10_000
    draws: int = 200
    worlds: int = 2
    seed: int = 1
    horizon: int = 30
    evidence: str = "central"

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            hint = nearest(str(self.evidence)[:60], EVIDENCE)
            raise InputError(f"evidence must be one of {', '.join(EVIDENCE)}; got {shown(self.evidence)}{hint}")
        bounds = {
            "children": (100, MAX_CHILDREN),
            "draws": (1, 100_000),
            "worlds": (1, 10_000),
            "seed": (0, 2**32 - 1),
            "horizon": (5, 30),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise InputError(f"{name} must be a whole number; got {value!r}")
            if not low <= value <= high:
                cost = ""
                if name == "children" and value > high:
                    cost = (
                        f" ({value:,} would take about {value * BYTES_PER_CHILD / 1e9:,.0f} GB of memory and "
                        f"{self.child_years / CHILD_YEARS_PER_SECOND / 3600:,.0f} hours)"
                    )
                raise InputError(f"{name} must be from {low:,} to {high:,}; got {value:,}{cost}")
        if self.child_years > MAX_CHILD_YEARS:
            hours = self.child_years / CHILD_YEARS_PER_SECOND / 3600
            raise InputError(
                f"children x draws x worlds x horizon must stay below {MAX_CHILD_YEARS:,} child-years; got "
                f"{self.child_years:,}, about {hours:,.0f} hours on one core"
            )

    @property
    def child_years(self) -> int:
        """Child-years of one scenario and its baseline."""
        return 2 * self.children * self.horizon * self.draws * self.worlds

    @property
    def preview(self) -> bool:
        """True if there are too few draws for a 90 % interval."""
        return self.draws < INTERVAL_DRAWS
