"""Who gets which seat: deferred acceptance on scarce seats, checked against a slow and simple telling of the same."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.kernels import CHILD_CARE, HEAD_START, HOME, KEPT, PREK, Real, Theta, Whole

HOME_POOL = -1
SEEDS = range(300)


@dataclass(frozen=True)
class World:
    """A small market: who ranks which pools, how they stand in each program's line, and the seats of every pool."""

    lists: tuple[tuple[int, ...], ...]
    """Pools (program x area) that each child ranks, best first; home is always behind the last."""
    keys: np.ndarray[Any, np.dtype[np.uint64]]
    """(programs, children): the lower comes first."""
    ids: np.ndarray[Any, np.dtype[np.uint32]]
    seats: tuple[int, ...]
    n_areas: int

    def line(self, pool: int, child: int) -> tuple[int, int, int]:
        """Place in a pool's line: the lower comes first, ties by id."""
        return (
            int(self.keys[pool // self.n_areas, child]),
            int(self.ids[1, child]),
            int(self.ids[0, child]),
        )

    def rank(self, child: int, pool: int) -> int:
        """How far down a child's list a place is; home is the last."""
        return len(self.lists[child]) if pool == HOME_POOL else self.lists[child].index(pool)


def random_world(seed: int, n: int | None = None, largest: int = 4) -> World:
    """A world of up to 14 children; in every third one the lottery numbers are so few that they tie."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 15)) if n is None else n
    n_areas = int(rng.integers(1, 4))
    pools = 3 * n_areas
    lists = tuple(
        tuple(int(pool) for pool in rng.permutation(pools)[: rng.integers(0, min(5, pools) + 1)]) for _ in range(n)
    )
    keys = rng.integers(0, 3 if seed % 3 == 0 else 2**57, (3, n)).astype(np.uint64)
    ids = np.stack([rng.permutation(n), (47 << 16) + 2014 + rng.integers(0, 2, n)]).astype(np.uint32)
    seats = tuple(int(count) for count in rng.integers(0, largest, pools))
    return World(lists, keys, ids, seats, n_areas)


def allot(world: World) -> list[int]:
    """The pool that the kernel gives each child, or home."""
    n = len(world.lists)
    places = np.full((n, 6), HOME_POOL, np.int16)
    for child, pools in enumerate(world.lists):
        places[child, : len(pools)] = pools
    given = np.full(n, 99, np.int16)
    kernels.allot(world.ids, 0, n, places, world.keys, np.array(world.seats, np.int32), world.n_areas, given)
    return [int(pool) for pool in given]


def told_slowly(world: World) -> list[int]:
    """Deferred acceptance in rounds: all without a place ask for their next one, pools keep the first in line."""
    asked = [0] * len(world.lists)
    held: list[list[int]] = [[] for _ in world.seats]
    while True:
        placed = {child for children in held for child in children}
        asking = [child for child, pools in enumerate(world.lists) if child not in placed and asked[child] < len(pools)]
        if not asking:
            break
        for child in asking:
            held[world.lists[child][asked[child]]].append(child)
            asked[child] += 1
        for pool, seats in enumerate(world.seats):
            held[pool] = sorted(held[pool], key=lambda child, pool=pool: world.line(pool, child))[:seats]  # type: ignore[misc]
    return [next((p for p, children in enumerate(held) if child in children), HOME_POOL) for child in range(len(asked))]


def seated(given: list[int], pool: int) -> list[int]:
    """Children in a pool."""
    return [child for child, place in enumerate(given) if place == pool]


def envies(world: World, given: list[int]) -> list[tuple[int, int]]:
    """Children and pools that would both rather have each other: an empty seat, or one held by someone behind."""
    found = []
    for child, place in enumerate(given):
        for pool in world.lists[child][: world.rank(child, place)]:
            inside = seated(given, pool)
            if len(inside) < world.seats[pool] or any(world.line(pool, child) < world.line(pool, o) for o in inside):
                found.append((child, pool))
    return found


def test_a_case_worked_by_hand() -> None:
    """One seat in each pool. Ada and Ben both ask for 0 first; Ben stands behind, asks for 1 and moves Cleo to home."""
    keys = np.array([[1, 2, 3], [9, 9, 9], [9, 9, 9]], np.uint64)
    ids = np.array([[0, 1, 2], [2015, 2015, 2015]], np.uint32)
    world = World(((0,), (0, 1), (1,)), keys, ids, (1, 1, 0, 0, 0, 0), 2)
    assert allot(world) == [0, 1, HOME_POOL]


def test_the_kernel_gives_what_the_slow_telling_gives() -> None:
    for seed in SEEDS:
        world = random_world(seed)
        assert allot(world) == told_slowly(world), seed


def test_the_small_worlds_hold_every_kind_of_case() -> None:
    worlds = [random_world(seed) for seed in SEEDS]
    results = [(world, allot(world)) for world in worlds]
    assert any(not pools for world in worlds for pools in world.lists), "children who rank nothing"
    assert any(len(pools) == 5 for world in worlds for pools in world.lists), "full lists"
    assert any(
        place == HOME_POOL and world.lists[child] for world, given in results for child, place in enumerate(given)
    )
    assert any(world.rank(child, place) > 1 for world, given in results for child, place in enumerate(given))
    assert any(seat == 0 for world in worlds for seat in world.seats)
    assert any(len(set(world.keys[0].tolist())) < len(world.lists) for world in worlds), "ties in the lottery"


def test_no_pool_seats_more_than_it_has_and_no_child_sits_where_it_did_not_ask() -> None:
    for seed in SEEDS:
        world = random_world(seed)
        given = allot(world)
        assert all(len(seated(given, pool)) <= seats for pool, seats in enumerate(world.seats)), seed
        assert all(place == HOME_POOL or place in world.lists[child] for child, place in enumerate(given)), seed


def test_nobody_who_wants_an_empty_seat_goes_without_and_nobody_is_passed_over() -> None:
    for seed in SEEDS:
        world = random_world(seed)
        assert envies(world, allot(world)) == [], seed


def test_envy_is_seen_where_there_is_some() -> None:
    world = random_world(7)
    nobody_placed = [HOME_POOL] * len(world.lists)
    assert envies(world, nobody_placed)


def test_no_other_stable_allotment_is_better_for_any_child() -> None:
    """All allotments of four children to three single seats are gone through; now and then several are stable."""
    several = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        lists = tuple(tuple(int(pool) for pool in rng.permutation(3)[: rng.integers(1, 4)]) for _ in range(4))
        ids = np.stack([np.arange(4), np.full(4, 2015)]).astype(np.uint32)
        world = World(lists, rng.integers(0, 2**57, (3, 4)).astype(np.uint64), ids, (1, 1, 1), 1)
        given = allot(world)
        stable = []
        for places in product(*[(*pools, HOME_POOL) for pools in world.lists]):
            fits = all(places.count(pool) <= seats for pool, seats in enumerate(world.seats))
            if fits and not envies(world, list(places)):
                stable.append(places)
        several += len(stable) > 1
        assert tuple(given) in stable, seed
        for places in stable:
            ranks = [(world.rank(child, given[child]), world.rank(child, place)) for child, place in enumerate(places)]
            assert all(mine <= other for mine, other in ranks), seed
    assert several > 0


def test_the_order_of_rows_changes_nothing() -> None:
    for seed in SEEDS:
        world = random_world(seed)
        order = np.random.default_rng(seed + 5_000).permutation(len(world.lists))
        shuffled = replace(
            world,
            lists=tuple(world.lists[row] for row in order),
            keys=np.ascontiguousarray(world.keys[:, order]),
            ids=np.ascontiguousarray(world.ids[:, order]),
        )
        given = allot(world)
        assert allot(shuffled) == [given[row] for row in order], seed


def test_one_more_seat_anywhere_leaves_no_child_with_a_place_it_ranks_lower() -> None:
    better = 0
    for seed in range(120):
        world = random_world(seed)
        before = allot(world)
        for pool in range(len(world.seats)):
            more = tuple(seats + (p == pool) for p, seats in enumerate(world.seats))
            after = allot(replace(world, seats=more))
            ranks = [
                (world.rank(child, before[child]), world.rank(child, after[child])) for child in range(len(before))
            ]
            assert all(now <= then for then, now in ranks)
            better += sum(now < then for then, now in ranks)
    assert better > 100, "added seats are of use"


def test_with_no_seats_everybody_is_at_home() -> None:
    for seed in range(20):
        world = random_world(seed)
        assert set(allot(replace(world, seats=(0,) * len(world.seats)))) == {HOME_POOL}


def test_with_a_seat_for_everybody_all_get_what_they_rank_first() -> None:
    for seed in range(20):
        world = random_world(seed)
        given = allot(replace(world, seats=(len(world.lists) + 3,) * len(world.seats)))
        assert given == [pools[0] if pools else HOME_POOL for pools in world.lists]


def test_where_everybody_wants_in_everywhere_all_seats_are_filled_by_the_first_in_line() -> None:
    rng = np.random.default_rng(4)
    n = 200
    lists = tuple(tuple(int(pool) for pool in rng.permutation(3)) for _ in range(n))
    keys = np.repeat(rng.permutation(n)[None, :].astype(np.uint64), 3, axis=0)
    ids = np.stack([np.arange(n), np.full(n, 2015)]).astype(np.uint32)
    world = World(lists, keys, ids, (20, 7, 33), 1)
    given = allot(world)
    assert [len(seated(given, pool)) for pool in range(3)] == [20, 7, 33]
    assert {child for child, place in enumerate(given) if place != HOME_POOL} == set(np.argsort(keys[0])[:60].tolist())
    assert given == told_slowly(world)


def test_a_thousand_children_agree_with_the_slow_telling() -> None:
    world = random_world(11, n=1_000, largest=200)
    given = allot(world)
    assert given == told_slowly(world)
    assert 0 < given.count(HOME_POOL) < 1_000


def test_only_the_cohort_that_is_asked_for_is_touched() -> None:
    world = random_world(12, n=12)
    places = np.full((12, 6), HOME_POOL, np.int16)
    for child, pools in enumerate(world.lists):
        places[child, : len(pools)] = pools
    places, keys = places[4:9].copy(), np.ascontiguousarray(world.keys[:, 4:9])
    given = np.full(7, 99, np.int16)
    kernels.allot(world.ids, 4, 9, places, keys, np.array(world.seats, np.int32), world.n_areas, given)
    assert (given[5:] == 99).all()
    inner = replace(
        world,
        lists=world.lists[4:9],
        keys=np.ascontiguousarray(world.keys[:, 4:9]),
        ids=np.ascontiguousarray(world.ids[:, 4:9]),
    )
    assert given[:5].tolist() == allot(inner)


# --- from families to lines ---


def everybody_applies() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Parameters under which every family is eligible, applies to Head Start and pre-K, and likes Head Start best."""
    theta = np.zeros(len(Theta), np.float32)
    theta[[Theta.PREK_INCOME, Theta.HEAD_START_INCOME, Theta.LOW_INCOME, Theta.MIDDLE_INCOME]] = np.inf
    theta[[Theta.TAKE_UP_PREK, Theta.TAKE_UP_HEAD_START, Theta.PREFERS_HEAD_START]] = 1.0
    return theta


class Families:
    """Families of one birth year in two areas, some with a child who was in Head Start at 3."""

    def __init__(self, n: int, theta: np.ndarray[Any, np.dtype[np.float32]], age: int = 4) -> None:
        rng = np.random.default_rng(3)
        self.ids = np.stack([np.arange(n), np.full(n, (47 << 16) | 2015)]).astype(np.uint32)
        x, k = np.zeros((KEPT, n), np.float32), np.zeros((len(Whole), n), np.int8)
        x[Real.INCOME] = rng.standard_normal(n)
        k[Whole.AREA] = rng.integers(0, 2, n)
        k[Whole.CARE3] = np.where(rng.random(n) < 0.3, HEAD_START, HOME)
        self.income, self.area, self.returning = x[Real.INCOME], k[Whole.AREA], k[Whole.CARE3] == HEAD_START
        self.places, self.keys = np.full((n, 6), -7, np.int16), np.zeros((3, n), np.uint64)
        next_to = np.array([[1], [0]], np.int32)
        world = np.array([3, 1], np.uint64)
        spans = np.array([[2015, 0, n // 3, 0], [2015, n // 3, n, 0]], np.int64)
        kernels.applications(self.ids, world, theta, spans, 2015 + age, x, k, next_to, self.places, self.keys)

    def care(self, seats: list[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Kind of care that each child gets from these seats by pool."""
        given = np.empty(self.ids.shape[1], np.int16)
        kernels.allot(self.ids, 0, len(given), self.places, self.keys, np.array(seats, np.int32), 2, given)
        return (given // 2 + 1).astype(np.int32)


def test_head_start_takes_its_returning_children_first() -> None:
    families = Families(400, everybody_applies())
    n_returning = [int((families.returning & (families.area == area)).sum()) for area in range(2)]
    assert min(n_returning) > 20
    tight = families.care([0, 0, n_returning[0] - 5, n_returning[1] - 5, 0, 0])
    assert (tight == HEAD_START).sum() == sum(n_returning) - 10
    assert families.returning[tight == HEAD_START].all()
    ample = families.care([0, 0, n_returning[0] + 5, n_returning[1] + 5, 0, 0])
    assert (ample[families.returning] == HEAD_START).all()
    assert (ample[~families.returning] == HEAD_START).sum() == 10


def test_having_been_in_head_start_gives_no_priority_in_pre_k() -> None:
    theta = everybody_applies()
    theta[Theta.PREFERS_HEAD_START] = 0.0
    families = Families(2_000, theta)
    in_prek = families.care([200, 200, 0, 0, 0, 0]) == PREK
    assert in_prek.sum() == 400
    share = families.returning[in_prek].mean()
    assert abs(share - families.returning.mean()) < 3.5 * np.sqrt(0.21 / 400)


def test_three_year_olds_have_no_pre_k_and_no_returning_children() -> None:
    families = Families(300, everybody_applies(), age=3)
    care = families.care([150, 150, 30, 30, 0, 0])
    assert set(care.tolist()) == {HOME, HEAD_START}
    assert (families.places[:, 5] == 2).all(), "all apply for Head Start, none for pre-K"
    assert not families.returning[care == HEAD_START].all()


def test_a_family_above_the_income_limit_is_not_in_line() -> None:
    theta = everybody_applies()
    theta[[Theta.PREK_INCOME, Theta.HEAD_START_INCOME]] = 0.0, -0.5
    theta[Theta.CENTER_LOW_AT_4] = 1.0
    families = Families(500, theta)
    care = families.care([500] * 6)
    assert (care[families.income >= 0.0] == CHILD_CARE).all()
    assert (care[(families.income >= -0.5) & (families.income < 0.0)] == PREK).all()
    assert (care[families.income < -0.5] == HEAD_START).all()
    assert set(care.tolist()) == {PREK, HEAD_START, CHILD_CARE}


def test_take_up_of_nothing_and_no_wish_for_a_center_leave_all_at_home() -> None:
    families = Families(100, np.zeros(len(Theta), np.float32))
    assert (families.places == np.array([-1, -1, -1, -1, -1, 0])).all()
    assert (families.care([100] * 6) == HOME).all()
