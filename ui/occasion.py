"""What a study was about, as every title and note says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui.figures import word
from cradlecast.ui.rows import Table
from cradlecast.ui.tables import Column, Section, View

if TYPE_CHECKING:
    from cradlecast.scenarios.deal import Deal

EVERYBODY: Final = "all"
SEATED: Final = "financed_seat"
CHANGED: Final = "support_changed"
"""Groups of children that get tables of their own."""

_GROUPS: Final = {
    EVERYBODY: "all children",
    SEATED: "in a financed seat",
    "below_poverty": "below poverty line",
    "above_poverty": "above poverty line",
    "stayed": "still here at 26",
    "left": "moved away by 26",
    CHANGED: "whose care or services change",
}
_COMPARED: Final = (EVERYBODY, SEATED, CHANGED, "below_poverty", "above_poverty")


@dataclass(frozen=True)
class Occasion:
    """What every title says of a study.

    Attributes
    ----------
    baselines
        Each scenario and the baseline that it is compared with.
    preview
        True if there are too few draws for 90 % intervals.
    draws, horizon
        Sets of uncertain parameters, and the age to which children are followed.
    groups
        Labels of the community's groups of children.
    price_years
        The year of each program's seat costs, and that of the deal's money under the deal's name.
    deal, illustrative, currency
        The deal that is priced, if one is.
    """

    baselines: Mapping[str, str]
    preview: bool
    draws: int
    horizon: int
    groups: Mapping[str, str] = field(default_factory=dict)
    price_years: Mapping[str, str] = field(default_factory=dict)
    deal: str = ""
    illustrative: bool = False
    currency: str = "USD"

    @property
    def several(self) -> bool:
        """Whether scenarios are compared with each other."""
        return len(self.baselines) > 1

    @property
    def about(self) -> str:
        """What stands beneath every title, so that a table can stand by itself."""
        draws = (
            f"PREVIEW: {self.draws:,} draw{'' if self.draws == 1 else 's'}" if self.preview else f"{self.draws:,} draws"
        )
        if self.deal:
            names = f"{self.deal} with {', '.join(self.baselines)}"
        elif self.several:
            names = "each scenario against its own baseline"
        else:
            names = ", ".join(f"{scenario} against {baseline}" for scenario, baseline in self.baselines.items())
        parts = [names, draws, f"to age {self.horizon}"]
        if self.deal in self.price_years:
            parts.append(f"{self.price_years[self.deal]} {self.currency}")
        return " | ".join(parts)

    def view(
        self, table: Table, what: str, columns: Sequence[Column], sections: Sequence[Section], close: bool = False
    ) -> View:
        """A view with its title."""
        title = f"{what} | ILLUSTRATIVE terms" if self.illustrative else what
        return View(table.name, title, self.about, tuple(columns), tuple(sections), close)

    def compares(self, group: str) -> bool:
        """Whether a group is shown where scenarios stand beside each other: not by area, and not by who moved away."""
        return group in self.groups or group in _COMPARED

    def group(self, name: str) -> str:
        """A group of children in words."""
        return _GROUPS.get(name) or self.groups.get(name) or word(name)


def occasion_of(
    scenarios: Sequence[Scenario],
    communities: Mapping[str, Community],
    programs: Sequence[Program],
    options: Options,
    deal: Deal | None = None,
) -> Occasion:
    """What titles say of a study of these scenarios."""
    groups = {group.name: group.label for community in communities.values() for group in community.groups}
    years = {program.name: str(program.seat_cost.year) for program in programs if program.seat_cost.year is not None}
    return Occasion(
        baselines={scenario.name: scenario.baseline for scenario in scenarios},
        preview=options.preview,
        draws=options.draws,
        horizon=options.horizon,
        groups=groups,
        price_years=years | ({deal.name: str(deal.price_year)} if deal else {}),
        deal=deal.name if deal else "",
        illustrative=bool(deal and deal.illustrative),
        currency=deal.currency if deal else "USD",
    )
