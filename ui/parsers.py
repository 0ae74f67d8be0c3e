"""The commands, what can be written after each, and what each says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cradlecast.scenarios.options import EVIDENCE, Options
from cradlecast.scenarios.release import VERSION
from cradlecast.ui.arguments import CHILD_WORDS, Parser

LISTS: Final[Mapping[str, str]] = {
    "communities": "list the places that are shipped",
    "programs": "list the programs that hold seats",
    "scenarios": "list the scenarios that are shipped, and their levers",
    "deals": "list the deals that are shipped",
    "trials": "list the trials that are shipped",
}
"""Commands that list what is shipped, and what they do."""

SOURCES: Final[Mapping[str, str]] = {
    "evidence": "list estimates and priors; show one with all that rests on it",
}
"""Commands about what numbers rest on, and what they do."""

STUDIES: Final[Mapping[str, str]] = {
    "run": "run one scenario beside its baseline",
    "compare": "run several scenarios, each beside its own baseline",
    "deal": "price a deal on the children of a scenario",
    "price": "find the prices, or the effect, at which lenders, payers or society have what they want",
}
"""Commands that run a study, and what they do."""

REPLAYS: Final[Mapping[str, str]] = {
    "replay": "apply a deal's rules to observed results, payment by payment",
    "power": "say what an evaluation can see, and how likely it pays, by true effect",
}
"""Commands that compute without simulating, and what they do."""

DEALS: Final = ("deal", "price")
"""Studies of a deal on one scenario."""

LOOKS: Final[Mapping[str, str]] = {
    "explain": "say in words what a scenario changes, and what that rests on",
    "trace": "follow one synthetic child through both arms of a scenario",
}
"""Commands that look closely at one scenario, and what they do."""

CHECKS: Final[Mapping[str, str]] = {
    "calibrate": "fit a community to its observed milestones, and measure the fit",
    "trial": "run a trial of early care inside the model, beside what was published of it",
    "validate": "run every shipped trial; or set published associations beside the observed world",
}
"""Commands that set the model beside what was observed, and what they do."""

PAGES: Final[Mapping[str, str]] = {"app": "serve a page to try scenarios on, for this computer only"}
"""Commands that serve pages, and what they do."""

_ALL: Final[Mapping[str, str]] = {**LISTS, **SOURCES, **STUDIES, **REPLAYS, **LOOKS, **CHECKS, **PAGES}
COMMANDS: Final = tuple(_ALL)

PORT: Final = 5006
"""Where the page is served if nothing else is asked."""

_LAPSE: Final = "memphis-prek-1000-lapse"
_CALLS: Final[Mapping[str, str]] = {
    **{name: f"cradlecast {name} --json" for name in LISTS},
    "evidence": "cradlecast evidence show E3016b prek_value",
    "run": f"cradlecast run {_LAPSE} --set seats=500 --draws 50",
    "compare": f"cradlecast compare {_LAPSE} memphis-prek-1000-displace --out results",
    "deal": f"cradlecast deal memphis-illustrative --scenario {_LAPSE} --csv",
    "price": f"cradlecast price memphis-illustrative --scenario {_LAPSE} --solve investor-return=0.03",
    "power": "cradlecast power memphis-illustrative --metric kindergarten_ready --per-side 250 --base-rate 0.4",
    "replay": "cradlecast replay chicago-cpc",
    "explain": f"cradlecast explain {_LAPSE} --set seats=500",
    "trace": f"cradlecast trace {_LAPSE} --child changed",
    "calibrate": "cradlecast calibrate memphis --draws 5",
    "trial": "cradlecast trial perry-preschool --draws 10",
    "validate": "cradlecast validate --draws 5",
    "app": "cradlecast app --port 8000",
}
_EPILOG: Final = f"""examples:
  cradlecast scenarios
  cradlecast run {_LAPSE}
  cradlecast compare {_LAPSE} memphis-prek-1000-displace --draws 50
  cradlecast deal memphis-illustrative --scenario {_LAPSE} --json

