"""What a plan may be: the band of a balance, a draft with every date and amount, the terms as frozen.

Pure: balances, days and rules come as arguments. Source: domain.md, "Arrangements"; policy keys
`plans.*`, `better_terms.*`; C-10, M-15.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from models.arrangements import Every, PaysBy
from models.audit import canonical
from models.money import Money, currency_row
from receivables.arrangements import schedule
from receivables.errors import Refused
from receivables.policy import Policy


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is asked to be; `at_once` when its first part is paid today."""

    parts: int
    first_on: date
    every: Every = Every.MONTH
    at_once: bool = False
    pays_by: PaysBy = PaysBy.LINK


@dataclass(frozen=True, slots=True)
class Band:
    """What the rules give for a balance without asking a person.

    `most_parts` is below 2 where they give nothing; `down` is what the first part has to be at least.
    """

    most_parts: int
    least_part: Money
    first_to_on: date
    down: Money | None

    @property
    def gives(self) -> bool:
        return self.most_parts >= 2


@dataclass(frozen=True, slots=True)
class Managed:
    """What an amount a month comes to over a balance, and what the rules give of it.

    Attributes:
        wanted: parts that it takes.
        parts: the nearest number that can be put forward: within the band where there is one.
        each: what a part comes to then, beside the first; None where the rules give no plan.
        outside: at_once (one payment pays it), more_parts, no_plan, down (the first part has to be more).
        approvable: whether somebody may approve so many as `wanted`.
    """

    a_month: Money
    wanted: int
    parts: int
    each: Money | None
    outside: Sequence[str]
    approvable: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One part before it is agreed: its number, day and amount."""

    seq: int
    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan worked out; `outside` names what goes beyond the band, empty when it starts at once."""

    total: Money
    wish: Wish
    parts: Sequence[Part]
    outside: Sequence[str]

    @property
    def last_on(self) -> date:
        return self.parts[-1].on


@dataclass(frozen=True, slots=True)
class Cover:
    """One invoice of a plan: what of it is covered, and what stood beside that when it was agreed.

    `outside` was contested then; `credited` had come by credit notes until then.
    """

    invoice_id: int
    ref: str
    number: str
    covered: Money
    outside_minor: int = 0
    credited_minor: int = 0


def least_payable(currency: str) -> Money:
    """The smallest part that can be paid by card."""
    row = currency_row(currency)
    return Money(max(row.minimum, row.step), currency)


def most_payable(currency: str) -> Money:
    """The largest part that can be paid by card."""
    return Money(currency_row(currency).maximum, currency)


