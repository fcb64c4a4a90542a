"""Requests at the desk: the list, the answer, the booking, and difficulty for those who may read it."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import AnswerKind, HardshipCase, Request
from models.audit import AccessLog, AuditEntry
from models.invoices import Invoice
from models.messages import Message
from models.money import Money
from models.pauses import Pause
from models.payments import Adjustment
from models.staff import Role
from models.states import RequestStatus
from models.work import Task, TaskKind
from receivables import outbox
from receivables.answers import giving
from receivables.answers.giving import Facts
from receivables.desk import alerts, reads
from receivables.errors import NotAllowed
from receivables.permissions import Actor, ActorKind
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.test_disputes import a_picture
from tests.portal.visitor import words


def told(desk: Desk, account: Account, kind: AnswerKind, facts: Facts) -> None:
    def unit(s: Session) -> None:
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        giving.give(s, make.holder_actor(account, contact), kind, facts, now=NOON)

    desk.store.run(unit)


def ref_of(desk: Desk, number: str) -> str:
    with desk.store.read() as s:
        return s.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def the_request(desk: Desk) -> Request:
    with desk.store.read() as s:
        return s.scalars(select(Request)).one()


def withheld(desk: Desk, account: Account) -> Request:
    facts = Facts(amount=Money(8424, "GBP"), invoices=(ref_of(desk, "2026-1184"),), reference="WHT 7")
    told(desk, account, AnswerKind.TAX_WITHHELD, facts)
    return the_request(desk)


def claimed(desk: Desk, account: Account) -> Request:
    facts = Facts(invoices=(ref_of(desk, "2026-1184"),), on=date(2026, 11, 17), what="transfer",
                  reference="TX-99")  # fmt: skip
    told(desk, account, AnswerKind.HAVE_PAID, facts)
    return the_request(desk)


def test_the_list_and_the_answer(desk: Desk, tidewater: Account) -> None:
    """Issue B: answered in our words; who asked is written to, the pause ends, the task is done."""
    row = claimed(desk, tidewater)
    visitor = desk.at(Role.COLLECTOR)
    listed = visitor.get("/desk/requests")
    assert "Says it is paid" in words(listed)
    assert "2026-1184" in words(listed)
    page = visitor.get(f"/desk/requests/{row.ref}")
    assert "TX-99" in words(page)
    sent = {"reply": "Found it, thank you.", "decision": "answer"}
    assert visitor.post(f"/desk/requests/{row.ref}", sent).status_code == 303
    with desk.store.read() as s:
        message = s.scalars(select(Message)).one()
        assert (message.kind, message.facts) == ("request_answered", {"request_id": row.id})
        assert s.scalars(select(Pause)).one().ended_at == NOON
        assert s.scalars(select(Task)).one().done_at == NOON
    assert "No request waits." in words(visitor.get("/desk/requests"))
    ended = visitor.get("/desk/requests?show=ended")
    assert row.ref in ended.text
    again = visitor.post(f"/desk/requests/{row.ref}", sent)
    assert again.status_code == 409
    assert "answered or taken back meanwhile" in words(again)


def test_words_are_needed(desk: Desk, tidewater: Account) -> None:
    row = claimed(desk, tidewater)
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(f"/desk/requests/{row.ref}")
    for fields in ({"decision": "refuse"}, {"reply": "x"}, {"reply": "x", "decision": "perhaps"}):
        assert visitor.post(f"/desk/requests/{row.ref}", fields).status_code == 422
    assert the_request(desk).status is RequestStatus.OPEN


def test_a_document_goes_along(desk: Desk, tidewater: Account) -> None:
    """Issue B: the document that was asked for travels with the answer, to be saved by both."""
    told(desk, tidewater, AnswerKind.MISSING_DOCUMENT, Facts(what="delivery_note"))
    row = the_request(desk)
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(f"/desk/requests/{row.ref}")
    data = {"csrf_token": visitor.csrf, "reply": "Here it is.", "decision": "answer"}
    bad = visitor.client.post(
        f"/desk/requests/{row.ref}", data={**data, "document": (io.BytesIO(b"x"), "x.exe")}
    )
    assert bad.status_code == 409
    assert "not a PDF or a picture" in words(bad)
    visitor.client.post(
        f"/desk/requests/{row.ref}", data={**data, "document": (io.BytesIO(a_picture()), "note.png")}
    )
    page = visitor.get(f"/desk/requests/{row.ref}")
    address = re.search(r"/desk/files/[\w-]+", page.text)
    assert address is not None
    saved = visitor.get(address[0])
    assert saved.headers["Content-Disposition"].startswith("attachment")


def test_withheld_tax_is_booked_by_who_may(desk: Desk, tidewater: Account) -> None:
    """Issue B: debit withholding tax, credit receivables; a collector can refuse but not book."""
    row = withheld(desk, tidewater)
    collector = desk.at(Role.COLLECTOR)
    assert "Book and answer" not in words(collector.get(f"/desk/requests/{row.ref}"))
    sent = {"reply": "Booked, thank you.", "decision": "answer", "amount": "84.24"}
    assert collector.post(f"/desk/requests/{row.ref}", sent).status_code == 403
    accountant = desk.at(Role.ACCOUNTANT)
    page = accountant.get(f"/desk/requests/{row.ref}")
    assert 'value="84.24"' in page.text
    wrong = accountant.post(f"/desk/requests/{row.ref}", {**sent, "amount": "many"})
    assert wrong.status_code == 422
    assert accountant.post(f"/desk/requests/{row.ref}", sent).status_code == 303
    with desk.store.read() as s:
        invoice = s.scalars(select(Invoice).where(Invoice.number == "2026-1184")).one()
        assert invoice.balance_minor == 84240 - 8424
        booked = s.scalars(select(Adjustment)).one()
    assert (booked.kind, booked.amount_minor) == ("withholding_tax", 8424)
    assert the_request(desk).status is RequestStatus.ANSWERED


def test_refused_with_a_reason(desk: Desk, tidewater: Account) -> None:
    row = withheld(desk, tidewater)
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(f"/desk/requests/{row.ref}")
    sent = {"reply": "The certificate is of another year.", "decision": "refuse"}
    assert visitor.post(f"/desk/requests/{row.ref}", sent).status_code == 303
    assert the_request(desk).status is RequestStatus.REFUSED
    with desk.store.read() as s:
        assert s.scalars(select(Pause)).one().ended_at == NOON


# --------------------------------------------------------------------------- difficulty

WORDS = "My wife is very ill"


@pytest.fixture
def case(desk: Desk, tidewater: Account) -> HardshipCase:
    told(desk, tidewater, AnswerKind.HARDSHIP, Facts(words=WORDS, amount=Money(5000, "GBP")))
    with desk.store.read() as s:
        return s.scalars(select(HardshipCase)).one()


def test_a_supervisor_reads_and_closes(desk: Desk, case: HardshipCase) -> None:
    """Issue B: a human, with a permission of its own; who read it is noted (A-07)."""
    visitor = desk.at(Role.SUPERVISOR)
    assert WORDS not in visitor.get("/desk/hardship").text
    page = visitor.get(f"/desk/hardship/{case.ref}")
    assert WORDS in words(page)
    page.close()
    with desk.store.read() as s:
        noted = s.scalars(select(AccessLog.endpoint)).all()
    assert "backoffice.hardship_page" in noted
    assert visitor.post(f"/desk/hardship/{case.ref}").status_code == 303
    assert visitor.post(f"/desk/hardship/{case.ref}").status_code == 303
    with desk.store.read() as s:
        assert s.get_one(HardshipCase, case.id).status is RequestStatus.ANSWERED
        assert s.scalars(select(Pause)).one().ended_at == NOON
        assert s.scalars(select(Task)).one().done_at == NOON
    assert "Nobody waits." in words(visitor.get("/desk/hardship"))
    assert case.ref in visitor.get("/desk/hardship?show=ended").text


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.SUPERVISOR])
def test_nobody_else_reads_it_anywhere(
    desk: Desk, case: HardshipCase, tidewater: Account, role: Role
) -> None:
    """Issue B: not in the list, not at the account, not on the timeline, not in the books."""
    visitor = desk.at(role)
    assert visitor.get("/desk/hardship").status_code == 403
    assert visitor.get(f"/desk/hardship/{case.ref}").status_code == 403
    assert visitor.post(f"/desk/hardship/{case.ref}").status_code == 403
    assert visitor.get("/desk/hardship/nothing").status_code == 403
    for path in (f"/desk/accounts/{tidewater.ref}", "/desk/", "/desk/books/messages/", "/desk/books/audit/"):
        answer = visitor.get(path)
        assert WORDS not in answer.text, path


@pytest.mark.parametrize(("role", "sees"), [(Role.SUPERVISOR, True), (Role.AUDITOR, False)])
def test_the_audit_of_a_case_is_for_its_readers(
    desk: Desk, case: HardshipCase, role: Role, sees: bool
) -> None:
    """domain.md, hardship: the book of the audit names no case to whoever may not read it."""
    with desk.store.read() as s:
        lines = s.scalars(select(AuditEntry)).all()
    (told_line,) = (line.id for line in lines if line.code == "hardship.told")
    visitor = desk.at(role)
    page = visitor.get("/desk/books/audit/")
    assert ("hardship_case" in page.text.split("<tbody>")[-1]) is sees
    assert visitor.get(f"/desk/books/audit/details/?id={told_line}").status_code == (200 if sees else 404)
    for line in lines:
        if not sees and line.id != told_line:
            assert (
                "hardship"
                not in visitor.get(f"/desk/books/audit/details/?id={line.id}").text.split("<main")[-1]
            )


def test_the_words_are_in_no_audit(desk: Desk, case: HardshipCase) -> None:
    """Issue B: the audit says that it was told, not what."""
    assert "hardship.told" in desk.codes()
    with desk.store.read() as s:
        for table in ("audit_entry", "audit_detail", "interaction", "task", "message", "answer", "request"):
            rows = s.connection().exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608
            assert WORDS not in repr(rows), table


def test_a_hardship_task_is_for_those_who_may_read_it(desk: Desk) -> None:
    """Issue, part 1: kept out of the tasks, and of their count, of everybody without the permission."""
    with desk.store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        task = outbox.ask_person(
            session, TaskKind.HARDSHIP, "hardship:1", account_id=account.id, facts={}, now=NOON
        )
        ref = task.ref
    supervisor, collector = (
        Actor(ActorKind.STAFF, id=1, role=role) for role in (Role.SUPERVISOR, Role.COLLECTOR)
    )
    with desk.store.read() as session:
        assert [t.kind for t in reads.tasks(session, supervisor)] == [TaskKind.HARDSHIP]
        assert reads.tasks(session, collector) == []
        assert reads.frame(session, supervisor).tasks == 1
        assert reads.frame(session, collector).tasks == 0
    with pytest.raises(NotAllowed), desk.store.write() as session:
        alerts.finish_task(session, collector, ref, reason="Rang him", now=NOON)


def test_the_right_person_is_added_with_one_button(desk: Desk, tidewater: Account) -> None:
    """Issue B: "we write to them instead" comes true at the desk; nobody is written to now."""
    facts = Facts(name="Sam Okafor", email="sam@tidewater.example")
    told(desk, tidewater, AnswerKind.SOMEONE_ELSE, facts)
    row = the_request(desk)
    visitor = desk.at(Role.COLLECTOR)
    assert "Add this person and agree" in words(visitor.get(f"/desk/requests/{row.ref}"))
    assert "Add this person" not in words(desk.at(Role.ACCOUNTANT).get(f"/desk/requests/{row.ref}"))
    sent = {"reply": "Thank you, we write to Sam.", "decision": "add"}
    refused = desk.at(Role.ACCOUNTANT).post(f"/desk/requests/{row.ref}", sent)
    assert refused.status_code == 403
    assert the_request(desk).status is RequestStatus.OPEN, "nothing was done"
    assert visitor.post(f"/desk/requests/{row.ref}", sent).status_code == 303
    assert the_request(desk).status is RequestStatus.ANSWERED
    with desk.store.read() as s:
        sam = s.scalars(select(Contact).where(Contact.email == "sam@tidewater.example")).one()
        assert (sam.is_active, sam.confirmed_at) == (True, None)
        assert s.scalars(select(Message)).all() == []
