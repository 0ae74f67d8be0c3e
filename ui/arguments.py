"""What a person writes after a command: numbers, levers and sizes, and the errors that they get in one sentence."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fit import cohorts_of
from cradlecast.scenarios.options import MAX_CHILDREN, Options, metric_age
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.wording import one_line, shown, slip

if TYPE_CHECKING:
    from cradlecast.scenarios.deal import Deal

_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_NUMBER: Final = re.compile(rf"[-+]?({_DIGITS}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{{1,4}})?")
_TOO_LARGE: Final = 1e18
"""Numbers from here on are not written out in a message."""

SIZES: Final = ("children", "draws", "worlds", "seed", "horizon")
"""The options that say how large a study is."""

CHILD_WORDS: Final = ("changed", "moved")
"""Words that may stand for a child's number."""

MOST_DRAWS: Final = 100_000
MOST_WORLDS: Final = 2**32 - 1
"""Draws and worlds that there are; the last world of all is the calibration's."""

_LAST_PORT: Final = 65_535
_THIS_COMPUTER: Final = ("127.0.0.1", "localhost")

_SHORTEST_DEAL_HORIZON: Final = 6
"""Age to which a deal on kindergarten and earlier is followed: the last year it reads, and one more."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence for the one error of this package, with no usage before it."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        if found := re.fullmatch(r"the following arguments are required: (.+)", message):
            raise InputError(f"{self.prog.removeprefix('cradlecast ')} needs {found[1]}; see {self.prog} --help")
        raise InputError(_sentence(message))

    def known_options(self) -> list[str]:
        """The long options that this command has."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]


def refuse_unknown_options(words: Iterable[str], parser: Parser, command: str) -> None:
    """Raise for the first word that a command does not know.

    Raises
    ------
    InputError
        With the nearest option that there is.
    """
    extra = list(words)
    word = next((word for word in extra if word.startswith("-")), extra[0] if extra else None)
    if word is None:
        return
    if not word.startswith("-"):
        raise InputError(f"{command} was given one argument too many: {shown(word)}; see {parser.prog} --help")
    option = word.split("=")[0]
    known = parser.known_options()
    hint = nearest(option[:60], known) or f"; the options are {', '.join(known)}"
    raise InputError(f"unknown option {shown(option)} of {command}{hint}")


def number(text: str, what: str) -> float:
    """A finite number, as in 1000, 10_000, 1e4 or 0.94.

    Parameters
    ----------
    text
        What was written.
    what
        What it is the value of, for errors.

    Raises
    ------
    InputError
        For anything else: a percentage, NaN, an infinity, nothing at all.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{what} must be a number; got nothing")
    if stripped.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise InputError(f"{what} must be a finite number; got {shown(stripped)}")
    if not _NUMBER.fullmatch(stripped):
        raise InputError(f"{what} must be a number; got {shown(text)}{slip({'type': 'float_parsing', 'input': text})}")
    value = float(stripped.replace("_", ""))
    if not math.isfinite(value):
        raise InputError(f"{what} must be a finite number; got {shown(stripped)}")
    return value


def whole(text: str, what: str) -> int:
    """A whole number, as in 10000, 10_000 or 1e4; raises `InputError` for anything else."""
    value = number(text, what)
    if not abs(value) < _TOO_LARGE:
        raise InputError(f"{what} must have at most 18 digits; got {shown(text.strip())}")
    exact = text.strip().replace("_", "").lstrip("+")
    if exact.lstrip("-").isdigit():
        return int(exact)
    if value != int(value):
        raise InputError(f"{what} must be a whole number; got {shown(text.strip())}")
    return int(value)


def settings(words: Sequence[str], option: str = "--set", example: str = "seats=500") -> dict[str, float]:
    """Lever names and values from words such as ``seats=500``, written after an option.

    Raises
    ------
    InputError
        For a word of another form, a lever set twice, or a value that is no number.
    """
    values: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"{option} takes LEVER=VALUE, as in {option} {example}; got {shown(word)}")
        if name in values:
            raise InputError(f"{option} names the lever {shown(name)} twice")
        values[name] = number(text, one_line(name, 60))
    return values


def options(sizes: Mapping[str, str | None], evidence: str | None = None, /, **defaults: int) -> Options:
    """The size of a study from what was written, refused at once where it is out of bounds.

    Parameters
    ----------
    sizes
        For each of `SIZES` what was written, or None.
    evidence
        The evidence preset that was written, or None.
    **defaults
        What stands where nothing was written, if that is not the default of `Options`.

    Raises
    ------
    InputError
        For a size that is no whole number, or beyond its bounds, or an unknown preset.
    """
    written = {name: whole(text, f"--{name}") for name, text in sizes.items() if text is not None}
    return Options(**(defaults | written), evidence=evidence or "central")


def deal_options(
    deal: Deal, scenario: Scenario, community: Community, sizes: Mapping[str, str | None], evidence: str | None = None
) -> Options:
    """The size of a deal's study: as many simulated children as there are, long enough to measure every metric.

    Parameters
    ----------
    deal, scenario, community
        The contract, and the children whom it is priced on.
    sizes, evidence
        As in `options`.

    Raises
    ------
    InputError
        As in `options`, and for a horizon before the last metric.
    """
    deal.refuse_if_replay_only()
    children = max(100, min(round(community.births_per_year.value * len(cohorts_of(scenario))), MAX_CHILDREN))
    size = options(sizes, evidence, children=children, worlds=1)
    for result in deal.results:
        if metric_age(result) > size.horizon:
            raise InputError(
                f"--horizon must be at least {metric_age(result)}, the age at which '{result}' of deal "
                f"'{deal.name}' is measured; got {size.horizon}"
            )
    return size


def child(text: str) -> str:
    """A child's number, or a word that stands for one; raises `InputError` for anything else."""
    word = text.strip()
    if word in CHILD_WORDS or (word.isascii() and word.isdigit() and len(word) <= 18):
        return word
    known = f"; it is a number, or {' or '.join(CHILD_WORDS)}"
    raise InputError(f"--child must name one child; got {shown(text)}{nearest(word[:20], CHILD_WORDS) or known}")


