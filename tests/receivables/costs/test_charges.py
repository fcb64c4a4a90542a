"""Charges: proposed without charging a day twice, issued as documents of their own, or waived."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.audit import AuditEntry
from models.costs import Charge, ChargeKind
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money
from models.pauses import Pause, PauseReason
from models.staff import Role
from models.states import ChargeStatus, InvoiceStatus
from models.store import Store
from models.work import Interaction
from receivables import credit_notes, invoices, ledger
from receivables.costs import charges
from receivables.costs.interest import interest_minor
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.conftest import NOON
from tests.races import together
from tests.receivables.costs.conftest import BY_LAW, enter, switch_on
from tests.receivables.paying import pay

TODAY = NOON.date()
ONLY_INTEREST = (BY_LAW[0], BY_LAW[2])
DAY = timedelta(days=1)


@pytest.fixture
def account(store: Store) -> Account:
    """Of a British business, under the statute, its rates entered: 10.4 % in this half-year."""
    with store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s)
        return make.an_account(s, make.a_creditor(s))


def owe(store: Store, account: Account, total: int = 100000, *, late: int = 20, **more: object) -> Invoice:
    due = TODAY - late * DAY
    with store.write() as s:
        return make.an_invoice(s, s.get_one(Account, account.id), total=total, due_on=due, **more)  # type: ignore[arg-type]


def propose(
    store: Store,
    account: Account,
    *,
    at: datetime = NOON,
    currency: str = "GBP",
    kinds: frozenset[ChargeKind] = charges.BOTH,
) -> list[Charge]:
    with store.write() as s:
        whose = s.get_one(Account, account.id)
        return charges.propose_charges(s, SYSTEM, whose, currency, kinds=kinds, today=at.date(), now=at)


def of_kind(found: list[Charge], kind: ChargeKind = ChargeKind.INTEREST) -> list[Charge]:
    return [charge for charge in found if charge.kind is kind]


def a_supervisor(s: Session, role: Role = Role.SUPERVISOR) -> Actor:
    return make.staff_actor(make.a_person(s, role))


def issue(store: Store, charge: Charge, *, seen: Money | None = None) -> Charge:
    with store.write() as s:
        return charges.issue(s, a_supervisor(s), charge.ref, seen=seen, now=NOON)


def waive(
    store: Store, charge: Charge, role: Role = Role.SUPERVISOR, reason: str = "a good customer"
) -> Charge:
    with store.write() as s:
        return charges.waive(s, a_supervisor(s, role), charge.ref, reason=reason, now=NOON)


def pause(
    store: Store,
    account: Account,
    since: date,
    to_on: date | None,
    reason: PauseReason = PauseReason.PROMISE,
    **scope: object,
) -> None:
    with store.write() as s:
        s.add(
            Pause(account_id=account.id, reason=reason, key=f"test:{since}:{reason}:{scope}", from_on=since,
                  to_on=to_on, started_at=NOON, **scope)
        )  # fmt: skip


def credit(store: Store, invoice: Invoice) -> None:
    """£300.00, today."""
    amount = Money(30000, "GBP")
    with store.write() as s:
        credit_notes.record_credit_note(
            s, a_supervisor(s), invoice.ref, number="CN-1", amount=amount, reason="sent twice", now=NOON
        )


# --------------------------------------------------------------------------- proposing


def test_interest_and_the_fixed_sum_of_a_late_invoice(store: Store, account: Account) -> None:
    """Row 20: from the day after the due day to yesterday, and £70 once for £1,000.

    1000.00 * 10.4 * 19 / 36500 = 197600 / 36500 = 5.4137 -> 5.41
    """
    invoice = owe(store, account)
    fixed, interest = propose(store, account)
    assert (fixed.kind, fixed.amount_minor, fixed.base_minor) == (ChargeKind.FIXED_SUM, 7000, 100000)
    assert (interest.kind, interest.amount_minor, interest.currency) == (ChargeKind.INTEREST, 541, "GBP")
    assert (interest.from_on, interest.to_on, interest.days) == (TODAY - 19 * DAY, TODAY - DAY, 19)
    assert (interest.base_minor, interest.percent, interest.days_in_year) == (100000, "10.4", 365)
    assert interest.invoice_id == invoice.id
    assert interest.rate_id is not None
    assert "1998" in interest.legal_basis
    assert {interest.status, fixed.status} == {ChargeStatus.PROPOSED}
    with store.read() as s:
        assert s.get_one(Invoice, invoice.id).balance_minor == 100000  # nothing is owed yet
        assert not list(s.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.FEE)))


def test_stored_inputs_reproduce_the_cent(store: Store, account: Account) -> None:
    """M-16: every charge's own columns give its amount."""
    for total, late in ((123457, 33), (9999, 200), (5000001, 71)):
        owe(store, account, total, late=late)
    found = of_kind(propose(store, account))
    assert len(found) == 3
    for charge in found:
        assert charge.amount_minor == interest_minor(
            charge.base_minor, charge.percent, charge.days, charge.days_in_year, charge.currency
        )


