"""The house stands as docs/architecture.md says: its floors, its links, and what importing it may do."""

import ast
import functools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("scenarios", "model", "finance", "ui")
FRONT_DOOR = "__init__"

# What each floor may import: everything below it, and nothing beside or above it.
FLOORS: dict[str, set[str]] = {
    "scenarios": set(),
    "model": {"scenarios"},
    "finance": {"scenarios"},
    "workers": {"model", "scenarios"},
    "samples": {"workers", "model", "scenarios"},
    "summaries": {"samples", "model", "scenarios"},
    "gaps": {"summaries", "samples", "model", "scenarios"},
    "accounts": {"model", "scenarios"},
    "ledger": {"accounts", "summaries", "samples", "model", "scenarios"},
    "worth": {"ledger", "accounts", "samples", "model", "finance", "scenarios"},
    "observed": {"samples", "workers", "model", "scenarios"},
    "targets": {"observed", "samples", "workers", "model", "scenarios"},
    "published": {"observed", "samples", "workers", "model", "scenarios"},
    "trials": {"observed", "samples", "workers", "model", "scenarios"},
    "batch": {"samples", "model", "scenarios"},
    "additional": {"study", "summaries", "samples", "model", "scenarios"},
    "preview": {"additional", "summaries", "samples", "model", "finance", "scenarios"},
    "explanation": {"model", "scenarios"},
    "tracing": {"samples", "model", "scenarios"},
    "study": {"ledger", "gaps", "summaries", "samples", "workers", "model", "finance", "scenarios"},
    "pricing": {"study", "worth", "summaries", "samples", "workers", "model", "finance", "scenarios"},
    FRONT_DOOR: {
        "pricing",
        "study",
        "explanation",
        "tracing",
        "trials",
        "targets",
        "published",
        "model",
        "finance",
        "scenarios",
    },
    "ui": {
        FRONT_DOOR,
        "preview",
        "additional",
        "explanation",
        "tracing",
        "pricing",
        "study",
        "model",
        "finance",
        "scenarios",
    },
    "cli": {
        FRONT_DOOR,
        "ui",
        "additional",
        "explanation",
        "tracing",
        "targets",
        "published",
        "trials",
        "observed",
        "pricing",
        "study",
        "model",
        "finance",
        "scenarios",
    },
    "validation_page": {"ui", "trials", "scenarios"},
    "__main__": {"cli"},
}

# Mesa's verb shuffle needs a generator: the set of children orders itself by the model's, and no rule ever sees it.
MESAS_GENERATOR = {"cradlecast.model.childset": {"self._roll.model.random", "self._roll.model.random.shuffle"}}


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    files = {f"cradlecast.{path.stem}": path for path in (ROOT / "cradlecast").glob("*.py")}
    for part in PARTS:
        files |= {f"cradlecast.{part}.{path.stem}": path for path in (ROOT / part).glob("*.py")}
    return {
        name.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"), str(path))
        for name, path in sorted(files.items())
    }


def floor(module: str) -> str:
    """The floor that a dotted name within the package stands on."""
    _, _, rest = module.partition(".")
    return rest.split(".")[0] or FRONT_DOOR


def imports(tree: ast.AST, known: frozenset[str] = frozenset()) -> Iterator[str]:
    """The dotted names that a module imports; ``from a import b`` gives ``a.b`` where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield name if name in known else source


def inner_imports(tree: ast.AST) -> set[str]:
    """The modules of the package that a module imports."""
    known = frozenset(modules()) | {f"cradlecast.{part}" for part in FLOORS}
    return {name for name in imports(tree, known) if name.split(".")[0] == "cradlecast"}


def wrong_floors(module: str, tree: ast.AST) -> list[str]:
    """The imports of a module that point up or aside."""
    here = floor(module)
    return [name for name in sorted(inner_imports(tree)) if floor(name) not in FLOORS[here] | {here}]


def bare_imports(tree: ast.AST) -> list[str]:
    """Imports of a part by its folder's name, or relative ones: each part has one name only."""
    return [name for name in imports(tree) if name.startswith(".") or name.split(".")[0] in PARTS]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle in a graph, or nothing."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            if found := walk(target, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])


def global_luck(tree: ast.AST) -> list[str]:
    """Uses of luck that is not keyed: ``random``, ``numpy.random``, or what Mesa hands to a model."""
    found = [name for name in imports(tree) if name.split(".")[0] == "random" or "numpy.random" in name]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"random", "shuffle", "shuffle_do"}:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy":
            found += [f"numpy.{alias.name}" for alias in node.names if alias.name == "random"]
    return found


def test_every_module_stands_on_a_floor_and_imports_only_what_lies_below() -> None:
    assert {floor(name) for name in modules()} == set(FLOORS)
    wrong = {name: found for name, tree in modules().items() if (found := wrong_floors(name, tree))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("cradlecast.model.seats", "from cradlecast.finance.returns import xirr"),
        ("cradlecast.finance.deal", "def price():\n    from cradlecast import model"),
        ("cradlecast.scenarios.schema", "import cradlecast.model.children"),
        ("cradlecast.model.pipeline", "from cradlecast.study import compare"),
        ("cradlecast.study", "from cradlecast.ui import charts"),
        ("cradlecast.study", "from cradlecast import compare"),
        ("cradlecast.ui.app", "from cradlecast.cli import main"),
    ],
)
def test_an_import_that_points_up_or_aside_is_seen(module: str, line: str) -> None:
    assert len(wrong_floors(module, ast.parse(line))) == 1


