"""The page docs/validation.md: every shipped trial beside what was published, written from a run.

``python -m cradlecast.validation_page`` runs all trials at the size of ``cradlecast validate``, writes it anew, and
adds the run to docs/validation-log.md with the commit that it was of; it refuses to run on what is not committed.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cradlecast.scenarios.library import load_trial, names
from cradlecast.scenarios.trial import Trial
from cradlecast.ui.figures import count, text, word
from cradlecast.ui.rows import Row, Table, tables_of
from cradlecast.ui.trial_view import figure, miss, target_notes, when

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "validation.md"
"""Where the page lies in a checkout."""

LOG: Final = PAGE.with_name("validation-log.md")
"""Where every run is logged; its table of runs stands last."""

_BEHIND: Final = ("cradlecast", "model", "scenarios")
"""Folders that a run depends on."""

_HEAD: Final = """# Validation

Trials of early care and of services, run inside the model and set beside what was published of them. This page is
written by `python -m cradlecast.validation_page`; `cradlecast validate` prints the same numbers. The rule from a
trial's facts to the value of what it offers is in [method](method.md), section 7b. No parameter rests on the figures
that count. Every run, and what was changed when, is in the [log](validation-log.md).
"""


WHY: Final[Mapping[str, str]] = {
    "abecedarian": "The program began in infancy, where the model has no effect of care, and half of its controls came "
    "to special education where a fifth of the model's children do: effects of its size in points cannot come out. Its "
    "hours lie far beyond those on which their effect was measured.",
    "asap-ohio": "The effect is eight tenths of that of the first trial, in New York, as a discount for delivery at "
    "scale. In Ohio nothing was lost; the discount, and not the evidence of the program, is what misses.",
    "fafsa-help": "The program of the model is a requirement for all seniors, whose effect is 1.5 points. Here tax "
    "preparers sat with families and filed the form: a stronger dose than the one measured at scale, offered to "
    "families who had already come for help. The published figure lies just above the range.",
    "head-start-impact-study": "Published effects against care at home fall in kindergarten and rise again in grade 1. "
    "In the model every gain fades by one law, and school has one skill instead of literacy, math and language.",
    "juvenile-incarceration": "What is set beside it is another program: diversion after an arrest spares a court "
    "case, and detention is not in the model. A miss was to be expected: the model must not be asked about detention.",
    "saga-tutoring": "The prior is of large programs, a third to a half of what trials find, and a gain of the model "
    "keeps half in its first year, as gains of early care do; tutoring in high school kept more. The effect of "
    "attending, with its wider error, is in range; that of the offer is just above it.",
    "tennessee-prek": "Harm in grade 6 needs a long-run shift of about -0.3 sd among those whom the offer brought in, "
    "more than two scale units of the distribution around zero that the model draws from: it can say that harm is "
    "possible and not that it was to be expected. Special education rises in the trial, and in no direction in the "
    "model, whose prior stands between a reanalysis of this trial and older programs. Attendance in either arm is from "
    "memory; were it full, the model's own ranges would be about twice as wide.",
    "text-messages-at-scale": "The prior holds mild harm, the published figure is at its edge. Messages that began in "
    "grade 12 and reached 70,000 pupils did nothing good; the model's outreach is of the summer alone.",
}
"""What misses of a trial come from, as far as it can be said; shown where there are any."""


def page(record: Mapping[str, Any], tables: Sequence[Table], trials: Sequence[Trial]) -> str:
    """The page in Markdown, from the record and tables of a run of these trials."""
    by_name = {table.name: table.rows for table in tables}
    size = (
        f"{record['draws']:,} draws, {record['children']:,} children a trial and arm, seed {record['seed']}; run in "
        f"{', '.join(record['communities'])}. Fingerprint `{record['fingerprint']}`."
    )
    parts = [_HEAD, size, "## 1. What was found", _list(target_notes(record, tables)[:-1])]
    parts += ["## 2. Summary", _summary(by_name["summary"]), "## 3. Targets", _WORDS]
    for one in trials:
        rows = [row for row in by_name["targets"] if row["trial"] == one.name]
        parts += [f"### {one.title}", one.description.strip(), _facts(one), _targets(rows)]
        if missed := [miss(row) for row in rows if row["role"] == "target" and row["hit"] is False]:
            parts.append(_list([*missed, *([f"Why: {WHY[one.name]}"] if one.name in WHY else [])]))
    parts += ["## 4. Left out", _left_out(by_name["left_out"])]
    return "\n\n".join(part.strip() for part in parts) + "\n"


_WORDS: Final = (
    "Published and predicted ranges hold 90 %. `model` is uncertain in its parameters alone; `predicted` adds the luck "
    "of a sample with the published standard error. A tilde marks hits that no effect would be as well."
)


def _facts(one: Trial) -> str:
    """The design facts of a trial in one line."""
    hours = "the program's hours" if one.hours_per_year is None else f"{one.hours_per_year.value:,.0f} hours a year"
    return (
        f"`{one.name}`: {word(one.program)}, {one.design}, {one.scale}, from {one.year}, {hours}; {one.sample:,} "
        f"children. Sources: {'; '.join(one.sources)}."
    )


def _targets(rows: Sequence[Row]) -> str:
    """The targets of one trial."""
    heads = ("outcome", "when", "among", "as", "published", "model", "predicted", "hit", "score", "estimate")
    return _table(
        heads,
        [
            (
                word(row["outcome"]),
                when(row["age"]),
                text(row["among"]),
                text(row["estimand"]),
                _ranged(row, "published"),
                _ranged(row, "model"),
                "-" if row["predicted_low"] is None else _ends(row, "predicted"),
                _verdict(row),
                figure(row)(row["score"]),
                f"{row['evidence']} ({row['provenance']})",
            )
            for row in rows
        ],
    )


def _summary(rows: Sequence[Row]) -> str:
    """Hits, widths and scores."""
    heads = (
        "unit",
        "follow-up",
        "targets",
        "hits",
        "of predictions that rule out zero",
        "hits of no effect",
        "published width",
        "predicted width",
        "score",
        "score of no effect",
        "mean error",
    )
    wide = ("published_width", "predicted_width", "score", "score_of_no_effect", "mean_error")
    whole = ("targets", "hits", "hits_that_rule_out_zero", "hits_of_no_effect")
    body = [
        (
            word(row["unit"]),
            text(row["follow_up"]),
            *(count(row[name]) for name in whole),
            *(figure(row)(row[name]) for name in wide),
        )
        for row in rows
    ]
    return _table(heads, body)


def _left_out(rows: Sequence[Row]) -> str:
    """Estimates that are not set beside the model, and why."""
    return _table(
        ("estimate", "trial", "why"), [(text(r["evidence"]), text(r["trial"]), text(r["reason"])) for r in rows]
    )


def _verdict(row: Row) -> str:
    """Whether a target is hit."""
    if row["role"] != "target":
        return f"not counted: {row['why_not']}"
    return f"{word(row['hit'])}{' ~' if row['hit'] and row['holds_zero'] else ''}"


def _ranged(row: Row, name: str) -> str:
    """A number with its range, where it has one."""
    number = figure(row)(row[name])
    return number if row[f"{name}_low"] is None else f"{number} ({_ends(row, name)})"


def _ends(row: Row, name: str) -> str:
    write = figure(row)
    return f"{write(row[f'{name}_low'])} to {write(row[f'{name}_high'])}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _list(sentences: Sequence[str]) -> str:
    """Sentences as a list in Markdown."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def written() -> str:
    """The page of a run at the size of the command."""
    from cradlecast.trials import validate

    trials = [load_trial(name) for name in names("trial")]
    findings = validate()
    return page(findings.record, tables_of(findings.tables), trials)


