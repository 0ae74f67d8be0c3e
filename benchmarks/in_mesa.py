"""The reference work in plain Mesa: one object a child, Python's numbers, the model's own generator."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import mesa
import numpy as np

from benchmarks import law
from benchmarks.law import Outcome, Population


class Person(mesa.Agent):  # type: ignore[misc]
    """A child with attributes of its own."""

    def __init__(self, model: Life, attributes: list[float], group: int, provider: int, room: list[Person]) -> None:
        super().__init__(model)
        self.income, self.mother, self.trait, self.family, self.behaviour = attributes[:5]
        self.health, self.language, self.female, self.liability, self.distance = attributes[5:]
        self.group, self.provider, self.room = group, provider, room
        self.s0 = self.s1 = self.s2 = self.peer = 0.0
        self.seated = False
        self.reached = [False] * len(law.MILESTONES)
        self.years = [0] * len(law.EVENTS)

    def see_classmates(self) -> None:
        """Note the mean first skill of the others in class, last year's."""
        self.peer = (sum(child.s0 for child in self.room) - self.s0) / (len(self.room) - 1)

    def step(self) -> None:
        """Live through one year."""
        luck, age = self.model.random, self.model.age
        peers = law.PEER_AGES[0] <= age <= law.PEER_AGES[1]
        before = self.s0
        self.s0 = (
            law.PERSIST[0] * before
            + law.TRAIT * self.trait
            + law.FAMILY * self.family
            + (law.PEER * self.peer if peers else 0.0)
            + (law.CARE if self.seated and age in law.ENTRY_AGES else 0.0)
            + law.SPREAD[0] * luck.gauss(0.0, 1.0)
        )
        self.s1 = (
            law.PERSIST[1] * self.s1
            + law.FROM_FIRST * before
            + law.MOTHER * self.mother
            + law.SPREAD[1] * luck.gauss(0.0, 1.0)
        )
        self.s2 = (
            law.PERSIST[2] * self.s2
            + law.BEHAVIOUR * self.behaviour
            + law.HEALTH * self.health
            + law.SPREAD[2] * luck.gauss(0.0, 1.0)
        )
        a, s, m = law.ABSENT, law.SUSPENDED, law.MOVED
        away = self.happens(a[0] + a[1] * self.income + a[2] * self.s2 + a[3] * self.health)
        self.years[0] += away
        self.years[1] += self.happens(s[0] + s[1] * self.behaviour + s[2] * self.s2 + s[3] * self.female)
        self.years[2] += self.happens(m[0] + m[1] * self.income + m[2] * self.language + m[3] * self.distance)
        if away:
            self.s2 -= law.DENT
        self.mark(age)

    def happens(self, odds: float) -> bool:
        """True with the probability whose log-odds are given."""
        return bool(self.model.random.random() * (1.0 + math.exp(-odds)) < 1.0)

    def mark(self, age: int) -> None:
        """Record the year's milestone, if this age has one."""
        reached, skill = self.reached, self.s0 + self.s1 + self.s2
        if age == law.READY_AT:
            reached[0] = self.s0 >= law.READY_CUT
        elif age == law.GRADE3_AT:
            reached[1] = self.s0 >= law.GRADE3_CUT
        elif age == law.GRADE8_AT:
            reached[2] = self.s1 >= law.GRADE8_CUT
        elif age == law.GRADUATE_AT:
            reached[3] = self.happens(law.GRADUATE[0] + law.GRADUATE[1] * skill + law.GRADUATE[2] * self.liability)
        elif age == law.ENROLLED_AT:
            reached[4] = reached[3] and self.happens(law.ENROLLED[0] + law.ENROLLED[1] * skill)
        elif age == law.COMPLETED_AT:
            reached[5] = reached[4] and self.happens(law.COMPLETED[0] + law.COMPLETED[1] * skill)
        elif age == law.EMPLOYED_AT:
            reached[6] = self.happens(law.EMPLOYED[0] + law.EMPLOYED[1] * skill + law.EMPLOYED[2] * reached[5])


class Life(mesa.Model):  # type: ignore[misc]
    """The children of the reference work, one year a step."""

    def __init__(self, children: Population, world: int) -> None:
        super().__init__(rng=world)
        self.age, self.taken, self.seats = 0, 0, children.seats
        rows, group, provider = children.real.T.tolist(), children.group.tolist(), children.provider.tolist()
        for first in range(0, children.n, law.CLASS):
            room: list[Person] = []
            for at in range(first, first + law.CLASS):
                room.append(Person(self, rows[at], group[at], provider[at], room))

    def step(self) -> None:
        """Seats, classmates, then every child's year."""
        if self.age in law.ENTRY_AGES:
            self.allot()
        if law.PEER_AGES[0] <= self.age <= law.PEER_AGES[1]:
            self.agents.do("see_classmates")
        self.agents.do("step")
        self.age += 1

    def allot(self) -> None:
        """Give each provider's seats to its first applicants by priority and lottery."""
        lines: dict[int, list[tuple[int, float, int, Person]]] = defaultdict(list)
        for at, child in enumerate(self.agents):
            child.seated = False
            if self.random.random() < law.APPLIES:
                priority = sum(child.income >= band for band in law.BANDS)
                lines[child.provider].append((priority, self.random.random(), at, child))
        for line in lines.values():
            line.sort()
            for *_, child in line[: self.seats]:
                child.seated = True
                self.taken += 1


def counted(life: Life) -> Outcome:
    """Count by group."""
    totals = np.zeros((law.GROUPS, 11), np.int64)
    for child in life.agents:
        row: Any = totals[child.group]
        row += [1, *child.reached, *child.years]
    return Outcome(totals[:, 0], totals[:, 1:8], totals[:, 8:], life.taken)


def run(life: Life) -> Outcome:
    """Live the reference work with a model whose children were just born."""
    for _ in range(law.AGES):
        life.step()
    return counted(life)