def test_nothing_is_proposed_as_shipped(store: Store) -> None:
    """Part 9: off by default."""
    with store.write() as s:
        enter(s)
        account = make.an_account(s, make.a_creditor(s))
    owe(store, account)
    assert propose(store, account) == []


def test_asked_for_one_kind_only(store: Store, account: Account) -> None:
    owe(store, account)
    found = propose(store, account, kinds=frozenset({ChargeKind.FIXED_SUM}))
    assert [charge.kind for charge in found] == [ChargeKind.FIXED_SUM]


def test_a_missing_rate_is_refused_by_name_and_nothing_is_written(store: Store) -> None:
    """Row 19: no row, no interest; the half-year that lacks one is named."""
    with store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s, "eu.late.de", (date(2026, 1, 1), "2"))
        account = make.an_account(s, make.a_creditor(s, country="DE", zone="Europe/Berlin"))
    owe(store, account, currency="EUR", late=200)
    with pytest.raises(Refused) as refused:
        propose(store, account, currency="EUR")
    assert refused.value.code == "rate_missing"
    assert refused.value.facts == {"rule": "eu.late.de", "from_on": date(2026, 7, 1)}
    with store.read() as s:
        assert not list(s.scalars(select(Charge)))


def test_the_british_rate_is_that_of_the_day_interest_began(store: Store, account: Account) -> None:
    """Row 20: the base rate before the half-year in which it began, to the end; one period, no cut."""
    owe(store, account, late=200)  # due 3 May: 2.15 + 8
    (interest,) = of_kind(propose(store, account))
    assert (interest.percent, interest.days) == ("10.15", 199)


def test_israel_refuses_to_compute(store: Store) -> None:
    """Row 25: whatever the policy says."""
    with store.write() as s:
        switch_on(s, *BY_LAW)
        account = make.an_account(s, make.a_creditor(s, country="IL", zone="Asia/Jerusalem"))
    owe(store, account, currency="ILS")
    with pytest.raises(Refused) as refused:
        propose(store, account, currency="ILS")
    assert refused.value.code == "rule_empty"


def test_european_half_years_are_periods_of_their_own(store: Store) -> None:
    """Row 19: 1,000.00 from 21 June to 18 November.

    21 to 30 June: 10 days at 11.15: 111500 / 36500 = 3.0548 -> 3.05
    1 July to 18 November: 141 days at 11.4: 1607400 / 36500 = 44.0384 -> 44.04
    """
    with store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s, "eu.late.de")
        account = make.an_account(s, make.a_creditor(s, country="DE", zone="Europe/Berlin"))
    owe(store, account, currency="EUR", late=(TODAY - date(2026, 6, 20)).days)
    found = of_kind(propose(store, account, currency="EUR"))
    assert [(c.from_on, c.to_on, c.percent, c.amount_minor) for c in found] == [
        (date(2026, 6, 21), date(2026, 6, 30), "11.15", 305),
        (date(2026, 7, 1), date(2026, 11, 18), "11.4", 4404),
    ]


