"""Checks what a file holds against its schema, and says what is wrong in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Figure
from cradlecast.scenarios.wording import one_line, rule, shown, slip

Step = str | int

_CONTAINERS = {"model_type", "dict_type", "list_type", "tuple_type"}


def validate[T: BaseModel](model: type[T], data: Mapping[str, Any], file: str) -> T:
    """The declaration that a file's content makes.

    Nothing is guessed: text is no number, 1 is not true, 3.0 is no whole number. Lists serve for tuples.

    Parameters
    ----------
    model
        Schema of the declaration.
    data
        What the file holds, as `read_yaml` gives it.
    file
        The name that errors give the file.

    Raises
    ------
    InputError
        One sentence with file, key, rule and value of the first thing that is wrong, and how many more are.
    """
    try:
        # As JSON: strict mode then takes a list for a tuple, and a key that is an age for a number.
        text = to_json(data, inf_nan_mode="constants")
        return model.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InputError(f"{one_line(file)}: {_sentence(error.errors(), model, data)}") from None
    except PydanticSerializationError as error:
        raise InputError(f"{one_line(file)}: it holds what no file can hold: {one_line(error)}") from None


def _sentence(errors: Sequence[ErrorDetails], model: type[BaseModel], data: Mapping[str, Any]) -> str:
    """What is wrong first, in words, and how much else is."""
    by_place: dict[tuple[Step, ...], list[ErrorDetails]] = {}
    errors = [_without_tag(error) for error in errors]
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        by_place.setdefault(_place(error, data), []).append(error)
    problems = {place: kept for place, found in by_place.items() if (kept := _to_the_point(place, found, by_place))}
    place, found = next(iter(problems.items()))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return _words(place, found, model, data) + more


def _words(
    place: tuple[Step, ...], errors: Sequence[ErrorDetails], model: type[BaseModel], data: Mapping[str, Any]
) -> str:
    """What is wrong in one place."""
    error = errors[0]
    inside = f" in {_path(place[:-1], data)}" if len(place) > 1 else ""
    if error["type"] == "extra_forbidden":
        return f"unknown key {shown(place[-1])}{inside}{_known(error, place[-1], model)}"
    if error["type"] == "missing":
        return f"the key {shown(place[-1])} is missing{inside}"
    path = _path(place, data)
    if error["type"] in ("value_error", "assertion_error"):
        return f"{path}: {rule(error)}" if path else rule(error)
    if error["loc"][-1] == "[key]":
        return f"a key{inside} {rule(error)}; got {shown(place[-1])}{slip(error)}"
    rules = list(dict.fromkeys(rule(each) for each in errors))
    choice = " or ".join([rules[0], *(each.removeprefix("must be ") for each in rules[1:])])
    hint = next((words for each in errors if (words := slip(each) or _as_figure(each, model))), "")
    return f"{path} {choice}; got {shown(error['input'])}{hint}".lstrip()


def _without_tag(error: ErrorDetails) -> ErrorDetails:
    """The same error, said of the key that tells the members of a union apart and not of the whole record."""
    context = error.get("ctx", {})
    if error["type"] not in ("union_tag_not_found", "union_tag_invalid"):
        return error
    place = (*error["loc"], context["discriminator"].strip("'"))
    if error["type"] == "union_tag_not_found":
        return {"type": "missing", "loc": place, "msg": error["msg"], "input": error["input"]}
    expected = {"expected": " or ".join(context["expected_tags"].rsplit(", ", 1))}
    return {
        "type": "literal_error",
        "loc": place,
        "msg": error["msg"],
        "input": context["tag"],
        "ctx": expected,
    }


def _place(error: ErrorDetails, data: Any) -> tuple[Step, ...]:
    """Where in the file an error is: its location without the labels that pydantic gives members of a union."""
    place: list[Step] = []
    for step in error["loc"]:
        if _holds(data, step):
            data = data[step]
            place.append(step)
    return (*place, error["loc"][-1]) if error["type"] == "missing" else tuple(place)


def _holds(data: Any, step: Step) -> bool:
    """Whether a step leads from one value to another inside it."""
    if isinstance(data, Mapping):
        return step in data
    return isinstance(data, list | tuple) and isinstance(step, int) and 0 <= step < len(data)


def _to_the_point(
    place: tuple[Step, ...], errors: list[ErrorDetails], by_place: Mapping[tuple[Step, ...], object]
) -> list[ErrorDetails]:
    """The errors of one place that are not the mere echo of deeper ones, nor of a union's other members."""
    deeper = any(len(other) > len(place) and other[: len(place)] == place for other in by_place)
    if deeper:
        return [error for error in errors if error["loc"][-1] == "[key]"]
    if isinstance(errors[0]["input"], Mapping | list | tuple):
        return errors
    return [error for error in errors if error["type"] not in _CONTAINERS] or errors


