"""The command line: what is shipped and what it rests on; studies and deals; a scenario, a child, a place looked at.

All input is read and checked before mesa, numba and pandas are imported, so that a wrong word costs nobody a wait.
Exit status: 0, 1 (it ran and found something wrong), 2 (asked wrongly), 130 (interrupted).
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.wording import one_line, shown
from cradlecast.ui.arguments import (
    MOST_DRAWS,
    MOST_WORLDS,
    SIZES,
    child,
    deal_options,
    number,
    numbered,
    options,
    port,
    refuse_other_address,
    refuse_unknown_options,
    settings,
    target,
    whole,
)
from cradlecast.ui.parsers import (
    ASSOCIATIONS_SIZE,
    CHECKS,
    COMMANDS,
    DEALS,
    EXAMPLES,
    FIT_SIZE,
    LISTS,
    LOOKS,
    PAGES,
    PORT,
    REPLAYS,
    SOURCES,
    TRIAL_SIZE,
    parsers,
)

if TYPE_CHECKING:
    import pandas as pd

    from cradlecast.observed import Findings
    from cradlecast.scenarios.community import Community
    from cradlecast.scenarios.deal import Deal
    from cradlecast.scenarios.scenario import Scenario
    from cradlecast.study import Result
    from cradlecast.ui.rows import Table
    from cradlecast.ui.tables import View

OK: Final = 0
FOUND_WRONG: Final = 1
ASKED_WRONGLY: Final = 2
INTERRUPTED: Final = 130

WIDTH_OF_A_FILE: Final = 100
"""Letters across where the output is no terminal and COLUMNS says nothing."""

ONE_LINE: Final = 1000
"""Letters that an error may have."""


@dataclass(frozen=True)
class Asked:
    """What was asked of a study, checked."""

    scenarios: tuple[Scenario, ...]
    communities: Mapping[str, Community]
    options: Options
    settings: Mapping[str, float]
    deal: Deal | None = None
    optimism: bool = False
    target: str = ""
    wanted: float = 0.0
    metrics: tuple[str, ...] = ()
    tranche: str | None = None


def main(words: Sequence[str] | None = None) -> int:
    """Answer one command.

    Parameters
    ----------
    words
        The words after ``cradlecast``; those of the process if None.

    Returns
    -------
    int
        The exit status.
    """
    try:
        return _answer(list(sys.argv[1:] if words is None else words))
    except InputError as error:
        return _say(f"error: {error}", ASKED_WRONGLY)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)


def _answer(words: list[str]) -> int:
    """Do what the words say."""
    parser, commands = parsers()
    if not words:
        _write(parser.format_help())
        return ASKED_WRONGLY
    if not words[0].startswith("-") and words[0] not in COMMANDS:
        hint = nearest(words[0][:60], COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"
        raise InputError(f"unknown command {shown(words[0])}{hint}")
    try:
        asked, extra = parser.parse_known_args(words)
    except SystemExit:  # --help and --version have been printed
        _write("")
        return OK
    if asked.command in SOURCES:  # argparse leaves out what follows an option, as in show --json E1002a
        asked.words += [word for word in extra if not word.startswith("-")]
        extra = [word for word in extra if word.startswith("-")]
    refuse_unknown_options(extra, commands.get(asked.command, parser), asked.command or "cradlecast")
    if asked.command is None:
        raise InputError(f"a command is missing; the commands are {', '.join(COMMANDS)}")
    if asked.command in PAGES:
        return _serve(asked)
    if asked.command in CHECKS:
        return _check(asked)
    if asked.command in REPLAYS:
        return _replay(asked) if asked.command == "replay" else _power(asked)
    if asked.command in LOOKS:
        return _explain(asked) if asked.command == "explain" else _trace(asked)
    if asked.command in SOURCES:
        return _evidence(asked)
    return _list(asked) if asked.command in LISTS else _study(asked)


def _list(asked: argparse.Namespace) -> int:
    """Print what is shipped."""
    from cradlecast.ui.exports import csv_text, json_text
    from cradlecast.ui.layouts import listing_view
    from cradlecast.ui.listings import LISTINGS

    table = LISTINGS[asked.command]()
    if asked.json:
        _write(json_text({"cradlecast": VERSION}, [table]))
    elif asked.csv:
        _write(csv_text(table))
    else:
        first = [row for row in table.rows if row.get("for") != "replay"][:1]
        _show([listing_view(table)], [], [EXAMPLES[asked.command].format(row["name"]) for row in first])
    return OK


def _evidence(asked: argparse.Namespace) -> int:
    """List evidence, or show some of it with what rests on it."""
    from cradlecast.ui import evidence_view as view
    from cradlecast.ui.exports import csv_text, json_text

    ids, parameters = _shown_evidence(asked)
    if shows := bool(asked.words):
        listed = list(dict.fromkeys([*ids, *view.behind(parameters)]))
        tables = [view.evidence_table(listed), view.parameters_table(parameters), view.uses_table(ids, parameters)]
    else:
        used = True if asked.used else False if asked.unused else None
        tables = [view.evidence_table(view.selected(asked.role, asked.program, asked.outcome, used))]
    if asked.json:
        _write(json_text({"cradlecast": VERSION}, tables))
    elif asked.csv:
        _write(csv_text(tables[0]))
    elif shows:
        _show(view.show_views(ids, parameters), [], view.show_notes(ids, parameters))
    else:
        _show([view.list_view(tables[0])], [], view.list_notes(tables[0]))
    return OK


def _shown_evidence(asked: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The estimates and priors, and the parameters, that are to be shown; none where all are listed."""
    from cradlecast.ui.evidence_view import asked_for

    if not asked.words:
        return [], []
    action, *ids = asked.words
    if action != "show":
        hint = nearest(action[:60], ["show"]) or "; it is show, as in cradlecast evidence show E3016b"
        raise InputError(f"unknown action {shown(action)} of evidence{hint}")
    if not ids:
        raise InputError("evidence show needs ID; see cradlecast evidence --help")
    filters = ("role", "program", "outcome", "used", "unused")
    if given := [name for name in filters if getattr(asked, name) not in (None, False)]:
        raise InputError(f"--{given[0]} is for the list; leave it out of evidence show")
    return asked_for(ids)