def test_too_little_waits_until_it_has_grown(store: Store, account: Account) -> None:
    """Policy costs.least_charge: £5.00 of one invoice, and no day is lost by waiting."""
    owe(store, account, 50000, late=30)
    assert of_kind(propose(store, account)) == []
    (grown,) = of_kind(propose(store, account, at=NOON + 10 * DAY))
    assert (grown.days, grown.amount_minor) == (39, 556)


def test_prepayments_fees_and_what_is_not_late_bear_nothing(store: Store, account: Account) -> None:
    """Domain: before due and prepayment documents never reach fees; no interest on interest (row 19)."""
    owe(store, account, late=0)
    for kind in (InvoiceKind.PREPAYMENT, InvoiceKind.FEE):
        invoice = owe(store, account, late=50)
        with store.write() as s:
            s.get_one(Invoice, invoice.id).kind = kind
    assert propose(store, account) == []


def test_agreed_longer_terms_move_the_first_day(store: Store, account: Account) -> None:
    owe(store, account)
    with store.write() as s:
        s.get_one(Account, account.id).agreed_days = 15
    found = propose(store, account)
    assert [(c.kind, c.from_on) for c in found] == [(ChargeKind.FIXED_SUM, TODAY - 4 * DAY)]


# --------------------------------------------------------------------------- days that do not count


def test_paused_days_are_taken_off_as_a_union(store: Store, account: Account) -> None:
    """Domain: never on a paused day; 200 days less 30 to 50 days ago and 40 to 45 days ago: 20 less."""
    owe(store, account, late=200)
    pause(store, account, TODAY - 50 * DAY, TODAY - 30 * DAY)
    pause(store, account, TODAY - 45 * DAY, TODAY - 40 * DAY, PauseReason.SAYS_PAID)
    (interest,) = of_kind(propose(store, account))
    assert interest.days == 199 - 20


@pytest.mark.parametrize("reason", [PauseReason.OFFER, PauseReason.PLAN, PauseReason.DISPUTE])
def test_an_offer_plan_or_dispute_stops_its_own_invoice(
    store: Store, account: Account, reason: PauseReason
) -> None:
    """Domain, C-05: days of an open or accepted offer are not counted; the other invoice's are."""
    first, second = owe(store, account, late=100), owe(store, account, late=100)
    pause(store, account, TODAY - 60 * DAY, TODAY - 20 * DAY, reason, invoice_id=first.id)
    days = {charge.invoice_id: charge.days for charge in of_kind(propose(store, account))}
    assert days == {first.id: 59, second.id: 99}


def test_nothing_is_proposed_while_it_stands_still(store: Store, account: Account) -> None:
    """Domain: no fee on an open offer, nor of days before it; one in another currency stops nothing."""
    invoice = owe(store, account, late=100)
    pause(store, account, TODAY, None, PauseReason.OFFER, currency="EUR")
    assert len(propose(store, account)) == 2
    pause(store, account, TODAY, TODAY + 5 * DAY, PauseReason.OFFER, invoice_id=invoice.id)
    assert propose(store, account) == []


def test_a_contacts_pause_is_not_the_accounts(store: Store, account: Account) -> None:
    """A wrong number says nothing about what is owed."""
    owe(store, account)
    with store.write() as s:
        contact = make.a_contact(s, s.get_one(Account, account.id))
    pause(store, account, TODAY - 30 * DAY, None, PauseReason.WRONG_CONTACT, contact_id=contact.id)
    assert [charge.days for charge in of_kind(propose(store, account))] == [19]


def test_a_pause_that_lets_interest_run(store: Store) -> None:
    """Domain: unless the policy for that pause says so."""
    with store.write() as s:
        switch_on(s, *BY_LAW, ("runs_while = []", 'runs_while = ["promise"]'))
        enter(s)
        account = make.an_account(s, make.a_creditor(s))
    owe(store, account)
    pause(store, account, TODAY - 10 * DAY, None)
    assert [charge.days for charge in of_kind(propose(store, account))] == [19]


