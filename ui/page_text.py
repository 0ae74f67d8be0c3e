"""The words of the page as HTML: what was asked, one sentence, four numbers with their derivations, how far the run is.

Every text from a file, a link or a field comes through `safe`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.library import load_community, load_parameters, load_program, names
from cradlecast.ui.choice import DRAWS, Choice, Offer, commands, link
from cradlecast.ui.escape import safe
from cradlecast.ui.figures import ABSENT, change, count, money, percent, points, ranged, text, word
from cradlecast.ui.findings import Findings
from cradlecast.ui.occasion import EVERYBODY, Occasion, occasion_of
from cradlecast.ui.rows import Cell, Row, table_of

READY: Final = "kindergarten_ready"
WORK: Final = "employed"

SURE: Final = 0.05
"""A cost is named where a milestone gains no child in at most this share of futures."""

VIEWS: Final[Mapping[str, str]] = {
    "milestones": "Seven milestones",
    "gaps": "Gaps between groups",
    "paths": "Whose path changes",
    "costs": "What it costs",
    "deal": "The deal",
}
"""Parts of the findings, one shown at a time."""


@dataclass(frozen=True)
class Big:
    """A big number: what it is, the figure, its range, and how it comes about."""

    what: str
    figure: str
    range: str
    derivation: tuple[str, ...]


# --- What was asked ---


def head(offer: Offer, choice: Choice, findings: Findings | None, theme: str) -> str:
    """The title, and the line that always says what the numbers stand on."""
    scenario = offer.scenarios[choice.scenario]
    community = load_community(scenario.community)
    facts = {
        "Baseline": community.baselines[scenario.baseline].title,
        "Horizon": f"birth to age {offer.study_options(choice).horizon}; deal to {offer.deal_options(choice).horizon}",
        "Prices": _prices(offer.deal),
        "Draws": _draws(offer, choice, findings),
        "Evidence": choice.evidence,
        "Fingerprint": _fingerprints(findings),
    }
    items = "".join(f"<div><dt>{safe(name)}</dt><dd>{safe(fact)}</dd></div>" for name, fact in facts.items())
    other = "dark" if theme == "light" else "light"
    return (
        f'<div class="row spread" data-page-theme="{safe(theme)}">'
        f"<h1><small>Cradlecast</small> {safe(scenario.title)}</h1>"
        f'<button type="button" data-act="theme" data-value="{other}">{other.capitalize()} colours</button></div>'
        f'<dl class="strip">{items}</dl>'
    )


def alert(sentence: str) -> str:
    """A sentence that must not be overlooked, or nothing."""
    return f'<p class="alert" role="alert">{safe(sentence)}</p>' if sentence else ""


def foot(offer: Offer, choice: Choice) -> str:
    """How to get the same numbers elsewhere, and what they do not say."""
    lines = "".join(f"<li><code>{safe(line)}</code></li>" for line in commands(offer, choice))
    return (
        f"<p>The same numbers from the command line:</p><ul>{lines}</ul>"
        "<p><small>The children are simulated; none of them is a real child. Gaps between groups show what systems "
        "have and have not offered, not what children can do. Ranges hold only the doubts that were put into them."
        "</small></p>"
    )


def _prices(deal: Deal) -> str:
    """The years of prices."""
    years = {load_program(name).seat_cost.year for name in names("program") if name == "prek"}
    return f"pre-K seats {', '.join(map(str, years))}; deal {deal.price_year}; not discounted"


def _draws(offer: Offer, choice: Choice, findings: Findings | None) -> str:
    """How many futures the numbers are over."""
    if findings is None or findings.preview:
        return f"preview now; {choice.draws:,} in the full run"
    return f"{choice.draws:,} of what is uncertain, {offer.study_options(choice).worlds} of chance in each"


def _fingerprints(findings: Findings | None) -> str:
    """What to quote, so that others can repeat it."""
    if findings is None or findings.preview:
        return "none for a preview"
    return ", ".join(f"{name} {record['fingerprint']}" for name, record in findings.records.items())


# --- The form ---


def form(offer: Offer, choice: Choice, problem: str = "") -> str:
    """Community, counterfactual, levers, evidence and size."""
    scenario = offer.scenarios[choice.scenario]
    places = dict.fromkeys(each.community for each in offer.scenarios.values())
    here = {name: each.title for name, each in offer.scenarios.items() if each.community == scenario.community}
    levers = "".join(_lever(offer, choice, name) for name in scenario.levers)
    evidence = {
        "central": "central: as the evidence has it",
        "pessimistic": "pessimistic: effects moved to their worse fifth",
        "optimistic": "optimistic: effects moved to their better fifth",
    }
    draws = {str(number): f"{number:,} draws{' (a preview of intervals)' if number < 200 else ''}" for number in DRAWS}
    return (
        alert(problem)
        + '<details id="asked" class="asked" open><summary><h2>What is asked</h2></summary>'
        + _select("community", "Community", {name: load_community(name).title for name in places}, scenario.community)
        + _select("scenario", "Counterfactual: what is compared with what", here, choice.scenario)
        + f"<p><small>{safe(scenario.description)}</small></p>"
        + f"<fieldset><legend>Levers</legend>{levers}</fieldset>"
        + "<fieldset><legend>Doubt</legend>"
        + _select("evidence", "Evidence on what pre-K adds", evidence, choice.evidence)
        + _select("draws", "Size of the full run", draws, str(choice.draws))
        + "</fieldset></details>"
        + _share(offer, choice)
    )


def _select(name: str, label: str, choices: Mapping[str, str], chosen: str) -> str:
    """A list to choose from."""
    options = "".join(
        f'<option value="{safe(value)}"{" selected" if value == chosen else ""}>{safe(words)}</option>'
        for value, words in choices.items()
    )
    return f'<p><label>{safe(label)} <select data-field="{safe(name)}">{options}</select></label></p>'


def _lever(offer: Offer, choice: Choice, name: str) -> str:
    """A slider with a field for the exact number, and a box where the program has a number of its own."""
    lever = offer.scenarios[choice.scenario].levers[name]  # type: ignore[index]
    value = choice.levers.get(name, lever.value)
    label, field = safe(name.replace("_", " ").capitalize()), f"lever:{name}"
    at = own_value(name) if value is None else value
    bounds = f'min="{lever.low:g}" max="{lever.high:g}" value="{at:g}" data-field="{field}"'
    own = ""
    if lever.value is None:
        checked = " checked" if value is None else ""
        own = (
            f'<label class="own"><input type="checkbox" data-field="own:{name}"{checked}> '
            f"as the program has it ({own_value(name):,g})</label>"
        )
    return (
        f'<div class="lever"><label for="range-{name}">{label} <small>({safe(lever.unit)})</small></label>'
        f'<div class="set"><input type="range" id="range-{name}" step="{step(lever.low, lever.high):g}" {bounds}>'
        f'<input type="number" id="number-{name}" step="any" aria-label="{label}, exact" {bounds}></div>{own}'
        + (f"<small>{safe(lever.note)}</small>" if lever.note and lever.value is not None else "")
        + "</div>"
    )


def own_value(name: str) -> float:
    """Where the slider of a lever stands that is left as the program has it."""
    program = load_program("prek")
    if name == "hours":
        return program.hours_per_year.value
    return load_parameters().parameters[program.take_up].mean if name == "take_up" and program.take_up else 0.0


def step(low: float, high: float) -> float:
    """A round step of about a hundredth of the way from low to high.

    Examples
    --------
    >>> step(0, 5000), step(0.0, 2.0), step(1000, 40000)
    (50.0, 0.02, 500.0)
    """
    rough = (high - low) / 100
    power = 10.0 ** math.floor(math.log10(rough))
    return next(round(each * power, 9) for each in (1, 2, 5, 10) if each * power >= rough * 0.99)


def _share(offer: Offer, choice: Choice) -> str:
    """A link that opens the page with this choice."""
    query = link(offer, choice)
    return (
        '<fieldset><legend>Share</legend><div class="row">'
        f'<a href="{safe(query)}">Link to this choice</a>'
        f'<button type="button" data-act="copied" data-copy="{safe(query)}">Copy the link</button>'
        '<button type="button" data-act="reset">Back to the start</button></div></fieldset>'
    )


# --- The sentence and the numbers ---


def top(offer: Offer, choice: Choice, findings: Findings | None, problem: str = "") -> str:
    """One sentence and at most four big numbers, each with its derivation."""
    if findings is None:
        return alert(problem) + '<p class="lead">The first numbers are on their way.</p>'
    numbers = "".join(_big(place, number) for place, number in enumerate(big_numbers(offer, choice, findings)))
    mark = '<span class="badge">PREVIEW</span> ' if findings.preview else ""
    return (
        alert(problem)
        + f'<p class="lead">{mark}{safe(sentence(offer, findings))}</p>'
        + f'<ul class="numbers">{numbers}</ul>'
    )


def _big(place: int, number: Big) -> str:
    """One big number."""
    lines = "".join(f"<li>{safe(line)}</li>" for line in number.derivation)
    return (
        f'<li><span class="what">{safe(number.what)}</span><span class="figure">{safe(number.figure)}</span>'
        f'<span class="range">{safe(number.range) or "&nbsp;"}</span>'
        f'<details id="why-{place}"><summary>Where it comes from<span hidden>: {safe(number.what)}</span></summary>'
        f"<ul>{lines}</ul></details></li>"
    )


def sentence(offer: Offer, findings: Findings) -> str:
    """What the scenario does, in one sentence with its doubt."""
    scenario = findings.scenario
    baseline = load_community(scenario.community).baselines[scenario.baseline].title
    ready, work = _milestone(findings, READY), _milestone(findings, WORK)
    seats = count(scenario.lever("seats")) if scenario.lever("seats") else "no"
    return (
        f"With {seats} financed seats a year, of {count(ready['n_community'])} children {_more(ready)} ready for "
        f"kindergarten than in the baseline (“{baseline}”), and {_more(work)} at work at 30{_chance(work)}."
    )


def _more(row: Row) -> str:
    """A change in children, in words, with its range."""
    number, span = _children(row, "impact") or 0.0, _span(row)
    return f"{count(abs(number))} {'more' if number >= 0 else 'fewer'}{f' ({span})' if span else ''} are"


def _chance(row: Row) -> str:
    """How often the last of these is no gain."""
    chance = row.get("chance_not_positive")
    if not isinstance(chance, int | float):
        return ""
    return f"; in {round(100 * chance)} of 100 futures the last is no gain"


def big_numbers(offer: Offer, choice: Choice, findings: Findings) -> list[Big]:
    """The four numbers of the landing."""
    numbers = [_ready(findings), _paths(findings), _cost(findings)]
    if not findings.no_deal:
        numbers.append(_paid(offer, findings))
    return numbers


def _ready(findings: Findings) -> Big:
    """More children ready for kindergarten."""
    row = _milestone(findings, READY)
    return Big(
        "more children ready for kindergarten",
        change(_children(row, "impact")),
        _span(row) or "range: after the full run",
        (
            f"Baseline {percent(row['baseline_rate'])} %, scenario {percent(row['rate'])} % of all children: "
            f"{points(row['impact'])} points.",
            f"Times {count(row['n_community'])} children of the community born in the years that the seats are for.",
            *_chance_line(row),
            "Table milestones, group all.",
        ),
    )


def _paths(findings: Findings) -> Big:
    """Children whose path changes."""
    rows = {
        (row["direction"], row["channel"]): row
        for row in table_of("paths", findings.tables["paths"]).rows
        if row["group"] == EVERYBODY and row["milestone"] == "all"
    }
    every = rows["all", "all"]
    low, high = every.get("children_low"), every.get("children_high")
    channels = {"direct": "a new seat of their own", "vacated": "another place", "peers": "their classmates"}
    return Big(
        "children whose path changes",
        count(every["children"]),
        "range: after the full run" if low is None else f"{count(low)} to {count(high)}",
        (
            f"At the first milestone that differs {count(rows['gained', 'all']['children'])} gain it and "
            f"{count(rows['lost', 'all']['children'])} lose it.",
            "Through "
            + ", ".join(f"{label} {count(rows['all', name]['children'])}" for name, label in channels.items())
            + ".",
            "The same child lives through both arms on the same luck. Table paths.",
        ),
    )


def _cost(findings: Findings) -> Big:
    """Cost per additional child ready for kindergarten."""
    row = next(row for row in table_of("costs", findings.tables["costs"]).rows if row["milestone"] == READY)
    chance = row.get("chance_not_positive")
    sure = row["cost"] is not None and not (isinstance(chance, int | float) and chance > SURE)
    low, high = row.get("cost_low"), row.get("cost_high")
    if not sure:
        span = "children gained may be none"
    elif low is None:
        span = "range: after the full run"
    else:
        span = f"{short_money(low)} to {short_money(high)}" if high is not None else f"{short_money(low)} or more"
    return Big(
        "per additional child ready for kindergarten",
        short_money(row["cost"]) if sure else "no cost to give",
        span,
        (
            f"Added dollars for seats, all payers and years, not discounted: {money(row['added_dollars'])}.",
            f"Over {count(row['added_children'])} more children ready for kindergarten, as the mean over futures.",
            "Each child is counted once; the same dollars also buy the other milestones.",
            *_chance_line(row),
        ),
    )


def _paid(offer: Offer, findings: Findings) -> Big:
    """What is paid for results, and the chance that a lender loses."""
    outcomes = table_of("outcomes", findings.tables["outcomes"]).rows
    paid = sum(float(row["paid"] or 0.0) for row in outcomes)
    true = sum(float(row["paid_on_true_effect"] or 0.0) for row in outcomes)
    tranches = table_of("tranches", findings.tables["tranches"]).rows if "tranches" in findings.tables else ()
    losses = [(str(row["name"]), row["loss_probability"]) for row in tranches if row["loss_probability"] is not None]
    worst = max(losses, key=lambda each: float(each[1] or 0.0), default=None)
    return Big(
        "paid for results" + (" (illustrative terms)" if offer.deal.illustrative else ""),
        short_money(paid, offer.deal.currency),
        f"chance of a loss: {worst[0]} {percent(worst[1])} %" if worst else "chance of a loss: after the full run",
        (
            f"The mean over futures of all success payments of deal {offer.deal.name}, after caps: "
            f"{money(paid, offer.deal.currency)}.",
            f"On the true effect {money(true, offer.deal.currency)} would be due.",
            *(f"{name}: a loss in {percent(chance)} % of futures." for name, chance in losses),
        ),
    )


def short_money(amount: Cell, currency: str = "USD") -> str:
    """An amount that fits a big number.

    Examples
    --------
    >>> short_money(139884.6), short_money(18823754.0), short_money(None)
    ('$140,000', '$18.8 million', '-')
    """
    if not isinstance(amount, int | float):
        return ABSENT
    if abs(amount) >= 1e6:
        return _millions(amount, currency)
    digits = max(3 - len(str(int(abs(amount)))), -3)
    return money(round(amount, digits), currency)


def _millions(amount: float, currency: str) -> str:
    """Millions with one digit behind the point."""
    unit = money(0, currency).removesuffix("0")
    return f"{'-' if amount < 0 else ''}{unit}{abs(amount) / 1e6:,.1f} million"


def _chance_line(row: Row) -> tuple[str, ...]:
    """The chance that there is no gain, as a line, where it is known."""
    chance = row.get("chance_not_positive")
    return (f"No gain in {percent(chance)} % of futures.",) if isinstance(chance, int | float) else ()


def _milestone(findings: Findings, name: str) -> Row:
    """The row of all children and one milestone."""
    table = findings.tables["milestones"]
    one = table[(table["group"] == EVERYBODY) & (table["milestone"] == name)]
    return table_of("milestones", one).rows[0]


def _children(row: Row, name: str) -> float | None:
    """A share of the community's children as a number of them."""
    share, children = row.get(name), row["n_community"]
    return share * children if isinstance(share, int | float) and isinstance(children, int | float) else None


