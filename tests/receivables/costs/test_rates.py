"""Rates with their source, and what late payment costs an account by law, contract and policy."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from models.accounts import Account, DebtorType
from models.audit import AuditEntry
from models.costs import InterestRate, RateKind
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables.costs import rates
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.policy import current_policy, default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.costs.conftest import BY_LAW, enter, switch_on

FIRST = date(2026, 7, 1)


def an_account(store: Store, country: str = "GB", home: str | None = None, **more: object) -> Account:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s, country=home or country))
        account.country = country
        for name, value in more.items():
            setattr(account, name, value)
        return account


def terms(store: Store, account: Account) -> rates.Terms:
    with store.read() as s:
        return rates.terms_of(s, s.get_one(Account, account.id), current_policy(s, NOON))


# --------------------------------------------------------------------------- the rules that ship


def test_the_rules_that_ship() -> None:
    """Policy table rows 19, 20, 25: points, fixed sums, whose rate; Israel refuses to compute."""
    known = {rule.code: rule for rule in rates.rules()}
    assert {code: rule.points for code, rule in known.items()} == {
        "eu.late": "8", "eu.late.de": "9", "eu.late.fr": "10", "uk.late": "8", "il.late": "",
    }  # fmt: skip
    assert known["uk.late"].rate_of == "start"
    assert not known["il.late"].computes
    countries = [country for rule in rates.rules() for country in rule.countries]
    assert len(countries) == len(set(countries))
    for rule in rates.rules():
        assert rule.debtor_types == {DebtorType.BUSINESS}
        assert rule.source
    for name in ("interest", "fixed_sum", "contract"):
        said = {rates.wording(name, language) for language in ("en", "he", "ru", "hu")}
        assert len(said) == 4
        assert rates.wording(name, "fr") == rates.wording(name, "en")


@pytest.mark.parametrize(
    ("country", "late", "fixed"),
    [
        ("DE", Money(1, "EUR"), Money(4000, "EUR")),
        ("DE", Money(99999999, "EUR"), Money(4000, "EUR")),
        ("DE", Money(100000, "GBP"), None),
        ("GB", Money(99999, "GBP"), Money(4000, "GBP")),
        ("GB", Money(100000, "GBP"), Money(7000, "GBP")),
        ("GB", Money(999999, "GBP"), Money(7000, "GBP")),
        ("GB", Money(1000000, "GBP"), Money(10000, "GBP")),
        ("GB", Money(1000000, "EUR"), None),
    ],
)
def test_the_fixed_sum_by_size(country: str, late: Money, fixed: Money | None) -> None:
    """Policy table rows 19, 20: to the penny, and in the currency of the law only."""
    assert rates.Terms(None, None, rule=rates.rule_of(country)).fixed_sum(late) == fixed
    assert rates.Terms(None, "country_off", rule=rates.rule_of(country)).fixed_sum(late) is None


# --------------------------------------------------------------------------- entering


def test_a_rate_is_entered_with_its_source(store: Store) -> None:
    """Rows 19, 20: who said so is kept, and the audit knows who entered it."""
    with store.write() as s:
        (row,) = enter(s, "uk.late", (FIRST, "4.250"))
    assert (row.rule, row.kind, row.from_on, row.percent) == ("uk.late", RateKind.REFERENCE, FIRST, "4.25")
    assert (row.source, row.entered_at) == ("Bulletin 7", NOON)
    with store.read() as s:
        assert "rate.added" in set(s.scalars(select(AuditEntry.code)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rule": "us.late"}, "rule_unknown"),
        ({"rule": "il.late"}, "rule_empty"),
        ({"from_on": date(2026, 7, 2)}, "rate_day"),
        ({"percent": ""}, "rate_unreadable"),
        ({"percent": "2,15"}, "rate_unreadable"),
        ({"percent": "2.15%"}, "rate_unreadable"),
        ({"percent": "1e2"}, "rate_unreadable"),
        ({"percent": "101"}, "rate_range"),
        ({"percent": "-5.01"}, "rate_range"),
        ({"source": " \u202e\n"}, "source_missing"),
        ({"source": "x" * 301}, "too_long"),
    ],
)
def test_what_is_no_rate_is_refused(store: Store, change: dict[str, object], code: str) -> None:
    facts = {"rule": "uk.late", "from_on": FIRST, "percent": "4.25", "source": "Bulletin 7", **change}
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        with pytest.raises(Refused) as refused:
            rates.add_rate(s, actor, **facts, now=NOON)  # type: ignore[arg-type]
    assert refused.value.code == code


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR])
def test_only_the_accountant_enters_rates(store: Store, role: Role) -> None:
    """A-01."""
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        with pytest.raises(NotAllowed):
            rates.add_rate(s, actor, "uk.late", from_on=FIRST, percent="4", source="Bulletin 7", now=NOON)


def test_the_same_twice_is_once_and_a_slip_is_mended(store: Store) -> None:
    with store.write() as s:
        first, again, mended = enter(s, "uk.late", (FIRST, "4"), (FIRST, "4.0"), (FIRST, "4.5"))
        assert first.id == again.id == mended.id
    with store.read() as s:
        assert [row.percent for row in s.scalars(select(InterestRate))] == ["4.5"]
        assert len(list(s.scalars(select(AuditEntry.id).where(AuditEntry.code == "rate.added")))) == 2


def test_a_rate_agreed_with_nobody(store: Store) -> None:
    with store.write() as s, pytest.raises(NotFound):
        enter(s, "contract:nobody", (FIRST, "6"))


# --------------------------------------------------------------------------- terms


def test_nothing_is_switched_on_when_shipped(store: Store) -> None:
    """Part 9: off by default, with the law's rate known and without."""
    account = an_account(store)
    with store.write() as s:
        enter(s)
    costs = default_policy().costs
    assert (costs.interest_countries, costs.fixed_sum_countries, costs.contract_interest) == ((), (), False)
    found = terms(store, account)
    assert (found.off, found.fixed_off, found.rates) == ("contract_missing", "contract_missing", ())


