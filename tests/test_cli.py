"""The command line: what each command answers, in which form, with which status, and how it refuses."""

import csv
import io
import json
import os
import subprocess
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cradlecast.cli import main
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui.arguments import number, settings, target, whole
from cradlecast.ui.parsers import CHECKS, COMMANDS, LISTS, LOOKS, PAGES, REPLAYS, SOURCES, STUDIES
from tests.result_examples import LAPSE, deal_tables, record, solved_tables, study_tables

ROOT = Path(__file__).resolve().parent.parent
DISPLACE = "memphis-prek-1000-displace"
DEAL = "memphis-illustrative"
HEAVY = {"mesa", "numba", "pandas", "scipy", "panel", "holoviews", "bokeh"}

type Capture = pytest.CaptureFixture[str]


class Study(types.ModuleType):
    """Stands in for cradlecast.study and cradlecast.pricing: answers at once, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("cradlecast.study")
        self.asked: list[tuple[Any, ...]] = []
        self.books_are_right = True
        self.problem: BaseException | None = None

    def compare(self, scenarios: Sequence[Scenario], options: Options, progress: object) -> object:
        self.asked.append((tuple(scenarios), options, progress))
        names = [scenario.name for scenario in scenarios]
        return self.result(record(*names, draws=options.draws), study_tables(*names))

    def price(
        self, deal: Deal, scenario: Scenario, options: Options, progress: object, *, optimism: bool = False
    ) -> object:
        self.asked.append((deal, scenario, options, optimism))
        return self.result(record(scenario.name, draws=options.draws), deal_tables(self.books_are_right))

    def solve(
        self,
        deal: Deal,
        scenario: Scenario,
        target: str,
        wanted: float,
        options: Options,
        progress: object,
        **more: object,
    ) -> object:
        self.asked.append((deal, scenario, options, target, wanted, more))
        return self.result(record(scenario.name, draws=options.draws), solved_tables())

    def result(self, what: Mapping[str, object], tables: Mapping[str, pd.DataFrame]) -> object:
        if self.problem is not None:
            raise self.problem
        return types.SimpleNamespace(record=what, tables=tables, samples=())


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study that answers at once."""
    stub = Study()
    monkeypatch.setitem(sys.modules, "cradlecast.study", stub)
    monkeypatch.setitem(sys.modules, "cradlecast.pricing", stub)
    monkeypatch.delenv("COLUMNS", raising=False)
    return stub


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[..., str]:
    """A person's own scenario: the shipped one with some words replaced."""

    def write(old: str = "", new: str = "", name: str = "mine.yaml") -> str:
        shipped = (ROOT / "scenarios" / "library" / f"{LAPSE}.yaml").read_text(encoding="utf-8")
        assert old in shipped
        (tmp_path / name).write_text(shipped.replace(old, new), encoding="utf-8")
        return str(tmp_path / name)

    return write


def refused(capsys: Capture, *words: str) -> str:
    """The one line with which words are refused."""
    assert main(words) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith("cradlecast: error: ")
    assert answer.err.count("\n") == 1
    return answer.err.removeprefix("cradlecast: error: ").strip()


def answered(capsys: Capture, *words: str, status: int = 0) -> str:
    """Standard output of a command that is answered."""
    assert main(words) == status
    return capsys.readouterr().out


