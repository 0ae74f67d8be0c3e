"""A result on a terminal: numbers with sensible digits, titles that stand by themselves, and windows of any width."""

import io

import pytest
from rich.console import Console

from cradlecast.scenarios.library import load_community, load_deal, load_program, load_scenario, names
from cradlecast.scenarios.options import Options
from cradlecast.ui.figures import change, count, money, multiple, percent, points, ranged, spans_zero, text, word
from cradlecast.ui.layouts import listing_view, study_views
from cradlecast.ui.listings import LISTINGS
from cradlecast.ui.notes import deal_notes, failed_checks, heading, study_notes
from cradlecast.ui.occasion import Occasion, occasion_of
from cradlecast.ui.rows import listing, table_of, tables_of
from cradlecast.ui.tables import Column, Section, View, one_section, print_notes, print_views
from tests.result_examples import LAPSE, deal_tables, record, study_tables

DISPLACE = "memphis-prek-1000-displace"
DEAL = "memphis-illustrative"
ENOUGH, FEW = Options(draws=200), Options(draws=20)


def occasion(*scenarios: str, options: Options = ENOUGH, deal: str | None = None) -> Occasion:
    """What titles say of a study of shipped files."""
    return occasion_of(
        [load_scenario(name) for name in scenarios],
        {"memphis": load_community("memphis")},
        [load_program(name) for name in names("program")],
        options,
        None if deal is None else load_deal(deal),
    )


def printed(views: list[View], width: int = 100) -> str:
    """What a window of some width shows."""
    page = io.StringIO()
    print_views(views, Console(file=page, width=width, highlight=False))
    return page.getvalue()


def run_page(*scenarios: str, width: int = 100, options: Options = ENOUGH) -> str:
    """A run or a comparison as printed."""
    scenarios = scenarios or (LAPSE,)
    return printed(study_views(tables_of(study_tables(*scenarios)), occasion(*scenarios, options=options)), width)


def deal_page(width: int = 100, options: Options = ENOUGH) -> str:
    """A priced deal as printed."""
    return printed(study_views(tables_of(deal_tables()), occasion(LAPSE, options=options, deal=DEAL)), width)


def view(*columns: Column, rows: list[dict[str, str]]) -> View:
    """A view without a study."""
    return View("t", "Title", "", columns, one_section(rows))


def line_of(page: str, start: str) -> str:
    """The first line of a page that begins with some text, its spaces as one."""
    lines = (" ".join(line.split()) for line in page.splitlines())
    return next(line for line in lines if line.startswith(start))


# --- figures ---


def test_rates_are_percents_and_impacts_points_with_their_sign() -> None:
    assert [percent(value) for value in (0.41, 0.0004, 1.0, None)] == ["41.0", "0.0", "100.0", "-"]
    assert [points(value) for value in (0.0073, -0.0212, 0.0, -0.00001, None)] == [
        "+0.73",
        "-2.12",
        "0.00",
        "0.00",
        "-",
    ]


def test_money_has_thousands_and_no_cents() -> None:
    assert [money(value) for value in (8000.0, 1_929_812.5, -0.4, -4_504_920.0, None)] == [
        "$8,000",
        "$1,929,812",
        "$0",
        "-$4,504,920",
        "-",
    ]
    assert money(250.0, "EUR") == "EUR 250"


def test_counts_changes_and_multiples() -> None:
    assert [count(39_900.0), count(None), change(600.0), change(-0.2), multiple(1.0667), multiple(None)] == [
        "39,900",
        "-",
        "+600",
        "0",
        "1.07x",
        "-",
    ]


def test_a_range_follows_its_number_and_is_left_out_where_absent() -> None:
    row = {"rate": 0.41, "rate_low": 0.398, "rate_high": 0.421}
    assert ranged(row, "rate", percent) == "41.0 (39.8 to 42.1)"
    assert ranged(row | {"rate_low": None}, "rate", percent) == "41.0"
    assert ranged({"rate": None, "rate_low": 0.1, "rate_high": 0.2}, "rate", percent) == "-"


def test_a_sign_is_open_where_the_range_holds_zero_and_something_else() -> None:
    def spans(low: float | None, high: float | None) -> bool:
        return spans_zero({"impact_low": low, "impact_high": high}, "impact")

    assert spans(-0.1, 0.2) and spans(0.0, 0.2) and spans(-0.1, 0.0)
    assert not spans(0.1, 0.2) and not spans(-0.2, -0.1) and not spans(0.0, 0.0) and not spans(None, 0.2)


def test_text_cannot_act_on_the_terminal() -> None:
    assert word("a\x1b[2Jb") == text("a\x1b[2Jb") == "a\\x1b[2Jb"
    rows = [{"name": "[red]not a color[/red] [link=http://x]y[/link]"}]
    assert "[red]not a color[/red] [link=http://x]y[/link]" in printed(
        [view(Column("n", lambda row: str(row["name"])), rows=rows)]
    )