def numbered(text: str | None, what: str, count: int) -> int:
    """The number of a draw or a world, counted from 0; 0 where nothing was written.

    Raises
    ------
    InputError
        For what is no whole number, or beyond those that there are.
    """
    value = 0 if text is None else whole(text, f"--{what}")
    if not 0 <= value < count:
        raise InputError(f"--{what} must be from 0 to {count - 1:,}; got {value:,}")
    return value


def port(text: str | None, usual: int) -> int:
    """The number of a port, or the usual one where nothing was written; raises `InputError` beyond 0 to 65535."""
    value = usual if text is None else whole(text, "--port")
    if not 0 <= value <= _LAST_PORT:
        raise InputError(f"--port must be from 0 to {_LAST_PORT}; got {value}")
    return value


def refuse_other_address(text: str | None) -> None:
    """Raise for an address that other computers could reach: whoever opens the page may start work here."""
    if text is not None and text.strip().lower() not in _THIS_COMPUTER:
        raise InputError(
            f"the page has no login yet, so it is served to this computer only (127.0.0.1); got --address {shown(text)}"
        )


def deal_horizon(metrics: Iterable[str]) -> int:
    """Age to which children must be followed so that all metrics of a deal are measured."""
    return max([_SHORTEST_DEAL_HORIZON, *(metric_age(name) for name in metrics)])


def target(text: str) -> tuple[str, float]:
    """What a price is solved for, and the return that is wanted; raises `InputError` for a return out of bounds."""
    name, equals, value = text.strip().partition("=")
    if name != "investor-return":
        if equals:
            raise InputError(f"--solve {one_line(name, 60)} takes no value; got {shown(value)}")
        return name, 0.0
    if not equals:
        raise InputError("--solve investor-return needs a rate a year, as in investor-return=0.05")
    wanted = number(value, "investor-return")
    if not -1.0 < wanted <= 1.0:
        raise InputError(f"investor-return must be above -1 and at most 1 (5 % is 0.05); got {shown(value)}")
    return name, wanted


def _sentence(message: str) -> str:
    """What argparse found wrong, in plain words."""
    if found := re.fullmatch(r"argument ([^:]+): expected (?:one|at least one) argument", message):
        return f"{found[1].split('/')[-1]} needs a value"
    if found := re.fullmatch(r"argument ([^:]+): not allowed with argument (.+)", message):
        return f"{found[1]} and {found[2]} exclude each other"
    if found := re.fullmatch(r"argument ([^:]+): ignored explicit argument (.+)", message):
        return f"{found[1].split('/')[-1]} takes no value; got {found[2]}"
    return one_line(message, 500)
