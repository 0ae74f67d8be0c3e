"""Which parts of a study's tables a person is shown, and in which words; JSON, CSV and files carry all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cradlecast.scenarios.community import MILESTONES
from cradlecast.ui.contract_layouts import CONTRACT_LAYOUTS
from cradlecast.ui.deal_layouts import DEAL_LAYOUTS
from cradlecast.ui.figures import (
    change,
    count,
    decimals,
    millions,
    money,
    percent,
    points,
    ranged,
    signed,
    spans_zero,
    text,
    word,
)
from cradlecast.ui.occasion import CHANGED, EVERYBODY, SEATED, Occasion
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View, one_section
from cradlecast.ui.worth_layouts import WORTH_LAYOUTS

_HEADS: Final = {
    "kindergarten_ready": "kinder-\ngarten\nready",
    "grade3_reading": "grade 3\nreading",
    "grade8_math": "grade 8\nmath",
    "high_school_graduate": "high\nschool\ngraduate",
    "postsecondary_enrolled": "post-\nsec.\nenrolled",
    "postsecondary_completed": "post-\nsec.\ncompleted",
    "employed": "employed",
}
_CARE: Final = {
    "home": "at home",
    "prek": "public pre-K",
    "head_start": "Head Start",
    "child_care": "child-care center",
}
_CHANCES: Final = {
    "milestone": ("chance of\nno gain", "chance_not_positive"),
    "event": ("chance of\nno fall", "chance_not_negative"),
}
"""The chance that the scenario does not help: milestones are wanted, school events are not."""

_MONEY: Final = {
    ("public", "seats"): "public budgets: seats and services",
    ("public", "besides_seats"): "public budgets: all else",
    ("private", "total"): "children, parents, centers, victims",
    ("society", "total"): "everybody, also elsewhere",
}
"""Sums of the ledger that a person is shown: who pays, who saves, who gains."""

_BY: Final = {"income": "by income", "race_ethnicity": "by race and ethnicity", "place": "by place"}
_ALL_PATHS: Final = "any of them"
_STREAM: Final = ("scenario", "program", "stream", "age", "payer")
"""What tells the seats of one year and arm from each other."""


def study_views(tables: Iterable[Table], occasion: Occasion) -> list[View]:
    """What is shown of a run, a comparison or a priced deal, in the order of the tables."""
    layouts = {
        "milestones": milestones,
        "gaps": gaps,
        "events": events,
        "measures": measures,
        "care": care,
        "displaced": displaced,
        "paths": paths,
        "seats": seats,
        "pool": pool,
        "ledger": ledger,
        "budgets": lambda table, occasion: [],
        "costs": costs,
        **DEAL_LAYOUTS,
        **CONTRACT_LAYOUTS,
        **WORTH_LAYOUTS,
    }
    return [view for table in tables for view in layouts.get(table.name, _as_it_is)(table, occasion)]


def listing_view(table: Table) -> View:
    """What is shipped, name first and title last."""
    kinds: dict[str, Callable[[Row], str]] = {
        "births_per_year": lambda row: count(row["births_per_year"]),
        "below_poverty": lambda row: f"{percent(row['below_poverty'])} %",
        "seat_cost": lambda row: f"${count(row['seat_cost'])}",
        "seats": lambda row: count(row["seats"]),
    }
    gives_way = {"observed_year": 6, "price_year": 6, "metrics": 5, "levers": 5, "baselines": 4, "eligibility": 3}
    gives_way |= {"design": 3}
    gives_way |= {"community": 2, "payer": 1, "payers": 1, "years": 1, "follow_ups": 6, "scale": 5, "year": 4}
    gives_way |= {"seats": 1, "baseline": 1, "program": 1}
    heads = {
        "births_per_year": "births\na year",
        "below_poverty": "below the\npoverty line",
        "seat_cost": "a seat or\nchild costs",
        "observed_year": "observed",
        "price_year": "price year",
        "seats": "seats\na year",
    }
    columns = tuple(
        Column(
            heads.get(name, name),
            kinds.get(name, _writes(name)),
            right=name in kinds,
            gives_way=gives_way.get(name, 0),
            wraps=name in ("title", "metrics", "levers"),
        )
        for name in table.columns
    )
    return View(table.name, table.name.capitalize(), "", columns, one_section(table.rows))


def milestones(table: Table, occasion: Occasion) -> list[View]:
    """All children, the children in financed seats, and what changes for every group."""
    groups = dict.fromkeys(str(row["group"]) for row in table.rows)
    views = [_rates(table, occasion, EVERYBODY, "Milestones of all children")]
    if SEATED in groups:
        views.append(_rates(table, occasion, SEATED, "Milestones of children in a financed seat"))
    elif CHANGED in groups:
        views.append(_rates(table, occasion, CHANGED, "Milestones of children whose care or services change"))
    if occasion.deal:
        return views
    impacts = _by_group(table, occasion, "Impact by group, in percentage points", _impact)
    before = _by_group(table, occasion, "Baseline by group, in percent", lambda row: percent(row["baseline_rate"]))
    return [*views, impacts] if occasion.several else [*views, impacts, before]


def gaps(table: Table, occasion: Occasion) -> list[View]:
    """Gaps in milestones between each group and all other children, and below each how the scenario changes it."""
    found: dict[tuple[str, str, str], list[dict[str, Cell]]] = {}
    for row in table.rows:
        scenario, by, group = (str(row[name]) for name in ("scenario", "by", "group"))
        if row["kind"] != "milestone" or (occasion.several and not occasion.compares(group)):
            continue
        sizes = f"{count(row['n_community'])} / {count(row['n_against_community'])}"
        fresh: list[dict[str, Cell]] = [{"group": occasion.group(group), "n": sizes}, {"group": "  change", "n": ""}]
        pair = found.setdefault((scenario, by, group), fresh)
        pair[0][str(row["outcome"])] = f"{percent(row['baseline_gap'])} "
        pair[1][str(row["outcome"])] = points(row["change"]) + ("?" if spans_zero(row, "change") else " ")
    sections: dict[str, list[Row]] = {}
    for (scenario, by, _), pair in found.items():
        sections.setdefault(f"{scenario}, {_BY[by]}" if occasion.several else _BY[by], []).extend(pair)
    measured = [name for name in MILESTONES if any(name in pair[0] for pair in found.values())]
    columns = [Column("group", _writes("group"), right=False)]
    columns += [Column("children /\nall others", _writes("n"), gives_way=1)]
    columns += [Column(_HEADS[name], _writes(name)) for name in measured]
    title = "Gaps in the baseline: percentage points fewer in a group than among all other children"
    parts = [Section(name, tuple(rows)) for name, rows in sections.items()]
    return [occasion.view(table, title, columns, parts, close=True)]


def events(table: Table, occasion: Occasion) -> list[View]:
    """School events of all children: a share a year, or ever for what is counted once."""
    if not table.rows:
        return []
    return [_rates(table, occasion, EVERYBODY, "School events of all children, a year or ever", what="event")]


def measures(table: Table, occasion: Occasion) -> list[View]:
    """Other means of all children: scores at kindergarten, grades, college, work and earnings."""
    rows = _of_all(table)
    if not rows:
        return []
    first = "scenario" if occasion.several else "measure"
    columns = [
        Column(first, _writes(first, named=not occasion.several), right=False),
        Column("unit", lambda row: "%" if row["unit"] == "share" else text(row["unit"]), right=False, gives_way=2),
        Column("baseline", lambda row: _mean(row)(row["baseline_mean"])),
        Column("impact (range)", lambda row: "no change" if _still(row) else ranged(row, "impact", _moved(row))),
    ]
    sections = _sections(rows, "measure", word) if occasion.several else one_section(rows)
    return [occasion.view(table, "Other measures of all children, means", columns, sections)]


def _mean(row: Row) -> Callable[[Cell], str]:
    """How a mean of a measure is written."""
    unit = str(row["unit"])
    return percent if unit == "share" else money if unit.startswith("usd") else decimals


def _moved(row: Row) -> Callable[[Cell], str]:
    """How a change of a measure is written."""
    unit = str(row["unit"])
    return points if unit == "share" else change if unit.startswith("usd") else signed


def _still(row: Row) -> bool:
    """Whether nothing of a measure changes in any draw."""
    return all(row[name] == 0 for name in ("impact", "impact_low", "impact_high"))


def care(table: Table, occasion: Occasion) -> list[View]:
    """Where children of an age are cared for in a school year, without and with the scenario."""
    ages = ", ".join(dict.fromkeys(str(row["age"]) for row in table.rows))
    columns = (
        Column("care", lambda row: kind_of_care(row["care"]), right=False),
        Column("baseline", lambda row: count(row["baseline_children"])),
        Column("scenario", lambda row: count(row["scenario_children"])),
        Column("change (range)", _or_no_change("change", change)),
    )
    title = f"Care at age {ages}, children of the community in a school year"
    return [occasion.view(table, title, columns, _by_scenario(_of_all(table), occasion))]


def displaced(table: Table, occasion: Occasion) -> list[View]:
    """Who leaves which care for which."""
    columns = (
        Column("from", lambda row: kind_of_care(row["from"]), right=False),
        Column("to", lambda row: kind_of_care(row["to"]), right=False),
        Column(
            "children (range)",
            lambda row: ranged(row, "children_per_year", count, "children_low", "children_high"),
        ),
    )
    title = "Children whose care changes, in a school year"
    return [occasion.view(table, title, columns, _by_scenario(_of_all(table), occasion))]


def paths(table: Table, occasion: Occasion) -> list[View]:
    """Children whose milestones are not the same in both arms, where their paths part, which way, and through what."""
    rows = _parted(_of_all(table))
    columns = (
        Column("path first parts at", lambda row: word(row["milestone"]).replace("all", _ALL_PATHS), right=False),
        Column("gained (range)", lambda row: ranged(row, "gained", count)),
        Column("lost (range)", lambda row: ranged(row, "lost", count)),
        Column("by own seat or\nservice, + / -", _both_ways("direct"), gives_way=1),
        Column("by another\nplace, + / -", _both_ways("vacated"), gives_way=2),
        Column("by class-\nmates, + / -", _both_ways("peers"), gives_way=3),
    )
    title = "Children of the community whose path changes, each at the first milestone that differs"
    return [occasion.view(table, title, columns, _by_scenario(rows, occasion))]


def seats(table: Table, occasion: Occasion) -> list[View]:
    """Seats whose number, use or cost the scenario changes, school years together."""
    years = _changed_years(table.rows)
    if not years:
        return []
    columns = (
        Column("program", lambda row: kind_of_care(row["program"]), right=False),
        Column("paid with", lambda row: word(row["stream"]), right=False),
        Column("age", lambda row: word(row["age"])),
        Column("payer", lambda row: text(row["payer"]), right=False, gives_way=3),
        Column("seats,\nbaseline", lambda row: count(row["seats_baseline"])),
        Column("filled,\nbaseline", lambda row: count(row["filled_baseline"]), gives_way=2),
        Column("seats,\nscenario", lambda row: count(row["seats_scenario"])),
        Column("filled,\nscenario", lambda row: count(row["filled_scenario"]), gives_way=1),
        Column("added\ncost", lambda row: money(row["added"])),
    )
    rows = _both_arms(table.rows)
    programs = dict.fromkeys(str(row["program"]) for row in rows)
    prices = [f"{kind_of_care(name)} {occasion.price_years[name]}" for name in programs if name in occasion.price_years]
    title = f"Seats and places that the scenario changes, school years {min(years)} to {max(years)} together"
    if prices:
        title += f"; price years: {', '.join(prices)}"
    return [occasion.view(table, title, columns, _by_scenario(rows, occasion))]


def _changed_years(rows: Sequence[Row]) -> list[int]:
    """School years in which some stream of seats or places is not the same in both arms."""
    books: dict[tuple[Cell, ...], dict[Cell, tuple[Cell, ...]]] = {}
    for row in rows:
        key = (row["year"], *(row[name] for name in _STREAM))
        books.setdefault(key, {})[row["arm"]] = (row["seats"], row["filled"], row["dollars"])
    changed = [key[0] for key, arms in books.items() if arms.get("baseline") != arms.get("scenario")]
    return [year for year in changed if isinstance(year, int)]


def ledger(table: Table, occasion: Occasion) -> list[View]:
    """Who pays, who saves and who gains: present values over the ages that were lived, and with projected earnings."""
    if not table.rows:
        return []
    first = table.rows[0]
    lived = str(first["ages"])
    projected = {str(row["ages"]) for row in table.rows if row["projected"] and str(row["ages"]).startswith("0-")}
    found: dict[tuple[Cell, str], dict[str, Cell]] = {}
    for row in table.rows:
        who = _MONEY.get((str(row["budget"]), str(row["line"])))
        if who and row["ages"] in {lived, *projected}:
            one = found.setdefault((row["scenario"], who), {"scenario": row["scenario"], "who": who})
            one[str(row["ages"])] = ranged(row, "present_value", millions)
    columns = [Column("better off (+), or pays (-)", _writes("who"), right=False)]
    columns += [Column(f"ages {lived},\nmillion $ (range)", _writes(lived), gives_way=len(projected))]
    columns += [Column(f"ages {ages}, projected,\nmillion $ (range)", _either(ages, lived)) for ages in projected]
    rate, year = percent(first["discount_rate"]), first["price_year"]
    title = f"Money: present value at the scenario's start, {rate} % a year, dollars of {year}"
    return [occasion.view(table, title, columns, _by_scenario(list(found.values()), occasion))]


def _either(name: str, other: str) -> Callable[[Row], str]:
    """What writes one column, or another one where the row has nothing in it."""
    return lambda row: text(row.get(name, row.get(other)))


def costs(table: Table, occasion: Occasion) -> list[View]:
    """What one more child at each milestone costs; nothing where the mean adds none."""
    columns = [
        Column("milestone", lambda row: word(row["milestone"]), right=False),
        Column("added cost", lambda row: money(row["added_dollars"]), gives_way=2),
        Column("children\nadded", lambda row: count(row["added_children"])),
        Column("cost per additional\nchild (range)", _cost),
    ]
    if not occasion.preview:
        columns.append(
            Column("chance of\nno gain", lambda row: f"{percent(row['chance_not_positive'])} %", gives_way=1)
        )
    title = "Cost per additional child, all payers and school years together, not discounted"
    return [occasion.view(table, title, tuple(columns), _by_scenario(table.rows, occasion))]


def _cost(row: Row) -> str:
    """A cost with its range, which has no end where some future adds no child."""
    low, high = row.get("cost_low"), row.get("cost_high")
    if row["cost"] is None or low is None:
        return money(row["cost"])
    return f"{money(row['cost'])} ({money(low)} {f'to {money(high)}' if high is not None else 'or more'})"


def _rates(table: Table, occasion: Occasion, group: str, title: str, what: str = "milestone") -> View:
    """Rates of one group without and with the scenario; compared scenarios stand together under each milestone."""
    rows = [row for row in table.rows if row["group"] == group]
    numbers = dict.fromkeys(count(row["n_community"]) for row in rows)
    if len(numbers) == 1:
        title = f"{title} ({next(iter(numbers))})"
    first = "scenario" if occasion.several else what
    columns = [
        Column(first, _writes(first, named=not occasion.several), right=False),
        Column("baseline,\n%", lambda row: percent(row["baseline_rate"])),
        Column(
            "scenario (range),\n%",
            lambda row: ranged(row, "rate", percent),
            gives_way=2,
            narrow=Column("scenario,\n%", lambda row: percent(row["rate"])),
        ),
        Column("impact (range),\npercentage points", _or_no_change("impact", points)),
    ]
    if not occasion.preview:
        head, chance = _CHANCES[what]
        columns.append(Column(head, lambda row: f"{percent(row[chance])} %", gives_way=3))
    sections = _sections(rows, what, word) if occasion.several else one_section(rows)
    return occasion.view(table, title, tuple(columns), sections)


def _by_group(table: Table, occasion: Occasion, title: str, cell: Callable[[Row], str]) -> View:
    """One figure by group, milestones side by side."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in table.rows:
        if occasion.several and not occasion.compares(str(row["group"])):
            continue
        cells.setdefault((str(row["scenario"]), str(row["group"])), {})[str(row["milestone"])] = cell(row)
    rows = [{"scenario": scenario, "group": group} | found for (scenario, group), found in cells.items()]
    measured = [name for name in MILESTONES if any(name in row for row in rows)]
    columns = [Column("group", lambda row: occasion.group(str(row["group"])), right=False)]
    columns += [Column(_HEADS[name], _writes(name)) for name in measured]
    return occasion.view(table, title, tuple(columns), _by_scenario(rows, occasion), close=True)


