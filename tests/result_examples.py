"""Small results of studies, as the study hands them to those who print and write them."""

from typing import Any

import numpy as np
import pandas as pd

LAPSE = "memphis-prek-1000-lapse"
MILESTONES = ("kindergarten_ready", "grade3_reading", "employed")
GROUPS = {"all": 39_900, "black": 23_900, "north_memphis": 7_980, "financed_seat": 2_880}
SHARES = {"all": 1.0, "black": 0.5}
"""Groups of the tables of care and paths, and their shares of what happens."""


def milestones(*scenarios: str) -> pd.DataFrame:
    """Readiness rises for sure, reading by an unknown sign, and employment not at all."""
    impacts = {
        "kindergarten_ready": (0.0031, 0.001, 0.0059),
        "grade3_reading": (0.0005, -0.0012, 0.0024),
        "employed": (0.0, 0.0, 0.0),
    }
    rows = [
        {
            "scenario": scenario,
            "group": group,
            "milestone": milestone,
            "n": n // 4,
            "rate": 0.41 + impact,
            "rate_low": 0.398 + impact,
            "rate_high": 0.421 + impact,
            "impact": impact,
            "impact_low": low,
            "impact_high": high,
            "baseline_rate": 0.41,
            "chance_not_positive": 0.125,
            "impact_sd_parameters": np.nan,
            "impact_sd_chance": 0.001,
            "n_community": n,
            "baseline": "grant-lapses",
        }
        for scenario in scenarios
        for group, n in GROUPS.items()
        for milestone in MILESTONES
        for impact, low, high in [impacts[milestone]]
    ]
    return pd.DataFrame(rows)


def care(*scenarios: str) -> pd.DataFrame:
    """From home to pre-K."""
    kinds = (("home", 3000.0, 2400.0), ("prek", 6000.0, 6600.0), ("head_start", 950.0, 950.0))
    return pd.DataFrame(
        [
            {
                "scenario": scenario,
                "group": group,
                "age": 4,
                "care": kind,
                "baseline_children": before * share,
                "scenario_children": after * share,
                "change": (after - before) * share,
                "change_low": (after - before) * share * 0.9,
                "change_high": (after - before) * share * 1.1,
            }
            for scenario in scenarios
            for group, share in SHARES.items()
            for kind, before, after in kinds
        ]
    )


def gaps(*scenarios: str) -> pd.DataFrame:
    """Every group 6 points below all others in the baseline; readiness closer for sure, reading by an unknown sign."""
    changes = {"kindergarten_ready": (-0.004, -0.007, -0.001), "grade3_reading": (0.0005, -0.002, 0.003)}
    groups = {"below_poverty": ("income", "above_poverty"), "black": ("race_ethnicity", "all_others")}
    groups |= {"north_memphis": ("place", "all_others")}
    return pd.DataFrame(
        [
            {
                "scenario": scenario,
                "by": by,
                "group": group,
                "against": against,
                "kind": "event" if outcome == "suspension" else "milestone",
                "outcome": outcome,
                "n": 3000,
                "n_against": 7000,
                "baseline_gap": 0.06,
                "baseline_gap_low": 0.05,
                "baseline_gap_high": 0.07,
                "gap": 0.06 + change,
                "gap_low": 0.05 + low,
                "gap_high": 0.07 + high,
                "change": change,
                "change_low": low,
                "change_high": high,
                "chance_not_narrower": 0.25,
                "n_community": 11_970,
                "n_against_community": 27_930,
                "baseline": "grant-lapses",
            }
            for scenario in scenarios
            for group, (by, against) in groups.items()
            for outcome, (change, low, high) in (changes | {"suspension": (0.0, 0.0, 0.0)}).items()
        ]
    )


def seats(*scenarios: str) -> pd.DataFrame:
    """1,000 financed seats in each of two school years; Head Start goes on as it was."""
    rows = [
        (scenario, arm, year, program, stream, 4, number, number * 0.9, payer, number * cost)
        for scenario in scenarios
        for arm, added in (("baseline", 0.0), ("scenario", 1000.0))
        for year in (2019, 2020)
        for program, stream, number, payer, cost in (
            ("prek", "financed", added, "City", 8000.0),
            ("head_start", "federal", 1000.0, "Federal government", 14_000.0),
        )
    ]
    columns = ["scenario", "arm", "year", "program", "stream", "age", "seats", "filled", "payer", "dollars"]
    return pd.DataFrame(rows, columns=columns)


