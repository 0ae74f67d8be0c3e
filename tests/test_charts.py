"""Charts show what their tables hold, their sentences say the same, and nobody's eyes or text are a danger to them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from bokeh.models import HoverTool
from bokeh.themes import Theme
from holoviews.streams import Pipe
from hypothesis import given, settings
from hypothesis import strategies as st

from cradlecast.pricing import price
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui.charts import (
    FARTHEST,
    LONGEST_TITLE,
    MOST_PAYMENTS,
    PALETTE,
    cost_chart,
    cost_summary,
    milestone_chart,
    milestone_summary,
    paths_chart,
    paths_summary,
    payments_chart,
    payments_summary,
    returns_chart,
    returns_summary,
)
from tests.result_examples import LAPSE, deal_tables, milestones, paths

PAYLOAD = "<img src=x onerror=alert(1)>"
FORMULA = "$$x$$"
ROWS, BARS, LINES, DOTS, WORDS = range(5)


def costs() -> pd.DataFrame:
    """A sure cost, one whose interval has no upper end, and one where nobody gains for sure."""
    return pd.DataFrame(
        {
            "milestone": ["kindergarten_ready", "grade3_reading", "employed"],
            "cost": [100_000.0, 200_000.0, 5_000_000.0],
            "cost_low": [60_000.0, 90_000.0, 300_000.0],
            "cost_high": [250_000.0, np.nan, np.nan],
            "chance_not_positive": [0.0, 0.04, 0.35],
        }
    )


def everybody(**columns: Any) -> pd.DataFrame:
    """The milestones of all children, some columns replaced."""
    table = milestones(LAPSE)
    return table[table["group"] == "all"].reset_index(drop=True).assign(**columns)


CHARTS: dict[str, tuple[Callable[..., Any], Callable[..., str], pd.DataFrame]] = {
    "milestones": (milestone_chart, milestone_summary, everybody()),
    "paths": (paths_chart, paths_summary, paths(LAPSE)),
    "payments": (payments_chart, payments_summary, deal_tables()["payments"]),
    "outcomes": (payments_chart, payments_summary, deal_tables()["outcomes"]),
    "returns": (returns_chart, returns_summary, deal_tables()["tranches"]),
    "costs": (cost_chart, cost_summary, costs()),
}
every_chart = pytest.mark.parametrize("name", CHARTS)
every_theme = pytest.mark.parametrize("theme", PALETTE)


def layer(chart: hv.Overlay, at: int) -> pd.DataFrame:
    """One layer of a chart as a table."""
    return chart.values()[at].dframe()


def marks(chart: hv.Overlay, at: int, what: str) -> pd.DataFrame:
    """The marks of a layer that show something, from the top."""
    found = layer(chart, at)
    return found[found["what"] == what].reset_index(drop=True)


def words(chart: hv.Overlay) -> list[str]:
    """All words on a chart."""
    return list(layer(chart, WORDS)["words"])


def texts(chart: hv.Overlay) -> Iterator[str]:
    """Every text that a chart holds, to be seen or not."""
    for each in chart.values():
        for column in each.dframe().columns:
            yield from (cell for cell in each.dframe()[column] if isinstance(cell, str))


def rendered(chart: hv.Overlay) -> Any:
    """The figure that a browser gets."""
    return hv.render(chart, backend="bokeh")


def sentences(summary: str) -> list[str]:
    """The sentences of a summary."""
    return re.split(r"(?<=\.) ", summary)


# --- Colours ---


def light_of(colour: str) -> Any:
    """Linear red, green and blue of a colour as ``#rrggbb``."""
    levels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.1."""
    dark, bright = sorted(float(light_of(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (bright + 0.05) / (dark + 0.05)


EYES = {
    "usual": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What is left of linear colours: Machado, Oliveira and Fernandes 2009, severity 1."""

XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(colour: str, eyes: str) -> Any:
    """Where a colour lies in CIE 1976 L*a*b* for some eyes."""
    xyz = XYZ @ np.clip(np.array(EYES[eyes]) @ light_of(colour), 0, 1) / WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one: str, other: str) -> float:
    """How far two colours are apart for the eyes that tell them least."""
    return min(float(np.linalg.norm(seen(one, eyes) - seen(other, eyes))) for eyes in EYES)


def test_contrast_and_distance_are_those_that_are_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert np.linalg.norm(seen("#ffffff", "usual") - seen("#000000", "usual")) == pytest.approx(100, abs=0.01)
    assert apart("#c05020", "#6b7a10") < 15 < np.linalg.norm(seen("#c05020", "usual") - seen("#6b7a10", "usual"))


@every_theme
def test_words_and_marks_stand_out_from_their_background(theme: str) -> None:
    colours = PALETTE[theme]
    assert min(contrast(each, colours.background) for each in (colours.text, colours.faint_text)) >= 4.5
    drawn = (colours.gain, colours.loss, colours.open, *colours.series)
    assert min(contrast(each, colours.background) for each in drawn) >= 3.0


@every_theme
def test_colours_differ_for_every_kind_of_eyes(theme: str) -> None:
    colours = PALETTE[theme]
    for kinds in (colours.series, (colours.gain, colours.loss, colours.open)):
        assert len(kinds) >= 3
        assert min(apart(one, other) for one, other in itertools.combinations(kinds, 2)) >= 20


# --- Every chart ---


@every_theme
@every_chart
def test_a_chart_fits_its_page(name: str, theme: str) -> None:
    make, _, table = CHARTS[name]
    figure, colours = rendered(make(table, theme=theme)), PALETTE[theme]
    assert (figure.sizing_mode, figure.width, figure.toolbar_location) == ("stretch_width", None, None)
    assert figure.height > 100
    assert [type(tool) for tool in figure.tools] == [HoverTool]
    assert figure.background_fill_color == figure.border_fill_color == colours.background
    assert figure.xaxis[0].axis_label_text_color == figure.xaxis[0].major_label_text_color == colours.text
    assert len(figure.xaxis[0].axis_label.splitlines()) == 2
    assert {cell for cell in layer(make(table, theme=theme), WORDS)["colour"]} <= {colours.text, colours.faint_text}


@every_chart
def test_a_theme_on_the_page_does_not_undo_the_colours(name: str) -> None:
    make, _, table = CHARTS[name]
    figure = rendered(make(table, theme="dark"))
    Theme(json={"attrs": {"Plot": {"background_fill_color": "#123456"}}}).apply_to_model(figure)
    assert figure.background_fill_color == PALETTE["dark"].background


@every_chart
def test_an_empty_table_is_a_chart_that_says_so(name: str) -> None:
    make, summarize, table = CHARTS[name]
    chart = make(table.head(0))
    assert len(layer(chart, ROWS)) == len(layer(chart, DOTS)) == 0
    assert any(each.startswith("No ") for each in words(chart))
    assert "chart is empty" in summarize(table.head(0))
    assert 100 < rendered(chart).height <= rendered(make(table)).height


@every_chart
def test_a_chart_is_redrawn_in_place(name: str) -> None:
    make, _, table = CHARTS[name]
    pipe = Pipe(data=table.head(0))
    plot = hv.renderer("bokeh").get_plot(hv.DynamicMap(lambda data: make(data), streams=[pipe]))
    pipe.send(table)
    fresh = rendered(make(table))
    for ends in ("x_range", "y_range"):
        now, then = getattr(plot.state, ends), getattr(fresh, ends)
        assert (now.start, now.end) == (then.start, then.end)
    assert plot.state.height == fresh.height
    for now, then in zip(plot.state.renderers, fresh.renderers, strict=True):
        pd.testing.assert_frame_equal(
            pd.DataFrame(dict(now.data_source.data)), pd.DataFrame(dict(then.data_source.data)), check_like=True
        )


