"""The reference work: a small life of a child that several engines live by the same law, to compare their speed.

N children in classrooms of 20 go through 26 yearly steps: three skills with a normal each, three yearly events and
four late milestones by log-odds, seats at ages 3 and 4 at 50 providers, classmates' mean skill from 4 to 10, seven
milestones in all. Ten real and two whole attributes are fixed at birth. What comes out is counted by 12 groups.

The law, in float32 and in this order; ``z`` are standard normals and ``u`` uniforms of the child in that year::

    skill 0   PERSIST[0] s0 + (TRAIT trait + FAMILY family) + PEER peer + care + SPREAD[0] z0
    skill 1   PERSIST[1] s1 + FROM_FIRST s0 + MOTHER mother + SPREAD[1] z1
    skill 2   PERSIST[2] s2 + BEHAVIOUR behaviour + HEALTH health + SPREAD[2] z2, then less DENT in a year of absence
    event e   u (1 + exp(-odds)) < 1 with odds ABSENT, SUSPENDED or MOVED

Random words are Philox4x32-10 with the counter (row, 0, half, age): half 1 gives the normals and the first event, half
2 the other events, the milestone (or, at 3 and 4, whether the family applies) and the lottery number.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

AGES: Final = 26
CLASS: Final = 20
GROUPS: Final = 12
PROVIDERS: Final = 50
SEATS_PER_CHILD: Final = 0.3
ENTRY_AGES: Final = (3, 4)
PEER_AGES: Final = (4, 10)
REAL: Final = (
    "income",
    "mother",
    "trait",
    "family",
    "behaviour",
    "health",
    "language",
    "female",
    "liability",
    "distance",
)
INCOME, MOTHER_, TRAIT_, FAMILY_, BEHAVIOUR_, HEALTH_, LANGUAGE_, FEMALE_, LIABILITY_, DISTANCE_ = range(len(REAL))
MILESTONES: Final = ("ready", "grade3", "grade8", "graduate", "enrolled", "completed", "employed")
EVENTS: Final = ("absent", "suspended", "moved")

PERSIST: Final = (0.8, 0.75, 0.7)
SPREAD: Final = (0.35, 0.4, 0.45)
TRAIT, FAMILY, PEER, CARE = 0.12, 0.06, 0.08, 0.3
FROM_FIRST, MOTHER, BEHAVIOUR, HEALTH, DENT = 0.1, 0.08, 0.15, 0.05, 0.05
ABSENT: Final = (-1.8, -0.3, -0.2, -0.15)
"""Log-odds of absence: constant, income, skill 2, health."""
SUSPENDED: Final = (-2.6, -0.4, -0.25, -0.5)
"""Constant, behaviour, skill 2, female."""
MOVED: Final = (-2.4, -0.2, 0.1, 0.15)
"""Constant, income, language, distance."""
APPLIES: Final = 0.7
BANDS: Final = (-1.0, 0.0, 1.0)
"""Incomes below which a family is in priority 0, 1 or 2, else 3."""
READY_AT, GRADE3_AT, GRADE8_AT, GRADUATE_AT, ENROLLED_AT, COMPLETED_AT, EMPLOYED_AT = 5, 8, 13, 17, 18, 22, 25
READY_CUT, GRADE3_CUT, GRADE8_CUT = 0.1, 0.2, 0.3
GRADUATE: Final = (1.6, 0.5, -0.4)
"""Constant, sum of the skills, liability; the next two are for those with the milestone before."""
ENROLLED: Final = (0.2, 0.5)
COMPLETED: Final = (-0.1, 0.5)
EMPLOYED: Final = (1.0, 0.3, 0.4)
"""Constant, sum of the skills, completion."""


class Population(NamedTuple):
    """Attributes fixed at birth: ``real`` float32 (10, n), ``group`` and ``provider`` int32 (n,); rows by classroom."""

    real: Floats
    group: Wholes
    provider: Wholes

    @property
    def n(self) -> int:
        """Children."""
        return len(self.group)

    @property
    def seats(self) -> int:
        """Seats of each provider at each of the two ages."""
        return int(SEATS_PER_CHILD * self.n) // PROVIDERS


class Outcome(NamedTuple):
    """What is counted, by group: children, those who reached each milestone, years with each event, seats taken."""

    children: Counts
    """int64 (12,)"""
    reached: Counts
    """int64 (12, 7)"""
    years: Counts
    """int64 (12, 3)"""
    seated: int


def population(n: int) -> Population:
    """Children as born, the same in every engine; ``n`` is a multiple of the size of a class."""
    if n % CLASS or n <= 0:
        raise ValueError(f"the number of children must be a multiple of {CLASS}")
    luck = np.random.default_rng(1)
    real = luck.standard_normal((len(REAL), n), dtype=np.float32)
    for row, share in ((LANGUAGE_, 0.2), (FEMALE_, 0.49)):
        real[row] = luck.random(n) < share
    return Population(
        real, luck.integers(GROUPS, size=n, dtype=np.int32), luck.integers(PROVIDERS, size=n, dtype=np.int32)
    )


def count(group: Wholes, reached: Wholes, years: Wholes, seated: int) -> Outcome:
    """Count by group: ``reached`` has one bit a milestone, ``years`` eight bits an event."""
    children = np.bincount(group, minlength=GROUPS)
    by_milestone = [np.bincount(group[(reached >> bit) & 1 == 1], minlength=GROUPS) for bit in range(len(MILESTONES))]
    by_event = [
        np.bincount(group, weights=(years >> 8 * event) & 255, minlength=GROUPS) for event in range(len(EVENTS))
    ]
    return Outcome(children, np.stack(by_milestone, axis=1), np.stack(by_event, axis=1).astype(np.int64), int(seated))
