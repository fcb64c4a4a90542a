"""Disputes at the desk: who may take, answer, refuse and credit, and what the debtor gets of it."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from gateways.files import FileFolder
from models.accounts import Account, Contact
from models.approvals import ApprovalRequest
from models.disputes import Dispute, DisputeReason, DisputeStatement
from models.files import StoredFile
from models.invoices import Invoice, InvoiceKind
from models.messages import Message
from models.money import Money
from models.staff import Role, Staff
from models.states import DisputeStatus, FileStatus
from models.work import Job, Task, TaskKind
from receivables import credit_notes, files
from receivables.approvals import deciding
from receivables.disputes import opening, reads
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
    assert "Outcome" not in words(page), "an auditor reads"
    assert desk.at(Role.SALESPERSON).get("/desk/disputes").status_code == 403


def test_taken_and_answered(desk: Desk, dispute: Dispute) -> None:
    visitor = desk.at(Role.COLLECTOR, name="Daniel Reyes")
    visitor.get(address(dispute))
    assert visitor.post(f"{address(dispute)}/take").status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.UNDER_REVIEW
    page = visitor.get(address(dispute))
    assert "The dispute is yours." in words(page)
    empty = visitor.post(f"{address(dispute)}/answer", {"words": " ", "to": "debtor"})
    assert empty.status_code == 422
    assert "Fill this in." in words(empty)
    sent = visitor.post(f"{address(dispute)}/answer", {"words": "Who signed for it?", "to": "debtor"})
    assert sent.status_code == 303
    assert "Who signed for it?" in words(visitor.get(address(dispute)))


def shown(answer: TestResponse) -> dict[str, str]:
    """What the page says it has shown, to be sent back with the form."""
    found = re.search(r'name="shown" value="([^"]*)"', answer.text)
    return {"shown": found[1]} if found else {}


def decide(visitor: Visitor, dispute: Dispute, outcome: str, finding: str, **more: str) -> TestResponse:
    """Look at what follows, then press."""
    fields = {"outcome": outcome, "finding": finding, **more}
    looked = visitor.post(f"{address(dispute)}/outcome", fields)
    if looked.status_code != 200:
        return looked
    return visitor.post(f"{address(dispute)}/outcome", fields | shown(looked))


def test_refused_with_a_finding(desk: Desk, dispute: Dispute) -> None:
    """Part 6: what follows is computed before the button, which names the sum that is asked for."""
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(address(dispute))
    long = visitor.post(f"{address(dispute)}/outcome", {"outcome": "rejected", "finding": "x" * 2001})
    assert long.status_code == 422
    assert "x" * 2001 in long.text, "what was typed stays"
    looked = visitor.post(
        f"{address(dispute)}/outcome", {"outcome": "rejected", "finding": "Signed for as dry."}
    )
    assert "Reject and ask for 842.40 GBP" in words(looked)
    assert "Signed for as dry." in words(looked)
    assert now_of(desk, dispute).status is DisputeStatus.OPENED
    assert decide(visitor, dispute, "rejected", "Signed for as dry.").status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.REJECTED
    late = visitor.post(f"{address(dispute)}/answer", {"words": "One more thing", "to": "debtor"})
    assert late.status_code == 409
    with desk.store.read() as session:
        kinds = session.scalars(select(Message.kind).order_by(Message.id)).all()
    assert kinds == ["dispute_received", "dispute_refused"]


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.SUPERVISOR, Role.ACCOUNTANT])
def test_credited_within_the_limit(desk: Desk, dispute: Dispute, role: Role) -> None:
    """Decision 4, A-03: within the limit of a role; the amount is checked, the note is a request."""
    visitor = desk.at(role)
    visitor.get(address(dispute))
    for amount in ("x", "280.80", "0"):
        answer = decide(visitor, dispute, "partly", "wet", amount=amount)
        assert answer.status_code == 422
        assert f'value="{amount}"' in answer.text
    looked = visitor.post(f"{address(dispute)}/outcome", {"outcome": "upheld", "finding": "It was wet."})
    assert "Uphold and ask for 561.60 GBP" in words(looked)
    assert "842.40 GBP → 561.60 GBP" in words(looked)
    done = decide(visitor, dispute, "upheld", "It was wet.", found_reason="not_delivered")
    assert done.status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.UPHELD
    assert now_of(desk, dispute).found_reason is DisputeReason.NOT_DELIVERED
    said = words(visitor.get(address(dispute)))
    assert "Credited and answered." in said
    assert "REQ-D-2026-" in said
    with desk.store.read() as session:
        assert (
            session.scalars(select(Invoice.balance_minor).where(Invoice.number == "2026-1184")).one() == 56160
        )


def test_above_the_limit_a_second_person_decides(desk: Desk, account: Account) -> None:
    """A-02, A-03: a collector's limit is 1,000.00; the debtor hears nothing before a second person agrees."""
    ref = desk.invoice(account, 200000, number="2026-2000")
    with desk.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        dispute = opening.open_dispute(
            session, make.holder_actor(account, contact), ref, Claim(DisputeReason.DAMAGED), words="Wet.",
            shown_at=desk.clock.at, now=desk.clock.at,
        )  # fmt: skip
    visitor = desk.at(Role.COLLECTOR)
    looked = visitor.post(f"{address(dispute)}/outcome", {"outcome": "upheld", "finding": "All wet."})
    assert "Ask a second person for 2,000.00 GBP" in words(looked)
    assert decide(visitor, dispute, "upheld", "All wet.").status_code == 303
    assert now_of(desk, dispute).status is DisputeStatus.OPENED
    assert "Waits for a second person" in words(visitor.get(address(dispute)))
    with desk.store.read() as session:
        asked = session.scalars(select(ApprovalRequest)).one()
        assert "dispute_upheld" not in session.scalars(select(Message.kind)).all()
    boss = desk.actor(Role.SUPERVISOR)
    desk.store.run(
        lambda s: deciding.approve(s, boss, asked.ref, digest=asked.content_digest, now=desk.clock.at)
    )
    ended = now_of(desk, dispute)
    assert (ended.status, ended.credited_minor, ended.resolved_by_id) == (
        DisputeStatus.UPHELD, 200000, boss.id,
    )  # fmt: skip


