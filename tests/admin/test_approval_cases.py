"""Requests at the desk: the case, four eyes, refunds and write-offs, deputies (A-02, A-03, A-09)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.approvals import ApprovalRequest, Deputy, Refund
from models.invoices import Invoice
from models.money import Money
from models.staff import Role, Staff
from models.states import ApprovalStatus
from models.work import Job
from receivables import policy
from receivables.payments.quotes import Choice
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words
from tests.receivables.paying import pay

WHY = "The firm is dissolved"


@pytest.fixture
def account(desk: Desk) -> Account:
    return desk.account()


@pytest.fixture
def ref(desk: Desk, account: Account) -> str:
    """An invoice of £200.00, beyond what a collector writes off."""
    return desk.invoice(account, 20000, number="2026-0042")


def requests(desk: Desk) -> list[ApprovalRequest]:
    with desk.store.read() as s:
        return list(s.scalars(select(ApprovalRequest).order_by(ApprovalRequest.id)))


def asked(desk: Desk, visitor: Visitor, ref: str) -> ApprovalRequest:
    """The write-off of an invoice, asked for with the form."""
    visitor.get(f"/desk/invoices/{ref}/write-off")
    answer = visitor.post(f"/desk/invoices/{ref}/write-off", {"reason": WHY})
    assert answer.status_code == 303, answer.text
    return requests(desk)[-1]


def status(desk: Desk, ref: str) -> tuple[str, int]:
    with desk.store.read() as s:
        found = s.scalars(select(Invoice).where(Invoice.ref == ref)).one()
        return found.status.value, found.balance_minor


def place(request: ApprovalRequest, act: str = "") -> str:
    return f"/desk/approvals/requests/{request.ref}{act}"


def test_a_write_off_is_asked_for_and_approved_by_another(desk: Desk, ref: str) -> None:
    """The case shows sum, limits, reason and what each answer does; approving closes the invoice."""
    collector, boss = desk.at(name="Priya Shah"), desk.at(Role.SUPERVISOR, name="Ruth Adler")
    request = asked(desk, collector, ref)
    assert status(desk, ref) == ("open", 20000)
    case = words(boss.get(place(request)))
    for said in ("Priya Shah asks to write off", "200.00 GBP", "2026-0042", WHY, "Within your limit",
                 "bad debts", "recovery", f"version {request.content_digest[:8]}"):  # fmt: skip
        assert said in case, said
    listed = words(boss.get("/desk/approvals"))
    assert "Write-off" in listed
    assert "just put forward" in listed
    answer = boss.post(place(request, "/approve"), {"digest": request.content_digest})
    assert answer.status_code == 303
    assert status(desk, ref) == ("written_off", 0)
    assert "It is done, and whoever asked gets a mail." in words(boss.get("/desk/approvals"))
    assert "Ruth Adler" in words(boss.get(place(request)))
    with desk.store.read() as s:
        assert [job.payload["kind"] for job in s.scalars(select(Job).where(Job.kind == "staff_mail"))] == [
            "approval_approved"
        ]


def test_the_proposer_finds_no_button_and_is_refused(desk: Desk, ref: str) -> None:
    """A-02: button absent, forged POST 403 for approve, refuse and counter; nothing changes."""
    boss = desk.at(Role.SUPERVISOR)
    request = asked(desk, boss, ref)
    page = boss.get(place(request))
    assert "You put this forward, so somebody else decides." in words(page)
    assert "/approve" not in page.text
    assert "/refuse" not in page.text
    digest = request.content_digest
    for act, fields in (
        ("/approve", {"digest": digest}),
        ("/refuse", {"r-digest": digest, "r-reason": "No"}),
    ):
        assert boss.post(place(request, act), fields).status_code == 403
    assert status(desk, ref) == ("open", 20000)
    assert boss.post(place(request, "/withdraw"), {}).status_code == 303
    assert requests(desk)[0].status is ApprovalStatus.WITHDRAWN


def test_beyond_the_limit_there_is_no_button(desk: Desk, ref: str) -> None:
    """A-03: a collector reads the case of GBP 200, may refuse it, and is refused when he approves."""
    request = asked(desk, desk.at(Role.SUPERVISOR), ref)
    collector = desk.at()
    page = collector.get(place(request))
    assert "Beyond your limit" in words(page)
    assert "/approve" not in page.text
    answer = collector.post(place(request, "/approve"), {"digest": request.content_digest})
    assert answer.status_code == 409
    assert "beyond what your role may agree to" in words(answer)
    answer = collector.post(
        place(request, "/refuse"), {"r-digest": request.content_digest, "r-reason": "Ring them first"}
    )
    assert answer.status_code == 303
    assert requests(desk)[0].answer == "Ring them first"


def test_a_changed_case_is_refused_and_shown_anew(desk: Desk, ref: str) -> None:
    """A-02: another digest is 409, and so is an invoice that is not as it was."""
    request = asked(desk, desk.at(), ref)
    boss = desk.at(Role.SUPERVISOR)
    boss.get(place(request))
    answer = boss.post(place(request, "/approve"), {"digest": "0" * 64})
    assert answer.status_code == 409
    assert "It has changed since you opened it." in words(answer)
    assert request.content_digest in answer.text
    assert boss.post(place(request, "/approve"), {}).status_code == 422
    assert status(desk, ref) == ("open", 20000)


def test_bad_input_has_a_word_and_looking_changes_nothing(desk: Desk, account: Account, ref: str) -> None:
    collector = desk.at()
    before = len(desk.codes())
    for path in ("/desk/approvals", "/desk/approvals/deputies", "/desk/refunds",
                 f"/desk/invoices/{ref}/write-off", f"/desk/accounts/{account.ref}/refund"):  # fmt: skip
        assert collector.get(path).status_code == 200, path
    assert len(desk.codes()) == before
    answer = collector.post(f"/desk/invoices/{ref}/write-off", {"reason": ""})
    assert answer.status_code == 422
    assert requests(desk) == []
    collector.csrf = ""
    forged = collector.post(f"/desk/invoices/{ref}/write-off", {"reason": WHY})
    assert forged.status_code == 400
    assert requests(desk) == []


def test_what_was_written_off_is_reopened_by_two(desk: Desk, ref: str) -> None:
    collector, boss = desk.at(), desk.at(Role.SUPERVISOR)
    first = asked(desk, collector, ref)
    boss.get(place(first))
    boss.post(place(first, "/approve"), {"digest": first.content_digest})
    assert "Ask to reopen it" in collector.get(f"/desk/invoices/{ref}").text
    collector.get(f"/desk/invoices/{ref}/write-off")
    assert collector.post(f"/desk/invoices/{ref}/reopen", {"reason": "They trade again"}).status_code == 303
    second = requests(desk)[-1]
    assert boss.post(place(second, "/approve"), {"digest": second.content_digest}).status_code == 303
    assert status(desk, ref) == ("open", 20000)


# --------------------------------------------------------------------------- refunds


@pytest.fixture
def overpaid(desk: Desk, account: Account) -> Account:
    """£75.00 more came than was asked for."""
    desk.invoice(account, 10000)
    pay(desk.store, account, Choice("all", "GBP"), came=Money(17500, "GBP"))
    return account


def ask_refund(visitor: Visitor, account: Account, **fields: str):  # type: ignore[no-untyped-def]
    visitor.get(f"/desk/accounts/{account.ref}/refund")
    said = {"currency": "GBP", "amount": "75.00", "payee": "Tidewater Ltd",
            "bank_account": "GB29 NWBK 6016 1331 9268 19", "reason": "They asked for it"}  # fmt: skip
    return visitor.post(f"/desk/accounts/{account.ref}/refund", said | fields)


def test_a_refund_is_approved_sent_and_noted(desk: Desk, overpaid: Account) -> None:
    """Asked for by one, approved by another, a task with what to pay to whom, paid out by the accountant."""
    assert ask_refund(desk.at(), overpaid).status_code == 303
    request = requests(desk)[0]
    boss, accountant = desk.at(Role.SUPERVISOR), desk.at(Role.ACCOUNTANT)
    case = words(boss.get(place(request)))
    for said in ("75.00 GBP", "Tidewater Ltd", "GB29 NWBK 6016 1331 9268 19", "They asked for it"):
        assert said in case, said
    assert boss.post(place(request, "/approve"), {"digest": request.content_digest}).status_code == 303
    with desk.store.read() as s:
        refund = s.scalars(select(Refund)).one()
    assert "Send a refund" in words(accountant.get("/desk/tasks"))
    assert "1 to send" in words(accountant.get("/desk/refunds"))
    for fields, code, said in (
        ({"day": "soon", "reference": "X"}, 422, "day"),
        ({"day": (NOON.date() + timedelta(days=1)).isoformat(), "reference": "X"}, 409, "still to come"),
    ):
        answer = accountant.post(f"/desk/refunds/{refund.ref}/paid", fields)
        assert answer.status_code == code
        assert said in words(answer)
    paid = {"day": NOON.date().isoformat(), "reference": "FT-2026-118"}
    assert accountant.post(f"/desk/refunds/{refund.ref}/paid", paid).status_code == 303
    assert "FT-2026-118" in accountant.get("/desk/refunds").text
    assert "0 to send" in words(accountant.get("/desk/refunds"))
    assert desk.codes()[-2:] == ["refund.paid_out", "message.queued"]


def test_refunds_ask_for_password_and_code_again(desk: Desk, overpaid: Account) -> None:
    """A-05: approving and noting a refund, five minutes after the last proof, leads to the page that asks."""
    ask_refund(desk.at(), overpaid)
    request, boss = requests(desk)[0], desk.at(Role.SUPERVISOR)
    boss.get(place(request))
    desk.clock.at = NOON + timedelta(minutes=10)
    answer = boss.post(place(request, "/approve"), {"digest": request.content_digest})
    assert (answer.status_code, answer.location) == (303, "/desk/confirm")
    assert requests(desk)[0].status is ApprovalStatus.WAITING


def test_another_sum_is_put_forward_instead(desk: Desk, overpaid: Account) -> None:
    """Counter: the first falls away, the second waits, and who asked first may approve it."""
    first_boss, boss = desk.at(Role.SUPERVISOR), desk.at(Role.SUPERVISOR)
    ask_refund(first_boss, overpaid)
    request = requests(desk)[0]
    boss.get(place(request))
    said = {"c-digest": request.content_digest, "c-amount": "80", "c-reason": "Only what is free"}
    answer = boss.post(place(request, "/counter"), said)
    assert answer.status_code == 409
    assert "less than what was asked for" in words(answer)
    assert boss.post(place(request, "/counter"), said | {"c-amount": "fifty"}).status_code == 422
    assert boss.post(place(request, "/counter"), said | {"c-amount": "50"}).status_code == 303
    old, new = requests(desk)
    assert (old.status, old.answer) == (ApprovalStatus.VOIDED, "countered")
    assert (new.amount_minor, new.supersedes_id) == (5000, old.id)
    first_boss.get(place(new))
    assert first_boss.post(place(new, "/approve"), {"digest": new.content_digest}).status_code == 303


def test_a_refund_needs_credit_and_where_to(desk: Desk, account: Account, overpaid: Account) -> None:
    collector = desk.at()
    for fields, code, said in (
        ({"amount": "75.01"}, 409, "less credit than that"),
        ({"amount": "0"}, 409, "more than zero"),
        ({"payee": " "}, 422, ""),
        ({"currency": "XXX"}, 422, ""),
        ({"amount": "lots"}, 422, ""),
    ):
        answer = ask_refund(collector, overpaid, **fields)
        assert answer.status_code == code, fields
        assert said in words(answer)
    assert requests(desk) == []


# --------------------------------------------------------------------------- deputies


def test_a_deputy_is_named_decides_and_is_ended(desk: Desk, ref: str) -> None:
    """He decides with the other's limit; the case says so before and after."""
    away = desk.person(Role.SUPERVISOR, name="Ruth Adler")
    stands_in = desk.person(name="Ilan Green")
    boss, deputy = Visitor(desk.app), Visitor(desk.app)
    desk.sign_in(away, boss)
    desk.sign_in(stands_in, deputy)
    boss.get("/desk/approvals/deputies")
    today = NOON.date().isoformat()
    said = {"person": away.ref, "deputy": stands_in.ref, "from_on": today, "to_on": today}
    for fields, code in (
        ({"deputy": away.ref}, 409), ({"to_on": "2026-01-01"}, 409), ({"from_on": "soon"}, 422),
        ({"deputy": "nobody"}, 404),
    ):  # fmt: skip
        assert boss.post("/desk/approvals/deputies", said | fields).status_code == code, fields
    assert boss.post("/desk/approvals/deputies", said).status_code == 303
    request = asked(desk, desk.at(Role.SUPERVISOR), ref)
    page = deputy.get(place(request))
    assert "You decide in the stead of Ruth Adler; the audit says so." in words(page)
    assert deputy.post(place(request, "/approve"), {"digest": request.content_digest}).status_code == 303
    assert "in the stead of Ruth Adler" in words(boss.get(place(request)))
    with desk.store.read() as s:
        named = s.scalars(select(Deputy)).one()
    assert boss.post(f"/desk/approvals/deputies/{named.ref}/end", {}).status_code == 303
    assert "Nobody stands in for anybody." in words(boss.get("/desk/approvals/deputies"))


