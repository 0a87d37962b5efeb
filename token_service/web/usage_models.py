"""The answers of the routes about usage. `usage/reports.py` makes them."""

from pydantic import BaseModel, ConfigDict, Field

Day = Field(description="In the solution's time zone", examples=["2026-11-29"])


class MoneyTaken(BaseModel):
    """Revenue or refunds of a plan."""

    plan: str = Field(examples=["pro"])
    currency: str = Field(description="ISO 4217", examples=["INR"])
    amount: int = Field(description="In the smallest unit of the currency", examples=[49900])


class RefusedDemand(BaseModel):
    """Who was refused at a limit, and who registered or paid within 7 days of that."""

    reason: str = Field(description="The gate's reason", examples=["anonymous_quota_exceeded"])
    subjects: int = Field(description="Different users or visitors, each once a day", examples=[42])
    registered: int = Field(examples=[9])
    paid: int = Field(examples=[2])


class Figures(BaseModel):
    """What is counted."""

    model_config = ConfigDict(extra="forbid")
    units: dict[str, int] = Field(description="Units spent, by plan", examples=[{"anonymous": 3, "registered": 10}])
    registrations: int
    upgrades: int
    downgrades: int
    cancellations: int
    revenue: list[MoneyTaken]
    refunds: list[MoneyTaken]
    refused: list[RefusedDemand]


class DayFigures(Figures):
    """What is counted of a day."""

    day: str = Day
    users: int = Field(description="Different users on that day")
    visitors: int = Field(description="Different visitors on that day")


class PeriodFigures(Figures):
    """The sums of several days."""

    user_days: int = Field(description="The sum of `users`: who came on two days counts twice")
    visitor_days: int = Field(description="The sum of `visitors`, as `user_days`")


class SolutionReport(BaseModel):
    """A solution's usage, with every day of the period, and the period of the same length before."""

    model_config = ConfigDict(extra="forbid")
    solution_id: str = Field(examples=["faiss-search"])
    name: str
    days: list[DayFigures]
    total: PeriodFigures
    before: PeriodFigures


class UsageReport(BaseModel):
    """The usage of the solutions that the caller may see."""

    model_config = ConfigDict(extra="forbid")
    first: str = Field(alias="from", description="The first day", examples=["2026-11-01"])
    last: str = Field(alias="to", description="The last day", examples=["2026-11-30"])
    solutions: list[SolutionReport]


class OwnDay(BaseModel):
    """The units that the user spent on a day, under whatever plan."""

    day: str = Day
    units: int


class OwnUsage(BaseModel):
    """The user's own last 90 days, the oldest first."""

    model_config = ConfigDict(extra="forbid")
    solution_id: str = Field(examples=["faiss-search"])
    days: list[OwnDay]