def test_handed_to_a_colleague(desk: Desk, dispute: Dispute) -> None:
    """Part 6: assignment; the task goes with it, the debtor sees the name."""
    visitor, colleague = desk.at(Role.COLLECTOR), desk.person(Role.COLLECTOR, name="Tom Okafor")
    seller = desk.person(Role.SALESPERSON)
    assert "Tom Okafor" in words(visitor.get(address(dispute)))
    unknown = visitor.post(f"{address(dispute)}/hand-over", {"colleague": seller.ref})
    assert unknown.status_code == 409
    assert visitor.post(f"{address(dispute)}/hand-over", {"colleague": colleague.ref}).status_code == 303
    assert now_of(desk, dispute).handled_by_id == colleague.id
    with desk.store.read() as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.DISPUTE)).one()
    assert task.assigned_to_id == colleague.id
    assert "Nothing here with this choice." in words(visitor.get("/desk/disputes?whose=mine"))
    assert "Tom Okafor" in words(visitor.get("/desk/disputes?order=amount"))


def test_notes_of_ours_stay_ours(desk: Desk, dispute: Dispute, account: Account) -> None:
    """Part 6: internal notes are dashed at the desk, and no debtor ever reads one."""
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(address(dispute))
    kept = visitor.post(f"{address(dispute)}/answer", {"words": "She is right, I think.", "to": "us"})
    assert kept.status_code == 303
    page = visitor.get(address(dispute))
    assert "She is right, I think." in words(page)
    assert "in-house" in page.text
    with desk.store.read() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        seen = reads.dispute_view(
            session, make.holder_actor(account, contact), dispute.ref, now=desk.clock.at
        )
        kinds = session.scalars(select(Message.kind)).all()
    assert [said.words for said in seen.thread] == ["It was <b>wet</b>."]
    assert kinds == ["dispute_received"]