def _study(words: argparse.Namespace) -> int:
    """Check what is asked, run it, and print or write what was found."""
    asked = _checked(words)
    folder = None if words.out is None else Path(words.out)
    files = [Path(name) for name in (getattr(words, "xlsx", None), getattr(words, "indigo", None)) if name is not None]
    if folder is not None or files:
        from cradlecast.ui.exports import check_folder

        for each in ([] if folder is None else [folder]) + [file.parent for file in files]:
            check_folder(each)
    result = _run(asked, words.quiet)
    _write_files(words, asked, result)

    from cradlecast.ui.notes import failed_checks
    from cradlecast.ui.rows import tables_of

    tables = tables_of({**result.tables, **_costs(asked, result)})
    if not _delivered(words, result.record, tables, folder):
        _print(asked, result.record, tables)
    if failures := failed_checks(tables):
        return _say(f"the deal's books are wrong: {'; '.join(failures)}", FOUND_WRONG)
    return OK


def _replay(words: argparse.Namespace) -> int:
    """Apply a deal's rules to observed results."""
    from cradlecast.scenarios.library import load_deal, load_results

    deal = load_deal(words.name)
    observed = None if words.results is None else load_results(words.results).observed
    folder = None if words.out is None else Path(words.out)
    if folder is not None:
        from cradlecast.ui.exports import check_folder

        check_folder(folder)

    from cradlecast.finance.replay import replay
    from cradlecast.ui import replay_view as view
    from cradlecast.ui.notes import failed_checks
    from cradlecast.ui.rows import tables_of

    told = replay(deal, observed)
    tables = tables_of(told.tables)
    if not _delivered(words, view.replay_record(deal, told), tables, folder):
        _show(view.replay_views(deal, tables), view.replay_heading(deal), view.replay_notes(deal, tables, told))
    if failures := failed_checks(tables):
        return _say(f"the replay's books are wrong: {'; '.join(failures)}", FOUND_WRONG)
    return OK


