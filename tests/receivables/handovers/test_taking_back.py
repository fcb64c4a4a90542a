"""A handler's report that was typed wrongly: taken back whole, with its commission, and typed anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditDetail, AuditEntry
from models.handovers import Handover
from models.messages import Message
from models.money import Money
from models.payments import Payment
from models.reversals import PaymentReversal, ReversalCause
from models.staff import Role
from models.states import HandoverStatus
from models.store import Store
from models.work import Alert
from receivables import ledger
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.handovers.remittances import take_back_remittance
from receivables.permissions import Actor
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.handovers.cases import late_account, person, placed
from tests.receivables.handovers.test_remittances import balances, books, remit

LATER = NOON + timedelta(hours=3)


def number_of(store: Store, payment_id: int | None) -> str:
    with store.read() as s:
        return s.get_one(Payment, payment_id).number


def take_back(
    store: Store, number: str, *, actor: Actor | None = None, reason: str = "A digit too many."
) -> PaymentReversal:
    accountant = actor or person(store, Role.ACCOUNTANT)
    return store.run(lambda s: take_back_remittance(s, accountant, number, reason=reason, now=LATER))


def proved(store: Store) -> None:
    with store.read() as s:
        assert ledger.wrong_balances(s) == []
        assert not any(ledger.trial_balance(s).values())
    prove(store.url.render_as_string(hide_password=False), now=LATER)


def test_whole_with_its_commission(store: Store) -> None:
    """M-04: nothing is changed that was posted; the account and the house stand where they stood before."""
    account = late_account(store)
    before, case = balances(store, account), placed(store, account)
    sent = remit(store, case)
    assert balances(store, account) != before
    back = take_back(store, number_of(store, sent.payment_id), reason="£1,000.00 was £100.00")
    assert balances(store, account) == before
    found = books(store)
    assert (found["bank"], found["agency_commission"], found["receivables"]) == (0, 0, sum(before))
    assert (back.cause, back.amount_minor, back.beyond_minor) == (ReversalCause.MISTAKE, 100000, 0)
    assert (back.reason, back.effective_on) == ("£1,000.00 was £100.00", LATER.date())
    with store.read() as s:
        said = select(AuditDetail.reason).join(AuditEntry, AuditEntry.id == AuditDetail.audit_entry_id)
        code = AuditEntry.code == "handover.remittance_taken_back"
        assert s.scalars(said.where(code)).all() == ["£1,000.00 was £100.00"]
        assert s.scalars(select(Message.kind).where(Message.queued_at > NOON)).all() == []  # nobody is told
    proved(store)


def test_a_second_time_changes_nothing(store: Store) -> None:
    account = late_account(store)
    case = placed(store, account)
    number = number_of(store, remit(store, case).payment_id)
    first = take_back(store, number)
    found = books(store)
    assert take_back(store, number, reason="Once more.").id == first.id
    assert books(store) == found
    proved(store)


def test_typed_anew_under_the_same_number(store: Store) -> None:
    """M-06: what comes in its place is posted once too, as often as it is corrected."""
    account = late_account(store)
    case = placed(store, account)
    wrong = remit(store, case)
    take_back(store, number_of(store, wrong.payment_id))
    right = remit(store, case, 10000)
    assert (right.reference, right.collected_minor, right.commission_minor) == ("HR-1 (2)", 10000, 1250)
    assert remit(store, case, 10000).id == right.id
    with pytest.raises(Refused, match="reference_reused"):
        remit(store, case, 10001)
    take_back(store, number_of(store, right.payment_id))
    assert remit(store, case, 20000).reference == "HR-1 (3)"
    assert books(store)["bank"] == 17500
    proved(store)


def test_no_longer_than_a_number_may_be(store: Store) -> None:
    case = placed(store, late_account(store))
    long = "9" * 78
    take_back(store, number_of(store, remit(store, case, reference=long).payment_id))
    with pytest.raises(Refused, match="reference_too_long"):
        remit(store, case, 10000, reference=long)


def test_all_of_it_kept_by_the_handler(store: Store) -> None:
    """Nothing had come to the bank, so nothing leaves it."""
    account = late_account(store)
    before, case = balances(store, account), placed(store, account)
    sent = remit(store, case, commission=Money(100000, "GBP"))
    assert books(store)["agency_commission"] == 100000
    take_back(store, number_of(store, sent.payment_id))
    assert (balances(store, account), books(store)["agency_commission"]) == (before, 0)
    assert books(store).get("bank", 0) == 0
    proved(store)


def test_what_had_closed_the_case(store: Store) -> None:
    """What was left over goes too; the case stays closed, and what comes in its place is posted to it."""
    account = late_account(store)
    before, case = balances(store, account), placed(store, account)
    sent = remit(store, case, 150000, commission=Money(0, "GBP"))
    take_back(store, number_of(store, sent.payment_id))
    assert (balances(store, account), books(store)["unapplied_credit"]) == (before, 0)
    with store.read() as s:
        assert s.get_one(Handover, case.id).status is HandoverStatus.CLOSED
        assert s.scalars(select(Alert.code)).all() == []
    assert remit(store, case, 1500).collected_minor == 1500
    proved(store)


def test_who_may_and_what_is_asked(store: Store) -> None:
    account = late_account(store)
    case = placed(store, account)
    number = number_of(store, remit(store, case).payment_id)
    for role in (Role.COLLECTOR, Role.SUPERVISOR, Role.AUDITOR):
        with pytest.raises(NotAllowed):
            take_back(store, number, actor=person(store, role))
    with pytest.raises(Refused, match="reason_missing"):
        take_back(store, number, reason=" \n")
    with pytest.raises(Refused, match="words_too_long"):
        take_back(store, number, reason="x" * 5000)
    with pytest.raises(NotFound):
        take_back(store, "PC-2026-999999")
    assert books(store)["agency_commission"] == 12500


@pytest.mark.parametrize("run", range(REPEATS))
def test_two_people_at_once(store: Store, run: int) -> None:
    """M-05: one takes it back, the other one finds that done; the commission is undone once."""
    account = late_account(store)
    before, case = balances(store, account), placed(store, account)
    number = number_of(store, remit(store, case).payment_id)
    people = [person(store, Role.ACCOUNTANT) for _ in range(4)]
    ended = together(4, lambda n: take_back(store, number, actor=people[n]).id)
    assert not [e for e in ended if isinstance(e, Exception)], ended
    assert len(set(ended)) == 1
    assert (balances(store, account), books(store)["bank"], books(store)["agency_commission"]) == (
        before,
        0,
        0,
    )
    proved(store)
