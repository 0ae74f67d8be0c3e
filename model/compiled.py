"""The switch between compiled kernels and the same kernels as plain Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

NOJIT = os.environ.get("CRADLECAST_NOJIT", "") not in ("", "0")
"""True when kernels run as plain Python, for the debugger and for coverage; results agree bit for bit."""


def compiled(signature: str, inline: bool = False) -> Callable[[F], F]:
    """Compile a rule or a kernel for one stated signature, or leave it as it is under NOJIT.

    One explicit signature means that a kernel is compiled once, that a wrong dtype or layout is refused instead of
    compiled anew, and that a scalar rule called from Python returns the float32 it returns inside a kernel.
    No fastmath, no parallel, the lock released.

    Parameters
    ----------
    signature
        Numba signature with return type.
    inline
        True for short rules inside hot loops: without a call in it, a loop can use vector instructions (ten times
        faster, same bits). The optimiser writes them in, not Numba, which would infer their types anew in every caller
        (a fifth of the time of a first compilation).
    """

    def decorate(function: F) -> F:
        if NOJIT:
            return function
        import numba

        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        return cast(F, numba.njit(signature, cache=True, forceinline=inline, **options)(function))

    return decorate