def _power(words: argparse.Namespace) -> int:
    """Say what the evaluation of one metric can see, and how likely it pays."""
    from cradlecast.scenarios.library import load_deal

    deal = load_deal(words.name)
    metrics = {metric.name: metric for metric in deal.metrics}
    name = words.metric if words.metric is not None else next(iter(metrics))
    if name not in metrics:
        raise InputError(f"deal '{deal.name}' has no metric {shown(name)}{nearest(name[:60], metrics)}")
    n = float(whole(words.per_side, "--per-side"))
    base = number(words.base_rate, "--base-rate")
    effects = [number(each, "--effects") for each in words.effects.split(",")]

    from cradlecast.finance.power import odds
    from cradlecast.ui import replay_view as view
    from cradlecast.ui.rows import table_of

    table = table_of("power", odds(deal, metrics[name], n, n, base, effects))
    if not _delivered(words, view.deal_record(deal), [table], None):
        _show([view.power_view(deal, table)], view.replay_heading(deal), view.power_notes())
    return OK


def _write_files(words: argparse.Namespace, asked: Asked, result: Result) -> None:
    """Write the workbook and the INDIGO file of a deal, where they are asked for."""
    if asked.deal is None or words.command != "deal":
        return
    from cradlecast.ui.exports import write_file

    if words.xlsx is not None:
        from cradlecast.finance.workbook import workbook

        assert result.case is not None
        write_file(Path(words.xlsx), workbook(result.case, result.record))
    if words.indigo is not None:
        from cradlecast.finance.indigo import indigo_text

        write_file(Path(words.indigo), indigo_text(asked.deal).encode())


def _explain(words: argparse.Namespace) -> int:
    """Say what a scenario changes, and what that rests on."""
    from cradlecast.scenarios.stacking import load_unmoved

    scenario, moved = load_unmoved(words.name, settings(words.set))

    from cradlecast.explanation import explain
    from cradlecast.ui import explain as view
    from cradlecast.ui.exports import csv_text, json_text

    told = explain(scenario, moved)
    tables = view.explanation_tables(told)
    if words.json:
        _write(json_text(view.explanation_record(told), tables))
    elif words.csv:
        _write(csv_text(tables[0]))
    else:
        notes = [f"It cannot say: {limit}" for limit in view.cannot_say(told)]
        _show(view.explanation_views(told), view.explanation_heading(told), notes)
    return OK


def _trace(words: argparse.Namespace) -> int:
    """Follow one synthetic child through both arms of a scenario."""
    from cradlecast.scenarios.fit import check_fit
    from cradlecast.scenarios.library import load_community
    from cradlecast.scenarios.stacking import load_stacked

    one = child(words.child)
    draw, world = numbered(words.draw, "draw", MOST_DRAWS), numbered(words.world, "world", MOST_WORLDS)
    size = options({"children": words.children, "seed": words.seed}, draws=1, worlds=1)
    scenario = load_stacked(words.name, settings(words.set))
    check_fit(scenario, load_community(scenario.community))

    with _importing_model():
        from cradlecast.tracing import trace
    from cradlecast.ui import trace_view as view
    from cradlecast.ui.exports import csv_text, json_text

    told = trace(scenario, one, size, draw, world)
    tables = view.trace_tables(told)
    if words.json:
        _write(json_text(told.record, tables))
    elif words.csv:
        _write(csv_text(tables[0]))
    else:
        _show(view.trace_views(told), view.trace_heading(told), view.trace_notes(told))
    if wrong := told.disagreements:
        return _say(f"what is told is not what the engine did: {'; '.join(wrong)}", FOUND_WRONG)
    return OK


