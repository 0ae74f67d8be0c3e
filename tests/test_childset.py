"""Children as Mesa agents: every verb gives what Mesa's AgentSet of the same children gives, in the same order."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

import mesa
import numpy as np
import pytest
from mesa.agentset import AbstractAgentSet, AgentSet, _HardKeyAgentSet

from cradlecast.model.child import FIELDS, Child
from cradlecast.model.children import Children
from cradlecast.model.childset import ChildSet
from cradlecast.model.institutions import PreKSite, School, Site
from cradlecast.model.kernels import PREK, Real, Seat, Whole, Wide
from cradlecast.model.mesa_compat import as_mesa
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.scenarios.community import MILESTONES
from tests.test_engines import digest, same
from tests.worlds import born, settings

N = 120


def town(n_children: int = N, arm: int = 1) -> Pipeline:
    """A model that has not begun, its children known to Mesa."""
    setting = settings(n_children=n_children)[arm]
    model = Pipeline(setting, born(setting))
    as_mesa(model)
    return model


@lru_cache(maxsize=1)
def _grown() -> bytes:
    """A model in its tenth year, when half of the columns have something in them."""
    model = town()
    model.run_for(10)
    return pickle.dumps(model)


@pytest.fixture
def model() -> Pipeline:
    """A model in its tenth year, one's own to change."""
    lived: Pipeline = pickle.loads(_grown())
    return lived


@pytest.fixture
def children(model: Pipeline) -> ChildSet:
    found: ChildSet = model.agents_by_type[Child]
    return found


