"""Mesa and SciPy imported without parts that no command uses: nobody can tell, and who needs them gets them."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cradlecast.model.lean_start import PUT_OFF, _Callers

ROOT = Path(__file__).resolve().parent.parent
BROUGHT = {"networkx", "scipy.spatial", "tqdm", "mesa.discrete_space", "mesa.space", "mesa.batchrunner", "numpy.f2py"}
"""What comes with the parts that are put off."""


def told(code: str, *first: Path) -> object:
    """What code prints as JSON, in a process of its own; these folders come before all others."""
    paths = os.pathsep.join(map(str, [*first, ROOT]))
    start = "import json, sys\nfrom cradlecast.model.lean_start import import_mesa, import_special\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", start + textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_command_leaves_out_what_it_does_not_use() -> None:
    loaded = told("""
        from cradlecast import cli
        with cli._importing_model():
            from cradlecast import pricing, study, tracing
        print(json.dumps([*sys.modules]))
    """)
    assert isinstance(loaded, list)
    assert {"mesa", "mesa.model", "numba", "cradlecast.study"} <= {*loaded}
    assert BROUGHT.isdisjoint(loaded)


def test_mesa_is_the_same_whether_or_not_parts_are_put_off() -> None:
    names = """
        import mesa, mesa.experimental
        print(json.dumps([[name, repr(type(getattr(home, name)))] for home in (mesa, mesa.experimental)
            for name in dir(home) if name not in ("__getattr__", "__dir__", "__builtins__")]))
    """
    assert told(f"if True:\n import_mesa()\n{textwrap.indent(textwrap.dedent(names), ' ')}") == told(names)


def test_mesa_hears_the_same_callers_as_ever() -> None:
    """Its loggers have their names, and its log says of which class a method is."""
    heard = """
        import logging, inspect
        import mesa.mesa_logging, mesa.model
        logging.getLogger("MESA").setLevel(logging.DEBUG)
        said = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append((record.name, record.getMessage().partition(" with ")[0]))
        logging.getLogger("MESA").addHandler(handler)
        mesa.Model()
        assert mesa.mesa_logging.inspect is inspect and "calling" in said[0][1]
        print(json.dumps([said, mesa.model._mesa_logger.name, sorted(mesa.mesa_logging._module_loggers)]))
    """
    assert told(f"if True:\n import_mesa()\n{textwrap.indent(textwrap.dedent(heard), ' ')}") == told(heard)


def test_callers_are_those_that_python_knows() -> None:
    import inspect

    callers = _Callers()
    told_by, known = callers.stack(), inspect.stack()
    assert [frame[:2] + frame[3:4] for frame in told_by] == [frame[:2] + frame[3:4] for frame in known]
    assert callers.getmodule(told_by[0].frame) is sys.modules[__name__]
    assert callers.isfunction is inspect.isfunction


@pytest.mark.parametrize("part", PUT_OFF)
def test_a_part_is_there_when_it_is_named(part: str) -> None:
    found = told(f"""
        import_mesa()
        import mesa, mesa.experimental
        named = {part}
        import importlib
        import {part}
        print(json.dumps([named is sys.modules["{part}"] is importlib.import_module("{part}") is {part},
            type(named).__name__, len(dir(named)) > 8, named.__spec__.loader.__class__.__name__]))
    """)
    assert found == [True, "module", True, "SourceFileLoader"]


@pytest.mark.parametrize("part", PUT_OFF)
def test_a_part_may_be_imported_first(part: str) -> None:
    """From its parent, by a module inside it, or by its full name."""
    parent, _, name = part.rpartition(".")
    assert told(f"""
        import_mesa()
        from {parent} import {name}
        print(json.dumps({name} is sys.modules["{part}"]))
    """)


def test_networks_grids_and_batches_work_after_all() -> None:
    assert told("""
        import_mesa()
        assert "networkx" not in sys.modules
        import copy, pickle
        from functools import partial
        import networkx
        import mesa
        from mesa import *
        from mesa.discrete_space import Network, OrthogonalMooreGrid
        from random import Random
        graph = networkx.path_graph(4)
        space = mesa.discrete_space.Network(graph, random=Random(1))
        assert isinstance(space.G, networkx.Graph) and Network is mesa.discrete_space.network.Network
        assert len(mesa.space.NetworkGrid(graph).get_neighborhood(1)) == 2
        grid = pickle.loads(pickle.dumps(OrthogonalMooreGrid((3, 3), random=Random(1))))
        assert len(grid.all_cells) == 9
        assert batch_run is mesa.batch_run is pickle.loads(pickle.dumps(mesa.batch_run)) is mesa.batchrunner.batch_run
        class One(mesa.Model):
            def __init__(self, seed=None, rng=None, **more):
                super().__init__(rng=rng)
                self.datacollector = mesa.DataCollector({"two": lambda model: 2})
            def step(self):
                self.datacollector.collect(self)
        rows = mesa.batch_run(One, {}, rng=[1], max_steps=2, display_progress=False)
        print(json.dumps([row["two"] for row in rows]))
    """) == [2]


def test_threads_that_name_a_part_at_once_get_the_same() -> None:
    found = told("""
        import_mesa()
        import mesa, threading
        from concurrent.futures import ThreadPoolExecutor
        from importlib import import_module
        together = threading.Barrier(8)
        def named(number):
            together.wait()
            if number % 2:
                import_module("mesa.discrete_space.network")
            return mesa.discrete_space.Network, mesa.space.NetworkGrid, mesa.batch_run
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(named, range(8)))
        print(json.dumps(len(set(found))))
    """)
    assert found == 1


def test_an_unknown_name_is_refused_as_ever() -> None:
    found = told("""
        import_mesa()
        import mesa
        try:
            mesa.discrete_spaces
        except AttributeError as error:
            print(json.dumps(str(error)))
    """)
    assert found == "module 'mesa' has no attribute 'discrete_spaces'"


def mesa_like(folder: Path, **more: str) -> Path:
    """A folder with a package called mesa, made like Mesa but for what is said."""
    files = {
        "__init__": "import mesa.discrete_space as discrete_space\nfrom mesa.batchrunner import batch_run\n"
        "from mesa.model import Model\n",
        "discrete_space": "class Grid: pass",
        "batchrunner": "def batch_run(): return 1",
        "model": "class Model: pass",
        "mesa_logging": "import inspect",
    }
    home = folder / "mesa"
    home.mkdir()
    for name, code in (files | more).items():
        (home / f"{name}.py").write_text(code)
    return folder


STATE = """
import mesa
print(json.dumps([mesa.__file__ is not None, "mesa.discrete_space" in sys.modules,
    hasattr(mesa.discrete_space, "Grid"), mesa.batch_run(), getattr(mesa.model, "Kind", None) is not None,
    any(type(finder).__module__.startswith("cradlecast") for finder in sys.meta_path)]))
