"""Cradlecast: forecasts of children's paths from cradle to career, and the deals that pay for them.

The public names load what they need when they are first used; importing the package does nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cradlecast.explanation import explain
    from cradlecast.finance.replay import replay
    from cradlecast.pricing import price, solve
    from cradlecast.published import associations
    from cradlecast.scenarios.errors import InputError
    from cradlecast.scenarios.library import load_community, load_deal, load_program, load_scenario, load_trial
    from cradlecast.scenarios.options import Options
    from cradlecast.study import Result, compare, run
    from cradlecast.targets import fit
    from cradlecast.tracing import trace
    from cradlecast.trials import trial, validate

__all__ = [
    "InputError",
    "Options",
    "Result",
    "associations",
    "compare",
    "explain",
    "fit",
    "load_community",
    "load_deal",
    "load_program",
    "load_scenario",
    "load_trial",
    "price",
    "replay",
    "run",
    "solve",
    "trace",
    "trial",
    "validate",
]

_HOMES = {
    "InputError": "cradlecast.scenarios.errors",
    "Options": "cradlecast.scenarios.options",
    "Result": "cradlecast.study",
    "associations": "cradlecast.published",
    "compare": "cradlecast.study",
    "explain": "cradlecast.explanation",
    "fit": "cradlecast.targets",
    "load_community": "cradlecast.scenarios.library",
    "load_deal": "cradlecast.scenarios.library",
    "load_program": "cradlecast.scenarios.library",
    "load_scenario": "cradlecast.scenarios.library",
    "load_trial": "cradlecast.scenarios.library",
    "price": "cradlecast.pricing",
    "replay": "cradlecast.finance.replay",
    "run": "cradlecast.study",
    "solve": "cradlecast.pricing",
    "trace": "cradlecast.tracing",
    "trial": "cradlecast.trials",
    "validate": "cradlecast.trials",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that it lives in."""
    if name == "__version__":
        return import_module("cradlecast.scenarios.release").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module 'cradlecast' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted([*__all__, "__version__"])
