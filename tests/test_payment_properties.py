"""What must hold of the payments of any deal: caps, cents, and that samples know nothing of each other."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from cradlecast.finance.payments import Payments, settle
from cradlecast.finance.rules import Reading
from cradlecast.scenarios.deal import Deal
from tests.deal_examples import declaration, figure

N_SAMPLES = 7
NAMES = ("a", "b", "c", "d")


def some(rng: np.random.Generator, chance: float, most: float) -> dict[str, Any] | None:
    """An amount, or none."""
    return figure(float(np.round(rng.uniform(most / 10, most), 2))) if rng.random() < chance else None


def random_metric(rng: np.random.Generator, name: str, earlier: list[str]) -> dict[str, Any]:
    """A metric of any rule, with any of the limits."""
    rule = str(rng.choice(["price_per_unit", "schedule", "share_of_savings"]))
    line: dict[str, Any] = {
        "name": name,
        "title": name,
        "payer": str(rng.choice(["city", "county"])),
        "rule": rule,
        "count": str(rng.choice(["gross", "net"])),
        "comparison": "lottery",
        "better": str(rng.choice(["higher", "lower"])),
        "pooled": bool(rng.random() < 0.2),
        "lag_days": int(rng.integers(0, 200)),
        "minimum_sample": int(rng.integers(1, 40)) if rng.random() < 0.3 else None,
        "cap_per_payment": some(rng, 0.3, 20_000),
        "cap_per_year": some(rng, 0.3, 30_000),
        "cap_over_life": some(rng, 0.3, 40_000),
        "net_of": [str(each) for each in earlier if rng.random() < 0.3],
    }
    if rng.random() < 0.3:
        line["requires"] = [{"any_of": [{"of": "effect", "at_least": 0.0}, {"of": "rate", "at_least": 0.9}]}]
    if rng.random() < 0.3:
        line["escalator"] = {"rate": figure(0.02, "share"), "first_year": 2020}
    if rule == "schedule":
        line["schedule"] = {
            "of": "effect",
            "bands": [
                {"from": 0.0, "to": 0.1, "per_point": figure(100)},
                {"from": 0.1, "pay": figure(1200), "per_point": figure(50)},
            ],
        }
    else:
        line["price"] = figure(float(np.round(rng.uniform(1, 300), 2)))
    if rule == "share_of_savings":
        advances = [{"date": date(2019, 1, 1), "amount": figure(5000)}]
        whole = {"advances": advances, "rate": figure(0.05, "share"), "compounding": "simple"}
        line["savings"] = {"share": figure(0.9, "share"), "then": figure(0.3, "share"), "whole": whole}
    caps = [line[key]["value"] for key in ("cap_per_payment", "cap_per_year", "cap_over_life") if line[key] is not None]
    if rule == "schedule" and caps and min(caps) < 1200:
        line["schedule"]["bands"][1]["pay"] = line["schedule"]["bands"][0]["per_point"] = figure(
            min(1000, min(caps)) / 10
        )
    return line


def random_deal(seed: int) -> tuple[Deal, dict[str, list[Reading]]]:
    """A deal of four metrics over three cohorts, and results for it."""
    rng = np.random.default_rng(seed)
    metrics: list[dict[str, Any]] = []
    for name in NAMES:
        metrics.append(random_metric(rng, name, [each["name"] for each in metrics]))
    parties = declaration()["parties"]
    parties = [each | ({"payment_cap": some(rng, 0.4, 60_000)} if each["name"] == "city" else {}) for each in parties]
    changes: dict[str, Any] = {"metrics": metrics, "parties": parties, "cap_over_life": some(rng, 0.3, 80_000)}
    changes["year_begins"] = int(rng.integers(1, 13))
    deal = Deal.model_validate(declaration(**changes))
    readings = {name: [random_reading(rng, name, cohort) for cohort in (2015, 2016, 2017)] for name in NAMES}
    return deal, readings


def random_reading(rng: np.random.Generator, name: str, cohort: int) -> Reading:
    """A result by sample, absent in some."""
    day = date(cohort + 5, 1, 1) + timedelta(days=int(rng.integers(0, 300)))
    absent = np.full(N_SAMPLES, np.nan)
    base = np.where(rng.random(N_SAMPLES) < 0.1, np.nan, rng.uniform(0, 1, N_SAMPLES))
    rate = rng.uniform(0, 1, N_SAMPLES)
    n, m = rng.integers(0, 200, N_SAMPLES).astype(float), rng.integers(0, 200, N_SAMPLES).astype(float)
    return Reading(name, cohort, day, n, m, rate, base, rate - base, absent, absent, absent)


def one(reading: Reading, sample: int) -> Reading:
    """A result in one sample."""
    names = ("n", "n_comparison", "rate", "comparison_rate", "effect", "relative", "units", "amount")
    arrays = {name: getattr(reading, name)[sample : sample + 1] for name in names}
    return Reading(reading.result, reading.cohort, reading.date, **arrays)


def within(paid: Payments, chosen: np.ndarray[Any, Any], cap: Any) -> bool:
    """Whether some payments, added up, stay within a cap in every sample."""
    return cap is None or bool((paid.paid[:, chosen].sum(axis=1) <= round(cap.value * 100)).all())


@pytest.mark.parametrize("block", range(10))
def test_a_hundred_random_deals_keep_every_cap_and_pay_no_more_than_they_owe(block: int) -> None:
    cut = 0
    for seed in range(block * 100, block * 100 + 100):
        deal, readings = random_deal(seed)
        paid = settle(deal, readings, N_SAMPLES)
        assert (paid.paid >= 0).all()
        assert (paid.paid <= paid.gross).all()
        assert ((paid.paid < paid.gross) == paid.cut.any(axis=0)).all()
        names = paid.claims["metric"].to_numpy()
        years = np.array([day.year - (day.month < deal.year_begins) for day in paid.claims["date"]])
        assert within(paid, np.ones(len(names), dtype=bool), deal.cap_over_life)
        for party in deal.parties:
            assert within(paid, (paid.claims["payer"] == party.name).to_numpy(), party.payment_cap)
        for metric in deal.metrics:
            own = names == metric.name
            assert within(paid, own, metric.cap_over_life)
            for year in set(years):
                assert within(paid, own & (years == year), metric.cap_per_year)
            for day in set(paid.claims["date"]):
                assert within(paid, own & (paid.claims["date"] == day).to_numpy(), metric.cap_per_payment)
        cut += int(paid.cut.any())
    assert 50 < cut <= 100


def test_samples_know_nothing_of_each_other() -> None:
    for seed in range(60):
        deal, readings = random_deal(seed)
        together = settle(deal, readings, N_SAMPLES)
        for sample in range(N_SAMPLES):
            alone = settle(deal, {name: [one(each, sample) for each in readings[name]] for name in NAMES}, 1)
            assert alone.paid[0].tolist() == together.paid[sample].tolist()
            assert alone.gross[0].tolist() == together.gross[sample].tolist()


def test_a_derivation_adds_up_to_its_payment() -> None:
    told = 0
    for seed in range(100):
        deal, readings = random_deal(seed)
        known = {name: [one(each, 0) for each in readings[name]] for name in NAMES}
        if any(
            np.isnan(each.comparison_rate).any() or each.n.item() == 0 for found in known.values() for each in found
        ):
            continue
        paid = settle(deal, known, 1, strict=True)
        told += 1
        for claim in range(len(paid.claims)):
            cuts = sum(
                line.cents for line in paid.trail if line.claim == claim and (line.cents or 0) < 0 and line.cents
            )
            assert paid.gross[0, claim] + cuts == paid.paid[0, claim]
    assert told > 15