@every_chart
def test_text_from_a_table_is_escaped_and_no_formula(name: str) -> None:
    make, summarize, table = CHARTS[name]
    hostile = table.copy()
    named = ("milestone", "metric", "payer", "name", "party", "reason", "xirr_reason", "scenario")
    columns = [column for column in named if column in hostile]
    assert columns
    for column in columns:
        kept = hostile[column] == "all"
        hostile[column] = hostile[column].where(kept, PAYLOAD + FORMULA + hostile[column].astype(str))
    chart = make(hostile)
    held = [*texts(chart), summarize(hostile)]
    assert [text for text in held if "<" in text or ">" in text] == []
    assert any("&lt;img" in text for text in held)
    figure = rendered(chart)
    assert FORMULA not in figure.xaxis[0].axis_label
    assert not figure.title or FORMULA not in figure.title.text
    assert [axis.major_label_overrides for axis in (*figure.xaxis, *figure.yaxis)] == [{}] * len(figure.axis)
    tooltips = [tool.tooltips for tool in figure.tools]
    assert tooltips == [[("", f"@{{{column}}}") for column in ("title", "figure", "note", "more")]]


def test_a_group_that_is_no_group_is_escaped() -> None:
    chart = milestone_chart(everybody(), PAYLOAD)
    assert any("&lt;img" in each for each in words(chart))
    assert "<" not in "".join([*texts(chart), milestone_summary(everybody(), PAYLOAD)])


def test_long_names_are_shortened_and_whole_where_one_points() -> None:
    name = "a-lender-with-a-name-that-goes-on-and-on-for-ever"
    chart = returns_chart(deal_tables()["tranches"].assign(name=name))
    titles = layer(chart, WORDS).query("style == 'bold'")["words"]
    assert all(len(each) == LONGEST_TITLE and each.endswith("…") for each in titles)
    assert list(layer(chart, ROWS)["title"]) == [name, name]


@pytest.mark.parametrize("name", ["milestones", "paths", "costs"])
def test_a_chart_of_several_scenarios_is_refused(name: str) -> None:
    make, summarize, table = CHARTS[name]
    both = pd.concat([table.assign(scenario="one"), table.assign(scenario="two")])
    for each in (make, summarize):
        with pytest.raises(ValueError, match="one scenario; the table holds one and two"):
            each(both)


def test_the_tables_of_a_study_can_be_drawn() -> None:
    scenario, options = load_scenario(LAPSE), Options(children=600, draws=3, worlds=1)
    study = run(scenario, options).tables
    deal = price(load_deal("memphis-illustrative"), scenario, options).tables
    for group in study["milestones"]["group"].unique():
        assert len(layer(milestone_chart(study["milestones"], group), ROWS)) == 7
        assert 2 <= len(sentences(milestone_summary(study["milestones"], group))) <= 4
    for make, summarize, table in (
        (milestone_chart, milestone_summary, study["milestones"]),
        (paths_chart, paths_summary, study["paths"]),
        (payments_chart, payments_summary, deal["payments"]),
        (payments_chart, payments_summary, deal["outcomes"]),
        (returns_chart, returns_summary, deal["tranches"]),
    ):
        chart = make(table)
        assert len(layer(chart, ROWS)) > 0
        assert rendered(chart).renderers
        assert "nan" not in "".join([*texts(chart), summarize(table)])


# --- Milestones ---


def test_milestones_go_from_the_baseline_to_the_scenario() -> None:
    table = everybody()
    chart = milestone_chart(table)
    assert list(marks(chart, DOTS, "baseline")["x"]) == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(marks(chart, DOTS, "scenario")["x"], table["impact"] * 100)
    interval = marks(chart, LINES, "interval")
    np.testing.assert_allclose(interval[["x0", "x1"]], table[["impact_low", "impact_high"]] * 100)
    np.testing.assert_allclose(interval["y0"], marks(chart, DOTS, "scenario")["y"])
    assert {"Kindergarten ready", "41.0 → 41.3 %", "+0.31 points (+0.10 to +0.59)", "no change"} <= set(words(chart))


