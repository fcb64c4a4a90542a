"""Hand-overs at the desk: put forward, approved by a second person, placed, money posted (part 11)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import worker
from models.accounts import Account
from models.handovers import Handler, Handover, Remittance
from models.payments import Payment
from models.reversals import PaymentReversal
from models.staff import Role
from models.states import HandoverStatus
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words
from tests.receivables.handovers.cases import warn

TODAY = NOON.date().isoformat()
HANDLER = {
    "kind": "agency", "name": "Harbour Recoveries Ltd", "address": "4 Quay Street",
    "phone": "+44 117 496 0011", "email": "", "countries": "gb, ie", "commission_percent": "12,5",
    "terms": "", "active": "1",
}  # fmt: skip


@pytest.fixture
def owing(desk: Desk) -> Account:
    """£576.00, 120 days late and warned of."""

    def fill(session: Session, account: Account) -> None:
        make.an_invoice(session, account, total=57600, due_on=NOON.date() - timedelta(days=120))
        warn(session, account)

    return desk.account(fill)


def case(desk: Desk) -> Handover:
    with desk.store.read() as s:
        return s.scalars(select(Handover)).one()


def put_forward(desk: Desk, visitor: Visitor, account: Account) -> str:
    """Fill the form in and return the address of the case."""
    path = f"/desk/accounts/{account.ref}/hand-over"
    assert "What would be handed over" in words(visitor.get(path))
    answer = visitor.post(path, {"currency": "GBP", "reason": "Nobody answers."})
    assert answer.status_code == 303, words(answer)
    return answer.location.split("?")[0]


def handler(desk: Desk, visitor: Visitor) -> str:
    visitor.get("/desk/handlers")
    answer = visitor.post("/desk/handlers", HANDLER)
    assert answer.status_code == 303, words(answer)
    with desk.store.read() as s:
        return s.scalars(select(Handler.ref)).one()


def test_from_the_account_to_the_money(desk: Desk, owing: Account) -> None:
    boss, path = desk.at(Role.SUPERVISOR), put_forward(desk, desk.at(Role.COLLECTOR), owing)
    taker = handler(desk, boss)
    assert "waits for a second person" in words(boss.get("/desk/handovers"))
    assert "12.5" in words(boss.get(path))
    assert boss.post(f"{path}/prepare", {"handler": taker}).status_code == 303
    assert "It is being made" in words(boss.get(path))
    assert boss.post(f"{path}/place", {"p-day": TODAY}).status_code == 409
    worker.take_jobs(desk.app.extensions["amicable"], worker="w", now=desk.clock.at)
    assert "SHA-256" in words(boss.get(path))
    file = boss.get(path.replace("/desk/handovers/", "/desk/files/case/"))
    assert file.mimetype == "application/zip"
    assert "attachment" in file.headers["Content-Disposition"]
    assert hashlib.sha256(file.data).hexdigest() == case(desk).case_digest
    assert "index.pdf" in zipfile.ZipFile(io.BytesIO(file.data)).namelist()
    boss.get(path)
    assert boss.post(f"{path}/place", {"p-day": "no day"}).status_code == 422
    answer = boss.post(f"{path}/place", {"p-day": TODAY})
    assert answer.status_code == 409
    assert "The debtor was told of a later day" in words(answer)
    with desk.store.write() as s:
        s.scalars(select(Handover)).one().notice_on = desk.clock.at.date()  # that day has come
    assert boss.post(f"{path}/place", {"p-day": TODAY}).status_code == 303
    assert case(desk).status is HandoverStatus.PLACED
    books = desk.at(Role.ACCOUNTANT)
    books.get(path)
    report = {"m-reference": "HR-7", "m-collected": "£100.00", "m-commission": "", "m-day": TODAY}
    assert books.post(f"{path}/remittance", report | {"m-collected": "much"}).status_code == 422
    for _ in range(2):
        assert books.post(f"{path}/remittance", report).status_code == 303
    with desk.store.read() as s:
        sent = s.scalars(select(Remittance)).one()
    assert (sent.collected_minor, sent.commission_minor) == (10000, 1250)
    assert "HR-7" in words(books.get(path))
    with desk.store.read() as s:
        number = s.scalars(select(Payment.number).where(Payment.id == sent.payment_id)).one()
    wrong = f"/desk/remittances/{number}/take-back"
    assert wrong in books.get(path).text
    assert wrong not in boss.get(path).text  # for the books alone
    asked = words(books.get(wrong))
    assert "What it had paid is owed again" in asked
    assert "100.00 GBP" in asked
    assert books.post(wrong, {"reason": " "}).status_code == 422
    assert books.post(wrong, {"reason": "x" * 501}).status_code == 422
    with desk.store.read() as s:
        assert s.scalars(select(PaymentReversal)).all() == []
    for _ in range(2):
        assert books.post(wrong, {"reason": "It was £10.00."}).status_code == 303
    assert "taken back on" in words(books.get(path))
    assert "It was taken back on" in words(books.get(wrong))
    assert books.get("/desk/remittances/PC-2026-000000/take-back").status_code == 404
    assert books.post(f"{path}/remittance", report | {"m-collected": "£10.00"}).status_code == 303
    assert "HR-7 (2)" in words(books.get(path))
    boss.get(path)
    assert boss.post(f"{path}/recall", {"e-reason": ""}).status_code == 422
    assert boss.post(f"{path}/recall", {"e-reason": "They found nobody."}).status_code == 303
    assert "recalled" in words(boss.get("/desk/handovers?show=ended"))
    assert {"handler.added", "handover.case_file_made", "handover.remitted"} <= set(desk.codes())
    assert desk.codes().count("handover.moved") == 4  # put forward, approved, handed over, recalled


def test_who_put_it_forward_does_not_approve_it(desk: Desk, owing: Account) -> None:
    """A-02: no button, and a forged request is refused."""
    boss = desk.at(Role.SUPERVISOR)
    taker, path = handler(desk, boss), put_forward(desk, boss, owing)
    page = boss.get(path)
    assert "You put it forward, so somebody else decides." in words(page)
    assert f"{path}/prepare" not in page.text
    forged = boss.post(f"{path}/prepare", {"handler": taker})
    assert forged.status_code == 409
    assert "somebody else decides" in words(forged)
    assert (case(desk).status, case(desk).approved_by_id) == (HandoverStatus.PROPOSED, None)
    assert boss.post(f"{path}/refuse", {"e-reason": "Too early."}).status_code == 303
    assert case(desk).status is HandoverStatus.REFUSED


def test_a_collector_decides_nothing(desk: Desk, owing: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    path = put_forward(desk, visitor, owing)
    for verb in ("prepare", "place", "recall", "close", "remittance"):
        visitor.get(path)
        assert visitor.post(f"{path}/{verb}", {}).status_code == 403
    assert visitor.get("/desk/handlers").status_code == 403


def test_what_stands_in_the_way_is_said(desk: Desk, tidewater: Account) -> None:
    """Part 7: refused before the step of the law, naming it; the button is not to be pressed."""
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/hand-over"
    page = visitor.get(path)
    assert "Formal warning: not posted yet" in words(page)
    answer = visitor.post(path, {"currency": "GBP", "reason": "Now."})
    assert answer.status_code == 409
    assert "Formal warning: not posted yet" in words(answer)
    assert visitor.post(path, {"currency": "XXQ", "reason": "Now."}).status_code == 422
    assert visitor.post(path, {"currency": "GBP", "reason": ""}).status_code == 422


def test_a_second_case_is_not_put_forward(desk: Desk, owing: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    put_forward(desk, visitor, owing)
    path = f"/desk/accounts/{owing.ref}/hand-over"
    assert "A case of this account and currency stands already." in words(visitor.get(path))
    assert visitor.post(path, {"currency": "GBP", "reason": "Again."}).status_code == 409


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"name": ""}, "Fill this in.", 422),
        ({"kind": "friend"}, "Add one", 422),
        ({"commission_percent": "most"}, "This is not a percentage from 0 to 100.", 409),
        ({}, "One of this name is on file already.", 409),
    ],
)
def test_a_handler_as_typed(desk: Desk, change: dict[str, str], says: str, status: int) -> None:
    boss = desk.at(Role.ADMIN)
    ref = handler(desk, boss)
    boss.get("/desk/handlers")
    answer = boss.post("/desk/handlers", HANDLER | change)
    assert (answer.status_code, says in words(answer)) == (status, True), words(answer)
    assert "Harbour Recoveries Ltd" in words(boss.get(f"/desk/handlers/{ref}"))
    fields = HANDLER | {"name": "Harbour & Sons", "active": ""}
    assert boss.post(f"/desk/handlers/{ref}", fields).status_code == 303
    with desk.store.read() as s:
        row = s.scalars(select(Handler)).one()
    assert (row.name, row.is_active, row.countries) == ("Harbour & Sons", False, "GB IE")
