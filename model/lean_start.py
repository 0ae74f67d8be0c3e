"""Mesa and SciPy imported without parts that no command uses, which are imported when somebody names them.

Mesa's grids, networks, older spaces and runner of batches bring networkx, ``scipy.spatial`` and tqdm with them: two
fifths of the time that Mesa takes. ``import mesa`` runs here with empty modules in their place. They are gone when it
is done: nothing that stood in for something is left in ``sys.modules`` or in Mesa, and ``import mesa.space``, ``from
mesa.discrete_space import Network`` or ``mesa.batch_run`` import the part itself, the last by a module's
``__getattr__`` as Python knows it (PEP 562). Where Mesa wants more of a part than to name it, as another version may,
all of it is imported anew, as a whole.

While it is imported, Mesa asks twice who calls it, for the name of a logger. ``inspect`` would read the source of all
callers for that and look at the file of every module there is; the same answers are given from the callers alone.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, Final

PUT_OFF: Final[Mapping[str, str | None]] = {
    "mesa.discrete_space": None,
    "mesa.space": None,
    "mesa.experimental.continuous_space": None,
    "mesa.batchrunner": "batch_run",
}
"""Parts of Mesa, and the name that ``mesa`` itself takes from one."""


def import_mesa() -> None:
    """Import Mesa; parts that no command uses wait until they are named.

    For a process of one's own, before it has threads that import. Where Mesa is imported already, nothing is done.
    """
    if "mesa" in sys.modules:
        return
    parts, done = _Parts(), False
    sys.meta_path.insert(0, parts)
    try:
        with suppress(Exception):  # whatever goes wrong without parts is tried with them below
            import_module("mesa")
            done = parts.put_off()
    finally:
        sys.meta_path.remove(parts)
        parts.callers.leave()
        if not done:
            for name in [name for name in sys.modules if name == "mesa" or name.startswith("mesa.")]:
                del sys.modules[name]
    if not done:
        import_module("mesa")


def import_special() -> None:
    """Import SciPy's special functions without NumPy's compiler of Fortran.

    SciPy keeps a copy of all names of NumPy, and NumPy imports its compiler when it is named (0.06 s). Meanwhile there
    is nothing under that name, and there stays nothing in SciPy's own copy; NumPy has its compiler as ever.
    """
    import numpy

    if "scipy.special" in sys.modules or "numpy.f2py" in sys.modules:
        return
    vars(numpy)["f2py"] = None
    try:
        import_module("scipy.special")
    finally:
        del vars(numpy)["f2py"]


class _Empty(ModuleType):
    """Stands for a part meanwhile, and knows whether anything was wanted of it."""

    wanted = False

    def __getattr__(self, name: str) -> object:
        self.wanted = True
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class _Callers(ModuleType):
    """``inspect`` as Mesa's logging sees it meanwhile: callers without their source, and all else as it is."""

    def __init__(self) -> None:
        super().__init__("inspect")
        self._seen_by: ModuleType | None = None

    def enter(self) -> None:
        """Answer Mesa's logging from now on."""
        with suppress(ImportError):
            logging = import_module("mesa.mesa_logging")
            if vars(logging).get("inspect") is inspect:
                vars(logging)["inspect"], self._seen_by = self, logging

    def leave(self) -> None:
        """Give ``inspect`` back."""
        if self._seen_by is not None:
            vars(self._seen_by)["inspect"] = inspect

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    def stack(self) -> list[inspect.FrameInfo]:
        """The callers of whoever asks, beginning with itself."""
        return self.getouterframes(sys._getframe(1))

    def getouterframes(self, frame: FrameType | None) -> list[inspect.FrameInfo]:
        """A frame and its callers."""
        found = []
        while frame is not None:
            code = frame.f_code
            found.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
            frame = frame.f_back
        return found

    def getmodule(self, frame: FrameType) -> ModuleType:
        """The module that a frame is in."""
        return sys.modules[frame.f_globals["__name__"]]


class _Parts(MetaPathFinder, Loader):
    """Finds an empty module for each part that is put off."""

    def __init__(self) -> None:
        self.empty: dict[str, _Empty] = {}
        self.promise = object()
        self.callers = _Callers()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """An empty package for a part that is put off; whoever looks inside it wants more than its name."""
        if fullname == "mesa.model":
            self.callers.enter()
        if fullname in PUT_OFF:
            return ModuleSpec(fullname, self, is_package=True)
        outer = self.empty.get(fullname.rpartition(".")[0])
        if outer is not None:
            outer.wanted = True
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module, which holds a promise for the name that is taken from it."""
        empty = self.empty[spec.name] = _Empty(spec.name)
        name = PUT_OFF[spec.name]
        if name is not None:
            setattr(empty, name, self.promise)
        return empty

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run: what is asked of the module from now on is noted, but for where its file is."""
        module.__file__ = None  # ``inspect`` asks all modules that are there
        self.empty[module.__name__].wanted = False

    def put_off(self) -> bool:
        """Take every empty module away, and let its name import the part; False if Mesa wanted more than names."""
        late: dict[str, dict[str, tuple[str, str | None]]] = {}
        for part in self.empty:
            parent, _, name = part.rpartition(".")
            late.setdefault(parent, {})[name] = (part, None)
            taken = PUT_OFF[part]
            if taken is not None:
                late.setdefault("mesa", {})[taken] = (part, taken)
        mesa = {name: vars(module) for name, module in sys.modules.items() if name.partition(".")[0] == "mesa"}
        stand_ins = [self.promise, *self.empty.values()]
        held = {
            (home, name)
            for home, names in mesa.items()
            if home not in self.empty
            for name, value in names.items()
            if any(value is one for one in stand_ins)
        }
        if (
            any(empty.wanted for empty in self.empty.values())
            or held != {(home, name) for home, names in late.items() for name in names}
            or any(hook in mesa[home] for home in late for hook in ("__getattr__", "__dir__"))
        ):
            return False
        for part in self.empty:
            del sys.modules[part]
        for home, names in late.items():
            for name in names:
                delattr(sys.modules[home], name)
            _import_when_named(sys.modules[home], names)
        return True


def _import_when_named(package: ModuleType, late: dict[str, tuple[str, str | None]]) -> None:
    """Let names of a package be imported when they are asked for: where each is, and what it is called there."""

    def __getattr__(name: str) -> object:
        if name not in late:
            raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
        part, taken = late[name]
        module = import_module(part)
        value = module if taken is None else getattr(module, taken)
        setattr(package, name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(package), *late})

    vars(package).update(__getattr__=__getattr__, __dir__=__dir__)
