"""What must be posted before a hand-over, by country and legal form; doubt blocks (part 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.accounts import Account, DebtorType
from models.post import PostLetter
from models.store import Store
from receivables.permissions import SYSTEM
from receivables.post import legal_steps, printing, queueing
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.post.letters import TODAY, an_addressed_account, posted, queued

SOLE = DebtorType.SOLE_TRADER


def test_every_form_has_a_rule_in_every_country() -> None:
    """No country is silently free: one that nobody wrote down has the house's own rule."""
    for country in ("GB", "IL", "RU", "HU", "DE", "US", "FR", "ZZ"):
        for form in DebtorType:
            rule = legal_steps.rule_for(country, form)
            assert rule.steps, (country, form)
            assert rule.source
            assert rule.grade in ("S", "K", "house")
            assert rule.is_checked or "checked" in rule.note, rule


def a_posted(store: Store, days_ago: int, kind: str = "formal_warning", **more: object) -> Account:
    account, letter = queued(store, kind, **more)
    with store.write() as session:
        posted(session, queueing.letter_of(session, letter.ref), days_ago=days_ago, enclosed=True)
    return account


def lacks(store: Store, account: Account, **more: object) -> list[str]:
    with store.read() as session:
        return legal_steps.missing(session, session.get_one(Account, account.id), now=NOON, **more)  # type: ignore[arg-type]


def test_nothing_posted_nothing_allowed(store: Store) -> None:
    with store.write() as session:
        business = an_addressed_account(session)
        sole = an_addressed_account(session, debtor_type=SOLE)
    assert lacks(store, business) == ["formal_warning:not_posted"]
    assert lacks(store, sole) == ["claim_letter:not_posted"]


@pytest.mark.parametrize(("days", "allowed"), [(14, False), (15, True)])
def test_the_waiting_days_are_whole(store: Store, days: int, allowed: bool) -> None:
    account = a_posted(store, days)
    until = TODAY + timedelta(days=1)
    assert lacks(store, account, currency="GBP") == ([] if allowed else [f"formal_warning:waits:{until}"])
    assert lacks(store, account, currency="EUR") == ["formal_warning:not_posted"]


def test_a_warning_is_no_letter_of_claim(store: Store) -> None:
    """England: private persons and sole traders get the letter of claim and 30 days."""
    assert lacks(store, a_posted(store, 31, debtor_type=SOLE)) == ["claim_letter:not_posted"]
    assert lacks(store, a_posted(store, 30, "claim_letter", debtor_type=SOLE)) != []
    assert lacks(store, a_posted(store, 31, "claim_letter", debtor_type=SOLE)) == []


def test_a_letter_of_claim_is_a_warning_too(store: Store) -> None:
    assert lacks(store, a_posted(store, 20, "claim_letter")) == []


def test_without_its_forms_it_is_none(store: Store) -> None:
    account = a_posted(store, 31, "claim_letter", debtor_type=SOLE)
    with store.write() as session:
        letter = session.query(PostLetter).one()
        letter.facts = {**letter.facts, "enclosed": False}
    assert lacks(store, account) == ["claim_letter:not_enclosed"]


def test_what_came_back_reached_nobody(store: Store) -> None:
    """A returned letter is no warning, but of somebody who can't be found it was sent."""
    account = a_posted(store, 20)
    with store.write() as session:
        printing.mark_returned(session, SYSTEM, session.query(PostLetter).one(), now=NOON)
    assert lacks(store, account) == ["formal_warning:returned"]
    assert lacks(store, account, untraceable=True) == []


def test_the_houses_own_rule_does_not_hold_up_a_search(store: Store) -> None:
    with store.write() as session:
        account = an_addressed_account(session, country="FR")
    assert lacks(store, account) == ["formal_warning:not_posted"]
    assert lacks(store, account, untraceable=True) == []


def test_an_old_warning_is_none_of_a_new_invoice(store: Store) -> None:
    """A case holds what was warned of; each of its documents was named."""
    account = a_posted(store, 20)
    with store.write() as session:
        own = session.get_one(Account, account.id)
        fresh = make.an_invoice(session, own, total=100, number="2099-Z").ref
        named = legal_steps.warned(session, own, currency="GBP", now=NOON)
        assert len(named) == 1
        assert fresh not in named
    assert lacks(store, account) == []
    assert lacks(store, account, invoice_refs=[fresh, *named]) == ["formal_warning:not_posted"]
