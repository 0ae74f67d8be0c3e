"""What a person chose on the page, and the link that says so: the scenario, what differs from it, and the size."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fit import check_fit
from cradlecast.scenarios.library import load_community, load_deal, load_scenario, names
from cradlecast.scenarios.options import EVIDENCE, INTERVAL_DRAWS, Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.wording import shown
from cradlecast.ui.arguments import deal_horizon, deal_options, number, options, whole

VERSION: Final = "1"
"""Of links. A link of an older version is read for ever; one of a newer version is refused with a sentence."""

DRAWS: Final = (50, INTERVAL_DRAWS, 1000)
"""Sizes that the page offers."""

LONGEST_LINK: Final = 1000
MOST_FIELDS: Final = 12

_KEY: Final = re.compile("[a-z_]{1,20}")


@dataclass(frozen=True)
class Choice:
    """One scenario as the page has it.

    Attributes
    ----------
    scenario
        Its name.
    levers
        Levers that differ from the scenario's own.
    evidence
        An evidence preset.
    draws
        Sets of uncertain parameters.
    """

    scenario: str
    levers: Mapping[str, float] = field(default_factory=dict)
    evidence: str = "central"
    draws: int = INTERVAL_DRAWS


@dataclass(frozen=True)
class Offer:
    """What can be chosen.

    Attributes
    ----------
    scenarios
        By name, in the order of the page.
    deal
        The contract that is priced on each of them.
    first
        The scenario that the page opens with.
    """

    scenarios: Mapping[str, Scenario]
    deal: Deal
    first: str

    def default(self) -> Choice:
        """What is shown where nothing was chosen."""
        return Choice(self.first)

    def scenario(self, choice: Choice) -> Scenario:
        """The scenario with its levers moved.

        Raises
        ------
        InputError
            For a scenario that is not offered, and for levers out of bounds or that do not fit the community.
        """
        if choice.scenario not in self.scenarios:
            raise InputError(
                f"unknown scenario {shown(choice.scenario)}{nearest(choice.scenario[:100], self.scenarios)}"
            )
        scenario = self.scenarios[choice.scenario].with_levers(dict(choice.levers))
        check_fit(scenario, load_community(scenario.community))
        return scenario

    def study_options(self, choice: Choice) -> Options:
        """The size of the study: that of ``cradlecast run``."""
        return options({"draws": str(choice.draws)}, choice.evidence)

    def deal_options(self, choice: Choice) -> Options:
        """The size of the deal's study: that of ``cradlecast deal``, followed until its last result."""
        scenario = self.scenarios[choice.scenario]
        community = load_community(scenario.community)
        sizes = {"draws": str(choice.draws), "horizon": str(self.deal_horizon)}
        return deal_options(self.deal, scenario, community, sizes, choice.evidence)

    @property
    def deal_horizon(self) -> int:
        """Age to which children are followed for the deal."""
        return deal_horizon(self.deal.results)


def shipped(first: str = "memphis-prek-1000-lapse") -> Offer:
    """What is shipped: the first deal that can be priced, and every scenario with seats that it could pay for."""
    known = {name: load_scenario(name) for name in names("scenario")}
    scenarios = {name: each for name, each in known.items() if any(change.financed for change in each.changes)}
    order = sorted(scenarios, key=lambda name: (name != first, name))
    deal = next(deal for deal in map(load_deal, names("deal")) if deal.replay_only is None)
    return Offer({name: scenarios[name] for name in order}, deal, order[0])


def moved(offer: Offer, choice: Choice, lever: str, value: float | None) -> Choice:
    """The choice with one lever moved; None, or the scenario's own value, puts it back.

    Raises
    ------
    InputError
        As ``Offer.scenario``.
    """
    levers = {name: set_to for name, set_to in choice.levers.items() if name != lever}
    own = offer.scenarios[choice.scenario].levers
    if value is not None and (lever not in own or value != own[lever].value):
        levers[lever] = value
    after = replace(choice, levers=levers)
    offer.scenario(after)
    return after


def link(offer: Offer, choice: Choice) -> str:
    """The query of a link to a choice: only what differs from what the page opens with.

    Examples
    --------
    >>> link(shipped(), Choice("memphis-prek-1000-lapse", {"seats": 500.0, "take_up": 0.7}))
    '?v=1&seats=500&take_up=0.7'
    """
    default = offer.default()
    fields = {"v": VERSION}
    if choice.scenario != default.scenario:
        fields["scenario"] = choice.scenario
    fields |= {name: f"{value:.12g}" for name, value in choice.levers.items()}
    if choice.evidence != default.evidence:
        fields["evidence"] = choice.evidence
    if choice.draws != default.draws:
        fields["draws"] = str(choice.draws)
    return f"?{urlencode(fields)}"


def read_link(offer: Offer, query: str) -> Choice:
    """What a link chooses; nothing at all chooses what the page opens with.

    Parameters
    ----------
    offer
        What can be chosen.
    query
        What stands in the address behind the question mark, as it came.

    Raises
    ------
    InputError
        For whatever this page could not have written itself: an unknown field, one given twice, a value out of bounds.
    """
    query = query.removeprefix("?")
    if not query:
        return offer.default()
    fields = _fields(query)
    version = fields.pop("v", None)
    if version is None:
        raise InputError("it names no version (v=1)")
    if version != VERSION:
        raise InputError(f"it is of version {shown(version)}, and this page reads version {VERSION}")
    default = offer.default()
    scenario = fields.pop("scenario", default.scenario)
    evidence = fields.pop("evidence", default.evidence)
    if evidence not in EVIDENCE:
        raise InputError(f"evidence must be one of {', '.join(EVIDENCE)}; got {shown(evidence)}")
    draws = whole(fields.pop("draws", str(default.draws)), "draws")
    if draws not in DRAWS:
        raise InputError(f"draws must be one of {', '.join(map(str, DRAWS))}; got {draws}")
    if scenario not in offer.scenarios:
        raise InputError(f"unknown scenario {shown(scenario)}{nearest(scenario[:100], offer.scenarios)}")
    choice = Choice(scenario, {}, evidence, draws)
    for name, text in fields.items():
        choice = moved(offer, choice, name, number(text, name))
    return choice


def commands(offer: Offer, choice: Choice) -> Sequence[str]:
    """The commands that give the same numbers."""
    same = [f"--set {name}={value:.12g}" for name, value in choice.levers.items()]
    if choice.evidence != "central":
        same.append(f"--evidence {choice.evidence}")
    if choice.draws != Options().draws:
        same.append(f"--draws {choice.draws}")
    scenario, deal = shlex.quote(choice.scenario), shlex.quote(offer.deal.name)
    return (
        " ".join(["cradlecast run", scenario, *same]),
        " ".join(["cradlecast deal", deal, "--scenario", scenario, *same, f"--horizon {offer.deal_horizon}"]),
    )


def _fields(query: str) -> dict[str, str]:
    """The fields of a query, each once and with a name that a field can have."""
    if len(query) > LONGEST_LINK:
        raise InputError(f"it is longer than {LONGEST_LINK:,} letters")
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise InputError("it is not made of fields such as seats=500") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if not _KEY.fullmatch(name):
            raise InputError(f"{shown(name)} is not the name of a field")
        if name in fields:
            raise InputError(f"it gives {name} twice")
        fields[name] = value
    return fields
