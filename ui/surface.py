"""What a page shows while a lever moves: tables interpolated between settings that were lived beforehand.

Seats and take-up span a grid. At each number of seats, quality and hours were lived at their ends too; what they add
or take is in proportion to the children in financed seats. Where a whole study of the scenario is known, the preview
starts from it (``anchored``), so that it agrees with that study at the study's own levers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.scenarios.fit import school_years
from cradlecast.scenarios.library import load_program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui.occasion import EVERYBODY, SEATED

type Floats = NDArray[np.float64]
type Levers = Mapping[str, float | None]

SEATS: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
TAKE_UPS: Final = (0.0, 0.5, 0.9, 1.0)
"""Settings of seats and of take-up, as shares of the way from a lever's low to its high."""

CELLS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "milestones": (("group", "milestone"), ("baseline_rate", "impact", "n_community")),
    "paths": (("group", "milestone", "direction", "channel"), ("children",)),
    "added": (("what",), ("added",)),
    "payments": (("metric", "cohort", "payer", "date"), ("units", "price", "gross", "paid")),
    "tranches": (("name", "party"), ("invested", "returned", "xirr", "moic")),
    "outcomes": (
        ("metric", "payer", "count", "comparison"),
        ("true_effect", "evaluated_effect", "rate_seated", "paid", "paid_on_true_effect"),
    ),
    "payers": (("payer",), ("paid", "cap")),
}
"""Tables of a preview: the columns that name a row, and the numbers that are interpolated."""

_AFTER_THE_RUN: Final[Mapping[str, tuple[str, ...]]] = {
    "milestones": ("rate_low", "rate_high", "impact_low", "impact_high", "chance_not_positive"),
    "paths": ("children_low", "children_high"),
    "costs": ("cost_low", "cost_high", "chance_not_positive"),
    "payments": ("paid_low", "paid_high", "reason"),
    "outcomes": tuple(
        f"{name}_{end}"
        for name in ("true_effect", "evaluated_effect", "rate_seated", "paid", "paid_on_true_effect")
        for end in ("low", "high")
    ),
    "payers": ("paid_low", "paid_high", "direct"),
}
"""Columns that only a study fills in; in a preview they are null."""

_OF_THE_SEATED: Final = (SEATED, "support_changed")
_PER_CHILD: Final = {
    ("milestones", "baseline_rate"),
    ("payments", "price"),
    ("tranches", "invested"),
    ("tranches", "returned"),
    ("tranches", "xirr"),
    ("tranches", "moic"),
    ("outcomes", "true_effect"),
    ("outcomes", "evaluated_effect"),
    ("outcomes", "rate_seated"),
    ("payers", "cap"),
}
"""Numbers that do not grow with the number of children in financed seats."""


@dataclass(frozen=True)
class Grid:
    """The settings of a scenario's levers at which it is lived.

    Attributes
    ----------
    seats
        Numbers of seats, ascending.
    take_ups
        Shares of families who apply; the first, None, draws the share from its range.
    ends
        Quality and hours: their default, low and high.
    """

    seats: tuple[float, ...]
    take_ups: tuple[float | None, ...]
    ends: Mapping[str, tuple[float, float, float]]

    def settings(self) -> list[dict[str, float]]:
        """All settings, in the order in which a surface holds them."""
        found: list[dict[str, float]] = []
        for seats in self.seats:
            found += [_set(seats=seats, take_up=take_up) for take_up in self.take_ups]
            for name, (_, low, high) in self.ends.items():
                found += [_set(seats=seats, **{name: low}), _set(seats=seats, **{name: high})]
        return found


def grid_of(scenario: Scenario) -> Grid:
    """The grid of a scenario, from the bounds of its levers."""
    seats, take_up = scenario.levers.get("seats"), scenario.levers.get("take_up")
    program = next((change.program for change in scenario.changes if change.financed), "prek")
    defaults = {"quality": 1.0, "hours": load_program(program).hours_per_year.value}
    ends = {
        name: (default if lever.value is None else lever.value, lever.low, lever.high)
        for name, default in defaults.items()
        if (lever := scenario.levers.get(name)) is not None  # type: ignore[call-overload]
    }
    return Grid(
        seats=() if seats is None else tuple(float(round(at)) for at in _between(seats.low, seats.high, SEATS)),
        take_ups=(None,) if take_up is None else (None, *_between(take_up.low, take_up.high, TAKE_UPS)),
        ends=ends,
    )