def _span(row: Row) -> str:
    """The range of a change in children, or nothing."""
    low, high = (_children(row, f"impact_{end}") for end in ("low", "high"))
    return "" if low is None else f"{change(low)} to {change(high)}"


# --- The run ---


def status(
    findings: Findings | None, share: float | None, seconds: float | None, waiting: bool, measuring: bool
) -> str:
    """Whether numbers are a preview, how far the full run is, and how to stop or start it.

    Parameters
    ----------
    findings
        What is shown.
    share
        How much of the run is done, or None where none is under way.
    seconds
        Time left, where it can be said.
    waiting
        Whether the run waits for others.
    measuring
        Whether the run prepares the preview.
    """
    full = findings is not None and not findings.preview
    said = (
        "These are the numbers of the full run."
        if full
        else "Preview: interpolated between settings that were lived beforehand, without intervals."
        if findings is not None
        else "Nothing to show yet."
    )
    if share is None:
        button = "" if full else '<button type="button" class="main" data-act="run">Run in full</button>'
        return f'<div class="status row spread" role="status"><span>{said}</span>{button}</div>'
    what = "Preparing the preview" if measuring else "Full run"
    left = "waiting for other runs" if waiting else "" if seconds is None else _time_left(seconds)
    return (
        f'<div class="status row spread"><span role="status">{said}</span><span class="row"><label>{what} '
        f'<progress max="100" value="{100 * share:.0f}">{100 * share:.0f} %</progress></label>'
        f'<span class="faint">{100 * share:.0f} % {left}</span>'
        '<button type="button" data-act="cancel">Stop the run</button></span></div>'
    )