def test_only_a_change_of_known_sign_is_a_full_dot() -> None:
    colours = PALETTE["light"]
    table = everybody(impact=[0.01, -0.01, 0.0], impact_low=[0.005, -0.02, -0.01], impact_high=[0.02, -0.005, 0.01])
    dots = marks(milestone_chart(table), DOTS, "scenario")
    assert list(dots["colour"]) == [colours.gain, colours.loss, colours.open]
    assert list(dots["filling"]) == [colours.gain, colours.loss, colours.background]


def test_a_chart_shows_its_group_only() -> None:
    table = milestones(LAPSE)
    table.loc[table["group"] == "black", "impact"] = 0.2
    assert (marks(milestone_chart(table, "black"), DOTS, "scenario")["x"] == 20.0).all()
    assert (marks(milestone_chart(table), DOTS, "scenario")["x"] < 1).all()
    assert milestone_summary(table, "black").startswith("For the group black (23,900), 3 milestones")


@pytest.mark.parametrize("columns", ["absent", "null", "none"])
def test_a_preview_has_no_intervals_and_says_so(columns: str) -> None:
    ends = ["impact_low", "impact_high", "rate_low", "rate_high"]
    table = everybody()
    if columns == "absent":
        preview = table.drop(columns=[*ends, "impact", "chance_not_positive", "n_community"])
    else:
        preview = table.assign(**dict.fromkeys(ends, np.nan if columns == "null" else None))
    chart = milestone_chart(preview)
    np.testing.assert_allclose(marks(chart, DOTS, "scenario")["x"], table["impact"] * 100, atol=1e-12)
    assert len(marks(chart, LINES, "interval")) == 0
    assert set(marks(chart, DOTS, "scenario")["filling"]) == {PALETTE["light"].background}
    assert rendered(chart).xaxis[0].axis_label.endswith("no intervals yet")
    summary = milestone_summary(preview)
    assert "+0.31 points. There is no interval for any milestone" in summary
    assert "zero" not in summary
    assert len(sentences(summary)) == 2


def test_a_milestone_that_is_not_measured_has_words_and_no_mark() -> None:
    table = everybody(rate=[np.nan, 0.4, 0.4], impact=[np.nan, 0.001, 0.002])
    chart = milestone_chart(table)
    assert len(marks(chart, DOTS, "scenario")) == len(marks(chart, DOTS, "baseline")) == 2
    assert "not measured" in words(chart)
    assert "kindergarten" not in milestone_summary(table)


def test_the_milestones_in_sentences() -> None:
    assert milestone_summary(everybody()) == (
        "For all children (39,900), 3 milestones in the baseline and in the scenario: the largest change is in "
        "kindergarten ready, from 41.0 to 41.3 percent, +0.31 points (+0.10 to +0.59). The whole interval lies above "
        "zero for kindergarten ready; nothing changes in any future for employed. The interval includes zero for "
        "grade 3 reading: a gain cannot be told from a loss."
    )
    losses = everybody(impact=[-0.03, -0.02, -0.01], impact_low=-0.04, impact_high=-0.001)
    assert "from 41.0 to 41.3 percent, -3.00 points (-4.00 to -0.10)" in milestone_summary(losses)
    assert "below zero for kindergarten ready, grade 3 reading and employed." in milestone_summary(losses)
    unsure = milestone_summary(everybody(impact_low=-0.1, impact_high=0.1).head(1))
    assert "(39,900), 1 milestone in" in unsure
    assert sentences(unsure)[1:] == [
        "The interval includes zero for kindergarten ready: a gain cannot be told from a loss."
    ]