def process(*words: str, stdout: Any = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    call = [sys.executable, "-m", "cradlecast", *words]
    everything = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(call, cwd=ROOT, env=everything, stdout=stdout, stderr=subprocess.PIPE, text=True)


# --- lists ---


@pytest.mark.parametrize("command", list(LISTS))
def test_a_list_is_a_table_named_after_its_command(command: str, capsys: Capture) -> None:
    answer = json.loads(answered(capsys, command, "--json"))
    assert list(answer) == ["record", command]
    assert len(answer[command]) >= 1
    assert all(next(iter(row)) == "name" for row in answer[command])
    lines = list(csv.reader(io.StringIO(answered(capsys, command, "--csv"))))
    assert lines[0] == list(answer[command][0])
    assert [line[0] for line in lines[1:]] == [row["name"] for row in answer[command]]
    page = answered(capsys, command)
    assert page.startswith(command.capitalize())
    assert "Next cradlecast " in page


# --- run, compare, deal ---


def test_run_prints_its_tables_and_says_what_it_compared(study: Study, capsys: Capture) -> None:
    page = answered(capsys, "run", LAPSE)
    assert page.startswith(f"Scenario {LAPSE}: Memphis")
    for title in (
        "Milestones of all children",
        "Impact by group",
        "Care at age 4",
        "Seats and places that the scenario changes",
    ):
        assert title in page
    assert "- A range is a central 90 % interval" in page
    assert max(map(len, page.splitlines())) <= 100
    [(scenarios, options, progress)] = study.asked
    assert [scenario.name for scenario in scenarios] == [LAPSE]
    assert (options, progress) == (Options(), None)


def test_json_carries_everything_and_nothing_else_is_printed(study: Study, capsys: Capture) -> None:
    answer = json.loads(answered(capsys, "run", LAPSE, "--json"))
    assert list(answer) == ["record", *study_tables(LAPSE), "costs"]
    assert answer["record"]["scenarios"] == [LAPSE]
    rates = [row["rate"] for row in answer["milestones"]]
    assert rates and all(0 <= rate <= 1 for rate in rates)
    assert answer["milestones"][0]["group"] == "all"


def test_csv_carries_the_main_table_only(study: Study, capsys: Capture) -> None:
    for words, first in (
        (("run", LAPSE), "scenario,group,milestone,n"),
        (("deal", DEAL, "--scenario", LAPSE), "metric,payer"),
    ):
        text = answered(capsys, *words, "--csv")
        assert text.startswith(first)
        assert len({len(line) for line in csv.reader(io.StringIO(text))}) == 1


def test_compare_runs_all_scenarios_with_the_same_levers(study: Study, capsys: Capture) -> None:
    page = answered(capsys, "compare", LAPSE, DISPLACE, "--set", "seats=500", "--set", "take_up=0.5")
    [(scenarios, _, _)] = study.asked
    assert [(each.name, each.lever("seats"), each.lever("take_up")) for each in scenarios] == [
        (LAPSE, 500, 0.5),
        (DISPLACE, 500, 0.5),
    ]
    assert "seats set to 500, take_up set to 0.5" in " ".join(page.split())


def test_a_deal_takes_as_many_children_as_there_are_and_follows_them_to_30(study: Study, capsys: Capture) -> None:
    page = answered(capsys, "deal", DEAL, "--scenario", LAPSE)
    [(deal, scenario, options, _)] = study.asked
    assert (deal.name, scenario.name) == (DEAL, LAPSE)
    assert options == Options(children=39_900, draws=200, worlds=1, horizon=30)
    assert "Success payments | ILLUSTRATIVE terms" in page
    assert "- ILLUSTRATIVE: terms that matter are assumed" in page


def test_sizes_are_handed_on(study: Study, capsys: Capture) -> None:
    sizes = ("--children", "1e4", "--draws", "1_000", "--worlds", "3", "--seed", "7", "--horizon", "9")
    answered(capsys, "deal", DEAL, "--scenario", LAPSE, *sizes)
    assert study.asked[0][2] == Options(children=10_000, draws=1000, worlds=3, seed=7, horizon=9)


def test_a_price_is_solved_for(study: Study, capsys: Capture) -> None:
    words = ("price", DEAL, "--scenario", LAPSE, "--solve")
    page = answered(capsys, *words, "investor-return=0.04", "--metric", "kindergarten_ready", "--optimism")
    assert study.asked[0][3:5] == ("investor-return", 0.04)
    assert study.asked[0][5] == {"metrics": ("kindergarten_ready",), "tranche": None, "optimism": True}
    assert "price solved" in page
    assert "Alternatives" in page
    assert answered(capsys, *words, "payer-break-even", "--csv").startswith("metric,payer,rule,price_now,")
    assert "did you mean 'payer-break-even'" in refused(capsys, *words, "payer-breakeven")
    assert "no tranche 'seniors'" in refused(capsys, *words, "investor-return=0.1", "--tranche", "seniors")
    assert "needs --solve" in refused(capsys, *words[:-1])


def test_a_deal_is_written_in_the_fields_of_the_data_standard(study: Study, capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "new" / "deal.json"
    answered(capsys, "deal", DEAL, "--scenario", LAPSE, "--indigo", str(file), "--optimism")
    assert study.asked[0][3] is True
    assert len(json.loads(file.read_text(encoding="utf-8"))["outcome_metrics"]) == 3
    (tmp_path / "file").write_text("mine")
    answer = refused(capsys, "deal", DEAL, "--scenario", LAPSE, "--xlsx", str(tmp_path / "file" / "deal.xlsx"))
    assert "file is a file" in answer


def test_a_file_of_ones_own_is_run_by_its_path(study: Study, capsys: Capture, own_file: Callable[..., str]) -> None:
    path = own_file(f"name: {LAPSE}", "name: mine")
    assert "Scenario mine: Memphis" in answered(capsys, "compare", path, LAPSE)


def test_out_writes_every_table_and_the_record(study: Study, capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    assert main(["run", LAPSE, "--out", str(folder), "--json"]) == 0
    answer = capsys.readouterr()
    assert {path.name for path in folder.iterdir()} == {
        "record.json",
        "costs.csv",
        *(f"{name}.csv" for name in study_tables(LAPSE)),
    }
    assert json.loads(answer.out)["record"] == json.loads((folder / "record.json").read_text())
    assert "wrote 8 files" in answer.err
    assert main(["run", LAPSE, "--out", str(folder), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


# --- exit status ---


def test_wrong_books_are_found_wrong(study: Study, capsys: Capture) -> None:
    study.books_are_right = False
    assert main(["deal", DEAL, "--scenario", LAPSE]) == 1
    answer = capsys.readouterr()
    assert "Books" in answer.out
    assert answer.err == "cradlecast: the deal's books are wrong: sources equal uses (off by 12.50)\n"


def test_what_the_study_refuses_is_refused_in_one_line(study: Study, capsys: Capture) -> None:
    study.problem = InputError("sources of deal 'x'\nfall short by $5")
    assert refused(capsys, "run", LAPSE) == "sources of deal 'x'\\nfall short by $5"


def test_an_interruption_is_one_line_and_130(study: Study, capsys: Capture) -> None:
    study.problem = KeyboardInterrupt()
    assert main(["run", LAPSE]) == 130
    assert capsys.readouterr().err == "cradlecast: interrupted\n"


def test_a_bug_stays_a_traceback(study: Study) -> None:
    study.problem = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        main(["run", LAPSE])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = process("scenarios", "--json", stdout=full)
    assert done.stderr == "cradlecast: error: cannot write the output: No space left on device\n"
    assert done.returncode == 2


# --- help ---


def test_the_bare_command_prints_help_with_status_2(capsys: Capture) -> None:
    page = answered(capsys, status=2)
    assert page == answered(capsys, "--help")
    listed = page[page.index("commands:") : page.index("options:")].splitlines()[1:]
    assert [line.split()[0] for line in listed if line] == list(COMMANDS)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in PAGES])
def test_every_help_ends_with_an_example_that_is_understood(
    command: str, capsys: Capture, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = answered(capsys, command, "--help")
    example = page.rstrip().splitlines()[-1].strip()
    assert example.startswith(f"cradlecast {command}")
    assert page.rstrip().splitlines()[-2].strip() == "example:"
    monkeypatch.chdir(tmp_path)
    assert answered(capsys, *example.split()[1:]) != ""


def test_help_says_what_csv_holds_and_what_the_defaults_are(capsys: Capture) -> None:
    words = " ".join(answered(capsys, "run", "--help").split())
    assert "print the table 'milestones' only, as CSV" in words
    assert "(10,000)" in words and "200; fewer are a preview" in words
    assert "applies to every scenario named" in " ".join(answered(capsys, "compare", "--help").split())
    assert "as many as there are" in " ".join(answered(capsys, "deal", "--help").split())


def test_the_version_is_printed(capsys: Capture) -> None:
    assert answered(capsys, "--version") == f"cradlecast {VERSION}\n"


# --- refusals ---


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("comapre x", "unknown command 'comapre'; did you mean 'compare'?"),
        ("qqqq", f"unknown command 'qqqq'; the commands are {', '.join(COMMANDS)}"),
        ("--helo", "unknown option '--helo' of cradlecast; did you mean '--help'?"),
        ("run", "run needs SCENARIO; see cradlecast run --help"),
        (f"deal {DEAL}", "deal needs --scenario; see cradlecast deal --help"),
        ("run a --childern 5", "unknown option '--childern' of run; did you mean '--children'?"),
        ("compare a --child 5", "unknown option '--child' of compare; did you mean '--children'?"),
        ("run a b", "run was given one argument too many: 'b'; see cradlecast run --help"),
        ("run a --draws", "--draws needs a value"),
        ("run a --json --csv", "--csv and --json exclude each other"),
        ("run a --json=1", "--json takes no value; got '1'"),
        ("scenarios --set seats=1", "unknown option '--set' of scenarios"),
        (f"run {LAPSE} --set seats", "--set takes LEVER=VALUE, as in --set seats=500; got 'seats'"),
        (f"run {LAPSE} --set =5", "--set takes LEVER=VALUE, as in --set seats=500; got '=5'"),
        (f"run {LAPSE} --set seats=1 --set seats=2", "--set names the lever 'seats' twice"),
        (f"run {LAPSE} --set seets=5", f"unknown lever 'seets' of scenario '{LAPSE}'; did you mean 'seats'?"),
        (f"run {LAPSE} --set seats=-1", "seats must be from 0 to 5000 seats a year; got -1"),
        (f"run {LAPSE} --set seats=0.5", "seats must be a whole number; got 0.5"),
        (f"run {LAPSE} --set take_up=1.5", "take_up must be from 0 to 1 "),
        (f"run {LAPSE} --set take_up=94%", "take_up must be a number; got '94%' (shares are decimals from 0 to 1; 94"),
        (f"run {LAPSE} --set take_up=NaN", "take_up must be a finite number; got 'NaN'"),
        (f"run {LAPSE} --set take_up=-inf", "take_up must be a finite number; got '-inf'"),
        (f"run {LAPSE} --set seats=1e999", "seats must be a finite number; got '1e999'"),
        (f"run {LAPSE} --set take_up=", "take_up must be a number; got nothing"),
        (f"run {LAPSE} --set seats=1,000", "seats must be a number; got '1,000' (write 1000)"),
        (f"run {LAPSE} --children 1e12", "children must be from 100 to 20,000,000; got 1,000,000,000,000 ("),
        (f"run {LAPSE} --children 1e300", "--children must have at most 18 digits; got '1e300'"),
        (f"run {LAPSE} --children 1000.5", "--children must be a whole number; got '1000.5'"),
        (f"run {LAPSE} --children many", "--children must be a number; got 'many'"),
        (f"run {LAPSE} --draws 0", "draws must be from 1 to 100,000; got 0"),
        (f"run {LAPSE} --seed -1", "seed must be from 0 to "),
        (f"run {LAPSE} --horizon 31", "horizon must be from 5 to 30; got 31"),
        (f"run {LAPSE} --draws 100000 --worlds 1000", "children x draws x worlds x horizon must stay below "),
        ("run memphis-prek-1000-laps", f"unknown scenario 'memphis-prek-1000-laps'; did you mean '{LAPSE}'?"),
        ("run memphis", "unknown scenario 'memphis'; that is the name of a community"),
        ("run missing.yaml", "there is no file missing.yaml"),
        (f"deal nope --scenario {LAPSE}", "unknown deal 'nope'"),
        (f"deal {DEAL} --scenario nope", "unknown scenario 'nope'"),
        (f"compare {LAPSE} {LAPSE}", f"scenario '{LAPSE}' is named twice; give the second one a name of its own"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_refused_in_one_sentence(
    words: str, answer: str, capsys: Capture, study: Study
) -> None:
    assert refused(capsys, *words.split()).startswith(answer)
    assert study.asked == []


def test_a_percentage_with_a_space_and_an_empty_name_are_refused(capsys: Capture) -> None:
    assert "94 % is 0.94" in refused(capsys, "run", LAPSE, "--set", "take_up=94 %")
    assert refused(capsys, "run", "").startswith("unknown scenario ''")
    assert refused(capsys, "").startswith("unknown command ''")


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("author: Cradlecast", "author: &a Cradlecast\nnotes: *a", "anchors are not allowed"),
        ("author:", "auther:", "unknown key 'auther'; did you mean 'author'?"),
        (
            "  seats: seats\n  financed: true",
            "  seats: -9000\n  financed: false",
            "takes 9,000 seats from stream 'financed'",
        ),
        ("    value: 1000\n", "    value: .nan\n", "finite"),
        ("community: memphis", "community: menphis", "unknown community 'menphis'; did you mean 'memphis'?"),
        ("baseline: grant-lapses", "baseline: grant-lapse", "does not have; did you mean 'grant-lapses'?"),
        ("program: prek", "program: pre_k", "changes 'pre_k', which holds no seats; did you mean 'prek'?"),
        ("last_year: 2021", "last_year: 2018", "ends in 2018, before it begins in 2019"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_computed(
    old: str, new: str, answer: str, capsys: Capture, study: Study, own_file: Callable[..., str]
) -> None:
    assert answer in refused(capsys, "run", own_file(old, new))
    assert study.asked == []


def test_a_folder_that_cannot_be_is_refused_before_anything_is_computed(
    capsys: Capture, study: Study, tmp_path: Path
) -> None:
    (tmp_path / "results").write_text("mine")
    assert "results is a file" in refused(capsys, "run", LAPSE, "--out", str(tmp_path / "results"))
    assert study.asked == []


def test_a_horizon_that_ends_before_the_deals_last_result_is_refused(
    capsys: Capture, study: Study, tmp_path: Path
) -> None:
    shipped = (ROOT / "scenarios" / "deals" / f"{DEAL}.yaml").read_text(encoding="utf-8")
    path = tmp_path / "late.yaml"
    path.write_text(shipped.replace("  - name: kindergarten_ready", "  - name: grade3_reading"), encoding="utf-8")
    answer = refused(capsys, "deal", str(path), "--scenario", LAPSE, "--horizon", "8")
    assert answer.startswith("--horizon must be at least 9, the age at which 'grade3_reading' of deal ")
    answered(capsys, "deal", str(path), "--scenario", LAPSE)
    assert study.asked[0][2].horizon == 30


# --- numbers ---


def test_numbers_are_read_as_people_write_them() -> None:
    assert [number(text, "x") for text in ("1000", "1e3", "0.94", "10_000", "-5", "+.5", " 7 ")] == [
        1000,
        1000,
        0.94,
        10_000,
        -5,
        0.5,
        7,
    ]
    assert [whole(text, "x") for text in ("10000", "10_000", "1e4", "4294967295", "1.0")] == [
        10_000,
        10_000,
        10_000,
        4_294_967_295,
        1,
    ]
    assert settings([" seats = 500 ", "take_up=0.94"]) == {"seats": 500, "take_up": 0.94}


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1_", "_1", "1__0", "1e", "0x10", "1 000", "１", "1e99999", "--1", "1_.5"]
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(InputError, match=r"^x must be a "):
        number(text, "x")


def test_targets_are_read_with_their_returns() -> None:
    assert target("investor-return=0.05") == ("investor-return", 0.05)
    assert target("payer-break-even") == ("payer-break-even", 0.0)
    for text, sentence in (
        ("investor-return", "needs a rate a year"),
        ("investor-return=5", r"at most 1 \(5 % is 0.05\)"),
        ("investor-return=5%", "must be a number"),
        ("payer-break-even=3", "takes no value"),
    ):
        with pytest.raises(InputError, match=sentence):
            target(text)


# --- processes ---


@pytest.mark.parametrize(
    "words",
    [
        ("run", "missing.yaml"),
        ("run", LAPSE, "--set", "seets=1"),
        ("run", LAPSE, "--set", "seats=-1"),
        ("run", LAPSE, "--set", "take_up=1.5"),
        ("run", LAPSE, "--set", "take_up=nan"),
        ("run", LAPSE, "--children", "1e12"),
        ("deal", "nope", "--scenario", LAPSE),
    ],
)
def test_bad_input_is_refused_at_once(words: tuple[str, ...]) -> None:
    began = time.monotonic()
    done = process(*words)
    assert time.monotonic() - began < 2
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr


def test_nothing_heavy_is_imported_until_all_input_is_checked(own_file: Callable[..., str]) -> None:
    negative = own_file("  seats: seats\n  financed: true", "  seats: -9000\n  financed: false")
    bomb = own_file("author: Cradlecast", "author: &a Cradlecast\nnotes: *a", "bomb.yaml")
    program = f"""
import sys
from cradlecast.cli import main
for words in (["--help"], ["run"], ["run", "x.yaml"], ["run", {negative!r}], ["run", {bomb!r}],
              ["deal", "x", "--scenario", "y"], ["run", "{LAPSE}", "--set", "take_up=1.5"],
              ["run", "{LAPSE}", "--children", "1e12"],
              ["run", "{LAPSE}", "--draws", "100000", "--worlds", "1000"], ["scenarios"], ["deals", "--json"],
              ["evidence", "show", "P01"]):
    print(*words, main(words), file=sys.stderr)
    print("loaded:", *({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = [line for line in done.stderr.splitlines() if line.startswith("loaded:")]
    assert loaded == ["loaded:"] * 12
    assert [line.split()[-1] for line in done.stderr.splitlines() if line.split()[-1] in ("0", "2")].count("2") == 8


def test_a_reader_who_stops_reading_hears_nothing_more() -> None:
    call = [sys.executable, "-m", "cradlecast", "scenarios", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        call, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 0


def test_a_terminal_without_lines_and_accents_is_served() -> None:
    done = process("scenarios", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert LAPSE in done.stdout and done.stdout.isascii()


def test_every_command_is_a_list_a_study_a_replay_a_look_or_a_page() -> None:
    assert set(COMMANDS) == {*LISTS, *SOURCES, *STUDIES, *REPLAYS, *LOOKS, *CHECKS, *PAGES}
