"""A file is read strictly: plain values or one clear sentence, and soon."""

import json
import math
import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cradlecast.scenarios import yaml_file
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.yaml_file import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_yaml, read_yaml

LOADERS = sorted({yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}, key=lambda each: each.__name__)


@pytest.fixture(params=LOADERS, ids=lambda each: str(each.__name__))
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both parsers of PyYAML: the compiled one, and the one that stands in where it is missing."""
    monkeypatch.setattr(yaml_file, "_LOADER", request.param)
    yield


def refusal(content: str | bytes, file: str = "mine.yaml") -> str:
    """The sentence with which some text is refused."""
    with pytest.raises(InputError) as caught:
        parse_yaml(content.encode() if isinstance(content, str) else content, file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert message.isprintable()
    return message.removeprefix(f"{file}: ")


@pytest.mark.usefixtures("loader")
def test_a_declaration_is_read_into_plain_values() -> None:
    text = """\
# yaml-language-server: $schema=../schemas/scenario.json
schema: cradlecast/scenario/1
name: memphis
open: yes
county: 047157
share: 0.94
seats: 1000
starts: 2019-08-01
note: '1000'
nothing:
long: |
  two
  lines
changes:
  - {program: prek, seats: -5, kept: true}
  - [1, 2.5, null]