def _of_all(table: Table) -> list[Row]:
    """The rows of all children."""
    return [row for row in table.rows if row["group"] == EVERYBODY]


def _parted(rows: Sequence[Row]) -> list[Row]:
    """One row a scenario and milestone; nothing of a scenario that changes no path in any future."""
    found: dict[tuple[Cell, Cell], dict[str, Cell]] = {}
    for row in rows:
        key = (row["scenario"], row["milestone"])
        one = found.setdefault(key, {"scenario": row["scenario"], "milestone": row["milestone"]})
        name = str(row["direction"] if row["channel"] == "all" else f"{row['direction']}_{row['channel']}")
        one |= {name: row["children"], f"{name}_low": row["children_low"], f"{name}_high": row["children_high"]}
    changed = {scenario for (scenario, milestone), one in found.items() if milestone == "all" and one.get("all")}
    return [one for (scenario, _), one in found.items() if scenario in changed]


def _both_ways(channel: str) -> Callable[[Row], str]:
    """What writes the children who gained and lost through a channel."""
    return lambda row: f"{count(row[f'gained_{channel}'])} / {count(row[f'lost_{channel}'])}"


def _both_arms(rows: Sequence[Row]) -> list[Row]:
    """Seats of both arms side by side, summed over years; what the scenario leaves as it is, is left out."""
    names, arms = ("seats", "filled", "dollars"), ("baseline", "scenario")
    nothing = {f"{name}_{arm}": 0.0 for name in names for arm in arms}
    sums: dict[tuple[Cell, ...], dict[str, float]] = {}
    for row in rows:
        total = sums.setdefault(tuple(row[name] for name in _STREAM), dict(nothing))
        for name in names:
            value = row[name]
            total[f"{name}_{row['arm']}"] += value if isinstance(value, int | float) else 0.0
    both: list[Row] = []
    for key, total in sums.items():
        before, after = ([round(total[f"{name}_{arm}"]) for name in names] for arm in arms)
        if before != after:
            cells: dict[str, Cell] = {**dict(zip(_STREAM, key, strict=True)), **total}
            both.append(cells | {"added": after[2] - before[2]})
    return both