class PlainChild(mesa.Agent):
    """What a Mesa user would write: one registered object a child, with attributes of its own."""

    def __init__(self, model: mesa.Model, columns: Children, row: int) -> None:
        super().__init__(model)
        self.unique_id = (int(columns.ids[1, row]) << 32) + int(columns.ids[0, row])
        self.cohort = np.int32(int(columns.ids[1, row]) % 65536)
        for column in Real:
            setattr(self, column.name.lower(), columns.real(column)[row])
        for name in ("group", "area", "cell", "applied", "attends", "left"):
            setattr(self, name, np.int32(columns.k[Whole[name.upper()], row]))
        self.school = columns.wide[Wide.SCHOOL, row]
        self.care_at_3, self.care_at_4 = (np.int32(columns.k[care, row]) for care in (Whole.CARE3, Whole.CARE4))
        self.site_at_3, self.site_at_4 = (np.int32(columns.seats[site, row]) for site in (Seat.SITE3, Seat.SITE4))
        for at, milestone in enumerate(MILESTONES):
            setattr(self, milestone, np.bool_(int(columns.k[Whole.REACHED, row]) // 2**at % 2))


@pytest.fixture
def plain(model: Pipeline) -> AgentSet[PlainChild]:
    """The same children in a plain Mesa model with the same generator; the list keeps them alive."""
    other = mesa.Model(rng=0)
    columns = model.columns()
    made = AgentSet([PlainChild(other, columns, row) for row in range(len(columns))], random=other.random)
    other.kept = list(made)
    made.model = other
    return made


def ids(agents: Any) -> list[int]:
    return [int(agent.unique_id) for agent in agents]


@pytest.fixture
def flyweights(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the children made since, one entry an object."""
    made: list[int] = []
    make = Child.__init__

    def counted(child: Child, model: Any, columns: Children, row: int) -> None:
        made.append(row)
        make(child, model, columns, row)

    monkeypatch.setattr(Child, "__init__", counted)
    return made


def test_the_case_is_not_an_easy_one(model: Pipeline, children: ChildSet, plain: AgentSet[PlainChild]) -> None:
    assert len(children) == len(plain) == N
    assert ids(children) == ids(plain)
    assert {2015, 2016, 2017} == set(children.get("cohort"))
    for name in ("group", "area", "care_at_4", "kindergarten_ready", "grade3_reading"):
        values = children.get(name)
        assert 1 < len(set(values)) < N / 2, f"{name} has ties, and more than one value"
    assert len(set(children.get("income"))) > N / 2


# --- a child ---


def test_a_child_is_a_mesa_agent_whose_fields_are_its_columns(model: Pipeline, children: ChildSet) -> None:
    columns = model.columns()
    child = children[70]
    assert isinstance(child, mesa.Agent)
    assert child.model is model
    assert child.unique_id == columns.child_ids()[70]
    assert child.income.view(np.uint32) == columns.x[Real.INCOME, 70].view(np.uint32)
    assert child.care_at_4 == columns.k[Whole.CARE4, 70]
    assert child.school == columns.wide[Wide.SCHOOL, 70]
    assert [getattr(child, name) for name in MILESTONES] == [columns.reached(at)[70] for at in range(len(MILESTONES))]
    assert child.cohort == columns.birth_years()[70]
    assert child.age == model.year - child.cohort == 2024 - child.cohort
    assert child.group_name == model.setting.place.group_names[child.group]
    assert child.area_name == model.setting.place.area_names[child.area]
    assert child.below_poverty == (columns.k[Whole.CELL, 70] % 2 == 1)
    assert repr(child) == f"Child({columns.child_ids()[70]}, born {child.cohort})"


def test_every_column_of_the_model_is_a_field_and_numbers_keep_their_types(children: ChildSet) -> None:
    child = children[0]
    for column in Real:
        assert type(getattr(child, column.name.lower())) is np.float32
    for column in (*Whole, *Seat, *Wide):
        name = column.name.lower().replace("care", "care_at_").replace("site", "site_at_")
        assert type(getattr(child, name)) is np.int32, name
    assert all(type(getattr(child, name)) is np.bool_ for name in (*MILESTONES, "below_poverty"))
    assert not set(FIELDS) & (set(dir(mesa.Agent)) | {"model", "columns", "row", "pos"})


def test_what_is_written_to_a_child_is_in_the_columns_and_seen_by_every_object_for_it(
    model: Pipeline, children: ChildSet
) -> None:
    one, other = children[5], children[5]
    assert one is not other
    before = model.columns().copy()
    one.skill = 0.1
    one.attends = 1 - one.attends
    one.kindergarten_ready = not one.kindergarten_ready
    assert other.skill == np.float32(0.1) == model.columns().x[Real.SKILL, 5]
    assert other.attends == model.columns().k[Whole.ATTENDS, 5] == 1 - before.k[Whole.ATTENDS, 5]
    assert model.columns().k[Whole.REACHED, 5] == before.k[Whole.REACHED, 5] ^ 1, "one bit of the milestones moved"
    untouched = np.arange(N) != 5
    assert np.array_equal(model.columns().x[:, untouched], before.x[:, untouched])
    assert np.array_equal(model.columns().k[:, untouched], before.k[:, untouched])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("school", 10_000, "whole number from 0 to"),
        ("area", -1, "whole number from 0 to 4"),
        ("care_at_4", 4, "whole number from 0 to 3"),
        ("group", 1.5, "whole number"),
        ("left", 31, "from -1 to 30"),
        ("income", float("nan"), "finite number"),
        ("income", "high", "finite number"),
        ("employed", 1, "True or False"),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_refused(
    model: Pipeline, children: ChildSet, name: str, value: object, words: str
) -> None:
    before = digest(model.columns())
    with pytest.raises(ValueError, match=f"{name} of a child must be .*{words}"):
        setattr(children[0], name, value)
    with pytest.raises(ValueError, match=words):
        children.set(name, value)
    assert digest(model.columns()) == before


@pytest.mark.parametrize("name", ["unique_id", "cohort", "age", "below_poverty", "group_name", "area_name"])
def test_what_follows_from_columns_can_be_read_only(children: ChildSet, name: str) -> None:
    with pytest.raises(AttributeError, match="read, not written"):
        setattr(children[0], name, 1)
    with pytest.raises(AttributeError, match="read, not written"):
        children.set(name, 1)


def test_nothing_is_kept_in_a_child(children: ChildSet) -> None:
    child = children[0]
    with pytest.raises(AttributeError, match=r"no field 'skil' to write.*'skill'"):
        child.skil = 1.0
    with pytest.raises(AttributeError, match="no field 'mood'"):
        child.mood = "good"
    child.skill = 1.0
    assert set(vars(child)) == {"model", "columns", "row"}
    assert child.pos is None


def test_children_are_equal_and_hash_alike_by_their_structural_id(children: ChildSet) -> None:
    assert children[3] == children[3]
    assert hash(children[3]) == hash(children[3])
    assert children[3] != children[4]
    assert children[3] != int(children[3].unique_id)
    assert len({children[3], children[3], children[4]}) == 2
    arm = as_mesa(town(arm=0))
    assert arm.model is not children.model
    assert arm[3] == children[3], "the same child in another arm"


def test_making_a_child_registers_nothing(model: Pipeline, children: ChildSet) -> None:
    counter, registered = model.agent_id_counter, len(model.agents)
    assert len(children.to_list()) == N
    assert (model.agent_id_counter, len(model.agents)) == (counter, registered)


def test_children_are_not_made_or_removed_by_hand(children: ChildSet) -> None:
    for refused in (children[0].remove, lambda: Child.create_agents(children.model, 3)):
        with pytest.raises(TypeError, match="born with it"):
            refused()
    with pytest.raises(TypeError, match="born with it"):
        Child.from_dataframe(children.model, None)
    assert len(children) == N


# --- verbs that give a set ---

Verb = Callable[[Any], Any]


class Countdown:
    """A condition that says how often it was asked."""

    asked = 0

    def __call__(self, child: Any) -> bool:
        self.asked += 1
        return bool(child.income > 0)


SETS: dict[str, Verb] = {
    "select nothing asked": lambda a: a.select(),
    "select by a function": lambda a: a.select(lambda c: c.income > 0.2),
    "select at most 7": lambda a: a.select(at_most=7),
    "select at most a third": lambda a: a.select(at_most=1 / 3),
    "select at most 1.0, all": lambda a: a.select(at_most=1.0),
    "select at most 1, one": lambda a: a.select(at_most=1),
    "select at most 2.5": lambda a: a.select(at_most=2.5),
    "select none": lambda a: a.select(at_most=0),
    "select below zero": lambda a: a.select(at_most=-3),
    "select more than there are": lambda a: a.select(at_most=10_000),
    "select by a function, at most 4": lambda a: a.select(lambda c: c.below_line, at_most=4),
    "select by a function, a tenth of the whole": lambda a: a.select(lambda c: c.area == 2, at_most=0.1),
    "select by type": lambda a: a.select(agent_type=mesa.Agent),
    "select by another type": lambda a: a.select(agent_type=Site),
    "select by type and function": lambda a: a.select(lambda c: c.group == 0, agent_type=mesa.Agent),
    "select nobody": lambda a: a.select(lambda c: False),
    "select twice": lambda a: a.select(lambda c: c.area == 1).select(lambda c: c.cohort == 2016),
    "sort by a field": lambda a: a.sort("income"),
    "sort by a field, ascending": lambda a: a.sort("income", ascending=True),
    "sort by a field with ties": lambda a: a.sort("area"),
    "sort by a field with ties, ascending": lambda a: a.sort("area", ascending=True),
    "sort by a milestone": lambda a: a.sort("kindergarten_ready"),
    "sort by a function": lambda a: a.sort(lambda c: (c.area, c.income)),
    "sort by a function with ties, ascending": lambda a: a.sort(lambda c: c.group, ascending=True),
    "sort by what is reached through a dot": lambda a: a.sort("model.time"),
    "sort twice": lambda a: a.sort("income").sort("group", ascending=True),
    "shuffle": lambda a: a.shuffle(),
    "shuffle twice": lambda a: a.shuffle().shuffle(),
    "shuffle in place": lambda a: a.shuffle(inplace=True),
    "shuffle what is selected": lambda a: a.select(lambda c: c.area == 0).shuffle().select(at_most=3),
    "sort in place": lambda a: a.sort("trait", inplace=True),
    "select in place": lambda a: copy.copy(a).select(lambda c: c.trait > 0, inplace=True),
    "select all in place": lambda a: a.select(inplace=True),
    "copy": copy.copy,
    "and": lambda a: a.select(lambda c: c.area == 0) & a.sort("income").select(lambda c: c.income > 0),
    "or": lambda a: a.select(lambda c: c.area == 3) | a.sort("income").select(lambda c: c.group == 0),
    "minus": lambda a: a.sort("trait") - a.select(lambda c: c.cohort == 2015),
    "either but not both": lambda a: a.select(lambda c: c.area == 1) ^ a.select(lambda c: c.income > 0),
    "minus all": lambda a: a.select(at_most=5) - a,
}


@pytest.mark.parametrize("name", SETS)
def test_a_verb_gives_the_children_that_mesa_gives_in_its_order(
    name: str, children: ChildSet, plain: AgentSet[PlainChild], monkeypatch: pytest.MonkeyPatch
) -> None:
    below_line = property(lambda child: child.cell % 2 == 1)
    monkeypatch.setattr(Child, "below_line", below_line, raising=False)
    monkeypatch.setattr(PlainChild, "below_line", below_line, raising=False)
    if name == "minus all":  # Mesa's own set cannot be made empty without a word of warning
        assert ids(SETS[name](children)) == []
        return
    ours, mesas = SETS[name](children), SETS[name](plain)
    assert isinstance(ours, ChildSet)
    assert ids(ours) == ids(mesas)
    assert len(ours) == len(mesas)
    assert [child in ours for child in children] == [child in mesas for child in plain.model.kept] or "in place" in name
    if not any(word in name for word in ("none", "below zero", "another", "nobody")):
        assert len(ours) > 0, "the case occurs"


def test_a_verb_that_is_not_in_place_changes_neither_set_nor_order(children: ChildSet) -> None:
    before = ids(children)
    for name, verb in SETS.items():
        if "in place" not in name and "line" not in name and name != "select by a function, at most 4":
            verb(children)
    assert ids(children) == before
    view = children.select(at_most=9)
    assert view.sort("income", inplace=True) is view
    assert view.shuffle(inplace=True) is view
    assert view.select(lambda c: c.income > 0, inplace=True) is view
    assert ids(children) == before


def test_select_takes_an_array_of_booleans(children: ChildSet, flyweights: list[int]) -> None:
    poor = children.column("income") < -0.3
    fast = children.select(poor)
    assert flyweights == []
    assert ids(fast) == ids(children.select(lambda c: c.income < np.float32(-0.3)))
    assert 0 < len(fast) < N
    assert ids(children.select(poor, at_most=0.05)) == ids(fast)[: N // 20]
    turned = children.sort("trait")
    assert ids(turned.select(turned.column("area") == 2)) == [int(c.unique_id) for c in turned if c.area == 2]


@pytest.mark.parametrize("mask", [np.ones(N - 1, np.bool_), np.ones(N), np.ones((N, 1), np.bool_)])
def test_an_array_that_does_not_fit_is_refused(children: ChildSet, mask: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match=f"{N} booleans"):
        children.select(mask)


def test_select_asks_no_more_children_than_it_needs(children: ChildSet, plain: AgentSet[PlainChild]) -> None:
    one, other = Countdown(), Countdown()
    assert ids(children.select(one, at_most=3)) == ids(plain.select(other, at_most=3))
    assert one.asked == other.asked < N


def test_indices_and_slices_are_those_of_mesas_list(children: ChildSet, plain: AgentSet[PlainChild]) -> None:
    alike = plain.to_list()
    assert ids([children[0], children[-1], children[17]]) == ids([alike[0], alike[-1], alike[17]])
    assert ids(children[3:40:5]) == ids(alike[3:40:5])
    assert isinstance(children[:2], list)
    assert ids(children.to_list()) == ids(alike)
    with pytest.raises(IndexError):
        children[N]


def test_every_name_of_mesas_sets_is_a_name_of_ours() -> None:
    public = {name for kind in (AbstractAgentSet, _HardKeyAgentSet) for name in dir(kind) if not name.startswith("_")}
    assert {"select", "sort", "groupby", "agg", "get", "set", "do", "map", "shuffle_do", "to_list", "copy"} <= public
    assert public <= set(dir(ChildSet))
    assert issubclass(ChildSet, AbstractAgentSet)
    assert not hasattr(AgentSet, "where"), "a verb that this Mesa lacks"


# --- verbs that give values ---

VALUES: dict[str, Verb] = {
    "get a field": lambda a: a.get("income"),
    "get a milestone": lambda a: a.get("grade3_reading"),
    "get several": lambda a: a.get(["area", "income", "cohort"]),
    "get in another order": lambda a: a.sort("trait").get("group"),
    "get what is missing": lambda a: a.get("mood", handle_missing="default", default_value="calm"),
    "get some that are missing": lambda a: a.get(["group", "mood"], "default", 7),
    "get what is there by default": lambda a: a.get("area", "default", -1),
    "get what is no field": lambda a: [found is a[0].model for found in a.get("model")],
    "agg with NumPy": lambda a: a.agg("income", np.mean),
    "agg with Python": lambda a: a.agg("income", max),
    "agg with several": lambda a: a.agg("skill", [min, max, np.mean, np.std, sum, len]),
    "agg with a method of lists": lambda a: a.agg("area", lambda values: values.count(2)),
    "agg of a milestone": lambda a: a.agg("kindergarten_ready", sum),
    "map a function": lambda a: a.map(lambda c, more: c.area + more, 10),
    "map a function with a keyword": lambda a: a.map(lambda c, times: c.group * times, times=3),
    "map a method": lambda a: a.map("__getattribute__", "school"),
    "map in another order": lambda a: a.sort("income").map(lambda c: c.cohort),
    "groups counted": lambda a: a.groupby("area").count(),
    "groups in order of first occurrence": lambda a: [int(key) for key, _ in a.sort("trait").groupby("group")],
    "groups by a function": lambda a: a.groupby(lambda c: c.income > 0).count(),
    "groups by what all have in common": lambda a: a.groupby(lambda c: c.model.rng is None).count(),
    "groups' members": lambda a: {int(key): ids(group) for key, group in a.groupby("area")},
    "groups' members after a sort": lambda a: {int(k): ids(g) for k, g in a.sort("income").groupby("cohort")},
    "groups as lists": lambda a: {int(k): (type(g), ids(g)) for k, g in a.groupby("area", result_type="list")},
    "groups aggregated": lambda a: a.groupby("group").agg("income", np.mean),
    "groups aggregated in Python": lambda a: a.groupby("cohort").agg("skill", max),
    "groups as lists aggregated": lambda a: a.groupby("group", "list").agg("income", np.mean),
    "groups mapped by a name": lambda a: a.groupby("area").map("agg", "income", np.median),
    "groups mapped by a function": lambda a: a.groupby("area").map(len),
    "number of groups": lambda a: len(a.groupby("area")),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_verb_gives_the_values_that_mesa_gives(name: str, children: ChildSet, plain: AgentSet[PlainChild]) -> None:
    with pytest.warns(PendingDeprecationWarning) if "no field" in name else nullcontext():
        mesas = VALUES[name](plain)
    ours = VALUES[name](children)
    assert ours == mesas
    assert type(ours) is type(mesas)
    assert repr(ours) == repr(mesas)


def test_values_keep_the_types_of_the_columns(children: ChildSet) -> None:
    assert {type(value) for value in children.get("income")} == {np.float32}
    assert {type(value) for value in children.get("area")} == {np.int32}
    column = children.column("income")
    column[:] = 9
    assert children[0].income != 9, "a column that was asked for is one's own"


def test_a_name_that_children_do_not_have_is_refused_with_the_nearest_one(children: ChildSet) -> None:
    for ask in (
        lambda: children.get("incom"),
        lambda: children.get(["area", "incom"]),
        lambda: children.agg("incom", np.mean),
        lambda: children.set("incom", 1),
        lambda: children.column("incom"),
    ):
        with pytest.raises(AttributeError, match=r"'incom'.*income"):
            ask()
    for ask in (lambda: children.sort("incom"), lambda: children.groupby("incom"), lambda: children.do("incom")):
        with pytest.raises(AttributeError, match="incom"):
            ask()
    with pytest.raises(ValueError, match="handle_missing"):
        children.get("income", handle_missing="ignore")  # type: ignore[arg-type]


def test_nothing_is_grouped_where_there_is_nobody(children: ChildSet) -> None:
    nobody = children.select(at_most=0)
    assert nobody.groupby("area").count() == {}
    assert nobody.get(["area", "income"]) == nobody.map("step") == nobody.get("income") == []
    assert ids(nobody.sort("income")) == ids(nobody.shuffle()) == []
    assert nobody.get([]) == []


# --- verbs that change children ---


def raise_skill(child: Any, by: float = 1.0) -> None:
    child.skill = child.skill + np.float32(by)


CHANGES: dict[str, Verb] = {
    "set": lambda a: a.set("skill", 0.5),
    "set for some": lambda a: a.select(lambda c: c.area == 1).set("attends", 1),
    "set a milestone": lambda a: a.sort("income").select(at_most=20).set("employed", True),
    "set back a milestone": lambda a: a.set("kindergarten_ready", False),
    "do a function": lambda a: a.do(raise_skill, 0.25),
    "do a function with a keyword": lambda a: a.select(lambda c: c.area == 2).do(raise_skill, by=2.0),
    "do a method": lambda a: a.do("__setattr__", "trait", np.float32(0.125)),
    "do one after the other": lambda a: a.do(raise_skill).do(raise_skill),
    "shuffle and do": lambda a: a.shuffle_do(raise_skill, 3.0),
    "shuffle and do a method": lambda a: a.shuffle_do("__setattr__", "left", np.int32(20)),
    "groups set": lambda a: a.groupby("area").do("set", "skill", np.float32(1.0)),
    "groups do": lambda a: a.groupby("group").do(lambda group: group.select(at_most=1).set("skill", 9.0)),
    "select and do": lambda a: a.select(lambda c: c.kindergarten_ready).do(raise_skill),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_verb_changes_the_children_that_mesa_changes(
    name: str, children: ChildSet, plain: AgentSet[PlainChild]
) -> None:
    fields = ("skill", "trait", "attends", "left", *MILESTONES)
    before = children.get(fields)
    CHANGES[name](plain)
    CHANGES[name](children)
    assert children.get(fields) == plain.get(fields)
    assert children.get(fields) != before


def test_verbs_that_change_children_give_back_the_set(children: ChildSet) -> None:
    assert children.set("skill", 0.0) is children
    assert children.do(raise_skill) is children
    assert children.shuffle_do(raise_skill) is children


def test_children_are_visited_in_mesas_order(children: ChildSet, plain: AgentSet[PlainChild]) -> None:
    def visits(agents: Any, verb: str) -> list[int]:
        seen: list[int] = []
        getattr(agents, verb)(lambda child: seen.append(int(child.unique_id)))
        return seen

    assert visits(children.sort("income"), "do") == visits(plain.sort("income"), "do")
    shuffled = visits(children, "shuffle_do")
    assert shuffled == visits(plain, "shuffle_do")
    assert shuffled != ids(children) == ids(plain), "the set itself keeps its order"


def test_an_array_gives_every_child_its_own_value(children: ChildSet) -> None:
    turned = children.sort("income")
    turned.set("skill", np.arange(N, dtype=np.float32))
    assert turned.get("skill") == list(range(N))
    assert children.get("skill") != list(range(N))
    turned.set("employed", turned.column("income") > 0)
    assert children.get("employed") == [value > 0 for value in children.get("income")]
    with pytest.raises(ValueError, match="one value, or one a child"):
        children.set("skill", np.zeros(N + 1))


# --- members ---


def test_a_view_can_be_added_to_and_removed_from(children: ChildSet) -> None:
    view = children.select(at_most=3)
    view.add(children[50])
    view.add(children[1])
    assert ids(view) == ids([children[0], children[1], children[2], children[50]])
    view.discard(children[1])
    view.discard(children[99])
    view.remove(children[0])
    assert ids(view) == ids([children[2], children[50]])
    assert children[50] in view
    assert children[1] not in view
    assert "a child" not in view
    with pytest.raises(KeyError):
        view.remove(children[0])
    view |= children.select(at_most=1)
    view -= [children[2]]
    assert ids(view) == ids([children[50], children[0]])
    assert view <= children
    assert view == ChildSet([children[0], children[50]])
    view.clear()
    assert len(view) == 0
    assert len(children) == N


def test_the_models_own_set_neither_gains_nor_loses_a_child_but_may_be_put_in_another_order(
    model: Pipeline, children: ChildSet
) -> None:
    larger = as_mesa(town(2 * N))
    stranger = next(child for child in larger if child not in children)
    for change in (
        lambda: children.remove(children[0]),
        lambda: children.discard(children[0]),
        lambda: children.select(at_most=3, inplace=True),
        lambda: children.add(stranger),
        lambda: children.clear(),
    ):
        with pytest.raises(TypeError, match="born with it"):
            change()
    children.add(children[3])
    assert len(children) == N
    before = model.columns().ids.copy()
    children.sort("income", ascending=True, inplace=True)
    assert model.agents_by_type[Child].get("income") == sorted(model.columns().real(Real.INCOME))
    assert np.array_equal(model.columns().ids, before), "rows stay where they are"


def test_a_set_holds_children_of_one_model(children: ChildSet) -> None:
    larger = as_mesa(town(2 * N))
    stranger = next(child for child in larger if child not in children)
    for wrong in (stranger, "a child"):
        with pytest.raises(ValueError, match="children of one model"):
            ChildSet([children[0], wrong])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="needs a child"):
        ChildSet([])
    assert ids(ChildSet([children[4], children[2], children[4]], random=None)) == ids([children[4], children[2]])


def test_sets_of_two_arms_can_be_compared_child_by_child(children: ChildSet) -> None:
    """A Mesa user's way to ask who changed: the same child is equal in both arms."""
    other = town(arm=0)
    other.run_for(10)
    baseline = as_mesa(other)
    seated, before = (arm.select(arm.column("care_at_4") == PREK) for arm in (children, baseline))
    changed = seated ^ before
    assert changed.model is children.model
    expected = (children.column("care_at_4") == PREK) != (baseline.column("care_at_4") == PREK)
    assert sorted(ids(changed)) == sorted(ids(children.select(expected)))
    assert len(changed) > 0


# --- how much work it is ---


@pytest.mark.parametrize(
    "verb",
    [
        lambda a: a.get("income"),
        lambda a: a.get(["income", "area", "employed"]),
        lambda a: a.set("skill", 0.5),
        lambda a: a.agg("income", [np.mean, max]),
        lambda a: a.sort("income"),
        lambda a: a.groupby("area").agg("income", np.mean),
        lambda a: a.groupby("area").count(),
        lambda a: a.groupby("group").do("set", "attends", 1),
        lambda a: a.select(a.column("age") > 7),
        lambda a: a.select(at_most=0.5),
        lambda a: a.shuffle(),
        lambda a: a.do("year"),
        lambda a: copy.copy(a),
        lambda a: len(a),
    ],
)
def test_whole_set_verbs_make_no_child_at_all(children: ChildSet, flyweights: list[int], verb: Verb) -> None:
    verb(children)
    assert flyweights == []


@pytest.mark.parametrize(
    "verb",
    [
        lambda a: a.do("step"),
        lambda a: a.map(lambda child: child.income),
        lambda a: a.select(lambda child: child.income > 0),
        lambda a: a.sort(lambda child: child.income),
        lambda a: a.groupby(lambda child: child.area),
    ],
)
def test_verbs_with_a_function_make_each_child_once(children: ChildSet, flyweights: list[int], verb: Verb) -> None:
    verb(children)
    assert flyweights == list(range(N))


def test_no_child_outlives_its_use(children: ChildSet) -> None:
    import gc

    children.do(raise_skill)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is Child and thing.model is children.model]


# --- in a Mesa model ---


def test_mesa_finds_children_by_their_type_and_counts_no_child_among_its_agents(model: Pipeline) -> None:
    children = model.agents_by_type[Child]
    assert isinstance(children, ChildSet)
    assert as_mesa(model) is children
    assert Child in model.agent_types
    assert len(children) == N
    assert {type(agent) for agent in model.agents} == set(model.agent_types) - {Child}
    assert {PreKSite, School} < set(model.agent_types)
    assert len(model.agents) == len(model.sites) + model.schools.sum()


def test_an_engine_whose_children_are_objects_is_refused() -> None:
    setting = settings(n_children=N)[0]
    with pytest.raises(TypeError, match="ObjectPipeline does not keep its children as columns"):
        as_mesa(ObjectPipeline(setting, born(setting)))


def test_a_mesa_that_keeps_agents_by_type_otherwise_is_noticed() -> None:
    class LaterMesa(Pipeline):
        @property
        def agents_by_type(self) -> dict[Any, Any]:
            return dict(self._agents_by_type) if not hasattr(self, "setting") else {}

    setting = settings(n_children=N)[0]
    with pytest.raises(RuntimeError, match="version of Mesa"):
        as_mesa(LaterMesa(setting, born(setting)))


def test_a_model_and_its_children_can_be_pickled_and_copied(model: Pipeline) -> None:
    model.agents_by_type[Child].sort("income", inplace=True)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        children = other.agents_by_type[Child]
        assert children.model is other
        assert ids(children) == ids(model.agents_by_type[Child])
        children.set("skill", 7.0)
        other.step()
        assert not same(other.columns(), model.columns())
    view = pickle.loads(pickle.dumps(model.agents_by_type[Child].select(at_most=2)))
    assert ids(view) == ids(model.agents_by_type[Child].select(at_most=2))
    assert view[0] in view


def test_the_year_of_all_children_is_the_models_step() -> None:
    stepped, done, mixed = town(), town(), town()
    for at in range(12):
        stepped.step()
        as_mesa(done).do("year")
        if at % 3 == 0:
            as_mesa(mixed).shuffle_do("year")
        else:
            mixed.step()
    assert stepped.time == done.time == mixed.time == 12
    assert stepped.steps == done.steps == mixed.steps == 12
    assert digest(stepped.columns()) == digest(done.columns()) == digest(mixed.columns())
    assert digest(stepped.columns()) != digest(town().columns())


def test_the_year_knows_no_order_of_children() -> None:
    straight, turned = town(), town()
    as_mesa(turned).sort("income", inplace=True)
    for _ in range(8):
        as_mesa(straight).do("year")
        as_mesa(turned).shuffle().do("year")
    assert digest(straight.columns()) == digest(turned.columns())


def test_some_children_cannot_live_a_year_by_themselves(model: Pipeline, children: ChildSet) -> None:
    before, time = digest(model.columns()), model.time
    with pytest.raises(ValueError, match=f"all {N} children together.*this set holds 3"):
        children.select(at_most=3).do("year")
    assert (digest(model.columns()), model.time) == (before, time)


def test_a_year_within_a_year_is_refused() -> None:
    class Impatient(Pipeline):
        def step(self) -> None:
            as_mesa(self).do("year")

    setting = settings(n_children=N)[0]
    model = Impatient(setting, born(setting))
    with pytest.raises(RuntimeError, match=r"super\(\).step\(\)"):
        as_mesa(model).do("year")


class Watched(Pipeline):
    """A Mesa user's model: a collector, and events of its own."""

    def __init__(self, arm: int = 0, n_children: int = N) -> None:
        setting = settings(n_children=n_children)[arm]
        super().__init__(setting, born(setting))
        as_mesa(self)
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "ready": lambda model: model.agents_by_type[Child].agg("kindergarten_ready", np.mean),
                "skill": self.mean_skill,
                "by area": lambda model: model.agents_by_type[Child].groupby("area").agg("skill", np.mean),
            },
            agenttype_reporters={
                Child: {"skill": "skill", "older": lambda child: child.age > 5},
                School: {"area": "area"},
            },
            agent_reporters={"kind": lambda agent: type(agent).__name__},
        )
        self.log: list[tuple[float, int]] = []

    def step(self) -> None:
        super().step()
        self.datacollector.collect(self)

    def open_seats(self) -> None:
        for site in self.sites_of("prek", "standing"):
            site.set_seats(4, site.seats[4] + 100)

    def teach(self) -> None:
        poor = as_mesa(self).select(as_mesa(self).column("below_poverty"))
        poor.set("trait", poor.column("trait") + np.float32(2))
        self.log.append((self.time, len(poor)))


