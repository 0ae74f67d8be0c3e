# mypy: disable-error-code="import-not-found, misc, has-type, call-arg"
"""The reference work in Vivarium: one component, its columns in the state table, its draws from keyed streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from vivarium import Component, InteractiveContext

from benchmarks import law
from benchmarks.law import Outcome, Population
from benchmarks.peers.answer import answer
from benchmarks.peers.columns import classmates, events, reaches, seats

SKILLS = ["s0", "s1", "s2"]
MOVING = [*SKILLS, "reached", "years"]


class Life(Component):
    """The children of the reference work."""

    def __init__(self, children: Population) -> None:
        super().__init__()
        self.children, self.age, self.taken = children, 0, 0

    def setup(self, builder: Any) -> None:
        """Ask for streams and columns."""
        self.luck = builder.randomness.get_stream("life")
        columns = [*law.REAL, "home", *MOVING]
        builder.population.register_initializer(self.initialize_children, columns, [])

    def initialize_children(self, born: Any) -> None:
        """Put the children into the state table."""
        frame = pd.DataFrame(dict(zip(law.REAL, self.children.real, strict=True)), index=born.index)
        frame["home"] = self.children.provider
        for name in SKILLS:
            frame[name] = np.float32(0)
        frame["reached"], frame["years"] = 0, 0
        self.population_view.initialize(frame)

    def draw(self, index: Any, key: str) -> Any:
        """One uniform a child."""
        return self.luck.get_draw(index, f"{key} {self.age}").to_numpy()

    def on_time_step(self, event: Any) -> None:
        """Live through one year."""
        index, age = event.index, self.age
        own = self.population_view.get(index, [*law.REAL, "home", *MOVING])
        z = [ndtri(self.draw(index, f"z{at}")).astype(np.float32) for at in range(3)]
        u = [self.draw(index, f"u{at}") for at in range(4)]
        s0, s1, s2 = (own[name].to_numpy() for name in SKILLS)
        push = law.TRAIT * own["trait"].to_numpy() + law.FAMILY * own["family"].to_numpy()
        if law.PEER_AGES[0] <= age <= law.PEER_AGES[1]:
            push = push + law.PEER * classmates(s0)
        if age in law.ENTRY_AGES:
            income, home = own["income"].to_numpy(), own["home"].to_numpy()
            seated = seats(income, home, u[3], self.draw(index, "lottery"), self.children.seats)
            self.taken += int(seated.sum())
            push = push + law.CARE * seated
        of_mother = law.MOTHER * own["mother"].to_numpy()
        at_home = law.BEHAVIOUR * own["behaviour"].to_numpy() + law.HEALTH * own["health"].to_numpy()
        next0 = law.PERSIST[0] * s0 + push + law.SPREAD[0] * z[0]
        next1 = law.PERSIST[1] * s1 + law.FROM_FIRST * s0 + of_mother + law.SPREAD[1] * z[1]
        next2 = law.PERSIST[2] * s2 + at_home + law.SPREAD[2] * z[2]
        away, held, gone = events(u, next2, {name: own[name].to_numpy() for name in law.REAL})
        next2 = next2 - law.DENT * away
        reached = reaches(age, next0, next1, next2, u[3], own["liability"].to_numpy(), own["reached"].to_numpy())
        frame = pd.DataFrame(
            {
                "s0": next0.astype(np.float32),
                "s1": next1.astype(np.float32),
                "s2": next2.astype(np.float32),
                "reached": reached,
                "years": own["years"].to_numpy() + away + 256 * held + 65536 * gone,
            },
            index=index,
        )
        self.population_view.update(MOVING, lambda _: frame)
        self.age += 1


def make(children: Population, world: int) -> Callable[[], Outcome]:
    """A simulation whose children were just born."""
    life = Life(children)
    day = {"year": 2000, "month": 1, "day": 1}
    configuration = {
        "population": {"population_size": children.n},
        "time": {"start": day, "end": day | {"year": 2060}, "step_size": 365},
        "randomness": {"random_seed": world, "map_size": 10 * children.n},
    }
    simulation = InteractiveContext(components=[life], configuration=configuration, logging_verbosity=0)

    def run() -> Outcome:
        simulation.take_steps(law.AGES, with_logging=False)
        frame = simulation.get_population(["reached", "years"])
        reached, years = (frame[name].to_numpy(np.int32) for name in ("reached", "years"))
        return law.count(children.group, reached, years, life.taken)

    return run


if __name__ == "__main__":
    answer(make)
