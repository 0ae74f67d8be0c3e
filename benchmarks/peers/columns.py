"""Parts of the reference work that peers whose states are arrays share: the lines for seats, and milestones."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import law


def happens(u: Any, odds: Any) -> Any:
    """True with the probability whose log-odds are given."""
    return u * (1.0 + np.exp(-odds)) < 1.0


def classmates(skill: Any) -> Any:
    """Mean skill of each child's classmates, without the child."""
    rooms = np.asarray(skill).reshape(-1, law.CLASS)
    return ((rooms.sum(axis=1, keepdims=True) - rooms) / (law.CLASS - 1)).ravel()


def seats(income: Any, home: Any, applies: Any, lottery: Any, places: int) -> Any:
    """True for those who sit: each provider's first applicants by priority and lottery."""
    rows = np.flatnonzero(applies < law.APPLIES)
    here = home[rows]
    order = np.lexsort((lottery[rows], np.digitize(income[rows], law.BANDS), here))
    first = np.searchsorted(here[order], np.arange(law.PROVIDERS))
    seated = np.zeros(len(income), np.bool_)
    seated[rows[order[np.arange(len(rows)) - first[here[order]] < places]]] = True
    return seated


def events(u: Any, s2: Any, own: Any) -> tuple[Any, Any, Any]:
    """Who is absent, suspended and moved in a year; ``own`` holds the attributes by name."""
    a, s, m = law.ABSENT, law.SUSPENDED, law.MOVED
    return (
        happens(u[0], a[0] + a[1] * own["income"] + a[2] * s2 + a[3] * own["health"]),
        happens(u[1], s[0] + s[1] * own["behaviour"] + s[2] * s2 + s[3] * own["female"]),
        happens(u[2], m[0] + m[1] * own["income"] + m[2] * own["language"] + m[3] * own["distance"]),
    )


def reaches(age: int, s0: Any, s1: Any, s2: Any, u: Any, liability: Any, reached: Any) -> Any:
    """The set of milestones reached, with this year's."""
    skill = s0 + s1 + s2
    if age == law.READY_AT:
        return reached | (s0 >= law.READY_CUT)
    if age == law.GRADE3_AT:
        return reached | (s0 >= law.GRADE3_CUT).astype(np.int64) << 1
    if age == law.GRADE8_AT:
        return reached | (s1 >= law.GRADE8_CUT).astype(np.int64) << 2
    if age == law.GRADUATE_AT:
        odds = law.GRADUATE[0] + law.GRADUATE[1] * skill + law.GRADUATE[2] * liability
        return reached | happens(u, odds).astype(np.int64) << 3
    if age == law.ENROLLED_AT:
        passed = happens(u, law.ENROLLED[0] + law.ENROLLED[1] * skill) & (reached >> 3 & 1 == 1)
        return reached | passed.astype(np.int64) << 4
    if age == law.COMPLETED_AT:
        passed = happens(u, law.COMPLETED[0] + law.COMPLETED[1] * skill) & (reached >> 4 & 1 == 1)
        return reached | passed.astype(np.int64) << 5
    if age == law.EMPLOYED_AT:
        odds = law.EMPLOYED[0] + law.EMPLOYED[1] * skill + law.EMPLOYED[2] * (reached >> 5 & 1)
        return reached | happens(u, odds).astype(np.int64) << 6
    return reached
