"""What tests of hand-overs set up: an account that was warned, an agency, a case at each status."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.files import StoredFile
from models.handovers import Handler, HandlerKind, Handover
from models.invoices import Invoice
from models.post import PostLetter
from models.staff import Role
from models.states import PostStatus
from models.store import Store
from receivables.handovers import handlers, placing
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()
REASON = "Nobody answers since September."
TERMS = handlers.HandlerFacts(
    HandlerKind.AGENCY, "Harbour Recoveries Ltd", "4 Quay Street\nBristol BS1 4DJ", "+44 117 496 0011",
    "cases@harbour.example", "", "12.5", "Reports monthly.",
)  # fmt: skip


def warn(session: Session, account: Account, *, days: int = 60, kind: str = "formal_warning") -> PostLetter:
    """A letter that named everything open and was posted so many days ago."""
    rows = session.execute(select(Invoice.ref).where(Invoice.account_id == account.id)).all()
    letter = PostLetter(
        ref=new_ref(),
        account_id=account.id,
        kind=kind,
        status=PostStatus.POSTED,
        language="en",
        address="1 Harbour Road",
        currency="GBP",
        facts={"rows": [{"ref": ref} for (ref,) in rows], "enclosed": ["information_sheet"]},
        dedupe_key=f"test:{new_ref()}",
        queued_at=NOON - timedelta(days=days + 1),
        posted_on=TODAY - timedelta(days=days),
    )
    session.add(letter)
    session.flush()
    return letter


def late_account(store: Store, *, warned: bool = True, **more: object) -> Account:
    """£576.00 and £842.40 more than 90 days overdue, £288.00 not due yet."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), **more)  # type: ignore[arg-type]
        for number, total, due in (("2026-0901", 57600, -120), ("2026-0917", 84240, -95), ("N-1", 28800, 10)):
            make.an_invoice(s, account, total=total, number=number, due_on=TODAY + timedelta(days=due))
        if warned:
            warn(s, account)
        return account


def person(store: Store, role: Role = Role.SUPERVISOR) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def agency(store: Store, facts: handlers.HandlerFacts = TERMS) -> Handler:
    with store.write() as s:
        return handlers.add_handler(s, make.staff_actor(make.a_person(s, Role.SUPERVISOR)), facts, now=NOON)


def proposed(store: Store, account: Account, actor: Actor | None = None, *, now: datetime = NOON) -> Handover:
    actor = actor or person(store, Role.COLLECTOR)
    with store.write() as s:
        return placing.propose(s, actor, account, "GBP", reason=REASON, now=now)


def prepared(
    store: Store, account: Account, *, filed: bool = True, handler: Handler | None = None
) -> Handover:
    """An approved case; `filed` with a case file that holds nothing."""
    case, handler = proposed(store, account), handler or agency(store)
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        case = placing.prepare(s, actor, case.ref, handler.ref, now=NOON)
        if filed:
            stored = StoredFile(
                ref=new_ref(), content_digest="0" * 64, name="case.zip", media_type="application/zip",
                size_bytes=1, retention_class="case_file", stored_at=NOON,
            )  # fmt: skip
            s.add(stored)
            s.flush()
            case.case_file_id, case.case_digest = stored.id, stored.content_digest
            case.notice_on = TODAY  # the day that the debtor was told of has come
        return case


def placed(store: Store, account: Account, on: date = TODAY, *, handler: Handler | None = None) -> Handover:
    case = prepared(store, account, handler=handler)
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        return placing.place(s, actor, case.ref, on, now=NOON)
