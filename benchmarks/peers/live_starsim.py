# mypy: disable-error-code="import-not-found, misc, has-type, call-arg"
"""The reference work in Starsim: one module, its states one array each, its draws from Starsim's own distributions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import starsim as ss

from benchmarks import law
from benchmarks.law import Outcome, Population
from benchmarks.peers.answer import answer
from benchmarks.peers.columns import classmates, events, reaches, seats


class Life(ss.Module):
    """The children of the reference work."""

    def __init__(self, children: Population) -> None:
        super().__init__(name="life")
        self.children, self.taken = children, 0
        names = ("s0", "s1", "s2", "care", "reached", "bouts", *(f"own_{name}" for name in law.REAL))
        self.define_states(*(ss.FloatArr(name, default=0.0) for name in names))
        for at in range(3):
            setattr(self, f"z{at}", ss.normal(loc=0.0, scale=1.0))
        for at in range(5):
            setattr(self, f"u{at}", ss.random())

    def init_post(self) -> None:
        """Give the children their attributes."""
        super().init_post()
        for name, values in zip(law.REAL, self.children.real, strict=True):
            getattr(self, f"own_{name}")[:] = values

    def step(self) -> None:
        """Live through one year."""
        age, people = int(self.ti), self.sim.people.auids
        if age >= law.AGES:
            return
        own = {name: getattr(self, f"own_{name}").values for name in law.REAL}
        z = [getattr(self, f"z{at}").rvs(people) for at in range(3)]
        u = [getattr(self, f"u{at}").rvs(people) for at in range(4)]
        s0, s1, s2 = self.s0.values, self.s1.values, self.s2.values
        push = law.TRAIT * own["trait"] + law.FAMILY * own["family"]
        if law.PEER_AGES[0] <= age <= law.PEER_AGES[1]:
            push = push + law.PEER * classmates(s0)
        if age in law.ENTRY_AGES:
            seated = seats(own["income"], self.children.provider, u[3], self.u4.rvs(people), self.children.seats)
            self.taken += int(seated.sum())
            push = push + law.CARE * seated
        at_home = law.BEHAVIOUR * own["behaviour"] + law.HEALTH * own["health"]
        next0 = law.PERSIST[0] * s0 + push + law.SPREAD[0] * z[0]
        next1 = law.PERSIST[1] * s1 + law.FROM_FIRST * s0 + law.MOTHER * own["mother"] + law.SPREAD[1] * z[1]
        next2 = law.PERSIST[2] * s2 + at_home + law.SPREAD[2] * z[2]
        away, held, gone = events(u, next2, own)
        next2 = next2 - law.DENT * away
        reached = reaches(age, next0, next1, next2, u[3], own["liability"], self.reached.values.astype(np.int64))
        self.s0[:], self.s1[:], self.s2[:], self.reached[:] = next0, next1, next2, reached
        self.bouts[:] = self.bouts.values + away + 256 * held + 65536 * gone


def make(children: Population, world: int) -> Callable[[], Outcome]:
    """A simulation whose children were just born."""
    life = Life(children)
    years = {"start": 2000, "stop": 2000 + law.AGES - 1, "dt": 1}
    sim = ss.Sim(n_agents=children.n, modules=[life], rand_seed=world, verbose=0, copy_inputs=False, **years)
    sim.init()

    def run() -> Outcome:
        sim.run()
        reached, years = life.reached.values.astype(np.int32), life.bouts.values.astype(np.int32)
        return law.count(children.group, reached, years, life.taken)

    return run


if __name__ == "__main__":
    answer(make)
