"""Today, alerts, tasks and the search box."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from models.accounts import Account, Contact
from models.audit import AuditDetail
from models.disputes import DisputeReason
from models.money import Money
from models.staff import Role
from models.store import Store
from models.work import Alert, Task, TaskKind
from receivables import invoices, outbox
from receivables.audit import verify
from receivables.desk import alerts
from receivables.desk import reads as desk_reads
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.admin.conftest import Desk
from tests.agreements import an_agreed_offer, an_agreed_plan
from tests.conftest import NOON
from tests.portal.visitor import words


def test_today_shows_largest_first_per_currency(desk: Desk, tidewater: Account) -> None:
    """Currencies are never mixed; inside one the largest comes first; today's debt is not overdue."""
    larger = desk.account(name="Larkspur Events Ltd")
    desk.invoice(larger, 500000, late=3)
    page = words(desk.at(Role.ACCOUNTANT).get("/desk/"))
    assert page.index("Larkspur Events Ltd") < page.rindex("Tidewater Café & Bakery Ltd")
    assert "Overdue, GBP 6,418.40" in page
    assert "EUR total 215.00" in page


def test_today_of_an_admin_holds_no_debtor(desk: Desk, tidewater: Account) -> None:
    """A-01: an administrator sees what is broken, not who owes what."""
    page = words(desk.at(Role.ADMIN).get("/desk/"))
    assert "Tidewater" not in page
    assert "Nothing waits" in page


def test_alert_is_closed_with_a_reason(desk: Desk, tidewater: Account) -> None:
    """INV-13: an alert stays until a person says what was found; who and why are audited."""
    with desk.store.write() as session:
        ref = outbox.raise_alert(session, "attempt_unresolved", "attempt:17", account_id=tidewater.id,
                                 now=NOON).ref  # fmt: skip
    visitor = desk.at(Role.SUPERVISOR)
    assert "A payment attempt is past its end" in words(visitor.get("/desk/alerts"))
    empty = visitor.post(f"/desk/alerts/{ref}/close", {"reason": " "})
    assert empty.status_code == 422
    assert "Fill this in." in words(empty)
    answer = visitor.post(f"/desk/alerts/{ref}/close", {"reason": "refunded by hand at the gateway"})
    assert answer.location == "/desk/alerts"
    after = words(visitor.get("/desk/alerts"))
    assert "Alert closed." in after
    assert "No open alert." in after
    assert "Priya Shah" in words(visitor.get("/desk/alerts?show=closed"))
    with desk.store.read() as session:
        assert session.scalars(select(AuditDetail.reason)).all() == ["refunded by hand at the gateway"]
        assert verify(session) is None


def test_task_is_done_with_a_reason(desk: Desk, tidewater: Account) -> None:
    with desk.store.write() as session:
        facts = {"payment": "P-1", "amount_minor": 1200, "currency": "GBP"}
        ref = outbox.ask_person(session, TaskKind.UNAPPLIED_MONEY, "unapplied:payment:1", facts=facts,
                                account_id=tidewater.id, now=NOON).ref  # fmt: skip
    visitor = desk.at(Role.ACCOUNTANT)
    assert "Money without a document 12.00 GBP · P-1" in words(visitor.get("/desk/tasks"))
    assert visitor.post(f"/desk/tasks/{ref}/done", {"reason": "asked Helen"}).status_code == 303
    assert "No open task." in words(visitor.get("/desk/tasks"))
    assert "12.00 GBP" in words(visitor.get("/desk/tasks?show=done"))


def test_closing_twice_changes_nothing(store: Store) -> None:
    """The second close is the first one; the same cause raises a new alert afterwards."""
    with store.write() as session:
        first, second = make.a_person(session, Role.SUPERVISOR), make.a_person(session, Role.ACCOUNTANT)
        ref = outbox.raise_alert(session, "amount_differs", "attempt:1", now=NOON).ref
    for person, minutes in ((first, 1), (second, 2)):
        with store.write() as session:
            alerts.close_alert(session, make.staff_actor(person), ref, reason="seen",
                               now=NOON + timedelta(minutes=minutes))  # fmt: skip
    with store.write() as session:
        alert = session.scalars(select(Alert)).one()
        assert (alert.closed_by_id, alert.closed_at) == (first.id, NOON + timedelta(minutes=1))
        assert outbox.raise_alert(session, "amount_differs", "attempt:1", now=NOON).ref != ref