exit status: 0; 1 if something wrong was found; 2 if something was asked wrongly"""

EXAMPLES: Final[Mapping[str, str]] = {
    "communities": "cradlecast scenarios",
    "programs": "cradlecast scenarios",
    "scenarios": "cradlecast run {}",
    "deals": f"cradlecast deal {{}} --scenario {_LAPSE}",
    "trials": "cradlecast trial {}",
}
"""What to do next after each list; the brackets stand for its first name."""

FIT_SIZE: Final[Mapping[str, int]] = {"children": 40_000, "draws": 20, "worlds": 1}
ASSOCIATIONS_SIZE: Final[Mapping[str, int]] = {"children": 20_000, "draws": 200, "worlds": 1}
TRIAL_SIZE: Final[Mapping[str, int]] = {"children": 4_000, "draws": 200, "worlds": 1}
"""Size of a look at the observed world, and of a trial, where nothing else is asked."""

_A_SCENARIO: Final = "name of a shipped scenario, or path of a file; several happen together as in A+B"
_SHAPE: Final[dict[str, Any]] = {
    "allow_abbrev": False,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}


def parsers() -> tuple[Parser, dict[str, Parser]]:
    """The parser of the command line, and that of each command."""
    usage = "cradlecast [-h] [--version] COMMAND ..."
    parser = Parser(prog="cradlecast", usage=usage, description=_about(), epilog=_EPILOG, **_SHAPE)
    parser.add_argument("--version", action="version", version=f"cradlecast {VERSION}")
    adder = parser.add_subparsers(dest="command", prog="cradlecast", help=argparse.SUPPRESS, parser_class=Parser)
    commands = {}
    for name, what in _ALL.items():
        sentence = f"{what[0].upper()}{what[1:]}."
        commands[name] = adder.add_parser(name, description=sentence, epilog=f"example:\n  {_CALLS[name]}", **_SHAPE)
        if name not in PAGES:
            _with_forms(commands[name], name)
    commands["run"].add_argument("names", nargs=1, metavar="SCENARIO", help=_A_SCENARIO)
    commands["compare"].add_argument("names", nargs="+", metavar="SCENARIO", help=_A_SCENARIO)
    rules = (
        "divide pooled money by each of these rules, as in equal_share,gap_closing, or by all; one alone is NAME@RULE"
    )
    commands["compare"].add_argument("--allocations", metavar="RULES", help=rules)
    for name in DEALS:
        commands[name].add_argument("name", metavar="DEAL", help="name of a shipped deal, or path of a file")
        commands[name].add_argument("--scenario", required=True, metavar="SCENARIO", help=_A_SCENARIO)
        words = "let payments come to what those of 27 projects of the United Kingdom came to over their first plans"
        commands[name].add_argument("--optimism", action="store_true", help=words)
    _with_targets(commands["price"])
    workbook = "also write a workbook of one future, with live formulas"
    commands["deal"].add_argument("--xlsx", metavar="FILE", help=workbook)
    indigo = "also write the deal in the fields of the INDIGO impact-bond data standard, as JSON"
    commands["deal"].add_argument("--indigo", metavar="FILE", help=indigo)
    for name in DEALS:
        lever = "behaviour under the contract, as in nudging=0.05; can be repeated"
        commands[name].add_argument("--behaviour", action="append", default=[], metavar="LEVER=SHARE", help=lever)
    _with_power(commands["power"])
    commands["replay"].add_argument("name", metavar="DEAL", help="name of a shipped deal, or path of a file")
    results = "file of observed results (schema cradlecast/results/1), if not the deal's own"
    commands["replay"].add_argument("--results", metavar="FILE", help=results)
    out = "also write every table as CSV, and record.json, into this folder"
    commands["replay"].add_argument("--out", metavar="DIR", help=out)
    commands["replay"].add_argument("--quiet", action="store_true", help="say nothing of files that were written")
    for name in STUDIES:
        _with_sizes(commands[name], name)
    _with_looks(commands["explain"], commands["trace"])
    _with_filters(commands["evidence"])
    _with_checks(commands["calibrate"], commands["trial"], commands["validate"])
    commands["app"].add_argument("--port", metavar="N", help=f"port of this computer ({PORT}; 0 takes a free one)")
    commands["app"].add_argument("--address", metavar="HOST", help="127.0.0.1 or localhost: the page has no login yet")
    return parser, commands


def _with_power(power: Parser) -> None:
    """Whose evaluation is asked about."""
    power.add_argument("name", metavar="DEAL", help="name of a shipped deal, or path of a file")
    power.add_argument("--metric", metavar="METRIC", help="the line of the deal (its first)")
    power.add_argument("--per-side", required=True, metavar="N", help="children measured on each side")
    power.add_argument("--base-rate", required=True, metavar="SHARE", help="share who reach it without the program")
    effects = "true effects as shares, with commas between (0,0.02,0.04,0.08,0.12)"
    power.add_argument("--effects", default="0,0.02,0.04,0.08,0.12", metavar="LIST", help=effects)


def _about() -> str:
    """What the command is for, and its commands; argparse would break their lines."""
    lines = [f"  {name:13}{what}" for name, what in _ALL.items()]
    about = "Forecast children's paths from cradle to career, and price deals on them."
    return "\n".join([about, "", "commands:", *lines])


def _with_forms(parser: Parser, command: str) -> None:
    """The forms in which a command can answer."""
    main_tables = {
        "deal": "payments",
        "price": "prices",
        "replay": "payments",
        "power": "power",
        "explain": "changes",
        "trace": "decisions",
        "calibrate": "fit",
        "trial": "effects",
        "validate": "targets' or 'associations",
    }
    main_table = command if command in (*LISTS, *SOURCES) else main_tables.get(command, "milestones")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print everything as one JSON object")
    forms.add_argument("--csv", action="store_true", help=f"print the table '{main_table}' only, as CSV")


def _with_filters(evidence: Parser) -> None:
    """What is shown, or which evidence is listed."""
    evidence.usage = "cradlecast evidence [-h] [FILTERS] [--json | --csv]\n       cradlecast evidence show ID [ID ...]"
    words = "show ID ...: estimates or priors in words, with all that rests on them; or parameters, with their sources"
    evidence.add_argument("words", nargs="*", metavar="show", help=words)
    evidence.add_argument("--role", metavar="ROLE", help="INPUT (may set a number) or VALIDATE (only reproduced)")
    evidence.add_argument("--program", metavar="PROGRAM", help="of this program, as in prek; none for all others")
    evidence.add_argument("--outcome", metavar="OUTCOME", help="of this outcome, as in cognitive")
    used = evidence.add_mutually_exclusive_group()
    used.add_argument("--used", action="store_true", help="on which a number of the model rests")
    used.add_argument("--unused", action="store_true", help="on which none rests")


def _with_sizes(parser: Parser, command: str) -> None:
    """The size of a study, its levers, and where its tables go."""
    default = Options()
    if command in DEALS:
        children, worlds, horizon = "as many as there are", "1", str(default.horizon)
    else:
        children, worlds, horizon = f"{default.children:,}", str(default.worlds), str(default.horizon)
    several = "; applies to every scenario named" if command == "compare" else ""
    helps = {
        "--children": ("N", f"simulated children, all birth years together ({children})"),
        "--draws": ("N", f"sets of uncertain parameters ({default.draws}; fewer are a preview)"),
        "--worlds": ("N", f"sets of chance events in each draw ({worlds})"),
        "--seed": ("N", f"same seed, same numbers ({default.seed})"),
        "--horizon": ("AGE", f"age to which children are followed ({horizon})"),
        "--out": ("DIR", "also write every table as CSV, and record.json, into this folder"),
    }
    for name, (value, words) in helps.items():
        parser.add_argument(name, metavar=value, help=words)
    preset = f"what programs add: {_or(EVIDENCE)} ({default.evidence})"
    parser.add_argument("--evidence", metavar="PRESET", help=preset)
    _with_levers(parser, several)
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _with_levers(parser: Parser, several: str = "") -> None:
    """Levers to move."""
    lever = f"move a lever, as in seats=500 or take_up=0.94{several}; can be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="LEVER=VALUE", help=lever)


def _with_targets(price: Parser) -> None:
    """What is solved for."""
    targets = (
        "investor-return=RATE (0.05 is 5 percent), payer-break-even (on cash), payer-break-even-value (on everybody's "
        "gains), or break-even-effect"
    )
    price.add_argument("--solve", required=True, metavar="TARGET", help=targets)
    metric = "move the price of this metric only; can be repeated"
    price.add_argument("--metric", action="append", default=[], metavar="NAME", help=metric)
    price.add_argument("--tranche", metavar="NAME", help="solve for the return of this tranche, not of all loans")


def _with_looks(explain: Parser, trace: Parser) -> None:
    """What is explained, and whose life is told."""
    for parser in (explain, trace):
        parser.add_argument("name", metavar="SCENARIO", help=_A_SCENARIO)
    whose = (
        f"a child's number; or {_or(CHILD_WORDS)}: the first one whose milestones, or whose care, the scenario changes"
    )
    trace.add_argument("--child", required=True, metavar="ID", help=whose)
    helps = {
        "--draw": ("N", "number of the set of uncertain parameters (0)"),
        "--world": ("N", "number of the set of chance events, as a study numbers them (0)"),
        "--children": ("N", f"simulated children, all birth years together ({Options().children:,})"),
        "--seed": ("N", f"same seed, same numbers ({Options().seed})"),
    }
    for name, (value, words) in helps.items():
        trace.add_argument(name, metavar=value, help=words)
    for parser in (explain, trace):
        _with_levers(parser)


def _or(words: Sequence[str]) -> str:
    """Words with an or."""
    return " or ".join(words)


def _with_checks(calibrate: Parser, trial: Parser, validate: Parser) -> None:
    """What is set beside what was observed, and how closely."""
    whose = "name of a shipped community, or path of a file"
    calibrate.add_argument("name", nargs="?", metavar="COMMUNITY", help=whose)
    template = "print a commented community file to start from, and nothing else"
    calibrate.add_argument("--template", action="store_true", help=template)
    trial.add_argument("name", metavar="TRIAL", help="name of a shipped trial, or path of a file")
    words = "set published associations beside those of the observed world, instead of trials"
    validate.add_argument("--associations", action="store_true", help=words)
    words = f"{whose} (that of each trial; memphis with --associations)"
    validate.add_argument("--community", metavar="COMMUNITY", help=words)
    of_trials = f"simulated children in each arm ({TRIAL_SIZE['children']:,}"
    children = {
        "calibrate": f"simulated children of one birth year ({FIT_SIZE['children']:,})",
        "trial": f"{of_trials})",
        "validate": f"{of_trials}; of one birth year with --associations, {ASSOCIATIONS_SIZE['children']:,})",
    }
    for command, parser in (("calibrate", calibrate), ("trial", trial), ("validate", validate)):
        draws = FIT_SIZE["draws"] if command == "calibrate" else TRIAL_SIZE["draws"]
        helps = {
            "--children": ("N", children[command]),
            "--draws": ("N", f"sets of uncertain parameters ({draws})"),
            "--seed": ("N", f"same seed, same numbers ({Options().seed})"),
            "--out": ("DIR", "also write every table as CSV, and record.json, into this folder"),
        }
        for name, (value, sentence) in helps.items():
            parser.add_argument(name, metavar=value, help=sentence)
        parser.add_argument("--quiet", action="store_true", help="show no progress")
