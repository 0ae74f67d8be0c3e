"""Every file says its kind and version; older ones are brought to today's, newer ones refused."""

import copy
from typing import Any

import pytest

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.versions import MIGRATIONS, VERSIONS, header, up_to_date


def refusal(data: dict[str, Any], kind: str = "scenario") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        up_to_date(data, kind, "mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_file_in_todays_version_stays_as_it_is(kind: str) -> None:
    data = {"schema": header(kind), "name": "a"}
    assert up_to_date(data, kind, "a.yaml") == data


def test_a_file_must_say_what_it_is() -> None:
    assert refusal({"name": "a"}) == ("mine.yaml: the key 'schema' is missing; write schema: cradlecast/scenario/1")
    assert refusal({"schema": 1}) == "mine.yaml: schema must be cradlecast/scenario/1; got 1"
    assert refusal({"schema": "scenario"}) == "mine.yaml: schema must be cradlecast/scenario/1; got 'scenario'"
    assert refusal({"schema": "cradlecast/scenario/x"}).endswith("got 'cradlecast/scenario/x'")


def test_a_file_of_another_kind_is_refused() -> None:
    assert refusal({"schema": "cradlecast/deal/1"}) == (
        "mine.yaml: schema must be cradlecast/scenario/1; got cradlecast/deal/1, that of a deal"
    )
    assert refusal({"schema": "cradlecast/scenaro/1"}) == (
        "mine.yaml: schema must be cradlecast/scenario/1; there is no kind 'scenaro'; did you mean 'scenario'?"
    )


def test_a_newer_file_is_refused() -> None:
    assert refusal({"schema": "cradlecast/scenario/2"}) == (
        "mine.yaml: cradlecast/scenario/2 is newer than this Cradlecast, which reads cradlecast/scenario/1; "
        "install a newer Cradlecast"
    )


def test_a_version_that_never_was_is_refused() -> None:
    assert refusal({"schema": "cradlecast/scenario/0"}) == (
        "mine.yaml: there is no version 0 of scenario files; write cradlecast/scenario/1"
    )


def test_an_older_file_goes_through_every_migration_in_order_and_is_left_as_it_was() -> None:
    def seats_became_places(data: dict[str, Any]) -> dict[str, Any]:
        data["places"] = data.pop("seats")
        return data

    def places_became_a_list(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"places": [data["places"]]}

    old = {"schema": "cradlecast/scenario/1", "seats": 1000, "notes": ["a"]}
    before = copy.deepcopy(old)
    new = up_to_date(
        old,
        "scenario",
        "old.yaml",
        versions={"scenario": 3},
        migrations={("scenario", 2): places_became_a_list, ("scenario", 1): seats_became_places},
    )
    assert new == {"schema": "cradlecast/scenario/3", "places": [1000], "notes": ["a"]}
    assert old == before


def test_there_is_a_migration_from_every_older_version() -> None:
    assert {(kind, version) for kind, today in VERSIONS.items() for version in range(1, today)} == set(MIGRATIONS)