ends_of_intervals = st.one_of(
    st.none(), st.tuples(st.sampled_from([-0.02, -0.01, 0.0]), st.sampled_from([0.0, 0.01])), st.just((0.01, 0.02)),
    st.just((-0.02, -0.01)),
)  # fmt: skip
CLAIMS = {
    "above zero for": lambda low, high: low > 0,
    "below zero for": lambda low, high: high < 0,
    "nothing changes in any future for": lambda low, high: low == high == 0,
    "includes zero for": lambda low, high: low <= 0 <= high and (low, high) != (0, 0),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(ends_of_intervals, min_size=3, max_size=3))
def test_what_the_sentences_say_of_a_milestone_is_true(intervals: list[tuple[float, float] | None]) -> None:
    lows, highs = ([each and each[end] for each in intervals] for end in (0, 1))
    summary = milestone_summary(everybody(impact=0.005, impact_low=lows, impact_high=highs))
    assert 2 <= len(sentences(summary)) <= 4
    said = " ".join(sentences(summary)[1:])
    for name, interval in zip(("kindergarten ready", "grade 3 reading", "employed"), intervals, strict=True):
        for claim, holds in CLAIMS.items():
            found = re.search(rf"{claim} ([^;:.]*)", said, re.IGNORECASE)
            claimed = found is not None and name in found[1]
            assert claimed == (interval is not None and holds(*interval))
        unknown = re.search(r"no interval for ([^:]*)", said)
        named = unknown is not None and (name in unknown[1] or unknown[1] == "any milestone")
        assert named == (interval is None)


# --- Paths ---


def test_paths_gained_go_to_the_right_and_lost_to_the_left() -> None:
    chart = paths_chart(paths(LAPSE))
    own = marks(chart, BARS, "own seat or service").iloc[0]
    others = marks(chart, BARS, "classmates").iloc[0]
    assert (own["x0"], own["x1"]) == (0.0, 100.0)
    assert (others["x0"], others["x1"]) == (-20.0, 0.0)
    assert len(layer(chart, BARS)) == 2 + 3, "two bars, and the key of three channels"
    intervals = marks(chart, LINES, "interval")[["x0", "x1"]].to_numpy()
    np.testing.assert_allclose(intervals, [[90, 110], [-18, -22]])
    assert {"Kindergarten ready", "100 gained, 20 lost", "gained 90 to 110; lost 18 to 22"} <= set(words(chart))


def test_bars_of_a_milestone_add_up_to_its_children() -> None:
    table = paths(LAPSE).query("group == 'all'")
    single = (table[["milestone", "direction", "channel"]] != "all").all(axis=1)
    table.loc[single, "children"] = np.arange(1.0, single.sum() + 1)
    parts = table[single]
    bars = layer(paths_chart(parts), BARS)
    bars = bars[~bars["what"].str.startswith("key")]
    assert (bars["x1"] - bars["x0"]).sum() == pytest.approx(parts["children"].sum())
    right = parts[(parts["milestone"] == "employed") & (parts["direction"] == "gained")]["children"].sum()
    assert bars[bars["y0"] == bars["y0"].min()]["x1"].max() == pytest.approx(right)
    assert bars["fullness"].nunique() == 3, "channels differ without colour"


def test_the_paths_in_sentences() -> None:
    assert paths_summary(paths(LAPSE)) == (
        "The paths of 120 children of the community change (108 to 132). At the first milestone that differs, 100 gain "
        "it (90 to 110) and 20 lose it (18 to 22). That is most often kindergarten ready (120 children). What changed "
        "for them: own seat or service 100, another place 0, classmates 20."
    )
    table = paths(LAPSE)
    parts = table[(table[["milestone", "direction", "channel"]] != "all").all(axis=1)]
    assert paths_summary(parts) == re.sub(r" \(\d+ to \d+\)", "", paths_summary(table))
    assert paths_summary(table.assign(children=0.0)).startswith("No path of a child changes")


# --- Payments ---


