"""The switch between compiled kernels and the same kernels as plain Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from types import ModuleType
from typing import Any, TypeVar, cast

from cradlecast.model.interrupts import interrupts_wait

F = TypeVar("F", bound=Callable[..., object])

NOJIT = os.environ.get("CRADLECAST_NOJIT", "") not in ("", "0")
"""True when kernels run as plain Python, for the debugger and for coverage; results agree bit for bit."""

_ONE_AT_A_TIME = RLock()


class Compiled:
    """A rule or a kernel that is compiled, or taken from the compiler's cache, when it is first asked for.

    Most rules are only ever used inside kernels, which hold them already: to load each by itself took a tenth of every
    command's time. Once it is there, the compiled function takes its place in the module.
    """

    def __init__(self, function: Callable[..., object], signature: str, inline: bool) -> None:
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self._function, self._signature, self._inline = function, signature, inline
        self._made: Any = None

    def dispatcher(self) -> Any:
        """The compiled function."""
        if self._made is None:
            with _ONE_AT_A_TIME:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def _make(self) -> Any:
        """Compile it, or take it from the cache."""
        import numba
        from numba.core.typing.typeof import typeof_impl

        if Compiled not in typeof_impl.registry:  # so that kernels may call rules that are not compiled yet
            typeof_impl.register(Compiled, lambda rule, context: typeof_impl(rule.dispatcher(), context))
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        with interrupts_wait():
            made = numba.njit(self._signature, cache=True, forceinline=self._inline, **options)(self._function)
        home = self._function.__globals__
        if home.get(self.__name__) is self:
            home[self.__name__] = made
        return made

    def __call__(self, *arguments: Any) -> Any:
        """What the compiled function returns."""
        return self.dispatcher()(*arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.dispatcher(), name)


def compiled(signature: str, inline: bool = False) -> Callable[[F], F]:
    """Compile a rule or a kernel for one stated signature when it is first used, or leave it as it is under NOJIT.

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
        return cast(F, Compiled(function, signature, inline))

    return decorate


def compile_all(module: ModuleType) -> None:
    """Compile all rules and kernels of a module, or take them from the compiler's cache."""
    for function in list(vars(module).values()):
        if isinstance(function, Compiled):
            function.dispatcher()