# --- windows ---


def test_columns_give_way_in_their_order_and_what_is_left_stands_unbroken() -> None:
    columns = (
        Column("name", lambda row: row["a"], right=False),  # type: ignore[return-value, arg-type]
        Column("range", lambda row: "41.0 (39.8 to 42.1)", gives_way=1, narrow=Column("rate", lambda row: "41.0")),
        Column("note", lambda row: "x" * 20, gives_way=2),
    )
    wanted = {60: ("range", "note"), 40: ("range",), 20: ("rate",)}
    for width, shown in wanted.items():
        page = printed([view(*columns, rows=[{"a": "kindergarten"}])], width)
        head = page.splitlines()[2].split()
        assert head == ["name", *shown]
        assert len(page.splitlines()) == 5


def test_a_window_too_narrow_for_anything_still_shows_every_letter() -> None:
    page = printed([view(Column("name", lambda row: "kindergarten", right=False), rows=[{"a": "x"}])], 6)
    assert "".join(page.split("─")[-1].split()) == "kindergarten"


def test_sentences_are_broken_before_columns_give_way() -> None:
    columns = (
        Column("name", lambda row: "memphis", right=False, gives_way=1),
        Column("title", lambda row: "a sentence that goes on for quite a while", right=False, wraps=True),
    )
    page = printed([view(*columns, rows=[{"a": "x"}])], 36)
    assert page.splitlines()[2].split() == ["name", "title"]
    assert len(page.splitlines()) > 5


def test_sections_stand_below_each_other_in_the_same_columns() -> None:
    columns = (Column("a", lambda row: str(row["a"]), right=False), Column("b", lambda row: str(row["b"])))
    sections = (Section("first", ({"a": "x", "b": 1},)), Section("second", ({"a": "longer", "b": 22},)))
    lines = printed([View("t", "Title", "about", columns, sections)]).splitlines()
    assert lines[1:3] == ["Title", "about"]
    assert [line.strip() for line in (lines[5], lines[7])] == ["first", "second"]
    assert lines[6].rstrip().index("1") == lines[8].rstrip().index("22") + 1


def test_a_view_without_rows_is_not_printed() -> None:
    assert printed([view(Column("a", lambda row: "x"), rows=[])]) == ""


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_window_and_no_number_is_broken(width: int) -> None:
    for page in (run_page(width=width), run_page(LAPSE, DISPLACE, width=width), deal_page(width)):
        lines = [line.rstrip() for line in page.splitlines()]
        assert max(map(len, lines)) <= width
        assert "(" in page
        assert all(line.count("(") == line.count(")") for line in lines if "to " in line)


# --- a study ---


def test_every_table_says_what_is_compared_how_surely_and_to_what_age() -> None:
    page = run_page()
    titles = [line for line in page.splitlines() if line.startswith(f"{LAPSE} against grant-lapses")]
    assert len(titles) == 9
    assert set(titles) == {f"{LAPSE} against grant-lapses | 200 draws | to age 30"}
    assert "Milestones of all children (39,900)" in page
    assert "Milestones of children in a financed seat (2,880)" in page


def test_too_few_draws_are_called_a_preview_and_show_no_chances() -> None:
    assert "chance of" in run_page(width=160)
    page = run_page(options=FEW, width=160)
    assert page.count("| PREVIEW: 20 draws |") == 9
    assert "chance of" not in page
    assert "chance" in deal_page(160) and "chance" not in deal_page(160, FEW)


def test_a_milestone_shows_baseline_scenario_and_impact() -> None:
    page = run_page()
    assert line_of(page, "kindergarten ready").startswith(
        "kindergarten ready 41.0 41.3 (40.1 to 42.4) +0.31 (+0.10 to +0.59)"
    )
    assert "no change" in line_of(page, "employed")


def test_groups_stand_by_their_labels_with_open_signs_marked() -> None:
    page = run_page()
    after = page[page.index("Impact by group") :]
    assert line_of(after, "Black") == "Black +0.31 +0.05? 0.00"
    assert line_of(after, "in a financed seat") == "in a financed seat +0.31 +0.05? 0.00"


def test_gaps_stand_by_income_race_and_place_with_n_and_their_change_beneath() -> None:
    page = run_page(width=120)
    gaps = page[page.index("Gaps in the baseline: percentage points fewer in a group than among all other") :]
    lines = [" ".join(line.split()) for line in gaps.splitlines()]
    assert lines[lines.index("by income") + 1] == "below poverty line 11,970 / 27,930 6.0 6.0"
    assert lines[lines.index("by income") + 2] == "change -0.40 +0.05?"
    assert lines[lines.index("by race and ethnicity") + 1].startswith("Black ")
    assert lines[lines.index("by place") + 1].startswith("north memphis ")
    assert "suspension" not in gaps