@dataclass(frozen=True)
class Surface:
    """Cells of all tables at every setting of a grid.

    Attributes
    ----------
    scenario
        Whose levers they are settings of.
    keys
        For each table the columns that name its rows.
    values
        (settings, cells), in the order of ``Grid.settings`` and of ``CELLS``.
    correction
        (cells,): what a study of the same scenario had more than the preview at the study's levers.
    seated
        Children in financed seats at the study's levers.
    """

    scenario: Scenario
    keys: Mapping[str, pd.DataFrame]
    values: Floats
    correction: Floats | None = None
    seated: float = 0.0
    grid: Grid = field(init=False)
    grows: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", grid_of(self.scenario))
        object.__setattr__(self, "grows", _grows(self.keys))

    def tables(self, levers: Levers) -> dict[str, pd.DataFrame]:
        """The tables at a setting of the levers, without intervals.

        Parameters
        ----------
        levers
            Every lever of the scenario and its value; None leaves it as the program has it.
        """
        cells = self._cells(levers)
        if self.correction is not None:
            share = self._seated(cells) / self.seated if self.seated > 0 else 0.0
            cells = cells + np.where(self.grows, share, 1.0) * self.correction
        return _finished(self.scenario, self._frames(cells))

    def anchored(self, tables: Mapping[str, pd.DataFrame], levers: Levers) -> Surface:
        """The surface with what a study found at some levers as its height there; the deal, which has caps, stays.

        Parameters
        ----------
        tables
            Of the study: milestones, paths, added (dollars).
        levers
            The study's.
        """
        cells = self._cells(levers)
        known = _flat(self.keys, tables)
        with np.errstate(invalid="ignore"):
            correction = np.nan_to_num(known - cells)
        correction[self._start("payments") :] = 0.0
        return Surface(self.scenario, self.keys, self.values, correction, self._seated(cells))

    def _cells(self, levers: Levers) -> Floats:
        """All cells at a setting, as lived."""
        width = len(self.grid.settings()) // len(self.grid.seats)
        rows = self.values.reshape(len(self.grid.seats), width, -1)
        at: Floats = _mixed(rows, _weights(self.grid.seats, levers.get("seats") or 0.0))
        n = len(self.grid.take_ups)
        middle = at[0]
        cells: Floats = middle
        if (take_up := levers.get("take_up")) is not None:
            known = [each for each in self.grid.take_ups if each is not None]
            cells = _mixed(at[1:n], _weights(known, take_up))
        added = np.zeros_like(middle)
        for place, (name, (default, low, high)) in enumerate(self.grid.ends.items()):
            value = levers.get(name)
            if value is None or value == default:
                continue
            end, far = (n + 2 * place, low) if value < default else (n + 2 * place + 1, high)
            added = added + (value - default) / (far - default) * (at[end] - middle)
        share = self._seated(cells) / self._seated(middle) if self._seated(middle) > 0 else 0.0
        cells = cells + np.where(self.grows, share, 1.0) * added
        return self._with_seat_cost(cells, levers)

    def _with_seat_cost(self, cells: Floats, levers: Levers) -> Floats:
        """Added dollars at the price that is asked for a financed seat."""
        asked, usual = levers.get("seat_cost"), self.scenario.lever("seat_cost")
        if asked is None or usual is None:
            return cells
        signs = [
            1 if change.seats == "seats" else -1
            for change in self.scenario.changes
            if change.financed and isinstance(change.seats, str)
        ]
        seat_years = sum(signs) * (levers.get("seats") or 0.0) * len(school_years(self.scenario))
        start = self._start("added")
        priced = cells.copy()
        priced[start] += seat_years * (asked - usual)
        return priced

    def _seated(self, cells: Floats) -> float:
        """Children of the community in financed seats."""
        keys, start = self.keys["milestones"], self._start("milestones")
        rows = np.flatnonzero((keys["group"] == SEATED).to_numpy())
        return float(max(cells[start + 2 * len(keys) + rows[0]], 0.0)) if len(rows) else 0.0

    def _start(self, table: str) -> int:
        """Where the cells of a table begin."""
        before = list(CELLS)[: list(CELLS).index(table)]
        return sum(len(self.keys[name]) * len(CELLS[name][1]) for name in before)

    def _frames(self, cells: Floats) -> dict[str, pd.DataFrame]:
        """Cells as tables."""
        frames, at = {}, 0
        for name, (_, numbers) in CELLS.items():
            keys = self.keys[name]
            size = len(keys)
            columns = {
                number: cells[at + place * size : at + (place + 1) * size] for place, number in enumerate(numbers)
            }
            frames[name] = keys.assign(**columns)
            at += size * len(numbers)
        return frames


def surface_of(scenario: Scenario, found: Sequence[Mapping[str, pd.DataFrame]]) -> Surface:
    """A surface from the tables that were measured at each setting of the grid, in its order."""
    keys = {}
    for name, (names, _) in CELLS.items():
        parts = [tables[name][list(names)].astype(str) for tables in found if name in tables]
        whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(names))
        keys[name] = whole.drop_duplicates(ignore_index=True)
    values = np.stack([_flat(keys, tables) for tables in found])
    return Surface(scenario, keys, _with_empty_groups(keys, values))


