"""Services that between them act on every channel, in every order and under every need."""

from __future__ import annotations

from dataclasses import replace

from cradlecast.model.civic import Purse
from cradlecast.model.town import Course, Setting
from cradlecast.scenarios.civic import CIVIC_LEVERS, Pool, pool_years
from cradlecast.scenarios.service import CHANNEL_AGES, CHANNELS, Service

FIGURE = {"value": 1.0, "unit": "hours", "source": "A test", "provenance": "ASSUMED"}


def service(name: str, ages: tuple[int, ...], *channels: str, **other: object) -> Service:
    """A service with a parameter of its own for each channel, named as the channel."""
    return Service.model_validate(
        {
            "schema": "cradlecast/service/1",
            "name": name,
            "title": name,
            "description": "Of a test.",
            "ages": ages,
            "take_up": "of_take_up",
            "dose": FIGURE,
            "scale_discount": "None.",
            "fade_out": "None.",
            "effects": [{"channel": channel, "parameter": f"of_{channel}"} for channel in channels],
            "cost": {**FIGURE, "value": 1000.0, "unit": "usd per child", "year": 2019},
            "payer": "Local government",
            **other,
        }
    )


EFFECTS = {
    "of_take_up": 0.8,
    "of_skill": 0.3,
    "of_development": 0.4,
    "of_birth_weight": 0.5,
    "of_caesarean": -0.5,
    "of_chronic_absence": -0.4,
    "of_suspension": -40.0,
    "of_arrest": -30.0,
    "of_graduation": 8.0,
    "of_enrolment": 8.0,
    "of_completion": 8.0,
}
"""Values large enough to be seen in few children."""

ALL = (
    service(
        "birth", (0,), "development", "birth_weight", "caesarean", max_income_to_poverty=1.0, order="lowest_incomes"
    ),
    service("early", (3, 4), "skill"),
    service("lessons", (5, 6, 7, 8), "skill", order="lowest_scores", again=True),
    service("schools", (6, 7, 8, 9), "skill", "suspension", order="schools", again=True),
    service("attend", (11, 12, 13, 14, 15), "chronic_absence", again=True, needs=["absent_last_year"]),
    service("calm", (10, 11, 12, 13, 14), "arrest", "suspension", needs=["suspended_last_year"]),
    service("divert", (11, 12, 13, 14, 15, 16, 17), "graduation", "arrest", needs=["arrested_last_year"]),
    service("apply", (17,), "enrolment"),
    service("promise", (18,), "enrolment", needs=["graduates"]),
    service("finish", (19,), "completion", needs=["two_year_students"]),
    service("stay", (20, 21), "completion", needs=["enrolled"]),
)
"""Every channel, order and need."""


def with_services(
    setting: Setting, services: tuple[Service, ...] = ALL, places: int = 2_000, **other: object
) -> Setting:
    """A setting in which every service has so many places a year, of the community, from the first year on."""
    values = {**setting.values, **EFFECTS}
    courses = tuple(Course(one.name, setting.cohorts[0], None, places, **other) for one in services)  # type: ignore[arg-type]
    return replace(setting, values=values, services=services, courses=courses)


def with_pool(setting: Setting, part: str, **levers: float) -> Setting:
    """A setting with a million dollars a year of pooled money for one service, over five years."""
    first = setting.cohorts[0] + 6
    pool = Pool.model_validate(
        {
            "title": "Of a test",
            "price_year": 2019,
            "grants": [{"name": "one", "funder": "State government", "dollars": 1_000_000.0, "first_year": first}],
            "parts": [{"program": part, "share": 1.0, "outcome": "grade3_reading"}],
            "last_year": first + 4,
        }
    )
    at_rest = {name: neutral for name, (neutral, _, _) in CIVIC_LEVERS.items()}
    ones = {part: 1.0}
    purse = Purse(pool, pool_years(pool), "status_quo", at_rest | levers, {part: 1_000.0}, ones, ones)
    return replace(setting, purse=purse)


assert {effect.channel for one in ALL for effect in one.effects} == set(CHANNELS) == set(CHANNEL_AGES)
