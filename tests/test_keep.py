"""What was found comes back as it was, under a name that says everything it depends on."""

from dataclasses import replace
from pathlib import Path

import pytest

from cradlecast.pricing import price
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui import keep
from cradlecast.ui.keep import folder, keep_found, path_of, plainly, read_found
from cradlecast.ui.rows import tables_of

LAPSE = load_scenario("memphis-prek-1000-lapse")
DEAL = load_deal("memphis-illustrative")
SMALL = Options(children=300, draws=2, worlds=1, horizon=6)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test."""
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pages"


def test_what_was_found_comes_back_to_the_last_digit(own_folder: Path) -> None:
    for result in (run(LAPSE, SMALL), price(DEAL, LAPSE, SMALL)):
        found = plainly(result.record, result.tables)
        path = path_of("study", LAPSE, None, SMALL)
        keep_found(path, found)
        back = read_found(path)
        assert back is not None
        assert back.record == found.record
        for table in tables_of(found.tables):
            again = next(each for each in tables_of(back.tables) if each.name == table.name)
            assert again.rows == table.rows
    assert own_folder == folder() == path.parent


def test_a_name_says_what_the_numbers_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        path_of("study", LAPSE, None, SMALL),
        path_of("deal", LAPSE, DEAL, SMALL),
        path_of("study", LAPSE.with_levers({"seats": 999}), None, SMALL),
        path_of("study", LAPSE, None, replace(SMALL, evidence="pessimistic")),
        path_of("study", LAPSE, None, replace(SMALL, seed=2)),
        path_of("deal", LAPSE, DEAL.model_copy(update={"title": "another"}), SMALL),
    }
    assert len(names) == 6
    before = path_of("study", LAPSE, None, SMALL)
    monkeypatch.setattr(keep, "_ground", lambda community: "other code")
    assert path_of("study", LAPSE, None, SMALL) != before


def test_what_is_missing_or_damaged_is_run_again(own_folder: Path) -> None:
    path = path_of("study", LAPSE, None, SMALL)
    assert read_found(path) is None
    own_folder.mkdir(parents=True)
    for content in ("", "{", "[]", '{"milestones": []}', "null"):
        path.write_text(content, encoding="utf-8")
        assert read_found(path) is None, content


def test_only_so_many_files_are_kept(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "MOST_FILES", 3)
    found = plainly({"asked": 1}, {})
    for seed in range(6):
        keep_found(path_of("study", LAPSE, None, replace(SMALL, seed=seed)), found)
    assert len(list(own_folder.iterdir())) == 3
    assert read_found(path_of("study", LAPSE, None, replace(SMALL, seed=5))) is not None


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path / "file"))
    path = path_of("study", LAPSE, None, SMALL)
    keep_found(path, plainly({}, {}))
    assert read_found(path) is None