def test_a_file_goes_with_an_answer(desk: Desk, dispute: Dispute, account: Account) -> None:
    """Part 6: files both ways; a note of ours takes none."""
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(address(dispute))

    def post(to: str) -> TestResponse:
        return visitor.post(
            f"{address(dispute)}/answer",
            {"words": "The sheet we have.", "to": to, "file": (io.BytesIO(PDF), "sheet.pdf")},
        )

    assert post("us").status_code == 422
    assert post("debtor").status_code == 303
    with desk.store.read() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        seen = reads.dispute_view(
            session, make.holder_actor(account, contact), dispute.ref, now=desk.clock.at
        )
    assert [file.name for file in seen.thread[-1].files] == ["sheet.pdf"]


@pytest.fixture
def promised(desk: Desk, account: Account) -> Dispute:
    """A contested price of an account that Marek Nowak sells to."""
    ref = desk.invoice(account, 30000, number="2026-3000")
    seller = desk.person(Role.SALESPERSON, name="Marek Nowak")
    with desk.store.write() as session:
        session.get_one(Account, account.id).salesperson_id = seller.id
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        return opening.open_dispute(
            session, make.holder_actor(account, contact), ref,
            Claim(DisputeReason.WRONG_PRICE, amount=Money(5000, "GBP")), words="Your man said 250.",
            shown_at=desk.clock.at, now=desk.clock.at,
        )  # fmt: skip


def test_sales_is_asked_and_answers(desk: Desk, promised: Dispute) -> None:
    """Part 6: a task with a day and a mail; the answer comes back into the case as a note of ours."""
    visitor = desk.at(Role.COLLECTOR)
    assert "Ask Marek Nowak what was promised" in words(visitor.get(address(promised)))
    asked = visitor.post(f"{address(promised)}/ask-sales", {"question": "Did you promise 250?"})
    assert asked.status_code == 303
    again = visitor.post(f"{address(promised)}/ask-sales", {"question": "Did you?"})
    assert again.status_code == 409
    with desk.store.read() as session:
        statement = session.scalars(select(DisputeStatement)).one()
        mails = session.scalars(select(Job.key).where(Job.kind == "staff_mail")).all()
        seller = session.get_one(Staff, statement.asked_of_id)
    assert mails == [f"staff_mail:statement_asked:{statement.ref}"]
    sales = Visitor(desk.app)
    desk.sign_in(seller, sales)
    path = f"/desk/statements/{statement.ref}"
    assert "Your man said 250." in words(sales.get(path))
    assert desk.at(Role.SALESPERSON).get(path).status_code == 404, "another's account (L-15)"
    assert sales.post(path, {"promised": "", "said": "Yes."}).status_code == 422
    assert sales.post(path, {"promised": "yes", "said": "On 3 May, by mail."}).status_code == 303
    assert sales.post(path, {"promised": "no", "said": "No."}).status_code == 409
    page = words(visitor.get(address(promised)))
    assert "it was promised" in page
    assert "On 3 May, by mail." in page
    with desk.store.read() as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.STATEMENT)).one()
    assert task.done_at is not None


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
    form = {"outcome": "upheld", "finding": "It was wet.", "note": note.ref}
    looked = visitor.post(f"{address(dispute)}/outcome", form)
    assert re.search(rf'<option value="{note.ref}" selected>', looked.text), "what was chosen stays"
    assert decide(visitor, dispute, "upheld", "It was wet.", note=note.ref).status_code == 303
    assert now_of(desk, dispute).credit_note_id == note.id
    with desk.store.read() as session:
        notes = session.scalars(select(Invoice.number).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)).all()
    assert notes == ["CN-77"]


def test_more_than_was_paid_says_what_to_do(desk: Desk, dispute: Dispute) -> None:
    """Credited in the books meanwhile and chosen anew: refused in words, with all that was typed."""
    visitor = desk.at(Role.SUPERVISOR)
    credited(desk, dispute, 84240)
    visitor.get(address(dispute))
    answer = decide(visitor, dispute, "upheld", "It was wet.")
    assert answer.status_code == 409
    assert "Choose the credit note that is in the books already" in words(answer)
    assert "It was wet." in answer.text
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