def test_finishing_a_task_twice_changes_nothing(store: Store) -> None:
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        person = make.a_person(session, Role.SUPERVISOR)
        ref = outbox.ask_person(
            session, TaskKind.CALL_BACK, "c:1", account_id=account.id, facts={}, now=NOON
        ).ref
    for minutes in (1, 2):
        with store.write() as session:
            alerts.finish_task(session, make.staff_actor(person), ref, reason="called",
                               now=NOON + timedelta(minutes=minutes))  # fmt: skip
    with store.read() as session:
        assert session.scalars(select(Task.done_at)).one() == NOON + timedelta(minutes=1)


def test_overdue_is_what_the_account_is_asked_for(store: Store) -> None:
    """Look.md 5: what is disputed, in a plan or in an accepted offer is not in the list either."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        late = NOON.date() - timedelta(days=70)
        papers = {
            number: make.an_invoice(session, account, total=total, due_on=late, number=number)
            for number, total in (("D-1", 50000), ("D-2", 60000), ("D-3", 70000), ("D-4", 80000))
        }
        claim = Claim(DisputeReason.DAMAGED, amount=Money(2000, "GBP"))
        for number in ("D-1", "D-2"):
            opening.open_dispute(
                session, make.holder_actor(account, contact), papers[number].ref, claim, words="Wet.",
                shown_at=NOON, now=NOON,
            )  # fmt: skip
        an_agreed_plan(session, account, ["D-3"], now=NOON)
        an_agreed_offer(session, account, ["D-4"], now=NOON)
    with store.read() as session:
        (group,) = desk_reads.overdue_accounts(session, SYSTEM, now=NOON)
        page = invoices.overview(session, SYSTEM, account_id=account.id, zone=account.zone, now=NOON)
    assert (group.total, group.rows[0].documents) == (Money(106000, "GBP"), 2)
    assert page.groups[0].overdue == group.total


def test_reads_of_the_desk_on_both_databases(store: Store) -> None:
    """Overdue counts by each account's own date."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        west = make.an_account(session, creditor, name="Western 100% Wear", zone="America/Los_Angeles")
        east = make.an_account(session, creditor, name="Eastern Looms", zone="Pacific/Auckland",
                               email="tane@eastern.example", phone="+6421555476")  # fmt: skip
        for account in (west, east):
            make.an_invoice(session, account, total=1000, due_on=NOON.date(), number=f"D-{account.number}")
    # 10:00 UTC on the 19th is 23:00 of the 19th in Auckland and still the 19th in Los Angeles.
    with store.read() as session:
        assert desk_reads.overdue_accounts(session, SYSTEM, now=NOON) == []
        (group,) = desk_reads.overdue_accounts(session, SYSTEM, now=NOON + timedelta(hours=2))
        assert [(r.name, r.oldest_days) for r in group.rows] == [("Eastern Looms", 1)]
        assert (group.total, group.accounts) == (Money(1000, "GBP"), 1)
        (both,) = desk_reads.overdue_accounts(session, SYSTEM, now=NOON + timedelta(days=2), limit=1)
        assert (len(both.rows), both.accounts, both.total) == (1, 2, Money(2000, "GBP"))


def test_tasks_of_the_ladder_say_what_stands_in_the_way(desk: Desk) -> None:
    """Part 10 and 11: sales reads which rung acts when; a hand-over that is refused says why."""
    with desk.store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        outbox.ask_person(
            s, TaskKind.SALES, "sales_notice:1:freeze_review:x", account_id=account.id, now=NOON,
            facts={"rung": "freeze_review", "on": "2026-11-20"},
        )  # fmt: skip
        outbox.ask_person(
            s, TaskKind.HAND_OVER, "ladder:1:hand_over", account_id=account.id, now=NOON,
            facts={"currency": "GBP", "amount_minor": 100, "refused": "bank_lines_behind", "reasons": []},
        )  # fmt: skip
    page = words(desk.at(Role.SUPERVISOR).get("/desk/tasks"))
    assert "About to act: Credit hold considered, on 20/11/2026." in page
    assert "nobody knows who has paid" in page