def paths(*scenarios: str) -> pd.DataFrame:
    """Some gain readiness through a seat of their own, fewer lose it through classmates."""
    ways = {("gained", "direct"): 100.0, ("lost", "peers"): 20.0}
    directions, channels = ("gained", "lost", "all"), ("direct", "vacated", "peers", "all")

    def number(group: str, milestone: str, direction: str, channel: str) -> float:
        """Children of a group that the words cover; readiness is the only milestone that changes."""
        known = (
            children
            for (way, through), children in ways.items()
            if direction in (way, "all") and channel in (through, "all") and milestone in ("kindergarten_ready", "all")
        )
        return sum(known) * SHARES[group]

    return pd.DataFrame(
        [
            {
                "scenario": scenario,
                "group": group,
                "milestone": milestone,
                "direction": direction,
                "channel": channel,
                "children": number(group, milestone, direction, channel),
                "children_low": number(group, milestone, direction, channel) * 0.9,
                "children_high": number(group, milestone, direction, channel) * 1.1,
            }
            for scenario in scenarios
            for group in SHARES
            for milestone in (*MILESTONES, "all")
            for direction in directions
            for channel in channels
        ]
    )


def study_tables(*scenarios: str) -> dict[str, pd.DataFrame]:
    """The tables of a run or a comparison."""
    displaced = pd.DataFrame(
        [
            (each, group, "home", "prek", 600.0 * share, 540.0 * share, 660.0 * share)
            for each in scenarios
            for group, share in SHARES.items()
        ],
        columns=["scenario", "group", "from", "to", "children_per_year", "children_low", "children_high"],
    )
    return {
        "milestones": milestones(*scenarios),
        "gaps": gaps(*scenarios),
        "care": care(*scenarios),
        "displaced": displaced,
        "paths": paths(*scenarios),
        "seats": seats(*scenarios),
    }


def deal_tables(ok: bool = True) -> dict[str, pd.DataFrame]:
    """The tables of a priced deal: one payment, a loan that is paid back and one that is lost."""
    payments = pd.DataFrame(
        {
            "metric": ["prek_attendance", "kindergarten_ready"],
            "payer": ["city-of-memphis", "shelby-county"],
            "date": np.array(["2020-06-30", "2021-01-31"], dtype="datetime64[s]"),
            "units": [701.75, 75.0],
            "price": [2750.0, 15_000.0],
            "gross": [1_929_812.5, 1_125_000.0],
            "paid": [1_929_812.5, 1_000_000.0],
            "reason": ["paid in full", "cap per payment in 8% of futures"],
            "cohort": np.array([2015, 2015], dtype=np.int16),
            "paid_low": [1_825_312.5, 0.0],
            "paid_high": [2_017_262.0, 2_000_000.0],
        }
    )
    tranches = pd.DataFrame(
        {
            "name": ["subordinate", "senior"],
            "party": ["urban-child-institute", "community-outcomes-fund"],
            "invested": [1_500_000.0, 6_000_000.0],
            "returned": [0.0, 6_400_000.0],
            "xirr": [-1.0, 0.051],
            "xirr_reason": ["", ""],
            "xirr_low": [-1.0, 0.05],
            "xirr_high": [-0.5, 0.052],
            "n_without_rate": [0, 0],
            "moic": [0.0, 1.0667],
            "n_losses": [200, 0],
            "n_samples": [200, 200],
            "loss_probability": [1.0, 0.0],
        }
    )
    effects: dict[str, Any] = {
        "metric": ["prek_attendance", "kindergarten_ready"],
        "payer": ["city-of-memphis", "shelby-county"],
        "count": ["gross", "net"],
        "comparison": ["none", "no_public_preschool"],
    }
    for name, values in {
        "true_effect": [0.6, 0.05],
        "evaluated_effect": [np.nan, 0.08],
        "rate_seated": [0.72, 0.34],
        "paid": [1_929_812.5, 1_000_000.0],
        "paid_on_true_effect": [1_600_000.0, 700_000.0],
    }.items():
        low, high = [value * 0.9 for value in values], [value * 1.1 for value in values]
        effects |= {name: values, f"{name}_low": low, f"{name}_high": high}
    effects |= {
        "no_true_effect": [0.0, 0.2],
        "paid_without_true_effect": [0.0, 0.15],
        "unpaid_despite_true_effect": [0.0, 0.05],
    }
    cash = pd.DataFrame(
        {
            "date": np.array(["2019-08-15", "2019-08-15", "2020-06-30"], dtype="datetime64[s]"),
            "party": ["senior-bank", "prek-operators", "senior-bank"],
            "line": ["senior: drawn", "seats: use", "senior: principal"],
            "amount": [-4_000_000.0, 4_000_000.0, 1_929_812.0],
        }
    )
    sources_uses = pd.DataFrame(
        {
            "side": ["use", "source"],
            "name": ["seats", "senior"],
            "kind": ["seats", "senior"],
            "party": ["prek-operators", "community-outcomes-fund"],
            "amount": [6_000_000.0, 6_000_000.0],
            "actual": [6_000_000.0, 5_900_000.0],
            "provenance": ["scenario", "READ"],
        }
    )
    return {
        "payments": payments,
        "tranches": tranches,
        "outcomes": pd.DataFrame(effects),
        "payers": pd.DataFrame(
            {
                "payer": ["shelby-county"],
                "paid": [1_000_000.0],
                "paid_low": [0.0],
                "paid_high": [2_000_000.0],
                "cap": [np.nan],
                "direct": [10_200_000.0],
            }
        ),
        "cash": cash,
        "sources_uses": sources_uses,
        "checks": pd.DataFrame({"name": ["sources equal uses"], "ok": [ok], "difference": [0.0 if ok else 12.5]}),
    }


