"""Evidence is found by its id, keeps its role, and an estimate kept for validation never sets a parameter."""

import dataclasses
import math
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cradlecast.scenarios import evidence
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import check_inputs, estimate, estimates, prior, priors
from cradlecast.scenarios.registry import ids_in
from cradlecast.scenarios.yaml_file import read_yaml


def test_an_estimate_is_found_by_its_id_with_its_numbers() -> None:
    found = estimate("E1002a")
    assert found.quantity == "NAEP grade 4 reading at/above Proficient"
    assert (found.value, found.se, found.ci_low, found.ci_high, found.ci_level) == (33.3, 0.394, 32.5, 34.0, 0.95)
    assert (found.unit, found.age_at_measurement, found.role) == ("percent", 10.0, "INPUT")
    assert found.between_study_sd is None
    assert found.price_year is None


def test_a_prior_is_found_by_its_key_with_its_numbers() -> None:
    found = prior("P08")
    assert (found.mean, found.sd, found.lower, found.upper) == (0.72, 0.10, 0.40, 0.95)
    assert (found.program, found.outcome, found.shape) == ("prek", "cognitive", "truncated normal")
    assert (prior("P01").lower, prior("P01").upper) == (None, None)


def test_all_rows_are_read_in_the_order_of_the_file() -> None:
    assert list(priors()) == [f"P{number:02}" for number in range(1, 48)]
    assert len(estimates()) > 800
    assert Counter(each.role for each in estimates().values()).keys() == {"INPUT", "VALIDATE"}
    assert all(id == each.id == each.row["id"] for id, each in estimates().items())


def test_words_in_the_place_of_a_number_are_kept_as_words() -> None:
    worded = [each for each in estimates().values() if each.row["n"] and each.n is None]
    assert "89 RCTs" in {each.row["n"] for each in worded}
    assert all(re.search("[^0-9]", each.row["n"]) for each in worded)
    counted = [each for each in estimates().values() if each.n is not None]
    assert all(str(each.n) == each.row["n"] for each in counted)
    assert len(counted) > 100


def test_every_number_is_finite_and_every_spread_positive() -> None:
    for each in estimates().values():
        numbers = (each.value, each.se, each.ci_low, each.ci_high, each.between_study_sd)
        assert all(number is None or math.isfinite(number) for number in numbers)
        assert each.se is None or each.se >= 0
    for each_prior in priors().values():
        assert each_prior.sd > 0
        if each_prior.lower is not None and each_prior.upper is not None:
            assert each_prior.lower <= each_prior.mean <= each_prior.upper


def test_a_record_of_evidence_cannot_be_changed_and_can_be_sent_to_another_process() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate("E1002a").value = 50.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        estimates()["E1002a"] = estimate("E1003a")  # type: ignore[index]
    assert pickle.loads(pickle.dumps(prior("P01"))) == prior("P01")
    assert len({estimate("E1002a"), estimate("E1002a"), estimate("E1003a")}) == 2


def test_what_is_unknown_is_refused_with_the_nearest_id() -> None:
    with pytest.raises(InputError, match=r"^estimates.csv: unknown estimate 'E1002'; did you mean 'E1002a'\?$"):
        estimate("E1002")
    with pytest.raises(InputError, match=r"^priors.csv: unknown prior 'P1'; did you mean 'P\d1'\?$"):
        prior("P1")
    with pytest.raises(InputError, match=r"^unknown evidence 'P48'; did you mean 'P\d\d'\?$"):
        check_inputs(["P01", "E1002a", "P48"])
    with pytest.raises(InputError, match=r"^unknown evidence 'x+\.\.\.'$"):
        check_inputs(["x" * 100_000])


def test_estimates_for_input_and_priors_may_set_a_parameter() -> None:
    check_inputs(["P01", "P47", "E1002a"])
    check_inputs([*priors(), *(id for id, each in estimates().items() if each.role == "INPUT")])
    check_inputs([])


def test_an_estimate_for_validation_may_not_set_a_parameter() -> None:
    held_out = [id for id, each in estimates().items() if each.role == "VALIDATE"]
    assert len(held_out) > 100
    for id in held_out:
        with pytest.raises(InputError, match=f"'{id}' must have role INPUT to set a parameter; it has role VALIDATE"):
            check_inputs(["P01", id])


def test_no_prior_is_derived_from_an_estimate_for_validation() -> None:
    sources = {key: ids_in(each.derived_from) for key, each in priors().items()}
    assert sum(len(ids) > 0 for ids in sources.values()) > 30
    for ids in sources.values():
        check_inputs(ids)


def cited(value: object) -> Iterator[str]:
    """The ids that a data file names under the keys ``evidence`` and ``priors``, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from inner if key in ("evidence", "priors") and isinstance(inner, list) else cited(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from cited(inner)


def test_every_shipped_file_rests_on_evidence_that_may_set_a_parameter() -> None:
    assert list(cited({"a": [{"evidence": ["E1"]}], "b": {"priors": ["P01"], "c": "E2"}})) == ["E1", "P01"]
    paths = sorted(Path(evidence.__file__).parent.glob("*/*.yaml"))
    by_file = {f"{path.parent.name}/{path.name}": list(cited(read_yaml(path))) for path in paths}
    assert len(by_file["communities/memphis.yaml"]) > 0
    assert sum(path.startswith("parameters/") and len(ids) > 0 for path, ids in by_file.items()) > 0
    for ids in by_file.values():
        check_inputs(ids)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the evidence that a test may spoil."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in ("estimates.csv", "priors.csv"):
        original = Path(evidence.__file__).parent / "evidence" / name
        (folder / name).write_bytes(original.read_bytes())
    monkeypatch.setattr(evidence.resources, "files", lambda _: tmp_path)
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("priors.csv", "P02,", "P01,", "priors.csv: row 'P01' must have every column and a key of its own"),
        ("priors.csv", "0.30,0.17", "0.30", "priors.csv: row 'P01' must have every column and a key of its own"),
        ("priors.csv", "0.30,0.17", "0.30,a lot", "priors.csv: sd of 'P01' must be a number; got 'a lot'"),
        ("priors.csv", "0.30,0.17", "nan,0.17", "priors.csv: mean of 'P01' must be a number; got 'nan'"),
        ("priors.csv", "0.30,0.17", "0.30,", "priors.csv: sd of 'P01' must be a number; got nothing"),
        ("estimates.csv", "33.3,0.394", "33.3,-", "estimates.csv: se of 'E1002a' must be a number; got '-'"),
        (
            "estimates.csv",
            "grade 8 30%; NAEP Proficient is NOT grade level,INPUT",
            "x,BOTH",
            "estimates.csv: role of 'E1001a' must be INPUT or VALIDATE; got 'BOTH'",
        ),
    ],
)
def test_a_spoilt_table_is_refused(table: Path, file: str, old: str, new: str, sentence: str) -> None:
    text = (table / file).read_text(encoding="utf-8")
    assert old in text
    (table / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        (priors if file == "priors.csv" else estimates).__wrapped__()
    assert str(caught.value) == sentence