@pytest.mark.parametrize(
    ("flag", "stops"),
    [
        (FlagKind.BREATHING_SPACE, True),
        (FlagKind.MENTAL_HEALTH_CRISIS, True),
        (FlagKind.BANKRUPTCY, True),
        (FlagKind.DECEASED, True),
        (FlagKind.MINOR, True),
        (FlagKind.WRONG_PARTY, True),
        (FlagKind.VULNERABILITY, True),
        (FlagKind.ATTORNEY, False),
        (FlagKind.CEASE_REQUEST, False),
        (FlagKind.LEGAL_HOLD, False),
    ],
)
def test_flags_stop_from_their_first_day(store: Store, account: Account, flag: FlagKind, stops: bool) -> None:
    """C-05, row 18: no interest in a breathing space, back to its start; a lawyer's letter stops nothing."""
    owe(store, account, late=100)
    with store.write() as s:
        s.add(AccountFlag(account_id=account.id, kind=flag, from_on=TODAY - 60 * DAY, to_on=TODAY - 10 * DAY,
                          source="test", created_at=NOON))  # fmt: skip
    assert [charge.days for charge in of_kind(propose(store, account))] == [49 if stops else 99]


def test_the_fixed_sum_waits_for_the_first_day_that_counts(store: Store, account: Account) -> None:
    """A promise made before the due day: nothing is late until it has passed."""
    owe(store, account)
    pause(store, account, TODAY - 25 * DAY, TODAY - 8 * DAY)
    (fixed,) = of_kind(propose(store, account), ChargeKind.FIXED_SUM)
    assert fixed.from_on == TODAY - 8 * DAY


# --------------------------------------------------------------------------- the sum it runs on


@pytest.mark.parametrize("kind", ["payment", "credit_used", "remittance"])
def test_a_payment_lowers_the_sum_from_the_day_after(store: Store, account: Account, kind: str) -> None:
    """Domain: valued when it came. £2,000.00 for 51 days to the payment's own, then £1,500.00 for 48.

    2000 * 10.4 * 51 / 36500 = 29.0630 -> 29.06;  1500 * 10.4 * 48 / 36500 = 20.5151 -> 20.52
    """
    invoice = owe(store, account, 200000, late=100)
    day = TODAY - 49 * DAY
    with store.write() as s:
        money = Money(50000, "GBP")
        paid = ledger.credit(LedgerCode.RECEIVABLES, money, account_id=account.id, invoice_id=invoice.id)
        draft = ledger.Draft(
            creditor_id=account.creditor_id,
            reference="test:payment",
            kind=kind,
            currency="GBP",
            sides=[ledger.debit(LedgerCode.BANK, money), paid],
            effective_on=day,
        )
        ledger.post(s, SYSTEM, draft, now=NOON)
    found = of_kind(propose(store, account))
    assert [(c.base_minor, c.to_on, c.days, c.amount_minor) for c in found] == [
        (200000, day, 51, 2906),
        (150000, TODAY - DAY, 48, 2052),
    ]


def test_what_was_credited_was_never_owed(store: Store, account: Account) -> None:
    """A credit note of today takes its sum out of every day, and of the size of the fixed sum."""
    invoice = owe(store, account, 120000, late=100)
    assert of_kind(propose(store, account), ChargeKind.FIXED_SUM)[0].amount_minor == 7000
    credit(store, invoice)
    found = propose(store, account)
    assert {(c.kind, c.base_minor) for c in found} == {(kind, 90000) for kind in ChargeKind}
    assert of_kind(found, ChargeKind.FIXED_SUM)[0].amount_minor == 4000


# --------------------------------------------------------------------------- never twice


def test_proposed_again_it_is_the_same_proposal_grown(store: Store, account: Account) -> None:
    """B18: a job that runs twice; a proposal nobody decided goes on to yesterday."""
    owe(store, account, late=60)
    first = propose(store, account)
    again = propose(store, account)
    later = propose(store, account, at=NOON + 3 * DAY)
    assert [c.id for c in first] == [c.id for c in again] == [c.id for c in later]
    assert [c.days for c in of_kind(later)] == [of_kind(first)[0].days + 3]
    with store.read() as s:
        codes = [code for code in s.scalars(select(AuditEntry.code)) if code.startswith("charge.")]
    assert codes == ["charge.proposed", "charge.proposed", "charge.changed"]


