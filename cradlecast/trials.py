"""Trials run inside the model: effects of an offer and of attending, beside what was published of them.

Every draw lives the children of a trial twice, with the offer of a place and without it, in the same luck. Nothing but
the facts of the trial's file and the draw's parameters enters: see `worth_of` for the one rule between them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Children
from cradlecast.model.draws import draw_parameters
from cradlecast.model.flows import EARNINGS_PRICE_YEAR
from cradlecast.model.kernels import HOME, Decision, Real, Theta
from cradlecast.model.place import Floats, Place
from cradlecast.model.theta import chain
from cradlecast.model.town import PROGRAMS, Setting, streams_of
from cradlecast.model.trial_town import READINGS, TRIAL, TRIAL_STREAM, ServiceTrial, TrialTown, Worth, care_at, worth_of
from cradlecast.observed import Findings, interval
from cradlecast.samples import CALIBRATION_CHILDREN, Ground, children_in, digest, ground_in, setting_in
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import Record
from cradlecast.scenarios.fit import check_service
from cradlecast.scenarios.library import (
    load_community,
    load_parameters,
    load_prices,
    load_program,
    load_service,
    load_trial,
    load_trial_parameters,
    names,
)
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.service import Service
from cradlecast.scenarios.trial import OUTCOMES, Figures, FollowUp, Trial, published_of
from cradlecast.workers import Progress, each_draw

CARE: Final = ("home", *PROGRAMS, "trial")
"""Kinds of care of a trial's children; the last is the trial's own."""

SERVED: Final = ("not served", "trial")
"""The same for a trial of a service."""

LEVEL: Final = 0.9
"""Level of every interval that is shown."""

SPANS: Final = (
    ("at the end of the program", 3, 4),
    ("kindergarten and grade 1", 5, 6),
    ("grades 2 to 8", 7, 13),
    ("high school and later", 14, 29),
)

"""Spans of follow-up that are summed up apart: words, first and last age in the fall."""

OUTSIDE: Final[Mapping[str, str]] = {
    "E3029": "a ratio of benefits to costs, not an effect on children",
    "E3031": "years of schooling, and relative percents without a standard error; county rollout of the 1960s",
    "E3033": "earnings as a proportion of those of the 1960s and 1970s; the model has dollars of today",
    "E3043": "a mean over studies, mostly before 1990, without an interval",
    "E3044": "relative percents of a whole county's children, enrolled or not",
    "E3050": "a ratio of benefits to costs, not an effect on children",
    "E5006": "benefits and costs, not an effect on children",
    "E5007": "benefits and costs, not an effect on children",
    "E5025": "benefits and costs, not an effect on children",
    "E5027": "benefits and costs, not an effect on children",
    "E5028": "benefits and costs, not an effect on children",
    "E5029": "benefits and costs, not an effect on children",
    "N3056": "an index of adult outcomes, which the model does not have",
    "N3058": "a null without a number",
    "N3059": "a direction without a number",
    "N3082": "a spread between five studies, two of which are set beside the model one by one",
    "N7005": "a null without a number",
    "N7011": "signs without numbers",
    "N7013": "parents' earnings, which trials do not follow",
    "N8021": "dollars of crime by sex and payer, which the model does not have",
    "N8022": "earnings by sex and to age 40, which the model does not have",
    "E4012": "babies' emergency care and inquiries into maltreatment, which the model does not have",
    "E4017": "a stricter school, in relative percents without a standard error; the reverse of the service",
    "E4025": "families' moves to other neighborhoods; the model has no neighborhoods to move to",
    "E5008": "benefits and costs, not an effect on children",
    "E5030": "benefits and costs, not an effect on children",
    "E6005": "a town's coalition against drug use and crime; a ratio of risks, or a null without a number",
    "E6006": "a charter school, not a service; no standard error",
    "E6007": "living in a zone with many programs; a null without a number",
    "E6009": "case management in schools, a null without a number and from memory",
    "N4061": "a count of significant outcomes, and a size in words",
    "N4064": "babies' emergency care, which the model does not have",
    "N4065": "babies' emergency care, which the model does not have",
    "N4069": "relative percents without a standard error, signs, or a null without numbers; the model has points",
    "N4073": "333 dollars a month to mothers, a null without a number; the model has no cash program",
    "E1026": "levels of one county, to which a community may be compared, not an effect",
    "E1042": "levels by group, to which a community may be compared, not an effect",
    "E2002": "levels by family background, to which the pathway may be compared, not an effect",
    "E2013": "twelve years of school spending; the model has no spending of schools",
    "E2016": "a teacher's value added; the model has classmates and no teachers",
}
"""Estimates with role VALIDATE that no trial file takes up, by the first letters of their id, and why.