def test_payments_stand_in_order_of_their_dates() -> None:
    table = deal_tables()["payments"]
    chart = payments_chart(table.iloc[::-1])
    bars, interval = marks(chart, BARS, "paid"), marks(chart, LINES, "interval")
    assert list(bars["x1"]) == list(table["paid"])
    assert (bars["x0"] == 0).all()
    np.testing.assert_allclose(interval[["x0", "x1"]], table[["paid_low", "paid_high"]])
    assert list(layer(chart, ROWS)["title"]) == ["2020-06-30 city-of-memphis", "2021-01-31 shelby-county"]
    assert list(layer(chart, ROWS)["more"]) == ["paid in full", "cap per payment in 8% of futures"]
    assert "$1,929,812" in words(chart)
    assert bars["colour"].nunique() == 2
    assert "EUR 1,929,812" in words(payments_chart(table, currency="EUR"))


def test_what_the_true_effect_would_earn_stands_on_the_bar() -> None:
    table = deal_tables()["outcomes"]
    chart = payments_chart(table)
    assert list(marks(chart, DOTS, "on the true effect")["x"]) == list(table["paid_on_true_effect"])
    assert list(marks(chart, BARS, "paid")["x1"]) == list(table["paid"])
    assert list(layer(chart, ROWS)["title"]) == ["Prek attendance", "Kindergarten ready"]
    assert "ring: on the true effect" in rendered(chart).xaxis[0].axis_label
    assert payments_summary(table).endswith(
        "Payment on the true effect would be $2,300,000; what the evaluation shows is paid $629,812 more."
    )
    assert payments_summary(table.assign(paid=[1.0, 2.0])).endswith("is paid $2,299,997 less.")
    assert "true effect" not in payments_summary(deal_tables()["payments"])


def test_many_payments_are_added_up_by_year_and_payer() -> None:
    table = pd.concat([deal_tables()["payments"]] * MOST_PAYMENTS, ignore_index=True)
    chart = payments_chart(table)
    assert list(layer(chart, ROWS)["title"]) == ["2020 city-of-memphis", "2021 shelby-county"]
    assert list(marks(chart, BARS, "paid")["x1"]) == pytest.approx([12 * 1_929_812.5, 12_000_000.0])
    assert len(marks(chart, LINES, "interval")) == 0, "quantiles do not add up"
    assert f"{2 * MOST_PAYMENTS} payments from 2020-06-30 to 2021-01-31" in payments_summary(table)


def test_the_payments_in_sentences() -> None:
    table = deal_tables()["payments"]
    assert payments_summary(table) == (
        "2 payments from 2020-06-30 to 2021-01-31, $2,929,812 in all, as the mean over futures. Of this, "
        "city-of-memphis pays $1,929,812 and shelby-county pays $1,000,000. The largest is $1,929,812 "
        "($1,825,312 to $2,017,262): 2020-06-30 city-of-memphis, prek attendance, born 2015."
    )
    assert payments_summary(table.head(1)).startswith("1 payment on 2020-06-30, $1,929,812 in all")
    unknown = table.assign(paid=[np.nan, 1.0])
    assert len(marks(payments_chart(unknown), BARS, "paid")) == 1
    assert "-" in words(payments_chart(unknown))


# --- Returns ---


def test_returns_stand_beside_their_range_and_the_chance_of_a_loss() -> None:
    table = deal_tables()["tranches"]
    chart = returns_chart(table)
    np.testing.assert_allclose(marks(chart, DOTS, "return")["x"], table["xirr"] * 100)
    np.testing.assert_allclose(
        marks(chart, LINES, "interval")[["x0", "x1"]], table[["xirr_low", "xirr_high"]].to_numpy() * 100
    )
    assert list(marks(chart, DOTS, "return")["filling"]) == [PALETTE["light"].background, PALETTE["light"].gain]
    notes = list(layer(chart, ROWS)["note"])
    assert notes == [
        "chance of a loss 100.0 %; urban-child-institute",
        "chance of a loss 0.0 %; community-outcomes-fund",
    ]
    assert returns_summary(table) == (
        "2 tranches; a return is that on the mean flows, a range that over futures. subordinate "
        "(urban-child-institute): -100.0 % a year, range -100.0 to -50.0 %, money back 0.00x, chance of a loss 100.0 "
        "%. senior (community-outcomes-fund): 5.1 % a year, range 5.0 to 5.2 %, money back 1.07x, chance of a loss "
        "0.0 %."
    )