def test_no_day_is_charged_twice(store: Store, account: Account) -> None:
    """M-16, B18: after an issue the next period begins the day after; a waived period is gone for good."""
    invoice = owe(store, account, late=60)
    fixed, interest = propose(store, account)
    issue(store, fixed)
    issue(store, interest)
    assert propose(store, account) == []
    (second,) = propose(store, account, at=NOON + 40 * DAY)
    assert (second.kind, second.from_on) == (ChargeKind.INTEREST, interest.to_on + DAY)
    waive(store, second)
    (third,) = propose(store, account, at=NOON + 80 * DAY)
    with store.read() as s:
        rows = s.scalars(select(Charge).where(Charge.invoice_id == invoice.id).order_by(Charge.from_on))
        days = [(c.from_on, c.to_on) for c in rows if c.kind is ChargeKind.INTEREST]
    assert days[-1] == (third.from_on, third.to_on)
    assert all(before[1] < after[0] for before, after in pairwise(days))


def test_a_waived_fixed_sum_does_not_come_back(store: Store, account: Account) -> None:
    """Row 19: once per late payment, and once is enough to waive it."""
    owe(store, account)
    fixed, _ = propose(store, account)
    waive(store, fixed)
    pause(store, account, TODAY - 19 * DAY, TODAY - 15 * DAY)  # moves the first day that counts
    assert of_kind(propose(store, account, at=NOON + 30 * DAY), ChargeKind.FIXED_SUM) == []


def test_a_proposal_whose_ground_is_gone_falls_away(store: Store, account: Account) -> None:
    """Late news of a breathing space: what was proposed for its days is taken back, and said."""
    owe(store, account, late=60)
    propose(store, account)
    with store.write() as s:
        s.add(AccountFlag(account_id=account.id, kind=FlagKind.BREATHING_SPACE, from_on=TODAY - 80 * DAY,
                          to_on=TODAY, source="test", created_at=NOON))  # fmt: skip
    assert propose(store, account) == []
    with store.read() as s:
        assert not list(s.scalars(select(Charge)))
        assert list(s.scalars(select(AuditEntry.code))).count("charge.withdrawn") == 2


def test_two_workers_propose_once(store: Store, account: Account) -> None:
    """M-07, B18: the same rung on two machines; one set of proposals stands."""
    owe(store, account, late=60)
    for found in together(4, lambda _: propose(store, account)):
        assert not isinstance(found, Exception), found
    with store.read() as s:
        kinds = list(s.scalars(select(Charge.kind).order_by(Charge.kind)))
    assert kinds == [ChargeKind.FIXED_SUM, ChargeKind.INTEREST]


def test_issued_or_waived_never_both(store: Store, account: Account) -> None:
    """M-07: two people decide in the same moment; the later one is told."""
    owe(store, account, late=60)
    _, interest = propose(store, account)
    acts = (issue, waive, issue, waive)
    refused = [e for e in together(4, lambda n: acts[n](store, interest)) if isinstance(e, Exception)]  # type: ignore[operator]
    assert len(refused) == 2
    assert {str(e) for e in refused} in ({"charge_waived"}, {"charge_issued"})
    with store.read() as s:
        documents = len(list(s.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.FEE))))
        assert documents == (s.get_one(Charge, interest.id).status is ChargeStatus.ISSUED)


# --------------------------------------------------------------------------- issuing