def _path(place: Sequence[Step], data: Any) -> str:
    """A place as a dotted path; an entry of a list by its name, or else by its number, counted from 1.

    Examples
    --------
    >>> _path(("tranches", 1, "rate"), {"tranches": [{}, {"name": "senior"}]})
    'tranches[senior].rate'
    """
    path = ""
    for step in place:
        data = data[step] if _holds(data, step) else None
        if isinstance(step, int):
            name = data.get("name") if isinstance(data, Mapping) else None
            path += f"[{one_line(name)}]" if isinstance(name, str) else f"[#{step + 1}]"
        else:
            path += f".{one_line(step)}" if path else one_line(step)
    return path


def _known(error: ErrorDetails, key: Step, model: type[BaseModel]) -> str:
    """The nearest key of that very record, or else all of its keys."""
    records = (each for each in _types(error["loc"][:-1], model) if _is_record(each))
    keys = list(dict.fromkeys(name for each in records for name in _keys(each)))
    return nearest(str(key)[:60], keys) or f"; the keys are {', '.join(keys)}"


def _as_figure(error: ErrorDetails, model: type[BaseModel]) -> str:
    """How a figure is written, where a bare number stands in the place of one."""
    number = isinstance(error["input"], int | float)
    if number and any(_is_record(each) and issubclass(each, Figure) for each in _types(error["loc"], model)):
        return f" (write value: {shown(error['input'])}, with its unit, source and provenance)"
    return ""


def _types(location: Sequence[Step], model: type[BaseModel]) -> list[Any]:
    """The types that the schema allows at one of pydantic's locations."""
    types: list[Any] = [model]
    for step in location:
        types = [inner for each in types for inner in _inside(each, step)] or _labelled(types, step)
    return types


def _fields(record: type[BaseModel]) -> Iterable[FieldInfo]:
    """The fields of a record."""
    return record.model_fields.values()


def _is_record(annotation: Any) -> bool:
    """Whether an annotation is the class of a record."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _keys(record: type[BaseModel]) -> list[str]:
    """The keys of a record as a file writes them."""
    return [field.alias or name for name, field in record.model_fields.items()]


def _labelled(types: list[Any], label: Step) -> list[Any]:
    """The members of a union that one of pydantic's labels (a class or a tag) names, or all of them."""
    records = [each for each in types if _is_record(each)]
    return (
        [each for each in records if each.__name__ in str(label)]
        or [each for each in records if any(label in get_args(field.annotation) for field in _fields(each))]
        or types
    )


def _inside(annotation: Any, step: Step) -> Iterator[Any]:
    """The types that a step from a value of some type leads to."""
    if _is_record(annotation):
        fields = annotation.model_fields
        found = [fields[name].annotation for name in fields if step == (fields[name].alias or name)]
    elif get_origin(annotation) in (dict, Mapping) and isinstance(step, str):
        found = [get_args(annotation)[1]]
    elif isinstance(step, int):
        found = [each for each in get_args(annotation) if each is not Ellipsis]
    else:
        found = []
    for each in found:
        yield from _leaves(each)


def _leaves(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, one by one."""
    if isinstance(annotation, TypeAliasType):
        yield from _leaves(annotation.__value__)
    elif get_origin(annotation) is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from _leaves(each)
    elif get_origin(annotation) is not Literal:
        yield annotation
