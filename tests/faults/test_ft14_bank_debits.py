"""FT-14: a bank debit is on its way for days, is paid, and comes back after three weeks; or it fails (B14).

INV-3, INV-7, INV-12: on its way is neither paid nor failed, and blocks a second payment of its amount.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import daily
from models.accounts import Account, Contact
from models.arrangements import DailyRun, Every, Instalment, Plan
from models.messages import Message, Purpose
from models.money import Money
from models.states import AttemptStatus, InstalmentStatus, PlanStatus
from receivables.arrangements import plans
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import business_date
from tests import factories as make
from tests.faults.debtors import Debtor
from tests.faults.works import LATER, Works, now
from tests.standins import debit_on_page

#: A bank says yes or no after so many days (sandbox/stripe/checkout.py).
BANK_DAYS = 5
#: Parts of a plan, each of 300.00.
PARTS = 3


def _started(works: Works, *, settles: bool) -> tuple[Account, Debtor]:
    account = works.account(Money(57600, "EUR"))
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review("EUR"))
    assert page is not None
    debit_on_page(page, settles=settles)
    return account, debtor


def test_on_its_way_then_paid_or_failed(works: Works) -> None:
    """FT-14, B14: the page says so, nothing is confirmed, nothing can be paid twice; after days one is paid
    and the other, of which the bank says no, is open as before."""
    paid, failed = _started(works, settles=True), _started(works, settles=False)
    works.quiet()
    for account, debtor in (paid, failed):
        (attempt,) = works.attempts(account)
        assert attempt.status is AttemptStatus.PROCESSING
        assert "is on its way" in debtor.get(f"/r/{attempt.ref}").text
        assert debtor.review("EUR") == []
        assert works.open_minor(account) == 57600
        assert _receipts(works, account) == 0
    works.prove()
    works.days_pass(6)
    works.prove()
    assert works.attempts(paid[0])[0].status is AttemptStatus.SUCCEEDED
    assert (works.open_minor(paid[0]), _receipts(works, paid[0])) == (0, 1)
    assert works.attempts(failed[0])[0].status is AttemptStatus.FAILED
    assert (works.open_minor(failed[0]), _receipts(works, failed[0])) == (57600, 0)
    assert failed[1].review("EUR") != []
    _comes_back(works, paid[0])


def test_a_part_of_a_running_plan_fails(works: Works) -> None:
    """FT-14, INV-3, INV-9, INV-12: a plan's part is on its way for days and its bank says no: meanwhile
    nobody is chased, then the part is missed and asked for once, and the plan goes on."""
    works.halt_workers()  # no day's work before the debit is under way
    account = works.account(Money(PARTS * 30000, "EUR"))
    plan = _agreed(works, account)
    debtor = works.debtor(account)
    debtor.enter()
    address = f"/account/plans/{plan.ref}/pay"
    page = debtor.post(address, debtor.get(f"{address}?what=next").fields)
    debit_on_page(page.location, settles=False)
    works.quiet()
    (attempt,) = works.attempts(account)
    assert (attempt.status, attempt.amount_minor) == (AttemptStatus.PROCESSING, 30000)
    for day in range(1, BANK_DAYS):  # the part's day is over
        _work_of(works, account, now() + timedelta(days=day))
        assert _standing(works, plan) == (PlanStatus.ACTIVE, [InstalmentStatus.SCHEDULED] * PARTS)
        assert _told(works, account) == ["plan_activated"]
    works.days_pass(BANK_DAYS + 1)
    works.ahead = timedelta(days=BANK_DAYS + 1) + LATER
    works.quiet()
    assert works.attempts(account)[0].status is AttemptStatus.FAILED
    assert _told(works, account) == ["plan_activated", "debit_failed"]
    _work_of(works, account, now() + timedelta(days=BANK_DAYS + 1))
    works.prove()
    rest = [InstalmentStatus.SCHEDULED] * (PARTS - 1)
    assert _standing(works, plan) == (PlanStatus.ACTIVE, [InstalmentStatus.MISSED, *rest])
    assert _told(works, account) == ["plan_activated", "debit_failed", "instalment_missed"]
    assert (works.open_minor(account), _receipts(works, account)) == (PARTS * 30000, 0)


def _work_of(works: Works, account: Account, at: datetime) -> None:
    """Do the daily work at a moment; this account is not passed over."""
    daily.run(works.house, now=at)
    today = business_date(at, account.zone)
    assert works.look(lambda s: s.get(DailyRun, ("plans", account.id, today))) is not None


def _agreed(works: Works, account: Account) -> Plan:
    """A plan in monthly parts by link, of which the first is due today, or was on Friday."""
    at = now() - timedelta(days=20)
    first = business_date(now(), account.zone)
    while first.weekday() > 4:
        first -= timedelta(days=1)

    def unit(session: Session) -> Plan:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        holder = make.holder_actor(account, contact)
        plan = plans.propose(
            session, holder, account_id=account.id, currency="EUR", invoice_refs=[works.invoice(account).ref],
            wish=Wish(PARTS, first, Every.MONTH), now=at,
        )  # fmt: skip
        name = plans.Signature("Helen Marsh", "Director", True, "en", None)
        return plans.accept(session, holder, plan.ref, digest=plan.terms_digest, signature=name, now=at)

    return works.house.store.run(unit)


def _standing(works: Works, plan: Plan) -> tuple[PlanStatus, list[InstalmentStatus]]:
    """How a plan and its parts stand."""
    parts = select(Instalment.status).where(Instalment.plan_id == plan.id).order_by(Instalment.seq)
    return works.look(lambda s: (s.get_one(Plan, plan.id).status, list(s.scalars(parts))))


def _told(works: Works, account: Account) -> list[str]:
    """What an account was written about, in order."""
    kinds = select(Message.kind).where(Message.account_id == account.id).order_by(Message.id)
    return works.look(lambda s: list(s.scalars(kinds)))


def _comes_back(works: Works, account: Account) -> None:
    """Three weeks later the payer's bank takes the debit back, which is final: the invoice is owed again."""
    works.days_pass(21)
    works.quiet()
    (attempt,) = works.attempts(account)
    (charge,) = [
        c for c in works.stripe_objects("charge") if c["metadata"].get("attempt") == attempt.ref and c["paid"]
    ]
    works.stripe.control("dispute", charge=charge["id"], reason="bank_cannot_process")
    works.prove()
    assert works.open_minor(account) == 57600


def _receipts(works: Works, account: Account) -> int:
    count = select(func.count()).where(Message.account_id == account.id, Message.purpose == Purpose.RECEIPT)
    return int(works.look(lambda s: s.scalar(count)) or 0)
