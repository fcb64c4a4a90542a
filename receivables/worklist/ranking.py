"""What a day of waiting costs at an account: pure arithmetic, in whole minor units and exact fractions.

    value lost a day = sum over ages of (amount x percent a day) x kind of debtor x what happened

An ageing floor lifts what is late and was looked at by nobody for long: it grows with every further day
and has no end, so every account comes to the top in time. Who is left alone on purpose (a promise that
runs, a proof to check, a talk of yesterday, a fact that binds us) is not lifted.
Source: issue of the desk, part 1; domain.md, "Largest debts first, but small debts never neglected";
policy [worklist].
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from models.accounts import Segment
from models.money import currency_row
from receivables.policy import FACTORS, Policy, WorklistRules

#: While one of these holds we wait on purpose.
WAITS = frozenset({"promise_open", "promise_due", "says_paid", "spoken_lately", "tried_lately", "bound"})
#: Ranks are compared in thousandths of a unit of policy.
_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Risk:
    """What a day costs, with the terms it was worked out from.

    Attributes:
        collectable_minor: the sum of `bands`.
        bands: (minor units, percent a day) of each age, oldest first; equal percents are together.
        factors: (code, percent) in the order in which they are multiplied; those of 100 are left out.
        at_risk_minor: minor units a day, rounded half up; what the floor gives where that is more.
        lifted_from_minor: what it was without the floor; None where nothing is lifted.
        rank, size: the same and the amount in thousandths of a unit of policy.
    """

    collectable_minor: int
    bands: tuple[tuple[int, Decimal], ...]
    factors: tuple[tuple[str, int], ...]
    at_risk_minor: int
    lifted_from_minor: int | None
    rank: int
    size: int


def percent_a_day(days_late: int, rules: WorklistRules) -> Decimal:
    """Return what of an amount is expected to be lost with a day, in percent, by days late.

    >>> from receivables.policy import default_policy
    >>> [str(percent_a_day(days, default_policy().worklist)) for days in (0, 1, 34, 200)]
    ['0', '0.10', '0.45', '0.10']
    """
    return next((band.percent_a_day for band in rules.ages if days_late >= band.late), Decimal(0))


def units_of(minor: Fraction, currency: str, policy: Policy) -> Fraction:
    """Return an amount in units of policy: whole units of a currency of scale 1, for comparing only.

    A currency without a scale counts as one of scale 1.

    >>> from receivables.policy import default_policy
    >>> units_of(Fraction(10000), "ILS", default_policy())
    Fraction(25, 1)
    """
    scale = Fraction(policy.scale.get(currency, Decimal(1)))
    return minor / (Fraction(10) ** currency_row(currency).exponent * scale)


def floor_units(days_late: int, untouched_days: int, rules: WorklistRules) -> Fraction:
    """Return what the ageing floor gives, in units of policy a day.

    >>> from receivables.policy import default_policy
    >>> floor_units(97, 74, default_policy().worklist), floor_units(59, 74, default_policy().worklist)
    (Fraction(22, 5), Fraction(0, 1))
    """
    if days_late < rules.floor_late_days:
        return Fraction(0)
    return max(untouched_days - rules.floor_untouched_days, 0) * Fraction(rules.floor_units_a_day)


def risk(
    documents: Sequence[tuple[int, int]],
    *,
    currency: str,
    segment: Segment,
    happened: Collection[str],
    untouched_days: int,
    policy: Policy,
) -> Risk:
    """Work out what a day of waiting costs.

    Args:
        documents: (minor units asked for, days late) of what is overdue in one currency.
        happened: codes of FACTORS that hold.
        untouched_days: since a person last did something about the account, at most the days it is late.
    """
    rules = policy.worklist
    bands: dict[Decimal, int] = {}
    for minor, days_late in sorted(documents, key=lambda one: -one[1]):
        percent = percent_a_day(days_late, rules)
        bands[percent] = bands.get(percent, 0) + minor
    lost = sum((Fraction(minor) * Fraction(percent) / 100 for percent, minor in bands.items()), Fraction(0))
    factors = [(f"segment:{segment.value}", rules.segment_percent[segment.value])]
    factors += [(code, rules.factor_percent[code]) for code in FACTORS if code in happened]
    factors = [(code, percent) for code, percent in factors if percent != 100]
    for _, factor in factors:
        lost *= Fraction(factor, 100)
    collectable = sum(bands.values())
    units, floor = units_of(lost, currency, policy), Fraction(0)
    if collectable and not WAITS.intersection(happened):
        floor = floor_units(max(days for _, days in documents), untouched_days, rules)
    is_lifted = floor > units
    per_unit = units_of(Fraction(1), currency, policy)
    return Risk(
        collectable_minor=collectable,
        bands=tuple((minor, percent) for percent, minor in bands.items()),
        factors=tuple(factors),
        at_risk_minor=_half_up(floor / per_unit if is_lifted else lost),
        lifted_from_minor=_half_up(lost) if is_lifted else None,
        rank=_half_up((floor if is_lifted else units) * _THOUSAND),
        size=_half_up(units_of(Fraction(collectable), currency, policy) * _THOUSAND),
    )


def _half_up(value: Fraction) -> int:
    """Round a sum that is not negative to whole numbers.

    >>> _half_up(Fraction(5, 2)), _half_up(Fraction(7, 3))
    (3, 2)
    """
    return int((2 * value.numerator + value.denominator) // (2 * value.denominator))