# --------------------------------------------------------------------------- alone


def test_one_who_is_alone_waits_proves_himself_and_is_marked(desk: Desk, ref: str) -> None:
    """One-person mode: nothing on the day itself, a button after 24 h, password and code again."""
    body = policy.DEFAULT_BODY.replace("\nalone = false", "\nalone = true")
    with desk.store.write() as s:
        policy.publish(s, body, reason="A house of one", author_id=None, now=NOON)
    boss = desk.at(Role.SUPERVISOR)
    request = asked(desk, boss, ref)
    page = boss.get(place(request))
    assert "You may decide it yourself from" in words(page)
    assert "/approve" not in page.text
    desk.clock.at = NOON + timedelta(hours=24)
    with desk.store.read() as s:
        person = s.scalars(select(Staff)).one()
    boss = Visitor(desk.app)
    desk.sign_in(person, boss)
    assert "Approve alone" in boss.get(place(request)).text
    desk.clock.at += timedelta(minutes=6)
    answer = boss.post(place(request, "/approve"), {"digest": request.content_digest})
    assert (answer.status_code, answer.location) == (303, "/desk/confirm")
    boss = Visitor(desk.app)
    desk.clock.at += timedelta(minutes=1)
    desk.sign_in(person, boss)
    boss.get(place(request))
    assert boss.post(place(request, "/approve"), {"digest": request.content_digest}).status_code == 303
    assert requests(desk)[0].is_alone
    assert "decided alone" in words(boss.get(place(request)))
    with desk.store.read() as s:
        assert s.scalar(select(func.count()).where(Job.kind == "staff_mail")) == 1