def pool(table: Table, occasion: Occasion) -> list[View]:
    """Pooled money by program and arm, summed over years, and what came in, was spent and was carried over."""
    sums: dict[tuple[Cell, ...], dict[str, float]] = {}
    money: dict[tuple[Cell, ...], dict[str, float]] = {}
    for row in table.rows:
        key = (row["scenario"], row["arm"], row["allocation"])
        one = sums.setdefault((*key, row["program"]), {"places": 0.0, "spent": 0.0})
        for name in one:
            one[name] += _number(row[name])
        year = money.setdefault((*key, row["year"]), {})
        year |= {name: _number(row[name]) for name in ("carried_in", "received", "coordination", "carried_out")}
    rows: list[Row] = []
    for (scenario, arm, allocation, program), total in sums.items():
        same = [year for key, year in money.items() if key[:3] == (scenario, arm, allocation)]
        all_ = sum(one["spent"] for key, one in sums.items() if key[:3] == (scenario, arm, allocation))
        rows.append(
            {
                "scenario": scenario,
                "title": f"{arm}: {word(allocation)}; received {money_(sum(y['received'] for y in same))}, "
                f"backbone {money_(sum(y['coordination'] for y in same))}, left {money_(same[-1]['carried_out'])}",
                "program": program,
                "share": total["spent"] / all_ if all_ else 0.0,
                **total,
            }
        )
    columns = (
        Column("program", lambda row: word(row["program"]), right=False),
        Column("child-years\nopen", lambda row: count(row["places"])),
        Column("spent", lambda row: money_(_number(row["spent"]))),
        Column("share, %", lambda row: percent(row["share"])),
    )
    if not rows:
        return []
    return [occasion.view(table, "Pooled money, all years together", columns, _sections(rows, "title", text))]


