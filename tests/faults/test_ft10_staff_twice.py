"""FT-10: a double click of staff, and two people who do the same at once (B9).

INV-3, INV-5, INV-7, INV-11: money that came by transfer is booked once, one refund leaves once, one credit
note is one, one request is decided once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.handovers import Remittance
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerEntry
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import RefundStatus
from models.store import Store
from receivables import credit_notes, refunds
from receivables.approvals import deciding
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.handovers.remittances import record_remittance
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.faults.works import Works
from tests.proof import prove
from tests.races import together
from tests.receivables.handovers.cases import TODAY, agency, late_account, person, placed

DOUBLE = 4


def _people(works: Works, *roles: Role) -> list[Actor]:
    with works.house.store.write() as session:
        return [make.staff_actor(make.a_person(session, role)) for role in roles]


def test_one_credit_note_is_one(works: Works) -> None:
    """FT-10: two people and a double click record the same credit note: one entry."""
    people = _people(works, Role.ACCOUNTANT, Role.ACCOUNTANT)
    for repeat in range(min(REPEATS, 20)):
        account = works.account(57600)
        invoice = works.look(
            lambda s, a=account: s.scalars(select(Invoice).where(Invoice.account_id == a.id)).one()
        )

        def record(n: int, i: Invoice = invoice, r: int = repeat) -> object:
            return works.house.store.run(
                lambda s: credit_notes.record_credit_note(
                    s, people[n % 2], i.ref, number=f"CN-{i.id}-{r}", amount=Money(7600, "GBP"),
                    reason="Wet", now=datetime.now(UTC),
                )
            )  # fmt: skip

        ended = together(DOUBLE, record)
        assert not [one for one in ended if isinstance(one, Exception)], ended
        assert works.open_minor(account) == 50000
        notes = select(func.count()).where(
            Invoice.account_id == account.id, Invoice.kind == InvoiceKind.CREDIT_NOTE
        )
        assert works.look(lambda s, q=notes: s.scalar(q)) == 1
    works.prove()


@pytest.fixture
def houses(database_url: str) -> Iterator[list[Store]]:
    """Two processes' ways into one database, so that no lock of one process keeps them apart."""
    with ExitStack() as opened:
        stores = [Store(database_url) for _ in range(2)]
        for store in stores:
            opened.callback(store.dispose)
        yield stores


@pytest.mark.parametrize("typed", [(100000, 100000), (100000, 100001)], ids=["alike", "one mistyped"])
def test_a_transfer_that_came_is_booked_once(
    houses: list[Store], database_url: str, typed: tuple[int, int]
) -> None:
    """FT-10, B9: two people and a double click record the same transfer of a handler: one payment.

    Who typed another sum is refused by name; whoever is first, all others hear of that one.
    """
    handler = agency(houses[0])
    people = [person(houses[0], Role.ACCOUNTANT) for _ in range(2)]
    for repeat in range(min(REPEATS, 20)):
        account = late_account(houses[0])
        case = placed(houses[0], account, handler=handler)

        def record(n: int, case_ref: str = case.ref, r: int = repeat) -> int:
            collected = Money(typed[n % 2], "GBP")
            return houses[n % 2].run(
                lambda s: (
                    record_remittance(
                        s, people[n % 2], case_ref, reference=f"FPS {r}", collected=collected,
                        valued_on=TODAY, now=NOON,
                    ).id
                )
            )  # fmt: skip

        ended = together(DOUBLE, record)
        refused = [
            one.code if isinstance(one, Refused) else one for one in ended if isinstance(one, Exception)
        ]
        assert refused == (["reference_reused"] * 2 if typed[0] != typed[1] else []), ended
        with houses[0].read() as session:
            sent = session.scalars(select(Remittance).where(Remittance.handover_id == case.id)).one()
            payment = session.scalars(select(Payment).where(Payment.account_id == account.id)).one()
            entries = session.scalars(
                select(LedgerEntry.id).where(LedgerEntry.reference.startswith(f"remittance:{case.ref}:"))
            ).all()
        assert {one for one in ended if not isinstance(one, Exception)} == {sent.id}
        assert (payment.id, payment.amount_minor) == (sent.payment_id, sent.collected_minor)
        assert list(entries) == [payment.entry_id]
    prove(database_url, now=NOON + timedelta(hours=1))


def test_a_refund_is_decided_and_leaves_once(works: Works) -> None:
    """FT-10, B9: two people approve one request, then two accountants note the same transfer, at once."""
    asker, boss, other, *accountants = _people(
        works, Role.ACCOUNTANT, Role.SUPERVISOR, Role.SUPERVISOR, Role.ACCOUNTANT, Role.ACCOUNTANT
    )
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    invoice = works.invoice(account)
    now = datetime.now(UTC)
    works.stripe.fault("webhook:*", "delay", count=20, seconds=600)
    debtor.pay_hosted(page)
    works.house.store.run(
        lambda s: credit_notes.record_credit_note(
            s,
            asker,
            invoice.ref,
            number=f"CN-{invoice.id}",
            amount=Money(57600, "GBP"),
            reason="Wet",
            now=now,
        )
    )
    works.quiet()  # the money came for what is credited: it is credit now

    def ask(session: Session) -> tuple[str, str]:
        request = refunds.propose_refund(
            session, asker, session.get_one(Account, account.id).ref, amount=Money(57600, "GBP"),
            payee="Tidewater", bank_account="GB33BUKB20201555555555", reason="Credited", now=now,
        )  # fmt: skip
        session.flush()
        return request.ref, request.content_digest

    ref, digest = works.house.store.run(ask)
    ended = together(
        DOUBLE,
        lambda n: works.house.store.run(
            lambda s: deciding.approve(s, (boss, other)[n % 2], ref, digest=digest, now=now)
        ),
    )
    assert sum(isinstance(one, Refused) for one in ended) == DOUBLE - 1, ended
    refund = works.look(lambda s: s.scalars(select(Refund).where(Refund.account_id == account.id)).one())
    today = business_date(now, account.zone)
    ended = together(
        DOUBLE,
        lambda n: works.house.store.run(
            lambda s: refunds.pay_out(
                s, accountants[n % 2], refund.ref, paid_on=today, bank_reference="FPS 1", now=now
            )
        ),
    )
    assert not [one for one in ended if isinstance(one, Exception)], ended
    left = select(func.count()).where(LedgerEntry.reference == f"refund_paid:{refund.id}")
    assert works.look(lambda s: s.scalar(left)) == 1
    assert works.look(lambda s: s.get_one(Refund, refund.id).status) is RefundStatus.PAID_OUT
    works.prove()