@contextmanager
def _importing() -> Iterator[None]:
    """Import without the collector: what is imported stays, and looking through it takes a sixth of a start."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """How far the work has come, beside what is printed."""
    with _importing():
        from rich.console import Console

        from cradlecast.ui.progress import progress_bar

    with progress_bar(what, Console(stderr=True), quiet) as progress:
        yield progress


@contextmanager
def _importing_model() -> Iterator[None]:
    """Import what lives children; Mesa and SciPy first, without parts that commands do not use."""
    with _importing():
        from cradlecast.model.lean_start import import_mesa, import_special

        import_mesa()
        import_special()
        import numba  # noqa: F401

        yield


def _serve(words: argparse.Namespace) -> int:
    """Serve the page until interrupted."""
    refuse_other_address(words.address)
    number = port(words.port, PORT)

    with _importing():
        from cradlecast.ui.server import serve
    serve(number, lambda sentence: _say(sentence, OK))
    return OK


def _check(words: argparse.Namespace) -> int:
    """Set the model beside what was observed: a community's rates, associations, or trials."""
    if words.command == "trial" or (words.command == "validate" and not words.associations):
        return _trials(words)
    from cradlecast.scenarios.fit import check_community
    from cradlecast.scenarios.library import load_community

    calibrates = words.command == "calibrate"
    if calibrates and words.template:
        return _template(words)
    if calibrates and words.name is None:
        raise InputError("calibrate needs COMMUNITY, or --template; see cradlecast calibrate --help")
    size = _size(words, FIT_SIZE if calibrates else ASSOCIATIONS_SIZE)
    community = load_community(words.name if calibrates else words.community or "memphis")
    check_community(community)
    folder = _folder(words)
    return _found(words, community, _look(words, community, size), folder)


def _trials(words: argparse.Namespace) -> int:
    """Run one trial, or all that are shipped."""
    from cradlecast.scenarios.fit import check_community
    from cradlecast.scenarios.library import load_community, load_trial, names

    size = _size(words, TRIAL_SIZE)
    one = words.command == "trial"
    trials = [load_trial(name) for name in ([words.name] if one else names("trial"))]
    community = None if one else words.community
    for name in dict.fromkeys(community or trial.community for trial in trials):
        check_community(load_community(name))
    folder = _folder(words)

    with _progress("Trying", words.quiet) as progress:
        with _importing_model():
            from cradlecast.trials import trial, validate

        findings = trial(trials[0], size, progress) if one else validate(None, size, community, progress)

    from cradlecast.ui import trial_view as view
    from cradlecast.ui.rows import tables_of

    tables = tables_of(findings.tables)
    if not _delivered(words, findings.record, tables, folder):
        notes = view.trial_notes(findings.record, tables) if one else view.target_notes(findings.record, tables)
        _show(view.views(tables, findings.record), view.heading(trials, findings.record), notes)
    return OK


def _size(words: argparse.Namespace, default: Mapping[str, int]) -> Options:
    """Children, draws and seed as asked for, or else as usual."""
    return options({name: getattr(words, name) for name in ("children", "draws", "seed")}, **default)


def _folder(words: argparse.Namespace) -> Path | None:
    """The folder that tables go to, if one is asked for and can take them."""
    if words.out is None:
        return None
    from cradlecast.ui.exports import check_folder

    check_folder(Path(words.out))
    return Path(words.out)


def _template(words: argparse.Namespace) -> int:
    """Print a commented community file."""
    from cradlecast.scenarios.template import community_template

    others = ("name", "children", "draws", "seed", "out", "json", "csv")
    if given := [name for name in others if getattr(words, name) not in (None, False)]:
        other = "COMMUNITY" if given[0] == "name" else f"--{given[0]}"
        raise InputError(f"--template prints a file and nothing else; leave out {other}")
    _write(community_template())
    return OK


