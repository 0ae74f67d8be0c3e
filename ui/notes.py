"""The sentences around the tables: what was compared, how sure it is, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.options import INTERVAL_DRAWS, Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.figures import spans_zero, word
from cradlecast.ui.occasion import EVERYBODY, Occasion
from cradlecast.ui.rows import Table

if TYPE_CHECKING:
    from cradlecast.scenarios.deal import Deal

LAST_AGE_FOLLOWED: Final = 30
"""Age to which children can be followed."""


def heading(
    scenarios: Sequence[Scenario],
    communities: Mapping[str, Community],
    options: Options,
    settings: Mapping[str, float],
    deal: Deal | None = None,
) -> list[tuple[str, str]]:
    """What was asked, as pairs of a word and what it says.

    Parameters
    ----------
    scenarios
        In the order in which they were named.
    communities
        By name.
    options
        The size of the study.
    settings
        Levers that were set by hand.
    deal
        The deal that is priced, if one is.
    """
    lines = [("Deal", f"{deal.name}: {one_line(deal.title)}")] if deal else []
    baselines: dict[str, str] = {}
    for scenario in scenarios:
        baseline = communities[scenario.community].baselines[scenario.baseline]
        lines.append(("Scenario", f"{scenario.name}: {one_line(scenario.title)}"))
        baselines[scenario.baseline] = one_line(baseline.description or baseline.title, 400)
    lines += [("Baseline", f"{name}: {words}") for name, words in baselines.items()]
    if settings:
        lines.append(("Levers", ", ".join(f"{name} set to {value:,.10g}" for name, value in settings.items())))
    size = (
        f"{options.children:,} simulated children, followed to age {options.horizon}; "
        f"{_many(options.draws, 'draw')} of what is uncertain, {_many(options.worlds, 'world')} of chance in each; "
        f"seed {options.seed}{'' if options.evidence == 'central' else f'; {options.evidence} evidence'}"
    )
    return [*lines, ("Size", size)]


def study_notes(record: Mapping[str, Any], tables: Sequence[Table], occasion: Occasion) -> list[str]:
    """What a reader of a run or a comparison needs to know of its numbers."""
    rates = next((table for table in tables if table.name == "milestones"), None)
    notes = [
        "Impact is the scenario less its baseline: the same simulated children live through both. Rates are shares of "
        "all children of a group, with a seat or without.",
        _range(occasion, record),
    ]
    if rates and (open_signs := _open_signs(rates, occasion)):
        notes.append(
            f"The range of the impact includes zero for {open_signs}: there a gain cannot be told from a loss. "
            "Among groups a question mark says so."
        )
    if any(table.name == "ledger" and table.rows for table in tables):
        notes.append(
            "Money is what a budget is better off by; prices are fixed and outside the range. Savings of a part of a "
            "teacher's time are no cash. Every budget, line and year: --out FOLDER or --json."
        )
    notes += _stands_for(record)
    notes.append("Gaps between groups show what systems have and have not offered, not what children can do.")
    return [*notes, *_signature(record)]


def deal_notes(record: Mapping[str, Any], tables: Sequence[Table], occasion: Occasion, deal: Deal) -> list[str]:
    """What a reader of a priced deal needs to know of its numbers."""
    from cradlecast.scenarios.contract import LEVERS

    notes = []
    if deal.illustrative:
        notes.append(
            "ILLUSTRATIVE: terms that matter are assumed rather than published; nothing here says what anyone was "
            "promised or paid."
        )
    notes.append(
        f"Amounts are means over all futures, in {deal.currency} ({deal.price_year}). {_range(occasion, record)}"
    )
    if gross := [word(metric.name) for metric in deal.metrics if metric.count == "gross" and not metric.compared]:
        notes.append(
            f"A gross count ({_list(gross)}) pays for every seated child who reaches the goal, also for those who "
            "would have reached it without the seat."
        )
    if set_ := [name for name in LEVERS if getattr(deal.behaviour, name)]:
        notes.append(f"Set by hand: {_list([word(name) for name in set_])} under the contract; all tables hold it.")
    if record.get("optimism"):
        notes.append(
            "Payments are multiplied by what those of 27 projects of the United Kingdom came to over their first plans "
            "(quartiles 0.71, 0.93, 1.04), one draw a future; those projects had other programs in other places."
        )
    if not any(deal.party(use.to).role == "evaluator" for use in deal.uses):
        notes.append("Nobody is paid for evaluation in the uses of this deal, though its payments rest on one.")
    if occasion.horizon < LAST_AGE_FOLLOWED and any(table.name == "pockets" for table in tables):
        notes.append(
            f"Children are followed to {occasion.horizon}: what they later earn, pay and cost is in no pocket here."
        )
    if cut := _cut_payments(tables):
        notes.append(f"Caps, thresholds or small samples cut payments for {_list(cut)} in some futures.")
    notes += _stands_for(record)
    return [*notes, *_signature(record)]


def failed_checks(tables: Iterable[Table]) -> list[str]:
    """What must hold of a deal's books and does not."""
    rows = [row for table in tables if table.name == "checks" for row in table.rows]
    return [f"{row['name']} (off by {row['difference']:,.2f})" for row in rows if row["ok"] is not True]


def _range(occasion: Occasion, record: Mapping[str, Any]) -> str:
    """What a range means."""
    if occasion.preview:
        return (
            f"PREVIEW: with {_many(occasion.draws, 'draw')} a range only hints at how uncertain a number is, and no "
            f"chances are shown; --draws {INTERVAL_DRAWS} or more gives 90 % intervals."
        )
    worlds = record.get("worlds", 1)
    return (
        f"A range is a central 90 % interval: {_many(occasion.draws, 'draw')} of what is uncertain, with "
        f"{_many(worlds, 'world')} of chance in each."
    )


def _open_signs(table: Table, occasion: Occasion) -> str:
    """Milestones whose impact, over all children, may be a gain or a loss, in words."""
    rows = [row for row in table.rows if row["group"] == EVERYBODY]
    open_rows = [row for row in rows if spans_zero(row, "impact")]
    if not open_rows or occasion.several:
        return f"{len(open_rows)} of the {len(rows)} rows of the first table" if open_rows else ""
    if len(open_rows) == len(rows) > 1:
        return "every milestone"
    return _list([word(row["milestone"]) for row in open_rows])


def _cut_payments(tables: Iterable[Table]) -> list[str]:
    """Metrics of which not every payment is made in full in every future."""
    rows = [row for table in tables if table.name == "payments" for row in table.rows]
    return list(dict.fromkeys(word(row["metric"]) for row in rows if row["reason"] != "paid in full"))


def _stands_for(record: Mapping[str, Any]) -> list[str]:
    """How many children of the community one simulated child is."""
    weights = record.get("children_per_simulated_child")
    found = set(weights.values()) if isinstance(weights, Mapping) else set()
    if not found:
        return []
    low, high = f"{min(found):.3g}", f"{max(found):.3g}"
    if low == high == "1":
        return ["There are as many simulated children as children of the community; none of them is a real child."]
    span = low if low == high else f"{low} to {high}"
    return [f"One simulated child stands for {span} children of the community; none of them is a real child."]


def _signature(record: Mapping[str, Any]) -> list[str]:
    """What to quote so that others can repeat it."""
    if "fingerprint" not in record:
        return []
    return [f"Cradlecast {record.get('cradlecast', '')}, fingerprint {record['fingerprint']}."]


def _many(number: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> _many(1, "draw"), _many(1200, "draw")
    ('1 draw', '1,200 draws')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _list(words: Sequence[str]) -> str:
    """Words with commas and an and."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