def committed() -> str:
    """The commit of this checkout.

    Raises
    ------
    SystemExit
        If something that a run depends on is not committed: a logged run must be one that others can repeat.
    """
    root = PAGE.parent.parent
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", *_BEHIND], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    if changed:
        raise SystemExit(f"commit these first, so that the run is of a commit: {' '.join(changed.split()[1::2])}")
    head = ["git", "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(head, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def log_line(record: Mapping[str, Any], targets: Sequence[Row], commit: str, day: datetime.date, why: str) -> str:
    """One run as a line of the log's table."""
    counted = [row for row in targets if row["role"] == "target"]
    hits = [row for row in counted if row["hit"]]
    sharp = [row for row in hits if not row["holds_zero"]]
    cells = (
        day.isoformat(),
        f"`{commit}`",
        f"`{record['fingerprint']}`",
        count(len(record["trials"])),
        count(len(counted)),
        count(len(hits)),
        count(len(sharp)),
        why,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def run_and_log(why: str) -> None:
    """Run every trial, write the page, and add the run to the log.

    Parameters
    ----------
    why
        Why it was run, in a few words.
    """
    from cradlecast.trials import validate

    commit = committed()
    trials = [load_trial(name) for name in names("trial")]
    findings = validate()
    tables = tables_of(findings.tables)
    PAGE.write_text(page(findings.record, tables, trials), encoding="utf-8", newline="\n")
    targets = next(table.rows for table in tables if table.name == "targets")
    line = log_line(findings.record, targets, commit, datetime.datetime.now(tz=datetime.UTC).date(), why)
    LOG.write_text(f"{LOG.read_text(encoding='utf-8').rstrip()}\n{line}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("say why it is run: python -m cradlecast.validation_page REASON")
    run_and_log(sys.argv[1])
    print(PAGE.name, LOG.name)