def test_compared_scenarios_have_gaps_of_their_own_without_areas() -> None:
    page = run_page(LAPSE, DISPLACE)
    for scenario in (LAPSE, DISPLACE):
        assert f"{scenario}, by income" in page and f"{scenario}, by race and ethnicity" in page
    assert "by place" not in page


def test_care_and_paths_show_all_children_and_leave_groups_to_the_files() -> None:
    page = run_page(width=120)
    assert line_of(page, "at home").startswith("at home 3,000 2,400 -600")
    assert line_of(page, "at home public pre-K") == "at home public pre-K 600 (540 to 660)"
    care, moved, parted = (page.count(start) for start in ("at home  ", "to 660)", "any of them"))
    assert (care, moved, parted) == (2, 1, 1)


def test_compared_scenarios_stand_together_under_each_milestone() -> None:
    page = run_page(LAPSE, DISPLACE)
    start = page.index("kindergarten ready\n")
    assert page.index(LAPSE, start) < page.index(DISPLACE, start) < page.index("grade 3 reading\n")
    assert "each scenario against its own baseline" in page
    assert "north memphis" in run_page() and "north memphis" not in page


def test_seats_show_only_what_changes_with_the_years_of_its_prices() -> None:
    page = run_page(width=160)
    assert line_of(page, "public pre-K financed") == "public pre-K financed 4 City 0 0 2,000 1,800 $16,000,000"
    assert "school years 2019 to 2020 together; price years: public pre-K 2019" in page
    assert "Head Start  " not in page[page.index("Seats and places that") :]


def test_a_table_without_a_layout_is_printed_as_it_is() -> None:
    views = study_views([listing("later_thing", [{"some_name": "x", "value": 3}])], occasion(LAPSE))
    page = printed(views)
    assert "Later thing" in page and "some name" in page and "3" in page


# --- a deal ---


def test_an_illustrative_deal_says_so_in_every_title() -> None:
    page = deal_page()
    titles = [
        line
        for line, below in zip(page.splitlines(), page.splitlines()[1:], strict=False)
        if below.startswith(f"{DEAL} with ")
    ]
    assert len(titles) == 8
    assert all(title.endswith("| ILLUSTRATIVE terms") for title in titles)
    assert page.count("2019-2022 nominal USD") == 8


def test_a_deal_shows_payments_lenders_and_effects() -> None:
    page = deal_page(160)
    assert "$1,929,812 ($1,825,312 to $2,017,262)" in line_of(page, "2020-06-30")
    assert line_of(page, "subordinate").endswith("$1,500,000 $0 -100.0 -100.0 to -50.0 0.00x 100.0 %")
    assert line_of(page, "prek attendance 72.0").endswith("+60.00 (+54.00 to +66.00) - gross")
    assert line_of(page, "shelby-county").endswith("$1,000,000 ($0 to $2,000,000) - $10,200,000")


def test_cash_is_summed_by_party_and_year_in_thousands() -> None:
    page = deal_page()
    assert line_of(page[page.index("Cash received") :], "senior-bank") == "senior-bank -4,000 1,930 -2,070"


def test_sources_and_uses_are_added_up() -> None:
    page = deal_page()
    assert line_of(page[page.index("Sources and uses") :], "together") == "together $6,000,000 $6,000,000"


def test_the_reason_stands_where_there_is_no_return() -> None:
    tables = deal_tables()
    tables["tranches"]["xirr"] = [None, 0.05]
    tables["tranches"]["xirr_reason"] = ["never drawn", ""]
    page = printed(study_views(tables_of(tables), occasion(LAPSE, deal=DEAL)))
    assert "never drawn" in line_of(page, "subordinate")


# --- what is shipped ---


@pytest.mark.parametrize("kind", list(LISTINGS))
def test_listings_begin_with_the_name_and_end_with_the_title(kind: str) -> None:
    table = LISTINGS[kind]()
    assert table.name == kind
    assert (table.columns[0], table.columns[-1]) == ("name", "title")
    shown = [(str(row.get("kind", "")), str(row["name"])) for row in table.rows]
    assert shown == sorted(shown)
    page = printed([listing_view(table)], 80)
    assert all(str(row["name"]) in page for row in table.rows)