def test_issued_it_is_a_document_that_says_how(store: Store, account: Account) -> None:
    """Domain: rate, days, base and legal basis are shown; posted to interest and late-fee income."""
    invoice = owe(store, account)
    fixed, interest = propose(store, account)
    done = issue(store, interest, seen=Money(541, "GBP"))
    assert (done.status, done.decided_at) == (ChargeStatus.ISSUED, NOON)
    issue(store, fixed)
    with store.read() as s:
        document = s.get_one(Invoice, done.fee_invoice_id)
        line = s.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == document.id)).one()
        posted = select(Posting.ledger_code, Posting.credit_minor).where(
            Posting.credit_minor.in_([541, 7000])
        )
        codes = {row.ledger_code: row.credit_minor for row in s.execute(posted)}
        assert ledger.wrong_balances(s) == []
        entry = s.scalars(select(LedgerEntry).where(LedgerEntry.reference == f"charge:{done.id}")).one()
        shown = invoices.document(s, make.holder_actor(account), document.ref, now=NOON)
        told = s.scalars(select(Interaction.facts).where(Interaction.kind == "charge.issued")).all()
        assert "charge.issued" in set(s.scalars(select(AuditEntry.code)))
    assert (document.kind, document.status) == (InvoiceKind.FEE, InvoiceStatus.OPEN)
    assert document.balance_minor == 541
    assert (document.number, document.refers_to_id) == (f"{invoice.number}-F1", invoice.id)
    assert (document.issued_on, document.due_on) == (TODAY, TODAY)
    assert (line.basis_minor, line.basis_rate, line.basis_days) == (100000, "10.4", 19)
    assert (line.basis_from_on, line.basis_to_on) == (TODAY - 19 * DAY, TODAY - DAY)
    assert line.legal_basis == "Late Payment of Commercial Debts (Interest) Act 1998"
    assert codes == {LedgerCode.INTEREST_INCOME: 541, LedgerCode.LATE_FEE_INCOME: 7000}
    assert (entry.kind, entry.effective_on) == ("interest_charged", TODAY)
    assert shown.lines[0].basis is not None
    assert told[0] == {
        "number": document.number, "invoice": invoice.number, "amount_minor": 541, "currency": "GBP",
    }  # fmt: skip


def test_issued_twice_is_one_document(store: Store, account: Account) -> None:
    owe(store, account)
    _, interest = propose(store, account)
    assert issue(store, interest).fee_invoice_id == issue(store, interest).fee_invoice_id
    with store.read() as s:
        assert len(list(s.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.FEE)))) == 1


def test_paying_the_principal_leaves_the_fee_open(store: Store, account: Account) -> None:
    """M-14: fee and interest are receivables of their own; paying the invoice resolves neither."""
    invoice = owe(store, account)
    fixed, interest = (issue(store, charge) for charge in propose(store, account))
    pay(store, account, Choice("invoices", "GBP", (invoice.ref,), Money(100000, "GBP")))
    with store.read() as s:
        left = {
            number: (minor, status)
            for number, minor, status in s.execute(
                select(Invoice.number, Invoice.balance_minor, Invoice.status).where(
                    Invoice.account_id == account.id
                )
            )
        }
    assert left == {
        invoice.number: (0, InvoiceStatus.PAID),
        f"{invoice.number}-F1": (7000, InvoiceStatus.OPEN),
        f"{invoice.number}-F2": (541, InvoiceStatus.OPEN),
    }
    assert fixed.fee_invoice_id != interest.fee_invoice_id


def test_a_proposal_can_still_be_issued_after_the_principal_is_paid(store: Store, account: Account) -> None:
    """M-14: late was late."""
    invoice = owe(store, account)
    _, interest = propose(store, account)
    pay(store, account, Choice("invoices", "GBP", (invoice.ref,), Money(100000, "GBP")))
    assert issue(store, interest).status is ChargeStatus.ISSUED


def test_what_has_changed_is_not_issued(store: Store, account: Account) -> None:
    """A credit note after the proposal: refused, proposed anew, and then issued."""
    invoice = owe(store, account, late=60)
    _, interest = propose(store, account)
    credit(store, invoice)
    with pytest.raises(Refused) as refused:
        issue(store, interest)
    assert refused.value.code == "charge_changed"
    (anew,) = of_kind(propose(store, account))
    assert (anew.id, anew.base_minor) == (interest.id, 70000)
    with pytest.raises(Refused) as refused:
        issue(store, anew, seen=Money(interest.amount_minor, "GBP"))
    assert refused.value.code == "charge_changed"
    assert issue(store, anew).status is ChargeStatus.ISSUED