def _look(words: argparse.Namespace, community: Community, size: Options) -> Findings:
    """Live the observed world; the heavy imports are here."""
    calibrates = words.command == "calibrate"
    with _progress("Calibrating" if calibrates else "Measuring", words.quiet) as progress:
        if calibrates:
            with _importing_model():
                from cradlecast.targets import fit
            return fit(community, size, progress)
        with _importing_model():
            from cradlecast.published import associations
        return associations(community, size, progress)


def _found(words: argparse.Namespace, community: Community, findings: Findings, folder: Path | None) -> int:
    """Print or write what a look at the observed world found."""
    from cradlecast.ui.check_layouts import association_notes, check_heading, check_views, fit_notes
    from cradlecast.ui.rows import tables_of

    tables = tables_of(findings.tables)
    if not _delivered(words, findings.record, tables, folder):
        if words.command == "calibrate":
            notes = fit_notes(findings.record, tables, community)
        else:
            notes = association_notes(findings.record, tables, findings.remarks)
        _show(check_views(tables, findings.record, community), check_heading(community, findings.record), notes)
    if findings.missed:
        return _say(f"targets are missed: {'; '.join(findings.missed)}", FOUND_WRONG)
    return OK


def _delivered(
    words: argparse.Namespace, record: Mapping[str, object], tables: Sequence[Table], folder: Path | None
) -> bool:
    """Write the folder, JSON or CSV that was asked for; False if a person wants to read the result here."""
    from cradlecast.ui.exports import csv_text, json_text, write_folder

    if folder is not None:
        files = write_folder(folder, record, tables)
        if not words.quiet:
            _say(f"wrote {len(files)} files to {one_line(folder)}", OK)
    if words.json:
        _write(json_text(record, tables))
    elif words.csv:
        _write(csv_text(tables[0]))
    return bool(words.json or words.csv)


def _checked(words: argparse.Namespace) -> Asked:
    """What is asked, with every file read, every lever set and every limit held."""
    from cradlecast.scenarios.fit import check_fit
    from cradlecast.scenarios.library import load_community, load_deal
    from cradlecast.scenarios.stacking import by_every_rule, load_all

    sizes = {name: getattr(words, name) for name in SIZES}
    moved = settings(words.set)
    if words.command not in DEALS:
        size = options(sizes, words.evidence)
    deal = load_deal(words.name) if words.command in DEALS else None
    if deal is not None:
        deal = deal.with_behaviour(settings(words.behaviour, "--behaviour", "nudging=0.05"))
    named = words.names if deal is None else [words.scenario]
    if words.command == "compare" and words.allocations is not None:
        named = by_every_rule(named, words.allocations)
    scenarios = load_all(named, moved)
    communities = {scenario.community: load_community(scenario.community) for scenario in scenarios}
    for scenario in scenarios:
        check_fit(scenario, communities[scenario.community])
    _refuse_twins(scenarios)
    if deal is not None:
        size = deal_options(deal, scenarios[0], communities[scenarios[0].community], sizes, words.evidence)
    return _with_target(words, Asked(scenarios, communities, size, moved, deal))


def _with_target(words: argparse.Namespace, asked: Asked) -> Asked:
    """What is asked of a deal beside its scenario: optimism, target, metrics and tranche."""
    if asked.deal is None:
        return asked
    if words.command == "deal":
        return replace(asked, optimism=words.optimism)
    from cradlecast.scenarios.solving import check_target

    name, wanted = target(words.solve)
    check_target(asked.deal, name, words.metric, words.tranche)
    return replace(
        asked, optimism=words.optimism, target=name, wanted=wanted, metrics=tuple(words.metric), tranche=words.tranche
    )