def test_an_import_that_points_down_is_allowed() -> None:
    assert wrong_floors("cradlecast.study", ast.parse("from cradlecast.model import seats")) == []
    assert wrong_floors("cradlecast.model.seats", ast.parse("import numpy\nimport cradlecast.model.luck")) == []


def test_there_are_no_circles() -> None:
    graph = {name: inner_imports(tree) - {name} for name, tree in modules().items()}
    assert any(graph.values())
    assert circle(graph) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_parts_are_imported_by_their_one_name() -> None:
    assert {name: found for name, tree in modules().items() if (found := bare_imports(tree))} == {}
    wrong = "from model.seats import award\nimport ui\nfrom .seats import award\nfrom . import seats"
    assert len(bare_imports(ast.parse(wrong))) == 4


def test_the_model_draws_no_luck_that_is_not_keyed() -> None:
    trees = {name: tree for name, tree in modules().items() if floor(name) == "model"}
    assert len(trees) > 1
    assert {name: set(found) for name, tree in trees.items() if (found := global_luck(tree))} == MESAS_GENERATOR


@pytest.mark.parametrize(
    "line",
    [
        "import random",
        "from random import shuffle",
        "import numpy.random",
        "from numpy.random import default_rng",
        "from numpy import random",
        "x = np.random.default_rng(1)",
        "x = self.random.choice([1, 2])",
        "agents.shuffle_do('step')",
    ],
)
def test_luck_that_is_not_keyed_is_seen(line: str) -> None:
    assert global_luck(ast.parse(line)) != []


def test_nothing_below_the_app_imports_panel_or_holoviews() -> None:
    below = {name: tree for name, tree in modules().items() if floor(name) not in {"ui", "cli", "__main__"}}
    shown = {"panel", "holoviews", "bokeh", "param"}
    assert {floor(name) for name in below} == set(FLOORS) - {"ui", "cli", "__main__"}
    roots = {name: {found.split(".")[0] for found in imports(tree)} for name, tree in below.items()}
    assert {name: found & shown for name, found in roots.items() if found & shown} == {}
    assert "numpy" in set().union(*roots.values())


@pytest.mark.parametrize("part", PARTS)
def test_the_package_holds_a_link_to_each_part(part: str) -> None:
    link = ROOT / "cradlecast" / part
    assert link.is_symlink()
    assert link.readlink() == Path("..") / part
    assert (link / "__init__.py").samefile(ROOT / part / "__init__.py")


def test_the_packages_named_in_pyproject_are_the_packages_that_exist() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert declared["packages"] == list(declared["package-dir"])
    assert set(declared["packages"]) == {"cradlecast", *(f"cradlecast.{part}" for part in PARTS)}
    for package, folder in declared["package-dir"].items():
        assert (ROOT / folder / "__init__.py").is_file(), package
    nested = [path for part in PARTS for path in (ROOT / part).rglob("*.py") if path.parent.name != part]
    assert nested == [], "a nested package would not be shipped"


def repository_files() -> list[Path]:
    """The files of the repository: tracked, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


# Put together from pieces, so that this file does not hold what it looks for.
FOREIGN = re.compile(
    r"(?<![\w.~<])/(?:home|root|Users|work)/[\w.-]"
    r"|\b[A-Z]:\\Users\\"
    r"|\bpypi" + r"\.org\b|python" + r"hosted\.org\b|\bindex" + r"-url\b",
)


def test_no_file_names_a_path_of_a_machine_or_the_host_of_a_registry() -> None:
    files = repository_files()
    assert ROOT / "requirements.lock" in files
    lines = ((path, line) for path in files for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    assert [f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in lines if FOREIGN.search(line)] == []


@pytest.mark.parametrize(
    "pieces",
    [
        ("see /ho", "me/ann/data.csv"),
        ('"/ro', 'ot/x"'),
        ("C:\\Us", "ers\\ann"),
        ("--index", "-url https://x"),
        ("https://py", "pi.org/simple"),
    ],
)
def test_a_path_of_a_machine_and_the_host_of_a_registry_are_seen(pieces: tuple[str, str]) -> None:
    assert FOREIGN.search("".join(pieces))


def test_a_web_address_is_not_a_path_of_a_machine() -> None:
    assert not FOREIGN.search("https://example.org/ho" + "me/page")


def test_importing_the_front_door_brings_in_nothing_heavy() -> None:
    program = "import sys, cradlecast; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    seen = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = set(seen.stdout.split())
    assert "cradlecast" in loaded
    assert loaded.isdisjoint({"mesa", "numba", "panel", "holoviews", "bokeh", "pandas", "scipy"})
