"""What a person gets who installs Cradlecast: the wheel, in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("model", "scenarios", "finance", "ui")
MADE_BY_TOOLS = (
    ".git",
    ".venv*",
    "build",
    "dist",
    "results",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed and has no way to the repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist of a clean copy of the repository, without network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(*MADE_BY_TOOLS))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, cwd=folder)
    assert len(list((folder / "dist").glob("*.tar.gz"))) == 1
    [built] = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that holds the wheel and borrows only its dependencies from this one."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = programs(folder) / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    borrowed = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (site_packages(folder) / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return folder


def programs(environment: Path) -> Path:
    """Where an environment keeps its programs."""
    return Path(sysconfig.get_path("scripts", "venv", {"base": str(environment)}))


def site_packages(environment: Path) -> Path:
    """Where an environment keeps its packages."""
    variables = {"base": str(environment), "platbase": str(environment)}
    return Path(sysconfig.get_path("purelib", "venv", variables))


def asked(environment: Path, folder: Path, *words: str) -> dict[str, Any]:
    """What the installed command answers in JSON, from an empty folder."""
    answer: dict[str, Any] = json.loads(run(programs(environment) / "cradlecast", *words, "--json", cwd=folder))
    return answer


def test_the_wheel_holds_one_package_with_all_its_modules_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name.split("/")[0].split("-")[0] for name in held} == {"cradlecast"}
    wanted = {f"cradlecast/{path.name}" for path in (ROOT / "cradlecast").glob("*.py")} | {"cradlecast/py.typed"}
    for part in PARTS:
        wanted |= {f"cradlecast/{part}/{path.name}" for path in (ROOT / part).glob("*.py")}
    data = {
        f"cradlecast/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "scenarios").rglob("*.*")
        if path.suffix in {".yaml", ".csv", ".json"}
    }
    assert len(data) > 5
    assert (wanted | data) - held == set()


def test_nothing_but_the_package_lands_at_the_top_of_site_packages(installed: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    landed = {path.name for path in site_packages(installed).iterdir()} - {"borrowed.pth"}
    assert landed == {"cradlecast", f"cradlecast-{version}.dist-info"}


def test_the_installed_package_is_the_one_that_answers(installed: Path, tmp_path: Path) -> None:
    where = run(programs(installed) / "python", "-c", "import cradlecast; print(cradlecast.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(site_packages(installed))


def test_the_installed_command_lists_and_runs_a_shipped_scenario(installed: Path, tmp_path: Path) -> None:
    names = {row["name"] for row in asked(installed, tmp_path, "scenarios")["scenarios"]}
    assert "memphis-prek-1000-lapse" in names
    size = ("--children", "2000", "--draws", "2")
    answer = asked(installed, tmp_path, "run", "memphis-prek-1000-lapse", *size)
    assert {row["milestone"] for row in answer["milestones"]} >= {"kindergarten_ready", "employed"}
    assert all(0 <= row["rate"] <= 1 for row in answer["milestones"])
    assert list(tmp_path.iterdir()) == [], "asking leaves nothing behind"