def _refuse_twins(scenarios: Sequence[Scenario]) -> None:
    """Refuse two scenarios of one name: their rows could not be told apart."""
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.name in seen:
            raise InputError(f"scenario '{scenario.name}' is named twice; give the second one a name of its own")
        seen.add(scenario.name)


def _run(asked: Asked, quiet: bool) -> Result:
    """Run the study; the heavy imports are here."""
    many = "Comparing" if len(asked.scenarios) > 1 else "Running"
    what = "Solving" if asked.target else "Pricing" if asked.deal else many
    with _progress(what, quiet) as progress:
        if asked.deal is None:
            with _importing_model():
                from cradlecast.study import compare
            return compare(asked.scenarios, asked.options, progress)
        with _importing_model():
            from cradlecast.pricing import price, solve
        deal, scenario, sizes = asked.deal, asked.scenarios[0], asked.options
        if asked.target:
            return solve(
                deal,
                scenario,
                asked.target,
                asked.wanted,
                sizes,
                progress,
                metrics=asked.metrics,
                tranche=asked.tranche,
                optimism=asked.optimism,
            )
        return price(deal, scenario, sizes, progress, optimism=asked.optimism)


def _costs(asked: Asked, result: Result) -> Mapping[str, pd.DataFrame]:
    """What one more child costs, beside the tables of a study."""
    if asked.deal is not None:
        return {}
    from cradlecast.additional import cost_per_additional

    return {"costs": cost_per_additional(result)}


def _print(asked: Asked, record: Mapping[str, Any], tables: Sequence[Table]) -> None:
    """Print a study as a person reads it."""
    from cradlecast.scenarios.library import load_program, names
    from cradlecast.ui.layouts import study_views
    from cradlecast.ui.notes import deal_notes, heading, study_notes
    from cradlecast.ui.occasion import occasion_of

    programs = [load_program(name) for name in names("program")]
    occasion = occasion_of(asked.scenarios, asked.communities, programs, asked.options, asked.deal)
    lines = heading(asked.scenarios, asked.communities, asked.options, asked.settings, asked.deal)
    if asked.deal is None:
        notes = study_notes(record, tables, occasion)
    else:
        notes = deal_notes(record, tables, occasion, asked.deal)
    _show(study_views(tables, occasion), lines, notes)


def _show(views: Sequence[View], lines: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    """Print what was asked, views below it, and notes below those, as wide as the window."""
    from rich.console import Console

    from cradlecast.ui.tables import print_notes, print_views

    a_file = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    console = Console(width=WIDTH_OF_A_FILE if a_file else None, highlight=False)
    with console.capture() as printed:
        print_notes(lines, console)
        print_views(views, console)
        console.print()
        next_call = len(notes) == 1 and notes[0].startswith("cradlecast ")
        print_notes([("Next" if next_call else "-", note) for note in notes], console)
    _write("".join(f"{line.rstrip()}\n" for line in printed.get().splitlines()).lstrip("\n"), sys.stdout.encoding)


def _write(text: str, encoding: str | None = None) -> None:
    """Write to standard output: in UTF-8, or as the terminal can. Whoever reads may stop reading."""
    try:
        if hasattr(sys.stdout, "buffer"):
            sys.stdout.flush()
            content = text.encode(encoding, errors="replace") if encoding else text.encode("utf-8", "backslashreplace")
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _into_nothing(sys.stdout.fileno())
    except OSError as error:
        _into_nothing(sys.stdout.fileno())
        raise InputError(f"cannot write the output: {error.strerror}") from None


def _into_nothing(stream: int) -> None:
    """Let what is still to be written to a stream go nowhere, so that Python's own last flush does not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream)
    os.close(nowhere)


def _say(sentence: str, status: int) -> int:
    """One line on standard error."""
    print(f"cradlecast: {one_line(sentence, ONE_LINE)}", file=sys.stderr)
    return status