def test_a_data_collector_reads_children() -> None:
    model = Watched()
    model.run_for(7)
    frame = model.datacollector.get_model_vars_dataframe()
    children = as_mesa(model)
    assert len(frame) == 7
    assert frame["ready"].iloc[0] == 0 < frame["ready"].iloc[-1] == children.agg("kindergarten_ready", np.mean)
    assert frame["by area"].iloc[-1] == children.groupby("area").agg("skill", np.mean)
    single = model.datacollector.get_agenttype_vars_dataframe(Child).loc[7.0]
    assert list(single.index) == ids(children)
    assert list(single["skill"]) == children.get("skill")
    assert set(single["older"]) == {True, False}
    others = model.datacollector.get_agent_vars_dataframe().loc[7.0]
    assert len(others) == len(model.agents)
    assert "Child" not in set(others["kind"]) >= {"PreKSite", "School"}
    assert len(model.datacollector.get_agenttype_vars_dataframe(School).loc[7.0]) == model.schools.sum()


def test_an_event_can_open_seats_for_children() -> None:
    """Seats opened half a step before a year are filled in that year, by children who were turned away without them."""
    plain, opened = Watched(), Watched()
    opened.schedule_event(opened.open_seats, at=4.5)
    for model in (plain, opened):
        model.run_until(5)
    before, after = (as_mesa(model).select(as_mesa(model).column("age") == 4) for model in (plain, opened))
    assert ids(before) == ids(after)
    counts = [int((arm.column("care_at_4") == PREK).sum()) for arm in (before, after)]
    assert 0 < counts[0] < counts[1]