def worth_tables() -> dict[str, pd.DataFrame]:
    """What a deal is worth, as the engine says it of a small case worked by hand."""
    from cradlecast.finance import measures
    from cradlecast.finance.measures import Additional, Published

    each = _case()
    _, cash = each.run()
    more = [Additional("kindergarten_ready", 5.0, 0.1), Additional("grade3_reading", -1.0, 0.7)]
    others = [Published("state pre-K", 8457, 28_445, 7929, 3.59, 0.80, 2022, "E5006")]
    return {
        "pockets": measures.pockets_table(each.deal, each.gains, cash),
        "value": measures.value_table(each.deal, each.gains, cash),
        "mvpf": measures.mvpf_table(each.deal, each.gains, cash),
        "benefit_cost": measures.benefit_cost_table(each.deal, each.gains, cash, 0.03, 0.25, others),
        "child_costs": measures.child_cost_table(each.deal, each.gains, cash, more, 0.03),
    }


def solved_tables() -> dict[str, pd.DataFrame]:
    """What was solved for in the same case."""
    from cradlecast.finance.alternatives import alternatives_table
    from cradlecast.finance.solvers import solved_tables as solved

    each = _case()
    return solved(each, "investor-return", 0.02) | {"alternatives": alternatives_table(each)}


def _case() -> Any:
    """The deal worked by hand on made-up results, paid by the local budget."""
    from tests.cases import case, evaluation, gains
    from tests.deal_examples import deal, declaration

    parties = [p | ({"budget": "local"} if p["name"] == "city" else {}) for p in declaration()["parties"]]
    results = evaluation([("kindergarten_ready", 2015, "2020-12-01")], n=12.0, rate=0.8, comparison=0.5, true=0.3)
    return case(deal(parties=parties), results, gains=gains(taxes=100.0, special=50.0, pay=400.0, later=70.0))


def record(*scenarios: str, draws: int = 200) -> dict[str, object]:
    """What was asked."""
    return {
        "cradlecast": "0.1.0",
        "fingerprint": "0123456789abcdef",
        "scenarios": list(scenarios),
        "levers": {each: {"seats": 1000.0, "take_up": None} for each in scenarios},
        "children_per_simulated_child": dict.fromkeys(scenarios, 3.99),
        "draws": draws,
        "worlds": 2,
        "seed": 1,
        "preview": draws < 200,
    }