def test_a_preview_names_no_chance_of_a_loss() -> None:
    table = deal_tables()["tranches"].assign(loss_probability=np.nan)
    for said in (returns_summary(table), " ".join(texts(returns_chart(table)))):
        assert said.count("chance of a loss not known yet") >= 2
        assert not re.search(r"chance of a loss \d", said)


def test_a_return_that_is_none_has_a_reason_and_no_mark() -> None:
    table = deal_tables()["tranches"].head(1).assign(
        xirr=np.nan, xirr_low=np.nan, xirr_high=np.nan, xirr_reason="no money was put in", moic=np.nan
    )  # fmt: skip
    chart = returns_chart(table)
    assert len(layer(chart, DOTS)) == 0
    assert "no yearly return" in words(chart)
    assert "no yearly return, no money was put in, chance" in returns_summary(table)
    assert rendered(chart).xaxis[0].axis_label.endswith("no intervals yet")


# --- Costs ---


def test_a_cost_that_may_not_exist_is_words_and_not_a_mark() -> None:
    table = costs()
    chart = cost_chart(table)
    assert list(marks(chart, DOTS, "cost")["x"]) == [100_000.0, 200_000.0]
    assert rendered(chart).x_range.end < table["cost"].max(), "the undefined cost does not stretch the axis"
    assert {"no cost to give", "may be no gain at all: chance of no gain 35.0 %"} <= set(words(chart))
    assert "$5,000,000" not in " ".join(texts(chart))


def test_an_interval_without_an_upper_end_ends_in_an_arrow() -> None:
    chart = cost_chart(costs())
    edge = FARTHEST * 200_000.0
    assert marks(chart, LINES, "interval")[["x0", "x1"]].to_numpy().tolist() == [[60_000, 250_000], [90_000, edge]]
    arrows = layer(chart, WORDS).query("words == '▶'")
    assert arrows[["x", "y"]].to_numpy().tolist() == [[edge, -1.8]]
    assert "$90,000 or more; chance of no gain 4.0 %" in words(chart)
    far = cost_chart(costs().assign(cost_high=[1e9, 1e9, 1e9]))
    assert list(marks(far, LINES, "interval")["x1"]) == [edge, edge]
    assert len(layer(far, WORDS).query("words == '▶'")) == 2


def test_the_costs_in_sentences() -> None:
    assert cost_summary(costs()) == (
        "One more child who reaches a milestone costs $100,000 for kindergarten ready ($60,000 to $250,000) and "
        "$200,000 for grade 3 reading ($90,000 or more). No cost can be given for employed: the number of additional "
        "children may be zero or less."
    )
    nothing = costs().assign(cost=None)
    assert len(layer(cost_chart(nothing), DOTS)) == 0
    assert cost_summary(nothing).startswith("No cost can be given for kindergarten ready, grade 3 reading and employed")


def test_a_cost_of_a_preview_is_a_ring_and_never_below_zero() -> None:
    preview = pd.DataFrame({"milestone": ["kindergarten_ready", "employed"], "cost": [100_000.0, -50_000.0]})
    dots = marks(cost_chart(preview), DOTS, "cost")
    assert list(dots["x"]) == [100_000.0]
    assert list(dots["filling"]) == [PALETTE["light"].background]
    assert "How sure a cost is, is not known yet." in cost_summary(preview)
    saves = pd.DataFrame({"milestone": ["employed"], "cost": [-50_000.0], "chance_not_positive": [0.0]})
    assert list(marks(cost_chart(saves), DOTS, "cost")["x"]) == [-50_000.0], "more children for less money"
