"""The command line: what is shipped, one scenario, several scenarios, a deal.

All input is read and checked before mesa, numba and pandas are imported, so that a wrong word costs nobody a wait.
Exit status: 0, 1 (it ran and found something wrong), 2 (asked wrongly), 130 (interrupted).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.options import MAX_CHILDREN, Options, metric_age
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.wording import one_line, shown
from cradlecast.ui.arguments import SIZES, deal_horizon, options, refuse_unknown_options, settings
from cradlecast.ui.parsers import COMMANDS, EXAMPLES, LISTS, parsers

if TYPE_CHECKING:
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
    refuse_unknown_options(extra, commands.get(asked.command, parser), asked.command or "cradlecast")
    if asked.command is None:
        raise InputError(f"a command is missing; the commands are {', '.join(COMMANDS)}")
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
        _show([listing_view(table)], [], [EXAMPLES[asked.command].format(row["name"]) for row in table.rows[:1]])
    return OK


def _study(words: argparse.Namespace) -> int:
    """Check what is asked, run it, and print or write what was found."""
    asked = _checked(words)
    folder = None if words.out is None else Path(words.out)
    if folder is not None:
        from cradlecast.ui.exports import check_folder

        check_folder(folder)
    result = _run(asked, words.quiet)

    from cradlecast.ui.exports import csv_text, json_text, write_folder
    from cradlecast.ui.notes import failed_checks
    from cradlecast.ui.rows import tables_of

    tables = tables_of(result.tables)
    if folder is not None:
        files = write_folder(folder, result.record, tables)
        if not words.quiet:
            _say(f"wrote {len(files)} files to {one_line(folder)}", OK)
    if words.json:
        _write(json_text(result.record, tables))
    elif words.csv:
        _write(csv_text(tables[0]))
    else:
        _print(asked, result.record, tables)
    if failures := failed_checks(tables):
        return _say(f"the deal's books are wrong: {'; '.join(failures)}", FOUND_WRONG)
    return OK


def _checked(words: argparse.Namespace) -> Asked:
    """What is asked, with every file read, every lever set and every limit held."""
    from cradlecast.scenarios.fit import check_fit
    from cradlecast.scenarios.library import load_community, load_deal, load_scenario

    sizes = {name: getattr(words, name) for name in SIZES}
    moved = settings(words.set)
    if words.command != "deal":
        size = options(sizes)
    deal = load_deal(words.name) if words.command == "deal" else None
    named = words.names if deal is None else [words.scenario]
    scenarios = tuple(load_scenario(name).with_levers(moved) for name in named)
    communities = {scenario.community: load_community(scenario.community) for scenario in scenarios}
    for scenario in scenarios:
        check_fit(scenario, communities[scenario.community])
    _refuse_twins(scenarios)
    if deal is not None:
        size = _deal_options(deal, scenarios[0], communities[scenarios[0].community], sizes)
    return Asked(scenarios, communities, size, moved, deal)


def _refuse_twins(scenarios: Sequence[Scenario]) -> None:
    """Refuse two scenarios of one name: their rows could not be told apart."""
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.name in seen:
            raise InputError(f"scenario '{scenario.name}' is named twice; give the second one a name of its own")
        seen.add(scenario.name)


def _deal_options(deal: Deal, scenario: Scenario, community: Community, sizes: Mapping[str, str | None]) -> Options:
    """The size of a deal's study: as many simulated children as there are, long enough to measure every metric."""
    from cradlecast.scenarios.fit import cohorts_of

    children = max(100, min(round(community.births_per_year.value * len(cohorts_of(scenario))), MAX_CHILDREN))
    horizon = deal_horizon(metric.name for metric in deal.metrics)
    size = options(sizes, children=children, worlds=1, horizon=horizon)
    for metric in deal.metrics:
        if metric_age(metric.name) > size.horizon:
            raise InputError(
                f"--horizon must be at least {metric_age(metric.name)}, the age at which '{metric.name}' of deal "
                f"'{deal.name}' is measured; got {size.horizon}"
            )
    return size


def _run(asked: Asked, quiet: bool) -> Result:
    """Run the study; the heavy imports are here."""
    from rich.console import Console

    from cradlecast.ui.progress import progress_bar

    what = "Pricing" if asked.deal else "Comparing" if len(asked.scenarios) > 1 else "Running"
    with progress_bar(what, Console(stderr=True), quiet) as progress:
        from cradlecast.study import compare, price, run

        if asked.deal is not None:
            return price(asked.deal, asked.scenarios[0], asked.options, progress)
        if len(asked.scenarios) == 1:
            return run(asked.scenarios[0], asked.options, progress)
        return compare(asked.scenarios, asked.options, progress)


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
        print_notes([("-" if len(notes) > 1 else "Next", note) for note in notes], console)
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
