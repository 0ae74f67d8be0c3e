"""A year's flows: what a budget's ledger multiplies by a unit cost, counted by birth year, age and where people live.

Both engines count them for themselves; what they cost is no business of the model (``cradlecast/ledger.py``).
"""

from __future__ import annotations

from typing import Final, get_args

from cradlecast.model import kernels
from cradlecast.scenarios.costs import Flow

FLOWS: Final[tuple[str, ...]] = ("children", *get_args(Flow))
"""Names of the flows, in the order of the kernels.

``children`` are all of the birth year; ``pupils`` those aged 5 to 17; ``special_education`` pupils who have been
placed there; ``repeating`` people of 18 who spend a retained year at school; ``suspended`` and ``arrests`` pupils with
at least one in the year; ``two_year`` and ``four_year`` students of the year; ``credentials`` those completed in it;
``working`` people of 18 to 29 in work. ``earnings`` are theirs, and ``parents_earnings`` what parents earn more (or
less) because of the hours of care at 3 and 4: both in dollars of ``EARNINGS_PRICE_YEAR``.
"""

WHERE: Final = ("here", "moved away")
"""Where people live at the end of the year."""

EARNINGS_PRICE_YEAR: Final = 2019
"""Price year of all earnings in the model."""

assert len(FLOWS) == kernels.FLOWS
