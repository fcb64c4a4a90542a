"""Which rate and which fixed sum an account's lateness has, and the table of rates with its sources.

The rules are data (rate_rules.toml); a rate is a row that somebody entered with a source. No row, no
interest: what is missing is refused by name, never guessed. Source: policy table, rows 11, 19, 20, 25.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.costs import Charge, InterestRate, RateKind
from models.creditors import Creditor
from models.money import Money, parse_plain
from receivables.audit import record
from receivables.costs.interest import Rate
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy
from receivables.texts import one_line

#: Longest source, in characters; the least and the largest percentage that is no slip of the pen.
SOURCE_MOST, LEAST_PERCENT, MOST_PERCENT = 300, Decimal(-5), Decimal(100)
#: Name of the rule of a rate agreed with one account, before its ref.
AGREED = "contract:"
_PERCENT = re.compile(r"-?\d{1,3}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class FixedSum:
    """What is due once for a late payment of `from_minor` or more."""

    from_minor: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Rule:
    """What the law of some countries gives; see rate_rules.toml for each attribute."""

    code: str
    countries: tuple[str, ...]
    debtor_types: frozenset[DebtorType]
    reference: str
    points: str
    rate_of: str
    legal_basis: str
    source: str
    fixed: tuple[FixedSum, ...]

    @property
    def computes(self) -> bool:
        """Whether there is anything to reckon with; where there is not, it refuses and says so."""
        return self.rate_of != "none"


@cache
def _file() -> Mapping[str, object]:
    return tomllib.loads((Path(__file__).parent / "rate_rules.toml").read_text(encoding="utf-8"))


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules that ship, in the order of the file."""
    rows = _file()["rules"]
    assert isinstance(rows, list)
    return tuple(
        Rule(
            **{
                **row,
                "countries": tuple(row["countries"]),
                "debtor_types": frozenset(DebtorType(kind) for kind in row["debtor_types"]),
                "fixed": tuple(
                    FixedSum(
                        parse_plain(sum_["from"], sum_["currency"]).minor,
                        parse_plain(sum_["amount"], sum_["currency"]),
                    )
                    for sum_ in row["fixed"]
                ),
            }
        )
        for row in rows
    )


def wording(name: str, language: str) -> str:
    """Return a text of a fee document: `interest`, `fixed_sum` or `contract`, in a language of ours."""
    words = _file()["words"]
    assert isinstance(words, dict)
    return str(words[name].get(language, words[name]["en"]))


def rule_of(country: str) -> Rule | None:
    """Return the rule of a country, or None.

    >>> rule_of("DE").code, rule_of("GB").code, rule_of("US")
    ('eu.late.de', 'uk.late', None)
    """
    return next((rule for rule in rules() if country in rule.countries), None)


@dataclass(frozen=True, slots=True)
class Terms:
    """What late payment costs one account.

    Attributes:
        off: why no interest runs, in a code; None when it does.
        fixed_off: likewise of the fixed sum.
        rates: of interest, empty when it is off; rate_of as of a rule.
        legal_basis: what allows the interest, for the debtor to read.
        rule: of the law, when there is one for both sides.
    """

    off: str | None
    fixed_off: str | None
    rates: tuple[Rate, ...] = ()
    rate_of: str = "day"
    rule_code: str = ""
    legal_basis: str = ""
    rule: Rule | None = None

    def fixed_sum(self, base: Money) -> Money | None:
        """Return the fixed sum for a late amount; None where the law names none in its currency."""
        if self.rule is None or self.fixed_off is not None:
            return None
        for row in self.rule.fixed:
            if row.amount.currency == base.currency and row.from_minor <= base.minor:
                return row.amount
        return None


def terms_of(session: Session, account: Account, policy: Policy) -> Terms:
    """Return what late payment costs an account by law, contract and policy.

    Codes of `off`: consumer, cross_border, no_rule, country_off, contract_missing, contract_off,
    not_for_debtor, rule_empty (a country that is switched on, whose rule refuses to compute).
    """
    costs = policy.costs
    rows = _rows(session, f"{AGREED}{account.ref}")
    if account.debtor_type is DebtorType.PRIVATE_PERSON and not costs.consumer_sign_off:
        return Terms("consumer", "consumer")
    rule, why = _law(session, account)
    fixed_off = why or _switched_off(account, costs.fixed_sum_countries, rule)
    if costs.contract_needed and not rows:
        return Terms("contract_missing", "contract_missing", rule=rule)
    if rows:
        basis = f"{wording('contract', account.language)}: {rows[-1].source}"
        off = None if costs.contract_interest else "contract_off"
        return Terms(off, fixed_off, _each_until_the_next(rows), "day", rows[-1].rule, basis, rule)
    off = why or _switched_off(account, costs.interest_countries, rule)
    if rule is None or off:
        return Terms(off, fixed_off, rule=rule)
    return Terms(
        None, fixed_off, tuple(_statutory(session, rule)), rule.rate_of, rule.code, rule.legal_basis, rule
    )


def _law(session: Session, account: Account) -> tuple[Rule | None, str | None]:
    """Return the rule that both sides are under, or why there is none."""
    home = session.execute(select(Creditor.country).where(Creditor.id == account.creditor_id)).scalar_one()
    rule = rule_of(account.country)
    if rule is None:
        return None, "no_rule"
    if rule_of(home) is not rule:
        return None, "cross_border"
    return rule, None