Those of published associations are set beside the model elsewhere: see ``published``.
"""


@dataclass(frozen=True)
class Effects:
    """A trial in one draw.

    Attributes
    ----------
    itt, tot
        Effect of the offer, and of attending, by follow-up; NaN where nobody is compared, float64 (follow-ups,).
    without
        Mean without the offer, likewise.
    care
        Shares of children by kind of care, float64 (school years, arms, kinds); arms are without and with the offer.
    """

    itt: Floats
    tot: Floats
    without: Floats
    care: Floats

    def of(self, number: int, follow_up: FollowUp) -> float:
        """The effect that a follow-up's figure is about."""
        return float((self.itt if follow_up.estimand == "ITT" else self.tot)[number])


def trial(
    declared: Trial, options: Options | None = None, progress: Progress | None = None, workers: int | None = None
) -> Findings:
    """Run one trial inside the model.

    Parameters
    ----------
    declared
        A loaded trial.
    options
        ``children`` of the trial in each arm; ``draws`` and ``seed`` as in a study.
    progress
        Called after every draw.
    workers
        Threads or processes; the same numbers for any number of them.

    Returns
    -------
    Findings
        Tables ``effects``, by follow-up, and ``care``, by school year and arm.
    """
    options = options or Options(children=4_000, draws=200, worlds=1)
    lived = run_trials([declared], options, None, progress, workers)[0]
    tables = {"effects": effect_table(declared, lived, options.seed), "care": care_table(declared, lived)}
    return Findings(_record([declared], options, None), tables)