def write_surface(path: Path, surface: Surface) -> None:
    """Keep a surface in a file."""
    keys = {name: frame.to_dict(orient="list") for name, frame in surface.keys.items()}
    with path.open("wb") as file:
        np.savez(file, values=surface.values, keys=np.array(json.dumps(keys)))


def read_surface(path: Path, scenario: Scenario) -> Surface:
    """A surface that was kept.

    Raises
    ------
    OSError, ValueError, KeyError
        If the file is missing or damaged.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        keys = json.loads(str(data["keys"]))
        frames = {name: pd.DataFrame(keys[name], columns=list(CELLS[name][0]), dtype=str) for name in CELLS}
        return Surface(scenario, frames, data["values"])


def _set(**levers: float | None) -> dict[str, float]:
    """Levers that are set."""
    return {name: value for name, value in levers.items() if value is not None}


def _between(low: float, high: float, shares: Sequence[float]) -> tuple[float, ...]:
    """Points on the way from low to high."""
    return tuple(low + share * (high - low) for share in shares)


def _weights(nodes: Sequence[float], value: float) -> dict[int, float]:
    """The neighbours of a value among ascending nodes, and their weights; beyond the ends, the end."""
    right = int(np.searchsorted(nodes, value))
    if right == 0:
        return {0: 1.0}
    if right == len(nodes):
        return {len(nodes) - 1: 1.0}
    share = (value - nodes[right - 1]) / (nodes[right] - nodes[right - 1])
    return {right: 1.0} if share == 1 else {right - 1: 1.0 - share, right: share}


def _mixed(rows: Floats, weights: Mapping[int, float]) -> Floats:
    """A weighted sum of rows; those without weight may be null."""
    mixed: Floats = sum((weight * rows[place] for place, weight in weights.items()), np.zeros(rows.shape[1:]))
    return mixed


def _flat(keys: Mapping[str, pd.DataFrame], tables: Mapping[str, pd.DataFrame]) -> Floats:
    """The numbers of tables as one row of cells; null where a table or a row is missing."""
    parts = []
    for name, (names, numbers) in CELLS.items():
        if name not in tables or not len(keys[name]):
            parts.append(np.full(len(keys[name]) * len(numbers), np.nan))
            continue
        table = tables[name].assign(**{key: tables[name][key].astype(str) for key in names})
        found = keys[name].merge(table[[*names, *numbers]], on=list(names), how="left")
        parts.append(found[list(numbers)].to_numpy(np.float64).T.ravel())
    return np.concatenate(parts)


def _with_empty_groups(keys: Mapping[str, pd.DataFrame], values: Floats) -> Floats:
    """Rates of a group that has no children at a setting are those of the next setting where it has."""
    size = len(keys["milestones"])
    rates, children = values[:, : 2 * size], values[:, 2 * size : 3 * size]
    filled = values.copy()
    filled[:, : 2 * size] = pd.DataFrame(rates).bfill().ffill().to_numpy()
    filled[:, 2 * size : 3 * size] = np.nan_to_num(children)
    return filled


def _grows(keys: Mapping[str, pd.DataFrame]) -> NDArray[np.bool_]:
    """Which cells grow with the number of children in financed seats."""
    parts: list[NDArray[np.bool_]] = []
    for name, (_, numbers) in CELLS.items():
        for number in numbers:
            flags = np.full(len(keys[name]), (name, number) not in _PER_CHILD)
            if (name, number) == ("milestones", "impact"):
                flags = ~keys[name]["group"].isin(_OF_THE_SEATED).to_numpy()
            parts.append(flags)
    return np.concatenate(parts)


def _finished(scenario: Scenario, frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables with the columns of a study: rates from impacts, costs from dollars and children, and no intervals."""
    milestones = frames["milestones"]
    milestones = milestones.assign(rate=milestones["baseline_rate"] + milestones["impact"])
    everybody = milestones[milestones["group"] == EVERYBODY]
    children = (everybody["impact"] * everybody["n_community"]).to_numpy()
    dollars = float(frames["added"]["added"].iloc[0])
    cost = np.divide(dollars, children, out=np.full(len(children), np.nan), where=children > 0)
    costs = pd.DataFrame(
        {
            "milestone": everybody["milestone"].to_numpy(),
            "cost": cost,
            "added_dollars": dollars,
            "added_children": children,
        }
    )
    deal = {name: _priced(name, frames[name]) for name in ("payments", "tranches", "outcomes", "payers")}
    found: dict[str, Any] = {"milestones": milestones, "paths": frames["paths"], "costs": costs}
    found |= {name: frame for name, frame in deal.items() if frame is not None}
    return {
        name: frame.assign(scenario=scenario.name, **dict.fromkeys(_AFTER_THE_RUN.get(name, ()), np.nan))
        for name, frame in found.items()
    }


def _priced(name: str, frame: pd.DataFrame) -> pd.DataFrame | None:
    """A table of the deal, or None where the deal was not priced."""
    first = frame[CELLS[name][1][0]]
    return None if not len(frame) or first.isna().all() else frame