def money_(dollars: float) -> str:
    """Dollars as written."""
    return f"${dollars:,.0f}"


def _number(cell: Cell) -> float:
    """A number of a table."""
    return float(cell) if isinstance(cell, int | float) else 0.0


def _by_scenario(rows: Sequence[Row], occasion: Occasion) -> tuple[Section, ...]:
    """Rows under their scenario, where there are several."""
    return _sections(rows, "scenario", text) if occasion.several else one_section(rows)


def _sections(rows: Sequence[Row], name: str, title: Callable[[str], str]) -> tuple[Section, ...]:
    """Rows under each value of a column, in its first order."""
    values = dict.fromkeys(str(row[name]) for row in rows)
    return tuple(Section(title(value), tuple(row for row in rows if row[name] == value)) for value in values)


def _as_it_is(table: Table, occasion: Occasion) -> list[View]:
    """A table without a layout of its own."""
    columns = tuple(Column(word(name), _writes(name), right=False) for name in table.columns)
    return [occasion.view(table, word(table.name).capitalize(), columns, one_section(table.rows))]


def _writes(name: str, named: bool = False) -> Callable[[Row], str]:
    """What writes one column: as a name in words, or as it stands."""
    return (lambda row: word(row.get(name))) if named else (lambda row: text(row.get(name)))


def _or_no_change(name: str, figure: Callable[[Cell], str]) -> Callable[[Row], str]:
    """What writes a difference with its range, or plain words where nothing changes in any future."""

    def write(row: Row) -> str:
        same = row[name] == row[f"{name}_low"] == row[f"{name}_high"] == 0
        return "no change" if same else ranged(row, name, figure)

    return write


def _impact(row: Row) -> str:
    """An impact, marked where its range leaves the sign open."""
    return points(row["impact"]) + ("?" if spans_zero(row, "impact") else " ")


def kind_of_care(cell: object) -> str:
    """A kind of care in words."""
    return _CARE.get(str(cell)) or word(str(cell))