def validate(
    trials: Sequence[Trial] | None = None,
    options: Options | None = None,
    community: str | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Findings:
    """Run trials, by default all that are shipped, and set their effects beside the published ones.

    Parameters
    ----------
    trials
        Loaded trials.
    options, progress, workers
        As for `trial`.
    community
        Where to run them all, if not in the community that each names.

    Returns
    -------
    Findings
        Tables ``targets``, ``summary`` and ``left_out``. Nothing counts as missed: there is no pass mark to tune to.
    """
    options = options or Options(children=4_000, draws=200, worlds=1)
    shipped = trials is None
    declared = [load_trial(name) for name in names("trial")] if trials is None else list(trials)
    lived = run_trials(declared, options, community, progress, workers)
    targets = pd.concat(
        [target_table(one, effects, options.seed) for one, effects in zip(declared, lived, strict=True)],
        ignore_index=True,
    )
    targets["hit"] = targets["hit"].astype(object)
    tables = {"targets": targets, "summary": summary_table(targets), "left_out": left_out_table(declared, shipped)}
    return Findings(_record(declared, options, community), tables)


def run_trials(
    trials: Sequence[Trial],
    options: Options,
    community: str | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> list[list[Effects]]:
    """Every trial in every draw: [trial][draw], the same for any number of workers.

    Raises
    ------
    InputError
        If a trial's community cannot be loaded or calibrated.
    """
    services = {one.program: load_service(one.program) for one in trials if one.of_service}
    for service in services.values():
        check_service(service)
    own = tuple(services.values())
    grounds = {name: ground_in(load_community(name), options, own) for name in _communities(trials, community)}

    def draw_of(number: int) -> list[Effects]:
        return [run_trial(one, grounds[community or one.community], number) for one in trials]

    caches = [ground.cache for ground in grounds.values()]
    found = each_draw(draw_of, options, caches, 2 * len(trials), workers, progress)
    return [list(draws) for draws in zip(*found, strict=True)]


def run_trial(trial: Trial, ground: Ground, draw: int, **values: float) -> Effects:
    """One trial in one draw; ``values`` replace drawn parameters, for tests and what-ifs."""
    setting, drawn = trial_setting(trial, ground, draw, **values)
    return effects_of(trial, setting, trial_children(trial, setting), drawn)


def trial_setting(trial: Trial, ground: Ground, draw: int, **values: float) -> tuple[Setting, dict[str, float]]:
    """The setting of both arms, and the draw's parameters of the rule for trials.

    In a trial of care the trial's own sites stand beside those of the community; in one of a service the community is
    as it is. Children have no effect on their classmates here: those of both arms sit in the same classes.
    """
    drawn, calibration = ground.draw(draw)
    rule = draw_parameters(load_trial_parameters(), ground.options.seed, draw)
    rule |= {name: value for name, value in values.items() if name in rule}
    theta = calibration.theta.copy()
    theta[Theta.PEER_EFFECT] = 0.0
    cohorts = (trial.year - trial.years[0].age,)
    known = streams_of(ground.place, ())
    if trial.of_service:
        base = setting_in(ground, drawn | values, calibration, draw, cohorts, known)
        service = _service_of(trial)
        n_births = round(ground.options.children / _meant_for(ground, trial, service))
        return replace(base, theta=theta, horizon=trial.last_age + 1, n_children=n_births, services=(service,)), rule
    bare = [(program, "standing") for program in PROGRAMS if program not in {one for one, _ in known}]
    streams = (*known, *bare, (trial.program, TRIAL_STREAM))
    base = setting_in(ground, drawn | values, calibration, draw, cohorts, streams)
    n_births = round(1.1 * ground.options.children / _eligible(ground.place, trial)) + 100
    return replace(base, theta=theta, horizon=trial.last_age + 1, n_children=n_births), rule


def _service_of(trial: Trial) -> Service:
    """The service of a trial, for those whom the trial was meant for."""
    service = load_service(trial.program)
    changed = {
        "ages": tuple(year.age for year in trial.years),
        "max_income_to_poverty": trial.max_income_to_poverty,
        "needs": service.needs if trial.needs is None else trial.needs,
    }
    return service.model_copy(update=changed)


def _meant_for(ground: Ground, trial: Trial, service: Service) -> float:
    """About the share of a birth year whom a trial's service is meant for, and no less than a tenth of it.

    A smaller share gives a trial of fewer children than were asked for.
    """
    graduate, enrol, _, _ = chain(ground.place)
    events = ground.community.events
    share = {
        "graduates": graduate,
        "enrolled": graduate * enrol,
        "two_year_students": 0.3 * graduate * enrol,
        "absent_last_year": events["chronic_absence"].all.value,
        "suspended_last_year": events["suspension"].all.value,
        "arrested_last_year": events["arrest"].all.value,
    }
    found = _eligible(ground.place, trial)
    for need in service.needs:
        found *= share[need]
    return max(found, 0.1)


def trial_children(trial: Trial, setting: Setting) -> Children:
    """The children of a trial as born: the first of the birth year whose families' income is low enough.

    For a service the whole birth year, of whom the trial takes its children when it begins.
    """
    born = children_in(setting)
    if trial.of_service:
        return born
    limit = trial.max_income_to_poverty
    rows = np.arange(len(born))
    if limit is not None:
        rows = np.flatnonzero(born.real(Real.INCOME) < setting.place.income_at(limit))
    rows = rows[: _asked(setting, trial)]
    if len(rows) == 0:
        raise InputError(f"trial '{trial.name}' finds no children below {limit:g} of the poverty line")
    return replace(born.permuted(rows), starts=(0, len(rows)))


def effects_of(trial: Trial, setting: Setting, children: Children, rule: Mapping[str, float]) -> Effects:
    """Live both arms and compare them, child by child.

    Raises
    ------
    InputError
        If the trial finds no child whom it is meant for.
    """
    arms = _arms(trial, setting, children, worth_of(trial, rule))
    values = [_live(arm, trial.follow_ups) for arm in arms]
    lives = [arm.columns() for arm in arms]
    here = arms[0].inside()
    if not here.any():
        raise InputError(f"trial '{trial.name}' finds no children whom it is meant for; raise --children")
    otherwise = np.where(here, HOME, -1) if trial.of_service else care_at(lives[0], trial.years[0].age)
    brought_in = arms[1].attended().astype(np.float64) - arms[0].attended()
    n = len(trial.follow_ups)
    itt, tot, without = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    for number, follow_up in enumerate(trial.follow_ups):
        inside = here & _among(otherwise, follow_up)
        if not inside.any():
            continue
        without[number] = values[0][number][inside].mean()
        itt[number] = (values[1][number] - values[0][number])[inside].mean()
        share = brought_in[inside].mean()
        tot[number] = itt[number] / share if share > 0.0 else np.nan
    if trial.of_service:
        served = [float(arm.attended()[here].mean()) for arm in arms]
        return Effects(itt, tot, without, np.array([[[1.0 - share, share] for share in served]]))
    care = np.array(
        [[np.bincount(care_at(life, y.age), minlength=len(CARE)) / len(life) for life in lives] for y in trial.years]
    )
    return Effects(itt, tot, without, care)


def _arms(trial: Trial, setting: Setting, children: Children, worth: Worth) -> list[TrialTown] | list[ServiceTrial]:
    """Both arms before their first year, without and with the offer."""
    if trial.of_service:
        without = ServiceTrial(setting, children, trial, worth, False)
        return [without, ServiceTrial(setting, children, trial, worth, True, same_until=without)]
    return [TrialTown(setting, children, trial, worth, offered) for offered in (False, True)]


# --- tables -----------------------------------------------------------------------------------------------------------


def effect_table(trial: Trial, lived: Sequence[Effects], seed: int) -> pd.DataFrame:
    """By follow-up: effects of the offer and of attending over draws, and what was published."""
    rows = []
    for number, follow_up in enumerate(trial.follow_ups):
        itt, tot = (np.array([getattr(one, name)[number] for one in lived]) for name in ("itt", "tot"))
        beside = _beside(trial, number, lived, seed)
        rows.append(
            {
                "trial": trial.name,
                "outcome": follow_up.outcome,
                "age": follow_up.age,
                "among": follow_up.among,
                "unit": _unit(follow_up),
                "without": _mean(np.array([one.without[number] for one in lived])),
                "itt": _mean(itt),
                **dict(zip(("itt_low", "itt_high"), interval(itt), strict=True)),
                "tot": _mean(tot),
                **dict(zip(("tot_low", "tot_high"), interval(tot), strict=True)),
                "chance_not_positive": float(np.mean(itt <= 0.0)) if np.isfinite(itt).all() else np.nan,
                "estimand": follow_up.estimand,
                "evidence": beside["evidence"],
                "published": beside["published"],
                "published_low": beside["published_low"],
                "published_high": beside["published_high"],
                "hit": beside["hit"],
            }
        )
    table = pd.DataFrame(rows)
    table["hit"] = table["hit"].astype(object)
    return table


def care_table(trial: Trial, lived: Sequence[Effects]) -> pd.DataFrame:
    """By school year and kind of care: the share of children there without and with the offer."""
    shares = np.mean([one.care for one in lived], axis=0)
    kinds = SERVED if trial.of_service else CARE
    rows = [
        {"trial": trial.name, "age": year.age, "care": kind, "without": shares[at, 0, k], "offered": shares[at, 1, k]}
        for at, year in enumerate(trial.years[: len(shares)])
        for k, kind in enumerate(kinds)
    ]
    return pd.DataFrame(rows)


def target_table(trial: Trial, lived: Sequence[Effects], seed: int) -> pd.DataFrame:
    """Every follow-up of a trial that has a published figure, beside what the model predicts of it."""
    rows = []
    for number, follow_up in enumerate(trial.follow_ups):
        if published_of(follow_up) is not None:
            what = {"outcome": follow_up.outcome, "age": follow_up.age, "among": follow_up.among}
            beside = _beside(trial, number, lived, seed)
            rows.append({"trial": trial.name, **what, "estimand": follow_up.estimand, **beside})
    return pd.DataFrame(rows)


def summary_table(targets: pd.DataFrame) -> pd.DataFrame:
    """Hits, widths and scores of the targets, by span of follow-up and unit."""
    rows = []
    counted = targets[targets["role"] == "target"]
    for unit in dict.fromkeys(counted["unit"]):
        same = counted[counted["unit"] == unit]
        spans = [(words, same[same["age"].between(first, last)]) for words, first, last in SPANS]
        for words, some in (*spans, ("all", same)):
            if len(some):
                hits = some["hit"].astype(bool)
                rows.append(
                    {
                        "follow_up": words,
                        "unit": unit,
                        "targets": len(some),
                        "hits": int(hits.sum()),
                        "hits_that_rule_out_zero": int((hits & ~some["holds_zero"].astype(bool)).sum()),
                        "expected": LEVEL * len(some),
                        "hits_of_no_effect": int((some["published_low"] * some["published_high"] <= 0.0).sum()),
                        **{
                            f"{name}_width": some[f"{name}_width"].mean()
                            for name in ("published", "model", "predicted")
                        },
                        "score": some["score"].mean(),
                        "score_of_no_effect": some["score_of_no_effect"].mean(),
                        "mean_error": (some["model"] - some["published"]).mean(),
                    }
                )
    return pd.DataFrame(rows)


def left_out_table(trials: Sequence[Trial], shipped: bool = True) -> pd.DataFrame:
    """Estimates that are not set beside the model, and why."""
    rows: list[dict[str, object]] = [
        {"evidence": each, "trial": one.name, "reason": why} for one in trials for each, why in one.left_out.items()
    ]
    if shipped:
        rows += [{"evidence": each, "trial": None, "reason": why} for each, why in OUTSIDE.items()]
    return pd.DataFrame(rows, columns=["evidence", "trial", "reason"])


def interval_score(low: float, high: float, value: float) -> float:
    """Width of a central 90 % interval, and twenty times the distance of what came from it (Gneiting, Raftery 2007).

    Examples
    --------
    >>> interval_score(0.0, 1.0, 0.5), interval_score(0.0, 1.0, 1.25)
    (1.0, 6.0)
    """
    return (high - low) + 2.0 / (1.0 - LEVEL) * (max(low - value, 0.0) + max(value - high, 0.0))


# --- parts ------------------------------------------------------------------------------------------------------------


def _beside(trial: Trial, number: int, lived: Sequence[Effects], seed: int) -> dict[str, object]:
    """What was published of a follow-up, and what the model predicts of it."""
    follow_up = trial.follow_ups[number]
    found = published_of(follow_up)
    model = np.array([one.of(number, follow_up) for one in lived])
    low, high = interval(model)
    row: dict[str, object] = dict.fromkeys(TARGET_COLUMNS)
    row |= {"unit": _unit(follow_up), "model": _mean(model), "model_low": low, "model_high": high}
    row["model_width"] = high - low
    if found is None:
        return row
    value, se = _repriced(found, follow_up)
    row |= {
        "evidence": found.id,
        "published": value,
        "role": "target" if found.counts else "context",
        "why_not": found.why_not or None,
        "provenance": found.provenance,
        "source": found.source,
    }
    if se is None or not np.isfinite(model).all():
        return row
    z = float(ndtri(0.5 + LEVEL / 2.0))
    sampled = model + se * np.array([_sampling(trial, number, draw, seed) for draw in range(len(model))])
    least, most = interval(sampled.tolist())
    return row | {
        "published_low": value - z * se,
        "published_high": value + z * se,
        "published_width": 2.0 * z * se,
        "predicted_low": least,
        "predicted_high": most,
        "predicted_width": most - least,
        "hit": bool(least <= value <= most),
        "holds_zero": bool(least <= 0.0 <= most),
        "place": float(np.mean(ndtr((value - model) / se))),
        "score": interval_score(least, most, value),
        "score_of_no_effect": interval_score(-z * se, z * se, value),
    }


TARGET_COLUMNS: Final = (
    "evidence",
    "unit",
    "published",
    "published_low",
    "published_high",
    "model",
    "model_low",
    "model_high",
    "predicted_low",
    "predicted_high",
    "hit",
    "published_width",
    "model_width",
    "predicted_width",
    "holds_zero",
    "place",
    "score",
    "score_of_no_effect",
    "role",
    "why_not",
    "provenance",
    "source",
)
"""Columns of a target after the trial and the follow-up; ``place`` is the share of the prediction below the figure."""


def _live(arm: TrialTown | ServiceTrial, follow_ups: Sequence[FollowUp]) -> list[Floats]:
    """Live one arm, reading every follow-up at the end of its year."""
    values: list[Floats] = [np.empty(0)] * len(follow_ups)
    while arm.time < arm.last_year - arm.first_year + 1:
        arm.step()
        age = int(arm.time) - 1
        for number, follow_up in enumerate(follow_ups):
            if follow_up.age == age:
                values[number] = READINGS[follow_up.outcome](arm.seen(), age)
    return values


def _among(otherwise: np.ndarray[Any, np.dtype[Any]], follow_up: FollowUp) -> Bools:
    """The children whom a follow-up is about, by the care that they have without the offer, bool (n,)."""
    if follow_up.among == "all":
        return np.ones(len(otherwise), np.bool_)
    at_home = otherwise == HOME
    return np.asarray(at_home if follow_up.among == "home" else ~at_home & (otherwise != TRIAL))


def _eligible(place: Place, trial: Trial) -> float:
    """Share of children whose families' income is low enough."""
    if trial.max_income_to_poverty is None:
        return 1.0
    line = place.income_at(trial.max_income_to_poverty)
    share = float(np.sum(place.group_shares * ndtr((line - place.group_means) / place.income_sd)))
    if share < 0.005:
        raise InputError(
            f"trial '{trial.name}' asks for families below {trial.max_income_to_poverty:g} of the poverty line, which "
            f"{share:.1%} of children in {place.community.name} live in"
        )
    return share


def _asked(setting: Setting, trial: Trial) -> int:
    """Children in the trial, from the births that were asked for to find them."""
    return round((setting.n_children - 100) * _eligible(setting.place, trial) / 1.1)


def _sampling(trial: Trial, number: int, draw: int, seed: int) -> float:
    """A standard normal for the luck of the published sample, keyed by trial, follow-up, draw and seed."""
    key = zlib.crc32(trial.name.encode())
    return float(kernels.normal(key, number, int(Decision.TRIAL_SAMPLING), 0, draw, seed))


def _repriced(found: Figures, follow_up: FollowUp) -> tuple[float, float | None]:
    """The published figure and its standard error, in the model's unit."""
    if OUTCOMES[follow_up.outcome][0] != "usd" or found.price_year is None:
        return found.value, found.se
    prices = load_prices()
    value = prices.reprice(found.value, found.price_year, EARNINGS_PRICE_YEAR)
    return value, None if found.se is None else prices.reprice(found.se, found.price_year, EARNINGS_PRICE_YEAR)


def _unit(follow_up: FollowUp) -> str:
    unit = OUTCOMES[follow_up.outcome][0]
    return f"usd of {EARNINGS_PRICE_YEAR}" if unit == "usd" else unit


def _mean(values: Floats) -> float:
    """Mean over the draws that have a number."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _communities(trials: Sequence[Trial], community: str | None) -> tuple[str, ...]:
    """Where trials are run, each place once."""
    return tuple(dict.fromkeys(community or one.community for one in trials))


def _record(trials: Sequence[Trial], options: Options, community: str | None) -> dict[str, object]:
    """What was asked, with a fingerprint of everything behind the numbers."""
    places = _communities(trials, community)
    declared: list[Record] = [*(load_community(name) for name in places), *(load_program(name) for name in PROGRAMS)]
    declared += [load_service(name) for name in dict.fromkeys(one.program for one in trials if one.of_service)]
    sizes = {name: value for name, value in asdict(options).items() if name not in ("worlds", "horizon")}
    return {
        "cradlecast": VERSION,
        "fingerprint": digest(*declared, load_parameters(), load_trial_parameters(), *trials, sizes)[:16],
        "trials": [one.name for one in trials],
        "communities": list(places),
        **sizes,
        "calibration_children": CALIBRATION_CHILDREN,
        "preview": options.preview,
        "interval": LEVEL,
    }