def _time_left(seconds: float) -> str:
    """A time left, in words."""
    return f"about {max(round(seconds), 1)} s left" if seconds < 90 else f"about {round(seconds / 60)} min left"


# --- The parts ---


def nav(view: str) -> str:
    """Buttons for the parts of the findings."""
    buttons = "".join(
        f'<li><button type="button" data-act="view:{name}"{_current(name == view)}>{safe(title)}</button></li>'
        for name, title in VIEWS.items()
    )
    return f'<nav aria-label="Parts of the findings"><ul>{buttons}</ul></nav>'


def _current(here: bool) -> str:
    """Which button is the present part's."""
    return ' aria-current="true"' if here else ""


def occasion(offer: Offer, choice: Choice, findings: Findings, deal: bool) -> Occasion:
    """What titles of tables say."""
    scenario = findings.scenario
    communities = {scenario.community: load_community(scenario.community)}
    programs = [load_program(name) for name in names("program")]
    size = offer.deal_options(choice) if deal else offer.study_options(choice)
    if findings.preview:
        size = replace(size, draws=1, worlds=1)
    return occasion_of([scenario], communities, programs, size, offer.deal if deal else None)


def group_names(offer: Offer, choice: Choice, findings: Findings) -> dict[str, str]:
    """The groups of the findings, in words."""
    said = occasion(offer, choice, findings, deal=False)
    return {str(name): said.group(str(name)) for name in findings.tables["milestones"]["group"].unique()}