"""


def test_what_is_like_mesa_is_treated_like_it(tmp_path: Path) -> None:
    assert told("import_mesa()\n" + STATE, mesa_like(tmp_path)) == [True, False, True, 1, False, False]


@pytest.mark.parametrize(
    "model",
    [
        "from mesa.discrete_space import Grid as Kind",
        "import mesa.discrete_space\nKind = mesa.discrete_space.Grid",
        "try:\n    from mesa.discrete_space import Grid as Kind\nexcept ImportError:\n    Kind = None",
        "import mesa.discrete_space\nKind = getattr(mesa.discrete_space, 'Grid', None)",
        "try:\n    import mesa.discrete_space.cells\nexcept ImportError:\n    pass\nclass Kind: pass",
        "from mesa import discrete_space\nclass Kind: pass",
        "from mesa.batchrunner import batch_run\nKind = batch_run",
        "from mesa.batchrunner import batch_run\nKind = batch_run()",
        "from mesa import mesa_logging\nmesa_logging.inspect.stack(0)\nclass Kind: pass",
    ],
)
def test_another_mesa_that_needs_a_part_is_imported_whole(tmp_path: Path, model: str) -> None:
    another = mesa_like(tmp_path, model=f"{model}\nclass Model: pass\n")
    assert told("import_mesa()\n" + STATE, another) == [True, True, True, 1, True, False]


def test_another_mesa_with_hooks_of_its_own_keeps_them(tmp_path: Path) -> None:
    start = "import mesa.discrete_space as discrete_space\nimport mesa.model\nfrom mesa.batchrunner import batch_run\n"
    own = mesa_like(tmp_path, __init__=start + "def __getattr__(name):\n    return name\n")
    assert told("import_mesa()\nimport mesa\nprint(json.dumps([mesa.other, mesa.batch_run()]))", own) == ["other", 1]


def test_an_imported_mesa_is_left_alone() -> None:
    assert told("import mesa\nhad = vars(mesa).copy()\nimport_mesa()\nprint(json.dumps(vars(mesa) == had))")


def test_an_interrupted_import_leaves_nothing_behind(tmp_path: Path) -> None:
    found = told(
        """
        try:
            import_mesa()
        except KeyboardInterrupt:
            print(json.dumps([[name for name in sys.modules if name.startswith("mesa")],
                [type(finder).__module__ for finder in sys.meta_path if type(finder).__module__.startswith("crad")]]))
        """,
        mesa_like(tmp_path, model="raise KeyboardInterrupt"),
    )
    assert found == [[], []]


def test_special_functions_come_without_a_compiler_of_fortran_which_numpy_still_has() -> None:
    assert told("""
        import_special()
        from scipy.special import ndtri
        import numpy
        assert ndtri(0.5) == 0 and "numpy.f2py" not in sys.modules and "f2py" not in vars(numpy)
        named = numpy.f2py
        from numpy import f2py
        import numpy.f2py
        print(json.dumps([named is f2py is numpy.f2py is sys.modules["numpy.f2py"], callable(f2py.run_main)]))
    """) == [True, True]


@pytest.mark.parametrize("first", ["scipy.special", "numpy.f2py"])
def test_what_is_imported_already_is_left_alone(first: str) -> None:
    assert told(f"""
        import {first}
        import_special()
        import numpy
        print(json.dumps(numpy.f2py is sys.modules["numpy.f2py"]))
    """)


def test_numpy_has_its_compiler_when_scipy_cannot_be_imported(tmp_path: Path) -> None:
    home = tmp_path / "scipy"
    home.mkdir()
    (home / "__init__.py").touch()
    (home / "special.py").write_text("raise ImportError('not here')")
    assert told(
        """
        try:
            import_special()
        except ImportError as error:
            import numpy
            print(json.dumps([str(error), callable(numpy.f2py.run_main)]))
        """,
        tmp_path,
    ) == ["not here", True]


@pytest.mark.parametrize(("given", "used"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_linear_algebra_takes_one_thread_unless_the_user_says_otherwise(given: dict[str, str], used: str) -> None:
    code = """
        import os, sys
        from cradlecast.__main__ import command
        sys.argv = ["cradlecast", "--version"]
        os._exit = lambda status: print(status, os.environ["OPENBLAS_NUM_THREADS"])
        command()
    """
    known = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=known | {"PYTHONPATH": str(ROOT)} | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == f"0 {used}"