def test_a_part_is_asked_for_and_reversed(desk: Desk, ref: str) -> None:
    """A part of what is open: the case says of how much, the rest stays asked for, it can be reversed."""
    collector, boss = desk.at(Role.COLLECTOR), desk.at(Role.SUPERVISOR)
    path = f"/desk/invoices/{ref}/write-off"
    assert "Empty is all that is open: 200.00 GBP." in words(collector.get(path))
    for typed, code, said in (
        ("a lot", 422, "This is not an amount."), ("200.01", 409, "This is more than is open on the"),
        ("0", 409, "The amount must be more than zero."),
    ):  # fmt: skip
        answer = collector.post(path, {"reason": WHY, "amount": typed})
        assert (answer.status_code, said in words(answer)) == (code, True)
    assert requests(desk) == []
    answer = collector.post(path, {"reason": WHY, "amount": "50"})
    assert answer.status_code == 303
    request = requests(desk)[-1]
    page = words(boss.get(place(request)))
    assert "asks to write off 50.00 GBP of the 200.00 GBP that are open on invoice 2026-0042" in page
    assert "50.00 GBP is posted to bad debts, open payment pages end; the rest stays open" in page
    boss.post(place(request, "/approve"), {"digest": request.content_digest})
    assert status(desk, ref) == ("open", 15000)
    page = words(collector.get(path))
    assert "50.00 GBP of it was written off" in page
    answer = collector.post(f"/desk/invoices/{ref}/reopen", {"reason": ""})
    assert (answer.status_code, "again-error" in answer.text) == (422, True)
    assert collector.post(f"/desk/invoices/{ref}/reopen", {"reason": "It was found"}).status_code == 303
    request = requests(desk)[-1]
    boss.get(place(request))
    boss.post(place(request, "/approve"), {"digest": request.content_digest})
    assert status(desk, ref) == ("open", 20000)
