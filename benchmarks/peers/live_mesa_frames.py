# mypy: disable-error-code="import-not-found, misc, has-type, call-arg"
"""The reference work in mesa-frames: children are rows of a Polars frame, a year is a few expressions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars, ModelDF

from benchmarks import law
from benchmarks.law import Outcome, Population
from benchmarks.peers.answer import answer

S0, S1, S2 = pl.col("s0"), pl.col("s1"), pl.col("s2")


def happens(u: str, odds: pl.Expr) -> pl.Expr:
    """True with the probability whose log-odds are given."""
    return pl.col(u) * (1.0 + (-odds).exp()) < 1.0


class Children(AgentSetPolars):
    """The children of the reference work."""

    def __init__(self, model: Life, children: Population) -> None:
        super().__init__(model)
        n = children.n
        columns = dict(zip(law.REAL, children.real, strict=True))
        zeros = {name: np.zeros(n, np.float32) for name in ("s0", "s1", "s2", "care")}
        whole = {name: np.zeros(n, np.int32) for name in ("reached", "years")}
        rooms = {"room": np.arange(n, dtype=np.int32) // law.CLASS}
        ids = {"unique_id": np.arange(n, dtype=np.int64)}
        self += pl.DataFrame(
            ids | columns | zeros | whole | rooms | {"home": children.provider, "group": children.group}
        )
        self.taken, self.seats = 0, children.seats

    def step(self) -> None:
        """Live through one year."""
        age, n, luck = self.model.age, len(self), self.model.random
        z = luck.standard_normal((3, n), dtype=np.float32)
        u = luck.random((4, n), dtype=np.float32)
        frame = self._agents.with_columns(
            *(pl.Series(f"z{at}", z[at]) for at in range(3)), *(pl.Series(f"u{at}", u[at]) for at in range(4))
        )
        if age in law.ENTRY_AGES:
            frame = self.allot(frame)
        push = law.TRAIT * pl.col("trait") + law.FAMILY * pl.col("family")
        if law.PEER_AGES[0] <= age <= law.PEER_AGES[1]:
            push = push + law.PEER * (S0.sum().over("room") - S0) / (law.CLASS - 1)
        if age in law.ENTRY_AGES:
            push = push + pl.col("care")
        frame = frame.with_columns(
            s0=law.PERSIST[0] * S0 + push + law.SPREAD[0] * pl.col("z0"),
            s1=law.PERSIST[1] * S1 + law.FROM_FIRST * S0 + law.MOTHER * pl.col("mother") + law.SPREAD[1] * pl.col("z1"),
            s2=law.PERSIST[2] * S2
            + law.BEHAVIOUR * pl.col("behaviour")
            + law.HEALTH * pl.col("health")
            + law.SPREAD[2] * pl.col("z2"),
        )
        a, s, m = law.ABSENT, law.SUSPENDED, law.MOVED
        away = happens("u0", a[0] + a[1] * pl.col("income") + a[2] * S2 + a[3] * pl.col("health"))
        held = happens("u1", s[0] + s[1] * pl.col("behaviour") + s[2] * S2 + s[3] * pl.col("female"))
        gone = happens("u2", m[0] + m[1] * pl.col("income") + m[2] * pl.col("language") + m[3] * pl.col("distance"))
        events = away.cast(pl.Int32) + 256 * held.cast(pl.Int32) + 65536 * gone.cast(pl.Int32)
        frame = frame.with_columns(years=pl.col("years") + events, s2=S2 - law.DENT * away.cast(pl.Float32))
        mark = self.mark(age)
        self._agents = frame if mark is None else frame.with_columns(reached=pl.col("reached") + mark.cast(pl.Int32))

    def mark(self, age: int) -> pl.Expr | None:
        """What the year's milestone adds to those reached, if this age has one."""
        skill = S0 + S1 + S2
        cuts = {law.READY_AT: (S0, law.READY_CUT, 0), law.GRADE3_AT: (S0, law.GRADE3_CUT, 1)}
        cuts[law.GRADE8_AT] = (S1, law.GRADE8_CUT, 2)
        if age in cuts:
            score, cut, bit = cuts[age]
            return (score >= cut).cast(pl.Int32) * 2**bit
        has = {bit: (pl.col("reached") // 2**bit) % 2 for bit in (3, 4, 5)}
        if age == law.GRADUATE_AT:
            odds = law.GRADUATE[0] + law.GRADUATE[1] * skill + law.GRADUATE[2] * pl.col("liability")
            return happens("u3", odds).cast(pl.Int32) * 8
        if age == law.ENROLLED_AT:
            return happens("u3", law.ENROLLED[0] + law.ENROLLED[1] * skill).cast(pl.Int32) * has[3] * 16
        if age == law.COMPLETED_AT:
            return happens("u3", law.COMPLETED[0] + law.COMPLETED[1] * skill).cast(pl.Int32) * has[4] * 32
        if age == law.EMPLOYED_AT:
            odds = law.EMPLOYED[0] + law.EMPLOYED[1] * skill + law.EMPLOYED[2] * has[5]
            return happens("u3", odds).cast(pl.Int32) * 64
        return None

    def allot(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give each provider's seats to its first applicants by priority and lottery."""
        line = (
            frame.select("home", "income", "u3", number=pl.int_range(len(frame)))
            .filter(pl.col("u3") < law.APPLIES)
            .with_columns(
                band=sum((pl.col("income") >= band).cast(pl.Int8) for band in law.BANDS),
                lottery=pl.Series(self.model.random.random(int((frame["u3"] < law.APPLIES).sum()))),
            )
            .sort("home", "band", "lottery")
            .filter(pl.int_range(pl.len()).over("home") < self.seats)
        )
        self.taken += len(line)
        care = np.zeros(len(frame), np.float32)
        care[line["number"].to_numpy()] = law.CARE
        return frame.with_columns(care=pl.Series(care))


class Life(ModelDF):
    """The reference work."""

    def __init__(self, children: Population, world: int) -> None:
        super().__init__(seed=world)
        self.age = 0
        self.children = Children(self, children)
        self.agents += self.children

    def run(self) -> Outcome:
        """Live all years."""
        for _ in range(law.AGES):
            self.agents.do("step")
            self.age += 1
        people = self.get_agents_of_type(Children)
        columns = (people.agents[name].to_numpy() for name in ("group", "reached", "years"))
        return law.count(*columns, people.taken)


def make(children: Population, world: int) -> Callable[[], Outcome]:
    """A model whose children were just born."""
    return Life(children, world).run


if __name__ == "__main__":
    answer(make)
