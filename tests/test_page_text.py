"""The words of the page: at most four big numbers, each with its derivation; nothing certain that is not."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cradlecast.scenarios.library import load_scenario
from cradlecast.ui.choice import Choice, Offer, shipped
from cradlecast.ui.findings import Findings
from cradlecast.ui.html_tables import html_table
from cradlecast.ui.layouts import study_views
from cradlecast.ui.page_text import (
    big_numbers,
    foot,
    form,
    gaps_summary,
    group_names,
    group_select,
    head,
    nav,
    occasion,
    payers_summary,
    sentence,
    status,
    top,
)
from cradlecast.ui.rows import table_of
from tests.result_examples import gaps

OFFER = shipped()
LAPSE = "memphis-prek-1000-lapse"
CHOICE = Choice(LAPSE)


def milestones(low: float, high: float, impact: float, chance: float) -> pd.DataFrame:
    """Readiness and work of all children."""
    return pd.DataFrame(
        [
            {
                "scenario": LAPSE,
                "group": "all",
                "milestone": name,
                "n": 10_000,
                "rate": 0.4 + impact,
                "rate_low": 0.4,
                "rate_high": 0.5,
                "impact": impact,
                "impact_low": low,
                "impact_high": high,
                "baseline_rate": 0.4,
                "chance_not_positive": chance,
                "n_community": 40_000,
                "baseline": "grant-lapses",
            }
            for name in ("kindergarten_ready", "employed")
        ]
    )


def found(preview: bool = False, chance: float = 0.01, **changes: Any) -> Findings:
    """Findings with numbers that can be followed by hand."""
    nothing = preview or None
    paths = pd.DataFrame(
        [
            {
                "scenario": LAPSE,
                "group": group,
                "milestone": "all",
                "direction": direction,
                "channel": channel,
                "children": float(number),
                "children_low": np.nan if nothing else number - 10.0,
                "children_high": np.nan if nothing else number + 10.0,
            }
            for group, share in (("all", 1), ("black", 0.5))
            for direction, numbers in (("gained", (60, 20, 10)), ("lost", (30, 10, 10)), ("all", (90, 30, 20)))
            for channel, whole in zip(("direct", "vacated", "peers", "all"), (*numbers, sum(numbers)), strict=True)
            for number in (whole * share,)
        ]
    )
    costs = pd.DataFrame(
        [
            {
                "milestone": "kindergarten_ready",
                "cost": 60_000.0,
                "cost_low": np.nan if nothing else 30_000.0,
                "cost_high": np.nan,
                "chance_not_positive": np.nan if nothing else chance,
                "added_dollars": 24e6,
                "added_children": 400.0,
            }
        ]
    )
    outcomes = pd.DataFrame(
        [
            {
                "metric": "kindergarten_ready",
                "payer": "shelby-county",
                "paid": 3e6,
                "paid_on_true_effect": 2e6,
                "true_effect": 0.05,
                "evaluated_effect": 0.07,
            }
        ]
    )
    tranches = pd.DataFrame(
        [{"name": "senior", "loss_probability": 0.05}, {"name": "subordinate", "loss_probability": 0.155}]
    )
    low, high = (np.nan, np.nan) if preview else (0.002, 0.02)
    tables = {
        "milestones": milestones(low, high, 0.01, np.nan if preview else chance),
        "paths": paths,
        "costs": costs,
        "outcomes": outcomes,
    }
    tables |= {} if preview else {"tranches": tranches}
    records = {} if preview else {"study": {"fingerprint": "abc"}, "deal": {"fingerprint": "def"}}
    return Findings(load_scenario(LAPSE), tables | changes.pop("tables", {}), records, preview, **changes)


class Text(HTMLParser):
    """The words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    @property
    def all(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_gaps_are_told_by_income_with_the_range_of_their_change_and_as_facts_about_systems() -> None:
    told = gaps_summary(gaps(LAPSE))
    assert "6.0 percentage points lower below the poverty line than above it" in told
    assert "changes this gap by -0.40 (-0.70 to -0.10) points" in told
    last = "Gaps between groups show what systems have and have not offered, not what children can do."
    assert told.endswith(last)
    assert gaps_summary(gaps(LAPSE).query("by != 'income'")) == last


def test_there_are_at_most_four_big_numbers_and_each_opens_its_derivation() -> None:
    page = top(OFFER, CHOICE, found())
    assert page.count('class="figure"') == 4
    assert page.count("<details") == page.count("<summary") == 4
    assert page.count('class="lead"') == 1
    numbers = {number.what: number for number in big_numbers(OFFER, CHOICE, found())}
    ready = numbers["more children ready for kindergarten"]
    assert (ready.figure, ready.range) == ("+400", "+80 to +800")
    assert "Baseline 40.0 %, scenario 41.0 % of all children: +1.00 points." in ready.derivation
    changed = numbers["children whose path changes"]
    assert (changed.figure, changed.range) == ("140", "130 to 150")
    assert "Through a new seat of their own 90, another place 30, their classmates 20." in changed.derivation
    cost = numbers["per additional child ready for kindergarten"]
    assert (cost.figure, cost.range) == ("$60,000", "$30,000 or more")
    assert cost.derivation[0].endswith("$24,000,000.")
    paid = numbers["paid for results (illustrative terms)"]
    assert (paid.figure, paid.range) == ("$3.0 million", "chance of a loss: subordinate 15.5 %")


def test_the_sentence_names_the_change_its_doubt_and_its_baseline() -> None:
    assert sentence(OFFER, found(chance=0.24)) == (
        "With 1,000 financed seats a year, of 40,000 children 400 more (+80 to +800) are ready for kindergarten than "
        "in the baseline (“The grant lapses”), and 400 more (+80 to +800) are at work at 30; in 24 of 100 futures the "
        "last is no gain."
    )


def test_a_loss_is_called_a_loss() -> None:
    worse = found(tables={"milestones": milestones(-0.02, 0.001, -0.01, 0.9)})
    assert "400 fewer (-800 to +40) are ready" in sentence(OFFER, worse)


def test_no_cost_is_named_where_there_may_be_no_child() -> None:
    cost = big_numbers(OFFER, CHOICE, found(chance=0.06))[2]
    assert (cost.figure, cost.range) == ("no cost to give", "children gained may be none")
    assert "No gain in 6.0 % of futures." in cost.derivation


def test_a_preview_shows_no_interval_no_chance_and_no_fingerprint() -> None:
    page = Text(top(OFFER, CHOICE, found(preview=True)))
    assert page.all.startswith("PREVIEW With 1,000 financed seats a year, of 40,000 children 400 more are ready")
    assert "futures the last" not in page.all
    assert page.all.count("after the full run") == 4
    line = Text(head(OFFER, CHOICE, found(preview=True), "light")).all
    assert "Fingerprint none for a preview" in line
    assert "Draws preview now; 200 in the full run" in line


def test_what_numbers_stand_on_is_always_there() -> None:
    line = Text(head(OFFER, Choice(LAPSE, {}, "pessimistic", 50), found(), "dark")).all
    for words in (
        "Baseline The grant lapses",
        "Horizon birth to age 30; deal to 6",
        "Prices pre-K seats 2019; deal 2019-2022 nominal; not discounted",
        "Draws 50 of what is uncertain, 2 of chance in each",
        "Evidence pessimistic",
        "Fingerprint study abc, deal def",
    ):
        assert words in line


def test_without_a_deal_three_numbers_are_left() -> None:
    assert len(big_numbers(OFFER, CHOICE, found(no_deal="sources do not equal uses"))) == 3


def test_the_form_has_a_field_for_every_lever_with_its_bounds() -> None:
    page = form(OFFER, Choice(LAPSE, {"seats": 640.0, "take_up": 0.7}))
    for name, lever in OFFER.scenarios[LAPSE].levers.items():
        fields = re.findall(rf'<input type="(range|number)"[^>]*data-field="lever:{name}"', page)
        assert fields == ["range", "number"]
        assert page.count(f'min="{lever.low:g}" max="{lever.high:g}"') >= 2
    assert 'value="640" data-field="lever:seats"' in page
    assert 'data-field="own:hours" checked' in page
    assert 'data-field="own:take_up">' in page
    assert page.count("<label") >= 9
    labelled = re.findall(r'<label for="([^"]+)"', page)
    assert all(f'id="{each}"' in page for each in labelled)


def test_a_message_is_an_alert_and_is_escaped() -> None:
    assert '<p class="alert" role="alert">seats &lt;b&gt;</p>' in form(OFFER, CHOICE, "seats <b>")
    assert 'role="alert"' not in form(OFFER, CHOICE)


def test_the_status_says_preview_progress_time_left_and_how_to_stop() -> None:
    running = status(found(preview=True), 0.25, 12.4, waiting=False, measuring=False)
    assert "Preview: interpolated" in running
    assert '<progress max="100" value="25">' in running
    assert "about 12 s left" in running
    assert 'data-act="cancel"' in running
    assert "about 3 min left" in status(None, 0.1, 170.0, waiting=False, measuring=False)
    assert "waiting for other runs" in status(None, 0.0, None, waiting=True, measuring=False)
    assert 'data-act="run"' in status(found(preview=True), None, None, waiting=False, measuring=False)
    assert "<button" not in status(found(), None, None, waiting=False, measuring=False)


def test_groups_are_named_as_the_sources_name_them() -> None:
    groups = group_names(OFFER, CHOICE, found())
    assert groups == {"all": "all children"}
    assert '<option value="all" selected>all children</option>' in group_select(groups, "all")
    assert nav("deal").count('aria-current="true"') == 1


def test_payers_are_told_what_they_get() -> None:
    payers = pd.DataFrame([{"payer": "shelby-county", "paid": 3e6, "cap": 5e6, "direct": 0.0}])
    assert payers_summary(payers, found().tables["outcomes"]) == (
        "shelby-county pays $3,000,000 for results and gets kindergarten ready: truly +5.00 points among seated "
        "children, as evaluated +7.00."
    )


def test_a_table_of_the_page_has_the_cells_of_the_command() -> None:
    said = occasion(OFFER, CHOICE, found(), deal=False)
    [view, *_] = study_views([table_of("milestones", found().tables["milestones"])], said)
    page = html_table(view)
    assert page.count("<tr>") == 3
    assert Text(page).tags.count("th") == len(view.columns) + 2
    for section in view.sections:
        for row in section.rows:
            for column in view.columns:
                assert f">{column.cell(row)}<" in page
    assert '<th scope="row"' in page and '<th scope="col"' in page and "<caption>" in page


HOSTILE = "<img src=x onerror=alert(1)>\"'"


def test_no_part_of_the_page_lets_a_hostile_text_become_an_element() -> None:
    scenario = OFFER.scenarios[LAPSE]
    levers = {
        name: lever.model_copy(update={"unit": HOSTILE, "note": HOSTILE}) for name, lever in scenario.levers.items()
    }
    poisoned = scenario.model_copy(update={"title": HOSTILE, "description": HOSTILE, "levers": levers})
    deal = OFFER.deal.model_copy(update={"name": HOSTILE, "price_year": HOSTILE, "title": HOSTILE})
    offer = Offer({LAPSE: poisoned}, deal, LAPSE)
    findings = found()
    table = findings.tables["outcomes"].assign(payer=HOSTILE, metric=HOSTILE)
    parts = [
        head(offer, CHOICE, findings, "light"),
        form(offer, CHOICE, HOSTILE),
        top(offer, CHOICE, findings, HOSTILE),
        foot(offer, CHOICE),
        group_select({HOSTILE: HOSTILE}, HOSTILE),
        payers_summary(pd.DataFrame([{"payer": HOSTILE, "paid": 1.0}]), table),
    ]
    for part in parts:
        read = Text(part)
        assert "img" not in read.tags
    assert sum("onerror=alert(1)" in Text(part).all for part in parts) == len(parts)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_button_offers_the_other_colours(theme: str) -> None:
    page = head(OFFER, CHOICE, None, theme)
    assert f'data-page-theme="{theme}"' in page
    assert ("Dark colours" in page) == (theme == "light")