def test_switched_off_meanwhile_nothing_is_issued(store: Store, account: Account) -> None:
    """C-04: the policy in force when it binds."""
    owe(store, account)
    found = propose(store, account)
    with store.write() as s:
        switch_on(s, now=NOON)
    for charge in found:
        with pytest.raises(Refused) as refused:
            issue(store, charge)
        assert refused.value.code == "charge_changed"
    assert propose(store, account) == []


def test_nothing_is_issued_on_a_paused_day_or_out_of_turn(store: Store) -> None:
    """Domain: no fee on an open offer; periods of one invoice are decided in their order."""
    with store.write() as s:
        switch_on(s, *ONLY_INTEREST)
        enter(s, "eu.late.de")
        account = make.an_account(s, make.a_creditor(s, country="DE", zone="Europe/Berlin"))
    owe(store, account, currency="EUR", late=190)
    first, second = propose(store, account, currency="EUR")
    for act in (issue, waive):
        with pytest.raises(Refused) as refused:
            act(store, second)  # type: ignore[operator]
        assert refused.value.code == "earlier_first"
    pause(store, account, TODAY, None, PauseReason.OFFER)
    with pytest.raises(Refused) as refused:
        issue(store, first)
    assert refused.value.code == "stands_still"


# --------------------------------------------------------------------------- waiving


def test_waived_with_a_reason(store: Store, account: Account) -> None:
    owe(store, account)
    _, interest = propose(store, account)
    with pytest.raises(Refused) as refused:
        waive(store, interest, reason=" \u202e ")
    assert refused.value.code == "reason_missing"
    done = waive(store, interest, Role.COLLECTOR)
    assert (done.status, done.reason) == (ChargeStatus.WAIVED, "a good customer")
    assert waive(store, interest).decided_by_id == done.decided_by_id
    with pytest.raises(Refused) as refused:
        issue(store, interest)
    assert refused.value.code == "charge_waived"
    with store.read() as s:
        assert "charge.waived" in set(s.scalars(select(AuditEntry.code)))
        assert list(s.scalars(select(Interaction.kind))).count("charge.waived") == 1


def test_beyond_a_collectors_limit_a_supervisor_waives(store: Store) -> None:
    """Policy approvals.waived_charge, A-03: £100.00 a collector may give up, £100.01 not."""
    with store.write() as s:
        switch_on(s, *ONLY_INTEREST)
        enter(s)
        account = make.an_account(s, make.a_creditor(s))
    owe(store, account, 2000000, late=19)  # 20000 * 10.4 * 18 / 36500 = 102.575
    (large,) = propose(store, account)
    assert large.amount_minor == 10258
    with pytest.raises(Refused) as refused:
        waive(store, large, Role.COLLECTOR)
    assert (refused.value.code, refused.value.facts) == ("above_limit", {"limit": Money(10000, "GBP")})
    assert waive(store, large).status is ChargeStatus.WAIVED


def test_what_is_issued_is_not_waived(store: Store, account: Account) -> None:
    """A document that is owed is taken back by a credit note."""
    owe(store, account)
    _, interest = propose(store, account)
    issue(store, interest)
    with pytest.raises(Refused) as refused:
        waive(store, interest)
    assert refused.value.code == "charge_issued"


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.AUDITOR, Role.SALESPERSON, Role.ADMIN])
def test_who_may_not_issue(store: Store, account: Account, role: Role) -> None:
    """A-01."""
    owe(store, account)
    _, interest = propose(store, account)
    with store.write() as s:
        actor = a_supervisor(s, role)
        with pytest.raises(NotAllowed):
            charges.issue(s, actor, interest.ref, now=NOON)


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.AUDITOR, Role.SALESPERSON, Role.ADMIN])
def test_who_may_not_waive(store: Store, account: Account, role: Role) -> None:
    """A-01."""
    owe(store, account)
    _, interest = propose(store, account)
    with pytest.raises(NotAllowed):
        waive(store, interest, role)


def test_no_such_charge(store: Store) -> None:
    """L-15."""
    with store.write() as s:
        actor = a_supervisor(s)
        with pytest.raises(NotFound):
            charges.issue(s, actor, "nothing", now=NOON)
