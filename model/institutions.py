"""Institutions that hold seats: ordinary Mesa agents that open, fill and close them."""

from __future__ import annotations

import zlib

import mesa


class Site(mesa.Agent):
    """A provider of one program, in one area, with seats paid from one stream of money.

    Attributes
    ----------
    line
        The line in which families wait for its seats.
    seats
        Age to seats a year, in simulated children.
    filled
        (year, age) to children seated.
    quality, hours, seat_cost
        Quality against the program as delivered at scale (1.0), hours a year, and dollars a seat and year.
    standard_hours, usual_hours
        Hours at which the program's value was measured, and its own where nothing else is said.
    financed
        True if an outcomes contract pays for these seats.
    """

    line = ""

    def __init__(
        self,
        model: mesa.Model,
        number: int,
        program: str,
        stream: str,
        area: str,
        standard_hours: float,
        hours: float,
        seat_cost: float,
    ) -> None:
        super().__init__(model)
        self.number = number
        self.program = program
        self.stream = stream
        self.area = area
        self.seats: dict[int, int] = {}
        self.filled: dict[tuple[int, int], int] = {}
        self.quality = 1.0
        self.standard_hours = standard_hours
        self.usual_hours = self.hours = hours
        self.seat_cost = seat_cost
        self.financed = False

    @property
    def key(self) -> int:
        """Number that keys the luck of the program's classrooms in this area: the same in every arm and study.

        Streams of money share it, so that a change of who pays moves no child to another classroom.
        """
        return zlib.crc32(f"{self.line}/{self.area}".encode())

    def set_seats(self, age: int, seats: int) -> None:
        """Open or close seats for children of one age."""
        self.seats[age] = max(seats, 0)
        self.model.seats_moved(age)

    def seat(self, year: int, age: int, children: int) -> None:
        """Take in a year's children, never more than there are seats."""
        if not children <= self.seats.get(age, 0):
            raise RuntimeError(f"{children} children for {self.seats.get(age, 0)} seats at {self.stream}/{self.area}")
        self.filled[year, age] = children

    def value(self, effect: float, hours_effect: float) -> float:
        """What a year here adds to skill, sd: the program's value times quality, and the effect of extra hours.

        Parameters
        ----------
        effect
            The program's value against care at home, in this draw.
        hours_effect
            Effect of 100 more hours, sd.
        """
        return self.quality * effect + hours_effect * (self.hours - self.standard_hours) / 100.0


class PreKSite(Site):
    """A pre-K site: a public school or a partner center with pre-K classrooms."""

    line = "prek"


class HeadStartCenter(Site):
    """A Head Start center, for children aged 3 and 4."""

    line = "head_start"


class ChildCareCenter(Site):
    """A child-care center that families pay themselves or with a subsidy."""

    line = "child_care"


SITES: dict[str, type[Site]] = {kind.line: kind for kind in (PreKSite, HeadStartCenter, ChildCareCenter)}
"""Kind of site by the line in which families wait."""


class School(mesa.Agent):
    """An elementary school: the children of one birth year in it are each other's classmates."""

    def __init__(self, model: mesa.Model, number: int, area: str) -> None:
        super().__init__(model)
        self.number = number
        self.area = area

    def pupils(self, cohort: int) -> int:
        """Children of a birth year who go to this school."""
        return int(self.model.count_pupils(self.number, cohort))
