"""Benchmarks that run from a checkout: they time what is here on the machine at hand, and keep nothing unasked."""
