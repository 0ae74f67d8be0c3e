"""Whose path changed between two arms: at which milestone first, which way, and through what."""

from __future__ import annotations

from typing import Final

import numpy as np

from cradlecast.model.children import Bools, Children, Longs, Wholes
from cradlecast.model.kernels import ENTRY_COLUMNS, Real, Wide
from cradlecast.model.outcomes import Arm, count_by_group
from cradlecast.model.place import Floats
from cradlecast.scenarios.community import MILESTONES

DIRECTIONS: Final = ("gained", "lost")
"""What happened to the first milestone at which the arms part."""

CHANNELS: Final = ("direct", "vacated", "peers")
"""Through what a path changed: a financed seat or a service; other care; own care and services as they were."""

_CARE: Final = (Real.FRESH, Real.FADING, Real.LONG_RUN, Real.NONTEST)
"""What a child's own care and services leave behind; nothing else writes these columns."""

_PLACES: Final = tuple(ENTRY_COLUMNS.values())


def own_care_changed(baseline: Children, scenario: Children) -> Bools:
    """True for children whose own care differs between the arms: its kind, or what it gave them, bool (n,).

    A place in another area, or in a seat of other quality, counts as changed care; the same place under another payer
    does not.
    """
    kinds = [baseline.whole(care) != scenario.whole(care) for care, _ in _PLACES]
    gains = [baseline.real(column) != scenario.real(column) for column in _CARE]
    return np.asarray(np.any([*kinds, *gains], axis=0))


def channels(baseline: Arm, scenario: Arm) -> Wholes:
    """Through what each child's path would have changed, as an index into ``CHANNELS``, int32 (n,).

    ``direct``: own care changed, and the child holds a financed seat at 3 or 4 in the scenario, or services that ever
    served the child differ. ``vacated``: own care
    changed in another way, to a place that others freed or away from one that others took or that closed. ``peers``:
    own care is the same in both arms, so that only classmates can have mattered.
    """
    paid = np.array([site.financed for site in scenario.town.sites] + [False])
    financed = np.any([paid[scenario.children.whole(site)] for _, site in _PLACES], axis=0)
    changed = own_care_changed(baseline.children, scenario.children)
    services = scenario.town.service_bits
    served = (baseline.children.whole(Wide.SERVED) ^ scenario.children.whole(Wide.SERVED)) & services != 0
    through = [served | (changed & financed), changed & ~financed]
    return np.select(through, [0, 1], default=2).astype(np.int32)


def first_changes(baseline: Children, scenario: Children) -> tuple[Wholes, Wholes]:
    """The first milestone, in their order, that one arm reached and the other did not.

    Returns
    -------
    tuple
        Its index, or -1 for children who reached the same milestones in both arms, int32 (n,); and the index into
        ``DIRECTIONS``: 0 where the scenario reached it, 1 where the baseline did, int32 (n,).
    """
    differs = np.stack([baseline.reached(m) != scenario.reached(m) for m in range(len(MILESTONES))])
    first = np.where(differs.any(axis=0), differs.argmax(axis=0), -1)
    reached = np.stack([scenario.reached(m) for m in range(len(MILESTONES))])
    gained = reached[first, np.arange(len(scenario))]
    return first.astype(np.int32), np.where(gained, 0, 1).astype(np.int32)


def count_paths(masks: Bools | Floats, baseline: Arm, scenario: Arm) -> Longs:
    """Children whose milestones differ between the arms: int64 (groups, milestones, directions, channels).

    Each is counted once in every group of ``masks`` (groups, n) that holds the child, at the first milestone that
    differs. A group's sum is the number of its children whose set of reached milestones is not the same in both arms.
    """
    first, way = first_changes(baseline.children, scenario.children)
    through = channels(baseline, scenario)
    rows = np.flatnonzero(first >= 0)
    shape = (len(MILESTONES), len(DIRECTIONS), len(CHANNELS))
    at = np.ravel_multi_index((first[rows], way[rows], through[rows]), shape)
    return count_by_group(masks[:, rows], at, shape)
