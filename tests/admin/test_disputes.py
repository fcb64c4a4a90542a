"""Disputes at the desk: who may take, answer, refuse and credit, and what the debtor gets of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from gateways.files import FileFolder
from models.accounts import Account, Contact
from models.disputes import Dispute, DisputeReason
from models.files import StoredFile
from models.invoices import Invoice, InvoiceKind
from models.messages import Message
from models.money import Money
from models.staff import Role
from models.states import DisputeStatus, FileStatus
from receivables import credit_notes, files
from receivables.disputes import opening
from receivables.disputes.claims import Claim, LineClaim
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import Desk
from tests.portal.visitor import Visitor, words

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"


@pytest.fixture
def account(desk: Desk) -> Account:
    return desk.account(name="Tidewater Café & Bakery Ltd")


@pytest.fixture
def dispute(desk: Desk, account: Account) -> Dispute:
    """Line 2 of an invoice of £842.40, with a delivery note."""
    ref = desk.invoice(account, 84240, lines=3, number="2026-1184")

    def unit(session):  # type: ignore[no-untyped-def]
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        actor = make.holder_actor(account, contact)
        note = files.store_upload(
            session, desk.app.extensions["amicable"].files, actor, account_id=account.id, name="note.pdf",
            data=PDF, policy=default_policy(), now=desk.clock.at,
        )  # fmt: skip
        return opening.open_dispute(
            session, actor, ref, Claim(DisputeReason.DAMAGED, (LineClaim(2),)), words="It was <b>wet</b>.",
            files=[note.ref], shown_at=desk.clock.at - timedelta(minutes=1), now=desk.clock.at,
        )  # fmt: skip

    return desk.store.run(unit)


def now_of(desk: Desk, dispute: Dispute) -> Dispute:
    with desk.store.read() as session:
        return session.get_one(Dispute, dispute.id)


def address(dispute: Dispute) -> str:
    return f"/desk/disputes/{dispute.ref}"


def test_the_list_and_the_page(desk: Desk, dispute: Dispute) -> None:
    """Issue, part 2: a plain list of open disputes, and one with all that was said."""
    visitor = desk.at(Role.AUDITOR)
    said = words(visitor.get("/desk/disputes"))
    assert "D-2026-" in said
    assert "Damaged or faulty" in said
    assert "280.80 GBP" in said
    page = visitor.get(address(dispute))
    assert "It was <b>wet</b>." in words(page)
    assert "<b>wet" not in page.text
    assert "Refuse" not in words(page), "an auditor reads"
    assert desk.at(Role.SALESPERSON).get("/desk/disputes").status_code == 403


def test_taken_and_answered(desk: Desk, dispute: Dispute) -> None:
    visitor = desk.at(Role.COLLECTOR, name="Daniel Reyes")
    visitor.get(address(dispute))
    assert visitor.post(f"{address(dispute)}/take").status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.UNDER_REVIEW
    page = visitor.get(address(dispute))
    assert "The dispute is yours." in words(page)
    assert "Credit and answer" not in words(page), "a collector does not credit"
    empty = visitor.post(f"{address(dispute)}/answer", {"words": " "})
    assert empty.status_code == 422
    assert "Fill this in." in words(empty)
    sent = visitor.post(f"{address(dispute)}/answer", {"words": "Who signed for it?"})
    assert sent.status_code == 303
    assert "Who signed for it?" in words(visitor.get(address(dispute)))


def test_refused_with_a_finding(desk: Desk, dispute: Dispute) -> None:
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(address(dispute))
    long = visitor.post(f"{address(dispute)}/refuse", {"finding": "x" * 2001})
    assert long.status_code == 422
    assert "x" * 2001 in long.text, "what was typed stays"
    visitor.post(f"{address(dispute)}/refuse", {"finding": "Signed for as dry."})
    assert now_of(desk, dispute).status is DisputeStatus.REJECTED
    late = visitor.post(f"{address(dispute)}/answer", {"words": "One more thing"})
    assert late.status_code == 409
    with desk.store.read() as session:
        kinds = session.scalars(select(Message.kind).order_by(Message.id)).all()
    assert kinds == ["dispute_received", "dispute_refused"]


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ACCOUNTANT])
def test_credited_by_who_may(desk: Desk, dispute: Dispute, role: Role) -> None:
    """Decision 4: only who records credit notes; the amount is checked, the note is a request."""
    visitor = desk.at(role)
    visitor.get(address(dispute))
    for amount, status in (("x", 422), ("280.81", 409), ("0", 409)):
        answer = visitor.post(f"{address(dispute)}/credit", {"amount": amount, "credit_finding": "wet"})
        assert answer.status_code == status
        assert f'value="{amount}"' in answer.text
    done = visitor.post(f"{address(dispute)}/credit", {"amount": "280.80", "credit_finding": "It was wet."})
    assert done.status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.UPHELD
    said = words(visitor.get(address(dispute)))
    assert "Credited and answered." in said
    assert "REQ-D-2026-" in said
    with desk.store.read() as session:
        assert (
            session.scalars(select(Invoice.balance_minor).where(Invoice.number == "2026-1184")).one() == 56160
        )


def test_a_file_is_saved_never_shown(desk: Desk, dispute: Dispute) -> None:
    """X-03: attachment, nosniff, sandbox; only for who may read disputes."""
    visitor = desk.at(Role.COLLECTOR)
    page = visitor.get(address(dispute))
    ref = page.text.split("/desk/files/")[1].split('"')[0]
    given = visitor.get(f"/desk/files/{ref}")
    assert (given.status_code, given.data, given.mimetype) == (200, PDF, "application/pdf")
    assert given.headers["Content-Disposition"] == "attachment; filename=note.pdf"
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in given.headers["Content-Security-Policy"]
    assert desk.at(Role.SALESPERSON).get(f"/desk/files/{ref}").status_code == 403
    assert Visitor(desk.app).get(f"/desk/files/{ref}").status_code in (303, 401)
    assert isinstance(desk.app.extensions["amicable"].files, FileFolder)


def test_nothing_to_do_says_so(desk: Desk) -> None:
    assert "Nothing is in dispute." in words(desk.at(Role.COLLECTOR).get("/desk/disputes"))


def credited(desk: Desk, dispute: Dispute, minor: int) -> Invoice:
    """A credit note that the books brought after the dispute came."""
    with desk.store.read() as session:
        ref = session.scalars(select(Invoice.ref).where(Invoice.id == dispute.invoice_id)).one()
    return desk.store.run(
        lambda s: credit_notes.record_credit_note(
            s, SYSTEM, ref, number="CN-77", amount=Money(minor, "GBP"), reason="torn",
            now=desk.clock.at + timedelta(minutes=1),
        )
    )  # fmt: skip


def test_a_credit_note_of_the_books_answers_it(desk: Desk, dispute: Dispute) -> None:
    """The books were faster: their credit note is chosen, nothing is credited twice."""
    visitor = desk.at(Role.SUPERVISOR)
    assert "Which credit note" not in words(visitor.get(address(dispute))), "there is none to choose"
    note = credited(desk, dispute, 28080)
    page = visitor.get(address(dispute))
    assert "CN-77 of" in words(page)
    form = {"amount": "300.00", "credit_finding": "It was wet.", "note": note.ref}
    beyond = visitor.post(f"{address(dispute)}/credit", form)
    assert beyond.status_code == 409
    assert "more than is disputed" in words(beyond)
    assert re.search(rf'<option value="{note.ref}" selected>', beyond.text), "what was chosen stays"
    done = visitor.post(f"{address(dispute)}/credit", {**form, "amount": "280.80"})
    assert done.status_code == 303
    assert now_of(desk, dispute).credit_note_id == note.id
    with desk.store.read() as session:
        notes = session.scalars(select(Invoice.number).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)).all()
    assert notes == ["CN-77"]


def test_more_than_was_paid_says_what_to_do(desk: Desk, dispute: Dispute) -> None:
    """Credited in the books meanwhile and chosen anew: refused in words, with all that was typed."""
    visitor = desk.at(Role.SUPERVISOR)
    credited(desk, dispute, 84240)
    visitor.get(address(dispute))
    form = {"amount": "280.80", "credit_finding": "It was wet."}
    answer = visitor.post(f"{address(dispute)}/credit", form)
    assert answer.status_code == 409
    assert "Choose the credit note that is in the books already" in words(answer)
    assert 'value="280.80"' in answer.text
    assert now_of(desk, dispute).status is DisputeStatus.OPENED


def test_a_file_that_waits_for_the_scanner(desk: Desk, dispute: Dispute) -> None:
    """X-03: the desk does not get it either."""
    visitor = desk.at(Role.COLLECTOR)
    with desk.store.write() as session:
        stored = session.scalars(select(StoredFile)).one()
        session.execute(update(StoredFile).values(status=FileStatus.WAITING))
    page = visitor.get(address(dispute))
    assert "being checked for viruses" in words(page)
    assert "/desk/files/" not in page.text
    assert visitor.get(f"/desk/files/{stored.ref}").status_code == 409
    with desk.store.write() as session:
        session.execute(update(StoredFile).values(status=FileStatus.INFECTED))
    assert "virus found, erased" in words(visitor.get(address(dispute)))