def test_listings_hold_the_useful_facts() -> None:
    community = next(row for row in LISTINGS["communities"]().rows if row["name"] == "memphis")
    assert (community["births_per_year"], community["areas"]) == (13_300, 5)
    lapse = next(row for row in LISTINGS["scenarios"]().rows if row["name"] == LAPSE)
    assert (lapse["baseline"], lapse["seats"], lapse["years"]) == ("grant-lapses", 1000, "2019 to 2021")
    assert "take_up" in str(lapse["levers"])
    prek = next(row for row in LISTINGS["programs"]().rows if row["name"] == "prek")
    assert (prek["ages"], prek["seat_cost"]) == ("4", 8000)
    assert prek["eligibility"] == "family income up to 185% of the poverty line"
    [deal] = [row for row in LISTINGS["deals"]().rows if row["for"] == "study"]
    assert (deal["illustrative"], deal["payers"]) == (True, "shelby-county, city-of-memphis")
    assert {row["for"] for row in LISTINGS["deals"]().rows} == {"study", "replay"}


# --- notes ---


def notes_of(*scenarios: str, options: Options = ENOUGH) -> str:
    """The sentences beneath a study."""
    tables = tables_of(study_tables(*scenarios))
    about = occasion(*scenarios, options=options)
    return "\n".join(study_notes(record(*scenarios, draws=options.draws), tables, about))


def test_notes_tell_intervals_from_a_preview() -> None:
    assert "central 90 % interval: 200 draws of what is uncertain, with 2 worlds of chance in each" in notes_of(LAPSE)
    assert "PREVIEW: with 20 draws a range only hints" in notes_of(LAPSE, options=FEW)


def test_notes_name_the_milestones_whose_sign_is_open() -> None:
    assert "includes zero for grade 3 reading: there a gain cannot be told from a loss" in notes_of(LAPSE)
    assert "includes zero for 2 of the 6 rows of the first table" in notes_of(LAPSE, DISPLACE)
    sure = tables_of({"milestones": study_tables(LAPSE)["milestones"].query("milestone == 'kindergarten_ready'")})
    assert not any("includes zero" in note for note in study_notes(record(LAPSE), sure, occasion(LAPSE)))


def test_notes_say_what_one_simulated_child_stands_for_and_how_to_cite() -> None:
    notes = notes_of(LAPSE)
    assert "One simulated child stands for 3.99 children of the community; none of them is a real child." in notes
    assert "fingerprint 0123456789abcdef" in notes
    assert "what systems have and have not offered, not what children can do" in notes


def test_notes_of_a_deal_say_that_terms_are_assumed_and_what_gross_counts_pay_for() -> None:
    notes = "\n".join(deal_notes(record(LAPSE), tables_of(deal_tables()), occasion(LAPSE, deal=DEAL), load_deal(DEAL)))
    assert notes.startswith("ILLUSTRATIVE: terms that matter are assumed")
    assert "in USD (2019-2022 nominal)" in notes
    assert "A gross count (prek attendance and preliteracy growth) pays for every seated child" in notes
    assert "Caps, thresholds or small samples cut payments for kindergarten ready in some futures." in notes


def test_a_deal_on_real_terms_is_not_called_illustrative() -> None:
    deal = load_deal(DEAL).model_copy(update={"illustrative": False})
    about = occasion_of([load_scenario(LAPSE)], {"memphis": load_community("memphis")}, [], ENOUGH, deal)
    page = printed(study_views(tables_of(deal_tables()), about))
    assert "ILLUSTRATIVE" not in page and "Lenders" in page
    assert not any("ILLUSTRATIVE" in note for note in deal_notes(record(LAPSE), tables_of(deal_tables()), about, deal))


def test_the_heading_says_what_was_asked() -> None:
    scenario = load_scenario(LAPSE)
    lines = dict(heading([scenario], {"memphis": load_community("memphis")}, FEW, {"seats": 500.0, "take_up": 0.94}))
    assert lines["Scenario"].startswith(f"{LAPSE}: Memphis: 1,000 pre-K seats")
    assert lines["Baseline"].startswith("grant-lapses: The federal grant expires")
    assert lines["Levers"] == "seats set to 500, take_up set to 0.94"
    assert "10,000 simulated children, followed to age 30; 20 draws of what is uncertain, 2 worlds" in lines["Size"]


def test_a_failed_check_of_the_books_is_named() -> None:
    assert failed_checks([table_of("checks", deal_tables()["checks"])]) == []
    assert failed_checks([table_of("checks", deal_tables(ok=False)["checks"])]) == ["sources equal uses (off by 12.50)"]


def test_notes_align_behind_their_marks() -> None:
    page = io.StringIO()
    print_notes([("-", "a sentence that is broken"), ("-", "b")], Console(file=page, width=14))
    assert [line.rstrip() for line in page.getvalue().splitlines()] == ["- a sentence", "  that is", "  broken", "- b"]
    print_notes([], Console(file=page, width=14))
    assert len(page.getvalue().splitlines()) == 4