"""
    assert parse_yaml(text.encode(), "memphis.yaml") == {
        "schema": "cradlecast/scenario/1",
        "name": "memphis",
        "open": "yes",
        "county": "047157",
        "share": 0.94,
        "seats": 1000,
        "starts": date(2019, 8, 1),
        "note": "1000",
        "nothing": None,
        "long": "two\nlines\n",
        "changes": [{"program": "prek", "seats": -5, "kept": True}, [1, 2.5, None]],
    }


@pytest.mark.usefixtures("loader")
def test_an_age_written_as_a_key_is_its_text() -> None:
    assert parse_yaml(b"seats: {3: 10, 4: 20}", "f.yaml") == {"seats": {"3": 10, "4": 20}}
    assert "the key '4' is given twice" in refusal("{4: 1, '4': 2}")


@pytest.mark.usefixtures("loader")
def test_a_mark_at_the_start_and_an_end_of_document_do_no_harm() -> None:
    assert parse_yaml(b"\xef\xbb\xbf%YAML 1.2\n---\na: 1\r\n...\n", "f.yaml") == {"a": 1}


@pytest.mark.usefixtures("loader")
def test_an_alias_bomb_is_refused_at_its_first_anchor_and_soon() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n"
    assert len(bomb) < 1000
    start = time.perf_counter()
    assert refusal(bomb) == "line 1: anchors are not allowed; write the value out; got '&a'"
    assert time.perf_counter() - start < 0.5


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: *a", "line 2: aliases are not allowed; write the value out; got '*a'"),
        ("a: &x 1", "line 1: anchors are not allowed; write the value out; got '&x'"),
        ("&x a: 1", "line 1: anchors are not allowed; write the value out; got '&x'"),
        ("a:\n  <<: {b: 1}", "line 2: merge keys are not allowed; write the keys out; got '<<'"),
        ("a: !!str 5", "line 1: tags are not allowed; write a plain value; got 'tag:yaml.org,2002:str'"),
        ("a: !mine {}", "line 1: tags are not allowed; write a plain value; got '!mine'"),
        ("! a: 1", "line 1: tags are not allowed; write a plain value; got '!'"),
        ("a: 1\n---\nb: 2", "line 2: a file must hold one document; a second one begins after '---'"),
        ("seats: 1\nx: 2\nseats: 3", "line 3: the key 'seats' is given twice, first in line 1"),
        ("a: {b: 1, 'b': 2}", "line 1: the key 'b' is given twice, first in line 1"),
        ("? [a]\n: 1", "line 1: a key must be text, not a list or a mapping"),
        ("? {a: 1}\n: 1", "line 1: a key must be text, not a list or a mapping"),
        ("a: 1\nb: .nan", "line 2: a number must be finite; got '.nan'"),
        ("a: [1, -.inf]", "line 1: a number must be finite; got '-.inf'"),
        ("a: 1e999", "line 1: a number must be finite; got '1e999'"),
        (
            "a: 2019-02-30",
            "line 1: a date must be a day of the calendar, as in 2026-08-01; got '2019-02-30'",
        ),
        ("- a\n- b", "line 1: a file must be a mapping of keys to values at its top; got a list of 2"),
        ("memphis", "line 1: a file must be a mapping of keys to values at its top; got 'memphis'"),
        ("false", "line 1: a file must be a mapping of keys to values at its top; got false"),
        ("", "the file is empty; it must be a mapping of keys to values"),
        ("# a comment", "the file is empty; it must be a mapping of keys to values"),
        ("---\n...", "the file is empty; it must be a mapping of keys to values"),
        ("null", "the file is empty; it must be a mapping of keys to values"),
    ],
)
def test_what_a_declaration_never_needs_is_refused(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("key", ["true", "null", "~", "1.5", "2019-08-01"])
def test_a_key_that_is_not_text_is_refused(key: str) -> None:
    sentence = "line 2: a key must be text (put it in quotes if it is meant as such)"
    assert refusal(f"a: 1\n{key}: 2").startswith(sentence)
    assert parse_yaml(f"a: 1\n'{key}': 2".encode(), "f.yaml") == {"a": 1, key: 2}


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a: 1\nb: x: y", 2, "text that holds a colon needs quotes"),
        ("a:\n\t- 1", 2, "indent with spaces, not tabs"),
        ("a: 1\nb: `x`", 2, "put text that begins with % @ or ` in quotes"),
        ("a: 1\nb\nc: 2", 3, "could not find expected ':'; every line of a mapping is a key, a colon"),
        ("a: [1, 2", 1, ""),
        ('a: "b', 1, "unexpected end of stream"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line_and_the_likely_slip(text: str, line: int, hint: str) -> None:
    message = refusal(text)
    assert message.startswith((f"line {line}: this is not YAML: ", f"line {line + 1}: this is not YAML: "))
    assert hint in message


@pytest.mark.usefixtures("loader")
def test_characters_that_are_no_text_are_refused() -> None:
    assert refusal(b"a: 1\nb: \xff").startswith("line 2: a file must be text in UTF-8; got the byte 0xff")
    assert "UTF-8" in refusal("a: 1".encode("utf-16"))
    assert refusal("a: \x07").startswith("this is not YAML: unacceptable character")
    assert refusal("a: \x00").startswith("this is not YAML: unacceptable character")
    refusal('a: "\\ud800"')
    refusal('a: "\\UFFFFFFFF"')


def nested(depth: int) -> bytes:
    """Lists in a mapping, so many levels in all."""
    return b"a: " + b"[" * (depth - 2) + b"1" + b"]" * (depth - 2)


@pytest.mark.usefixtures("loader")
def test_nesting_is_bounded() -> None:
    assert parse_yaml(nested(MAX_DEPTH), "f.yaml")
    assert refusal(nested(MAX_DEPTH + 1)) == f"line 1: values may be nested {MAX_DEPTH} deep at most"


@pytest.mark.parametrize("unit", ["[", "- ", "? ", "{a: ", "a: [", "-\n "])
def test_a_depth_bomb_is_refused_soon(unit: str) -> None:
    bomb = unit * (MAX_BYTES // len(unit))
    assert len(bomb) > MAX_BYTES - 10
    start = time.perf_counter()
    refusal(bomb)
    assert time.perf_counter() - start < 0.5


def test_keys_and_values_are_counted() -> None:
    entries = MAX_NODES - 3  # beside the mapping, the key and the list
    assert len(parse_yaml(b"a: [" + b"1," * entries + b"]", "f.yaml")["a"]) == entries
    start = time.perf_counter()
    assert refusal(b"a: [" + b"1," * 400_000 + b"]") == f"line 1: a file may hold at most {MAX_NODES:,} keys and values"
    assert time.perf_counter() - start < 0.5


def test_a_key_has_a_bounded_length() -> None:
    assert parse_yaml(b"k" * 200 + b": 1", "f.yaml") == {"k" * 200: 1}
    message = refusal(b"k" * 201 + b": 1")
    assert message.startswith("line 1: a key may have at most 200 letters; got 'kkk")
    assert len(message) < 120


def test_two_mebibytes_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * (2 * 1024 * 1024 - 5))
    monkeypatch.setattr(Path, "open", None)
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert time.perf_counter() - start < 0.5
    assert str(caught.value) == "large.yaml: a file may have at most 1,048,576 bytes (1 MiB); it has 2,097,152"
    assert refusal(b"#" * (MAX_BYTES + 1)).startswith("a file may have at most")


def test_a_file_of_one_mebibyte_is_read(tmp_path: Path) -> None:
    path = tmp_path / "full.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 5))
    assert read_yaml(path) == {"a": 1}


def missing(path: Path) -> str:
    """The sentence with which a path is refused."""
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    return str(caught.value)


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "memphis.yaml").write_text("a: 1")
    wrong = tmp_path / "memfis.yaml"
    assert missing(wrong) == f"there is no file {wrong}; did you mean 'memphis.yaml'?"
    nowhere = tmp_path / "none" / "a.yaml"
    assert missing(nowhere) == f"there is no file {nowhere} (nor its folder {tmp_path / 'none'})"
    inside_a_file = tmp_path / "memphis.yaml" / "a.yaml"
    assert missing(inside_a_file).startswith(f"there is no file {inside_a_file}")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert missing(tmp_path) == f"{tmp_path} is a folder; name a file in it"
    assert missing(Path("a\0b.yaml")) == "a\\x00b.yaml cannot be the name of a file"
    assert "cannot be read: " in missing(tmp_path / ("x" * 5000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert missing(pipe) == f"{pipe} is not an ordinary file"


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: 1")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert missing(path) == f"{path} cannot be read: Permission denied"


def test_an_odd_name_or_value_cannot_break_the_line() -> None:
    assert refusal("a: &\x1b x", "f.yaml").isprintable()
    with pytest.raises(InputError) as caught:
        parse_yaml(b"\"a\\nb\\e[31m\": 1\n'x': 1\nx: 2", "od\nd.yaml")
    assert str(caught.value) == "od\\nd.yaml: line 3: the key 'x' is given twice, first in line 2"


words = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"), include_characters="\n\t"), max_size=9)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=10,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.dictionaries(words, plain, min_size=1, max_size=4))
@example({"": 1e-300, "\U00010000": "yes", "<<": "null"})
def test_whatever_is_written_as_json_is_read_back_alike(data: dict[str, Any]) -> None:
    assert parse_yaml(json.dumps(data, ensure_ascii=False).encode(), "f.yaml") == data


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    read_or_refused(content)


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(st.text(alphabet="ab01:.-+e#&*!|>%@`'\"[]{},?<=~_ \n\t\\xuU\ud7ff\U0001f600", max_size=60))
@example('a: "\\UFFFFFFFF"')
@example("%YAML 9999999999999999999.1\n---\na: 1")
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in LOADERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml_file, "_LOADER", each)
            read_or_refused(text.encode())


def read_or_refused(content: bytes) -> None:
    """Reads bytes as a file: only plain values or an InputError of one line may come out."""
    try:
        value = parse_yaml(content, "f.yaml")
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert is_plain(value)


def is_plain(value: object) -> bool:
    """Whether a value is what a file may hold."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(is_plain(each) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str | date)