@pytest.mark.parametrize(
    ("country", "home", "more", "off", "fixed_off"),
    [
        ("GB", None, {}, None, None),
        ("DE", None, {}, None, None),
        ("FR", None, {}, "country_off", "country_off"),
        ("US", None, {}, "no_rule", "no_rule"),
        ("DE", "FR", {}, "cross_border", "cross_border"),
        ("GB", "DE", {}, "cross_border", "cross_border"),
        ("IE", "NL", {}, None, None),  # two states, one rule
        ("IL", None, {}, "rule_empty", "country_off"),
        ("GB", None, {"debtor_type": DebtorType.PRIVATE_PERSON}, "consumer", "consumer"),
        ("GB", None, {"debtor_type": DebtorType.SOLE_TRADER}, "not_for_debtor", "not_for_debtor"),
    ],
)
def test_why_nothing_runs_is_said(
    store: Store,
    country: str,
    home: str | None,
    more: dict[str, object],
    off: str | None,
    fixed_off: str | None,
) -> None:
    """Rows 11, 19, 20, 21, 25: never for consumers, never guessed across borders, Israel refuses."""
    account = an_account(store, country, home, **more)
    with store.write() as s:
        switch_on(s, *BY_LAW)
        for rule in ("uk.late", "eu.late.de", "eu.late"):
            enter(s, rule)
    found = terms(store, account)
    assert (found.off, found.fixed_off) == (off, fixed_off)
    assert bool(found.rates) is (off is None)


def test_points_are_added_and_a_half_year_ends(store: Store) -> None:
    """Rows 19, 20: reference plus points, for its half-year only."""
    account = an_account(store, "DE")
    with store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s, "eu.late.de", (FIRST, "1.27"))
    (rate,) = terms(store, account).rates
    assert (rate.percent, rate.from_on, rate.to_on) == ("10.27", FIRST, date(2027, 1, 1))


def test_an_agreed_rate_goes_before_the_laws(store: Store) -> None:
    """By contract and policy: until the next agreed one, without points, with its source to read."""
    account = an_account(store, language="hu")
    with store.write() as s:
        switch_on(s, *BY_LAW[:2], ("contract_interest = false", "contract_interest = true"))
        enter(s)
        enter(s, f"contract:{account.ref}", (date(2025, 3, 3), "6"), (date(2026, 9, 9), "7.5"))
    found = terms(store, account)
    assert [(rate.percent, rate.from_on, rate.to_on) for rate in found.rates] == [
        ("6", date(2025, 3, 3), date(2026, 9, 9)),
        ("7.5", date(2026, 9, 9), None),
    ]
    assert (found.off, found.fixed_off) == (None, None)
    assert found.legal_basis == "Az Önnel kötött szerződésünk: Bulletin 7"


def test_an_agreed_rate_alone_switches_nothing_on(store: Store) -> None:
    account = an_account(store)
    with store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s, f"contract:{account.ref}", (FIRST, "6"))
    assert terms(store, account).off == "contract_off"


def test_consumers_need_a_sign_off_and_an_agreement(store: Store) -> None:
    """Row 21: a reference of the legal sign-off, and then the agreed rate only."""
    account = an_account(store, debtor_type=DebtorType.PRIVATE_PERSON)
    with store.write() as s:
        switch_on(
            s, *BY_LAW, ("contract_interest = false", "contract_interest = true"),
            ('consumer_sign_off = ""', 'consumer_sign_off = "LEG-2026-14"'),
        )  # fmt: skip
        enter(s)
    assert terms(store, account).off == "not_for_debtor"
    with store.write() as s:
        enter(s, f"contract:{account.ref}", (FIRST, "6"))
    found = terms(store, account)
    assert (found.off, found.fixed_off) == (None, "not_for_debtor")
