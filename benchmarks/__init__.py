"""Benchmarks that run from a checkout: they time what is here on the machine at hand, and keep nothing unasked."""

FUTURES = 10_000
"""Futures in which the deal is valued, unless asked otherwise."""

CHILDREN, SMALL, DRAWS, REPEATS = 50_000, 1_000, 20, 7
"""Sizes unless asked otherwise: the large world, the world that both engines live, draws of the study, rounds."""