def _switched_off(account: Account, countries: Sequence[str], rule: Rule | None) -> str | None:
    if account.country not in countries:
        return "country_off"
    if rule is not None and not rule.computes:
        return "rule_empty"
    if rule is not None and account.debtor_type not in rule.debtor_types:
        return "not_for_debtor"
    return None


# --------------------------------------------------------------------------- rates


def _rows(session: Session, rule: str) -> list[InterestRate]:
    query = select(InterestRate).where(InterestRate.rule == rule).order_by(InterestRate.from_on)
    return list(session.scalars(query))


def _each_until_the_next(rows: Sequence[InterestRate]) -> tuple[Rate, ...]:
    ends = [*(row.from_on for row in rows[1:]), None]
    return tuple(Rate(row.id, row.percent, row.from_on, end) for row, end in zip(rows, ends, strict=True))


def _statutory(session: Session, rule: Rule) -> list[Rate]:
    """The rates of a law, each for its half-year only: what nobody entered is missing, not the same."""
    return [
        Rate(row.id, plus(row.percent, rule.points), row.from_on, next_half(row.from_on))
        for row in _rows(session, rule.code)
    ]


def plus(reference: str, points: str) -> str:
    """Add points to a reference rate, both decimal strings of percent.

    >>> plus("2.15", "8"), plus("-0.88", "9"), plus("2.00", "8")
    ('10.15', '8.12', '10')
    """
    total = Decimal(reference) + Decimal(points)
    return f"{total.normalize():f}"


def half_of(day: date) -> date:
    """Return the first day of the half-year of a day."""
    return date(day.year, 1 if day.month < 7 else 7, 1)


def next_half(day: date) -> date:
    """Return the first day of the half-year after that of a day.

    >>> next_half(date(2026, 3, 1)), next_half(date(2026, 7, 1))
    (datetime.date(2026, 7, 1), datetime.date(2027, 1, 1))
    """
    return date(day.year, 7, 1) if day.month < 7 else date(day.year + 1, 1, 1)


def add_rate(
    session: Session, actor: Actor, rule: str, *, from_on: date, percent: str, source: str, now: datetime
) -> InterestRate:
    """Enter a reference rate of a law, or a rate agreed with an account, with who says so.

    Args:
        rule: code of a rule that computes, or "contract:<account ref>".
        from_on: first day; of a law the first of a half-year.
        percent: a year; a decimal string with a point, at most six decimals. Of a law without its points.
        source: where it can be looked up, at most SOURCE_MOST characters.
    Returns:
        The rate; the one already there when it says the same. A row that no charge used yet takes the
        new figure, so that a slip of the pen can be mended.
    Raises:
        NotAllowed: the actor may not enter rates.
        NotFound: no such account.
        Refused: rule_unknown, rule_empty, rate_day, rate_unreadable, rate_range, source_missing,
            too_long, rate_used.
    """
    require(actor, Permission.RATE_ADD)
    agreed = rule.startswith(AGREED)
    _refuse_unless_sound(session, rule, from_on, percent, agreed=agreed)
    words = one_line(source)
    if not words:
        raise Refused("source_missing")
    if len(words) > SOURCE_MOST:
        raise Refused("too_long", most=SOURCE_MOST)
    plain = f"{Decimal(percent).normalize():f}"
    same = select(InterestRate).where(InterestRate.rule == rule, InterestRate.from_on == from_on)
    row = session.scalar(same.with_for_update())
    if row is not None and (row.percent, row.source) == (plain, words):
        return row
    before = row.percent if row is not None else None
    if row is None:
        kind = RateKind.CONTRACT if agreed else RateKind.REFERENCE
        row = InterestRate(rule=rule, kind=kind, from_on=from_on)
        session.add(row)
    elif session.scalar(select(func.count()).select_from(Charge).where(Charge.rate_id == row.id)):
        raise Refused("rate_used")
    row.percent, row.source, row.entered_by_id, row.entered_at = plain, words, actor.id, now
    session.flush()
    record(
        session,
        actor,
        "rate.added",
        row,
        account_id=None,
        now=now,
        facts={"rule": rule, "from_on": from_on.isoformat(), "percent": plain, "before": before},
        reason=words,
    )
    return row


def _refuse_unless_sound(session: Session, rule: str, from_on: date, percent: str, *, agreed: bool) -> None:
    if agreed:
        ref = rule.removeprefix(AGREED)
        if session.scalar(select(Account.id).where(Account.ref == ref)) is None:
            raise NotFound("not_found")
    else:
        known = next((known for known in rules() if known.code == rule), None)
        if known is None:
            raise Refused("rule_unknown")
        if not known.computes:
            raise Refused("rule_empty")
        if half_of(from_on) != from_on:
            raise Refused("rate_day")
    if not _PERCENT.fullmatch(percent):
        raise Refused("rate_unreadable")
    least = Decimal(0) if agreed else LEAST_PERCENT
    if not least <= Decimal(percent) <= MOST_PERCENT:
        raise Refused("rate_range")