def group_select(groups: Mapping[str, str], chosen: str) -> str:
    """The group whose milestones are drawn."""
    return f'<div class="group">{_select("group", "Children", groups, chosen)}</div>'


def payers_summary(payers: pd.DataFrame, outcomes: pd.DataFrame) -> str:
    """What each payer pays and gets for it, in sentences; safe."""
    sentences = []
    results = table_of("outcomes", outcomes).rows
    for payer in table_of("payers", payers).rows:
        bought = [row for row in results if row["payer"] == payer["payer"]]
        got = [
            f"{word(row['metric'])}: truly {points(row['true_effect'])} points among seated children"
            + (f", as evaluated {points(row['evaluated_effect'])}" if row["evaluated_effect"] is not None else "")
            for row in bought
        ]
        sentences.append(f"{text(payer['payer'])} pays {money(payer['paid'])} for results and gets {'; '.join(got)}.")
    return safe(" ".join(sentences))


def gaps_summary(gaps: pd.DataFrame) -> str:
    """The gap by income at kindergarten and how the scenario changes it, in sentences; safe."""
    found = [row for row in table_of("gaps", gaps).rows if row["by"] == "income" and row["outcome"] == READY]
    sentences = [
        f"In the baseline the share of children who are ready for kindergarten is {percent(row['baseline_gap'])} "
        "percentage points lower below the poverty line than above it; the scenario changes this gap by "
        f"{ranged(row, 'change', points)} points."
        for row in found
    ]
    sentences.append("Gaps between groups show what systems have and have not offered, not what children can do.")
    return safe(" ".join(sentences))


def card_foot(name: str, summary: str, open_: bool, tables: Sequence[str], toggles: bool = True) -> str:
    """A chart in sentences (``summary``, safe already), and its numbers as tables, on demand where it ``toggles``."""
    words = "Hide the table" if open_ else "Show the table"
    button = (
        f'<button type="button" data-act="table:{name}" data-value="{"close" if open_ else "open"}" '
        f'aria-expanded="{str(open_).lower()}">{words}</button>'
        if toggles
        else ""
    )
    return f'<p class="summary">{summary}</p>{button}{"".join(tables) if open_ else ""}'
