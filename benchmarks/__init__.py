"""Benchmarks that run from a checkout: they time what is here on the machine at hand."""

from pathlib import Path

FUTURES = 10_000
"""Futures in which the deal is valued, unless asked otherwise."""

CHILDREN, SMALL, DRAWS, REPEATS = 50_000, 1_000, 20, 7
"""Sizes unless asked otherwise: the large world, the world that both engines live, draws of the study, rounds."""

LARGEST = 1_000_000
"""Children of the largest world of ``reference`` and ``lives``, which begin at 10,000 and take every tenth power."""

RESULTS = Path(__file__).with_name("results")
"""Where figures and pages are kept, unless asked otherwise; not tracked."""
