"""The post at the desk: looked at, printed, posted, come back, taken out (issue of the ladder, part 7)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from models.accounts import Account
from models.invoices import Invoice
from models.post import PostBatch, PostLetter
from models.staff import Role
from models.states import PostStatus
from receivables.permissions import SYSTEM
from receivables.post import queueing
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words


def a_letter(desk: Desk, account: Account, kind: str = "official_letter") -> PostLetter:
    with desk.store.write() as session:
        own = session.get_one(Account, account.id)
        own.postal_address = "3 Harbour Row\nWhitby YO21 3PU"
        return queueing.queue_letter(session, SYSTEM, own, kind=kind, currency="GBP", now=desk.clock.at)


def letters(desk: Desk) -> list[PostLetter]:
    with desk.store.read() as session:
        return list(session.scalars(select(PostLetter).order_by(PostLetter.id)))


def test_from_the_queue_to_the_post_and_back(desk: Desk, tidewater: Account) -> None:
    letter = a_letter(desk, tidewater)
    visitor = desk.at(Role.COLLECTOR)
    page = words(visitor.get("/desk/post"))
    assert "Official letter" in page
    assert "1,418.40 GBP" in page
    preview = visitor.get(f"/desk/files/letters/{letter.ref}")
    assert preview.data.startswith(b"%PDF-")
    visitor.get("/desk/post")
    answer = visitor.post("/desk/post/print", {"letter": letter.ref})
    assert answer.status_code == 303, words(answer)
    page = words(visitor.get(answer.location))
    assert "1 letter printed." in page
    with desk.store.read() as session:
        batch = session.scalars(select(PostBatch)).one()
    assert visitor.get(f"/desk/files/letter-batches/{batch.ref}").data.startswith(b"%PDF-")
    assert visitor.get(f"/desk/files/letters/{letter.ref}").data == preview.data
    visitor.get("/desk/post")
    path = f"/desk/post/batches/{batch.ref}/posted"
    assert "Write the day" in words(visitor.post(path, {"posted_on": "soon"}))
    late = (NOON + timedelta(days=1)).date().isoformat()
    assert "This day is still to come." in words(visitor.post(path, {"posted_on": late}))
    assert visitor.post(path, {"posted_on": NOON.date().isoformat()}).status_code == 303
    visitor.get("/desk/post")
    assert visitor.post(f"/desk/post/letters/{letter.ref}/returned", {}).status_code == 303
    assert letters(desk)[0].status is PostStatus.RETURNED
    assert {"letter.queued", "letter.printed", "letter.posted", "letter.returned"} <= set(desk.codes())


def test_paid_meanwhile_is_not_printed(desk: Desk, tidewater: Account) -> None:
    letter = a_letter(desk, tidewater)
    with desk.store.write() as session:
        session.execute(update(Invoice).values(balance_minor=0))
    visitor = desk.at(Role.COLLECTOR)
    visitor.get("/desk/post")
    answer = visitor.post("/desk/post/print", {"letter": letter.ref})
    page = words(visitor.get(answer.location))
    assert "1 letter was taken out; nothing is left to print." in page
    assert "nothing is asked for any more" in page


def test_empty_errors_and_taking_out(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    assert "No letter waits." in words(visitor.get("/desk/post"))
    assert "Tick at least one invoice." not in words(visitor.get("/desk/post"))
    assert visitor.post("/desk/post/print", {}).status_code == 422
    letter = a_letter(desk, tidewater)
    visitor.get("/desk/post")
    path = f"/desk/post/letters/{letter.ref}/withdraw"
    assert visitor.post(path, {"reason": ""}).status_code == 422
    assert visitor.post(path, {"reason": "He rang and pays."}).status_code == 303
    assert "He rang and pays." in words(visitor.get("/desk/post"))
    assert visitor.post(path, {"reason": "again"}).status_code == 409
    assert visitor.post("/desk/post/print", {"letter": letter.ref}).status_code == 409


def test_where_letters_go(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/address"
    visitor.get(path)
    assert "too many lines" in words(visitor.post(path, {"address": "\n".join("abcdefg")}))
    assert visitor.post(path, {"address": "1 Quay\nHull"}).status_code == 303
    assert "1 Quay" in words(visitor.get(path))
    assert "account.address_changed" in desk.codes()