def test_an_event_can_change_children_and_they_live_on_with_it() -> None:
    plain, taught = Watched(), Watched()
    taught.schedule_event(taught.teach, at=6.5)
    for model in (plain, taught):
        model.run_until(6)
    assert digest(plain.columns()) == digest(taught.columns())
    for model in (plain, taught):
        model.run_for(1)
    poor = as_mesa(plain).column("below_poverty")
    assert taught.log == [(6.5, int(poor.sum()))]
    gain = as_mesa(taught).column("skill") - as_mesa(plain).column("skill")
    at_school = as_mesa(plain).column("age") >= 5
    assert (gain[poor & at_school] > 0.5).all()
    assert (poor & at_school).any()
    assert np.abs(gain[~poor & (as_mesa(plain).column("age") < 5)]).max() == 0


def test_run_for_and_run_until_live_the_years_that_step_lives() -> None:
    by_step, by_run_for, by_run_until = town(), town(), town()
    for _ in range(9):
        by_step.step()
    by_run_for.run_for(4.5)
    assert by_run_for.steps == 4
    by_run_for.run_for(4.5)
    by_run_until.run_until(9)
    assert by_step.time == by_run_for.time == by_run_until.time == 9
    assert digest(by_step.columns()) == digest(by_run_for.columns()) == digest(by_run_until.columns())
    assert as_mesa(by_run_for).agg("skill", np.mean) == as_mesa(by_step).agg("skill", np.mean)


def test_a_short_horizon_ends_children_where_it_should() -> None:
    setting = replace(settings(n_children=N)[0], horizon=6)
    model = Pipeline(setting, born(setting)).run()
    children = as_mesa(model)
    assert children.agg("kindergarten_ready", sum) > 0
    assert children.agg("grade3_reading", sum) == 0
    assert children.column("age").max() == 7
    with pytest.raises(ValueError, match="from -1 to 6"):
        children.set("left", 7)