def band_of(policy: Policy, total: Money, *, kept_promises: int, today: date) -> Band:
    """Return what the rules give for a balance.

    Who has kept as many promises as `better_terms.kept_promises` gets `better_terms.more_parts` more.
    A currency without a scale has no band: a person decides.
    """
    least, currency = least_payable(total.currency), total.currency
    for band in policy.plans.bands:
        above = policy.units(band.above, currency) if band.above else Money(0, currency)
        smallest = policy.units(band.least_part, currency)
        if above is None or smallest is None:
            break
        if total > above:
            better = policy.better_terms
            kept = kept_promises >= better.kept_promises
            smallest = max(smallest, least)
            most = band.most_parts + (better.more_parts if kept else 0)
            down = Money(-(-total.minor * band.down_percent // 100), currency)
            return Band(
                most_parts=min(most, total.minor // smallest.minor),
                least_part=smallest,
                first_to_on=today + timedelta(days=band.first_within_days),
                down=down or None,
            )
    return Band(0, least, _usual_first(policy, today), None)


def _usual_first(policy: Policy, today: date) -> date:
    return today + timedelta(days=policy.plans.usual_first_days)


def ready_wishes(policy: Policy, band: Band, today: date) -> list[Wish]:
    """Return up to three choices that start at once: few, some and the most parts of the band."""
    most = band.most_parts
    numbers = {max(2, most // 4), max(2, most // 2), most}
    if len(numbers) < 3 and most > 3:
        numbers.add(3)
    first_on = min(_usual_first(policy, today), band.first_to_on)
    return [Wish(number, first_on) for number in sorted(numbers) if 2 <= number <= most]


def managed(total: Money, a_month: Money, band: Band, *, most_asked: int) -> Managed:
    """Return what an amount a month comes to.

    Args:
        total: what is owed, > 0.
        a_month: what the debtor says he can pay a month.
        most_asked: parts that anybody may approve at most.
    Raises:
        Refused: amount_zero, amount_negative.

    >>> band = Band(6, Money(10000, "GBP"), date(2026, 12, 1), None)
    >>> found = managed(Money(120000, "GBP"), Money(15000, "GBP"), band, most_asked=12)
    >>> found.wanted, found.parts, found.each.minor, found.outside
    (8, 6, 20000, ['more_parts'])
    """
    if a_month.minor <= 0:
        raise Refused("amount_negative" if a_month.minor < 0 else "amount_zero")
    down = band.down if band.gives else None
    wanted = schedule.parts_of(total, a_month)
    if down is not None and wanted > 1 and total.split(wanted)[0] < down:
        wanted = 1 + schedule.parts_of(total - down, a_month)
    outside = []
    if wanted < 2:
        outside.append("at_once")
    if not band.gives:
        outside.append("no_plan")
    elif wanted > band.most_parts:
        outside.append("more_parts")
    if down is not None and down > a_month:
        outside.append("down")
    parts = max(2, min(wanted, band.most_parts if band.gives else most_asked))
    each = schedule.amounts(total, parts, down=down)[-1] if band.gives else None
    return Managed(a_month, wanted, parts, each, outside, approvable=wanted <= most_asked)


def draft(policy: Policy, total: Money, wish: Wish, band: Band, *, today: date, country: str) -> Draft:
    """Work a wish out, with every day and amount, and say what of it goes beyond the band.

    Raises:
        Refused: plan_parts_few, plan_parts_many (facts: most), plan_part_too_small (facts: most, least),
            plan_part_too_large (facts: most; by card only), plan_date_past, plan_date_far (facts: latest).
    """
    most_asked = max(*policy.approvals.plan_parts.values(), band.most_parts)
    latest = today + timedelta(days=policy.plans.asked_within_days)
    if wish.parts < 2:
        raise Refused("plan_parts_few")
    if wish.parts > most_asked:
        raise Refused("plan_parts_many", most=most_asked)
    if wish.first_on < today:
        raise Refused("plan_date_past")
    if wish.first_on > latest:
        raise Refused("plan_date_far", latest=latest)
    least = least_payable(total.currency)
    too_small = Refused("plan_part_too_small", most=total.minor // least.minor, least=least)
    try:
        amounts = schedule.amounts(total, wish.parts, down=band.down)
    except Refused:
        raise too_small from None
    if min(amounts) < least:
        raise too_small
    most = most_payable(total.currency)
    if wish.pays_by is PaysBy.CARD and max(amounts) > most:
        raise Refused("plan_part_too_large", most=most)
    days = schedule.dates(wish.first_on, wish.parts, wish.every, country, at_once=wish.at_once)
    outside = []
    if wish.parts > band.most_parts or (band.gives and min(amounts) < band.least_part):
        outside.append("more_parts")
    if wish.first_on > band.first_to_on:
        outside.append("later_start")
    parts = [Part(n, day, minor) for n, (day, minor) in enumerate(zip(days, amounts, strict=True), 1)]
    return Draft(total, wish, parts, outside)


def frozen(found: Draft, covers: Sequence[Cover], policy: Policy) -> dict[str, Any]:
    """Return the terms as they are kept: figures, days, invoices and the rules that hold for them.

    Whatever the policy says later, these rules stay (C-04); no fee and no interest is charged (C-10).
    """
    rules = policy.plans
    return {
        "form": 1,
        "currency": found.total.currency,
        "total_minor": found.total.minor,
        "parts": [{"seq": p.seq, "on": p.on.isoformat(), "minor": p.amount.minor} for p in found.parts],
        "invoices": [
            {
                "ref": cover.ref,
                "number": cover.number,
                "minor": cover.covered.minor,
                "outside_minor": cover.outside_minor,
                "credited_minor": cover.credited_minor,
            }
            for cover in covers
        ],
        "every": found.wish.every.value,
        "pays_by": found.wish.pays_by.value,
        "at_once": found.wish.at_once,
        "outside": list(found.outside),
        "policy_version": policy.version_id,
        "fee_percent": 0,
        "interest_percent": 0,
        "rules": {
            "retry_days": list(rules.retry_days),
            "missed_to_default": rules.missed_to_default,
            "cure_days": rules.cure_days,
            "moves": rules.moves,
            "move_days": rules.move_days,
            "notice_days": rules.notice_days,
            "draft_days": rules.draft_days,
        },
    }


def digest_of(terms: Mapping[str, Any]) -> str:
    """SHA-256 of terms: what was shown, decided and accepted is one text (A-02)."""
    return hashlib.sha256(canonical(dict(terms)).encode()).hexdigest()
