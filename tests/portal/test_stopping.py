"""The one question: each answer by its page, what it opens, and what is shown when it cannot be taken."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Answer, HardshipCase, Request
from models.arrangements import Promise
from models.files import StoredFile
from models.invoices import Invoice
from models.links import Channel, LinkSession
from models.pauses import Pause
from models.states import PromiseStatus, RequestStatus
from models.work import Interaction, Task
from receivables import links
from receivables.answers import requests
from receivables.calendar_days import add_business_days
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_disputes import a_picture
from tests.portal.test_links import everything
from tests.portal.test_routes import statements
from tests.portal.test_walk_budget import MOST_STATEMENTS
from tests.portal.visitor import Visitor, hidden, words

PAGES = [
    "/account/stopping",
    *(f"/account/stopping/{way}" for way in (
        "in-parts", "invoice", "document", "paid", "tax", "approval", "somebody-else", "not-us",
    )),
    "/account/promise",
    "/account/ring-me",
]  # fmt: skip


@pytest.fixture
def visitor(portal: Portal, tidewater: Account) -> Visitor:
    return portal.visitor(tidewater)


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as s:
        return s.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def rows(portal: Portal, kind: type) -> list:  # type: ignore[type-arg]
    with portal.store.read() as s:
        return list(s.scalars(select(kind).order_by(kind.id)))  # type: ignore[attr-defined]


def follow(visitor: Visitor, path: str, fields: object) -> str:
    """Send a form from its page and return what the next page says."""
    visitor.get(path)
    answer = visitor.post(path, fields)
    assert answer.status_code == 303, words(answer)
    return words(visitor.get(answer.location))


def a_working_day(portal: Portal, ahead: int = 3) -> str:
    return add_business_days(portal.day(ahead), 0, "GB").isoformat()


# --------------------------------------------------------------------------- pages


@pytest.mark.parametrize("page", PAGES)
def test_each_page_reads_only_and_little(portal: Portal, visitor: Visitor, page: str) -> None:
    """Issue B: at most eight statements, and a look writes nothing (L-04)."""
    before = everything(portal.store)
    with statements(portal.store) as seen:
        answer = visitor.get(page)
    assert answer.status_code == 200, words(answer)
    assert [s for name, s in seen if name == "write"] == []
    assert len(seen) <= MOST_STATEMENTS, [s for _, s in seen]
    assert everything(portal.store) == before
    assert "Maya Thornton" in words(answer)


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_each_page_in_each_language(visitor: Visitor, language: str) -> None:
    for page in PAGES:
        answer = visitor.get(f"{page}?lang={language}")
        assert answer.status_code == 200
        assert f'lang="{language}"' in answer.text


def test_the_list_says_what_each_answer_does(portal: Portal, visitor: Visitor) -> None:
    """Issue B, part 1: eleven answers in the first person, and none counts against anybody."""
    page = visitor.get("/account/stopping")
    said = words(page)
    assert "An honest answer never counts against you." in said
    assert "£1,418.40" in said
    assert "Reminders stop for 5 working days while we look" in said
    assert page.text.count('<span class="note">') == 11


def test_a_link_that_staff_hold_answers_nothing(portal: Portal, tidewater: Account) -> None:
    """Decision 6: view and pay only."""
    with portal.store.write() as s:
        account = s.get_one(Account, tidewater.id)
        token = links.issue(s, SYSTEM, account, contact=None, channel=Channel.STAFF,
                            policy=default_policy(), now=portal.clock.at)[1]  # fmt: skip
    visitor = portal.visitor()
    visitor.open(token)
    for page in (*PAGES, "/account/hardship"):
        assert visitor.get(page).status_code in (303, 403), page
    assert visitor.post("/account/stopping").status_code == 403


# --------------------------------------------------------------------------- answers without a page of ours


def test_forgot_goes_on_to_pay_and_is_kept(portal: Portal, visitor: Visitor) -> None:
    visitor.get("/account/stopping")
    assert visitor.post("/account/stopping").location.startswith("/account/pay")
    visitor.post("/account/stopping")
    assert [a.kind.value for a in rows(portal, Answer)] == ["forgot"]
    assert rows(portal, Pause) == []


@pytest.mark.parametrize(("what", "leads"), [("plan", "/account/plan"), ("offer", "/account/own-offer")])
def test_not_all_goes_on_to_parts_or_another_sum(
    portal: Portal, visitor: Visitor, what: str, leads: str
) -> None:
    visitor.get("/account/stopping/in-parts")
    assert visitor.post("/account/stopping/in-parts", {"what": what}).location == leads
    (answer,) = rows(portal, Answer)
    assert (answer.kind.value, answer.facts) == ("not_all", {"what": what})
    assert visitor.post("/account/stopping/in-parts", {"what": "nothing"}).status_code == 422


def test_something_wrong_goes_on_to_the_dispute(portal: Portal, visitor: Visitor) -> None:
    ref = ref_of(portal, "2026-1207")
    visitor.get("/account/stopping/invoice")
    answer = visitor.post("/account/stopping/invoice", {"invoice": ref})
    assert answer.location == f"/account/invoices/{ref}/dispute"
    assert rows(portal, Answer)[0].facts["invoices"] == ["2026-1207"]


# --------------------------------------------------------------------------- requests


def test_i_have_paid(portal: Portal, visitor: Visitor) -> None:
    """Issue B: stops for these invoices, once; a second claim is refused by name, with the first."""
    ref = ref_of(portal, "2026-1184")
    paid = [("invoice", ref), ("on", portal.day(-2).isoformat())]
    fields = [*paid, ("what", "transfer"), ("reference", "TX-99")]
    said = follow(visitor, "/account/stopping/paid", fields)
    assert "You have paid" in said
    assert "TX-99" in said
    assert "Maya Thornton answers you" in said
    (claim,) = rows(portal, Request)
    assert claim.facts["invoices"] == ["2026-1184"]
    again = visitor.post("/account/stopping/paid", [*paid, ("what", "card")])
    assert again.status_code == 422
    assert "You have told us about invoice 2026-1184 already" in words(again)
    assert f"/account/requests/{claim.ref}" in again.text
    assert follow(visitor, "/account/stopping/paid", fields).count("TX-99") == 1
    assert len(rows(portal, Request)) == 1


def test_a_proof_comes_along(portal: Portal, visitor: Visitor) -> None:
    """X-03: by content and ending; what is not taken is named and everything typed is kept."""
    ref = ref_of(portal, "2026-1184")
    visitor.get("/account/stopping/paid")
    fields = {"csrf_token": visitor.csrf, "invoice": ref, "on": portal.day(-1).isoformat(), "what": "cheque",
              "reference": "cheque 12"}  # fmt: skip
    bad = visitor.client.post(
        "/account/stopping/paid", data={**fields, "files": (io.BytesIO(b"<svg onload=x>"), "../../x.svg")}
    )
    assert bad.status_code == 422
    assert 'value="cheque 12"' in bad.text
    assert re.search(r'value="cheque" checked', bad.text)
    assert "x.svg is not a PDF or a picture" in words(bad)
    good = visitor.client.post(
        "/account/stopping/paid", data={**fields, "files": (io.BytesIO(a_picture()), "proof.png")}
    )
    assert good.status_code == 303
    page = visitor.get(good.location)
    assert "proof.png" in page.text
    address = re.search(r"/account/files/[\w-]+", page.text)
    assert address is not None
    assert visitor.get(address[0]).status_code == 200


def test_a_proof_is_not_chosen_twice(portal: Portal, visitor: Visitor) -> None:
    """X-10: a form that needs another look keeps the file that came with it; sent, it is the answer's."""
    page = "/account/stopping/paid"
    fields = {"invoice": ref_of(portal, "2026-1184"), "on": portal.day(3).isoformat(), "what": "cheque"}
    visitor.get(page)
    first = visitor.post(page, [*fields.items(), ("files", (io.BytesIO(a_picture()), "proof.png"))])
    assert first.status_code == 422
    assert "Files that came already" in words(first)
    assert "proof.png" in words(first)
    ref = re.search(r'name="sent" value="([\w-]+)"', first.text)[1]  # type: ignore[index]
    assert [file.retention_class for file in rows(portal, StoredFile)] == ["draft"]
    fields["on"] = portal.day(-1).isoformat()
    done = visitor.post(page, [*fields.items(), ("sent", ref)])
    assert done.status_code == 303
    assert "proof.png" in words(visitor.get(done.location))
    assert [file.retention_class for file in rows(portal, StoredFile)] == ["upload"]
    twice = visitor.post(page, [*fields.items(), ("sent", ref)])
    assert (twice.status_code, twice.location) == (303, done.location), "the same form is the same answer"
    again = visitor.post(page, [*fields.items(), ("sent", "another-ref")])
    assert again.status_code == 422, "claimed already"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"invoice": None}, "Choose the invoice"),
        ({"invoice": "nothing"}, "no longer open"),
        ({"on": ""}, "Choose a day"),
        ({"on": "soon"}, "Type the day as year"),
        ({"on": "2199-01-01"}, "That day has not come yet"),
        ({"on": "1999-01-01"}, "more than a year ago"),
        ({"what": "magic"}, "Choose one"),
        ({"reference": "x" * 200}, "longer than"),
    ],
)
def test_a_claim_that_cannot_be_taken(
    portal: Portal, visitor: Visitor, change: dict[str, str | None], says: str
) -> None:
    """X-10: a summary that leads to the field, what was typed is kept, nothing is written."""
    fields = {"invoice": ref_of(portal, "2026-1184"), "on": portal.day(-2).isoformat(), "what": "transfer",
              "reference": "TX-99", **change}  # fmt: skip
    visitor.get("/account/stopping/paid")
    before = everything(portal.store)
    answer = visitor.post("/account/stopping/paid", {k: v for k, v in fields.items() if v is not None})
    assert answer.status_code == 422
    assert says in words(answer)
    target = re.search(r'<li><a href="#([\w-]+)"', answer.text)
    assert target is not None
    assert f'id="{target[1]}"' in answer.text
    assert str(fields["reference"]) in answer.text
    assert everything(portal.store) == before


def test_tax_withheld(portal: Portal, visitor: Visitor) -> None:
    ref = ref_of(portal, "2026-1184")
    fields = {"invoice": ref, "amount": "84.24", "reference": "WHT 7"}
    visitor.get("/account/stopping/tax")
    wrong = visitor.post("/account/stopping/tax", {**fields, "amount": "900.00"})
    assert "Type £842.40 or less." in words(wrong)
    assert "WHT 7" in wrong.text
    assert "Type the number of the certificate" in words(
        visitor.post("/account/stopping/tax", {**fields, "reference": ""})
    )
    said = follow(visitor, "/account/stopping/tax", fields)
    assert "You deducted tax at source" in said
    assert "£84.24" in said
    (row,) = rows(portal, Request)
    assert (row.kind.value, row.facts["amount_minor"]) == ("withholding", 8424)


def test_a_document_that_is_missing(portal: Portal, visitor: Visitor) -> None:
    """Issue B: what we have is on the page; what is asked for waits for us."""
    page = visitor.get("/account/stopping/document")
    assert "GB33BUKB20201555555555" in words(page)
    assert f"/account/invoices/{ref_of(portal, '2026-1184')}/pdf" in page.text
    assert 'href="/account/documents"' in page.text
    said = follow(
        visitor, "/account/stopping/document",
        {"what": "delivery_note", "invoice": ref_of(portal, "2026-1207"), "words": "The one of October"},
    )  # fmt: skip
    assert "The delivery note" in said
    assert "The one of October" in said
    wrong = visitor.post("/account/stopping/document", {"what": "other"})
    assert "Tell us in a few words" in words(wrong)


def test_words_are_cleaned_and_cards_masked(portal: Portal, visitor: Visitor) -> None:
    """X-09, issue B bad input: card number, HTML, direction overrides, a hundred thousand characters."""
    said = "card 4242 4242 4242 4242 \u202eevil <b>bold</b>"
    visitor.get("/account/stopping/document")
    assert visitor.post("/account/stopping/document", {"what": "other", "words": said}).status_code == 303
    kept = rows(portal, Request)[0].facts["words"]
    assert kept == "card •••• 4242 evil <b>bold</b>"
    page = visitor.get(f"/account/requests/{rows(portal, Request)[0].ref}")
    assert "&lt;b&gt;bold" in page.text
    long = visitor.post("/account/stopping/document", {"what": "other", "words": "x" * 30_000})
    assert long.status_code == 422


def test_waiting_for_an_approval(portal: Portal, visitor: Visitor) -> None:
    day = portal.day(4)
    said = follow(visitor, "/account/stopping/approval", {"name": "Head office", "on": day.isoformat()})
    assert "We wait for your approval" in said
    (held,) = rows(portal, Pause)
    assert (held.reason.value, held.to_on) == ("their_approval", portal.day(5))
    today = {"name": "Head office", "on": portal.today.isoformat()}
    wrong = visitor.post("/account/stopping/approval", today)
    assert "Choose a later day" in words(wrong)


@pytest.mark.parametrize("way", ["somebody-else", "not-us"])
def test_not_the_right_person(portal: Portal, visitor: Visitor, way: str) -> None:
    """Issue B: this contact is not written to, nobody else is affected."""
    path = f"/account/stopping/{way}"
    said = follow(visitor, path, {"name": "Sam Okafor", "email": "sam@tidewater.example"})
    assert "Sam Okafor" in said
    (held,) = rows(portal, Pause)
    assert (held.reason.value, held.contact_id is not None) == ("wrong_contact", True)
    wrong = visitor.post(path, {"name": "Sam", "email": "no address"})
    assert "name@firm.example" in words(wrong)
    empty = visitor.post(path, {})
    assert empty.status_code == (422 if way == "somebody-else" else 303)


def test_taken_back_and_answered(portal: Portal, visitor: Visitor, tidewater: Account) -> None:
    """The page follows what becomes of a request; what stood still goes on."""
    follow(visitor, "/account/stopping/document", {"what": "order_number"})
    (row,) = rows(portal, Request)
    visitor.get(f"/account/requests/{row.ref}")
    assert visitor.post(f"/account/requests/{row.ref}/withdraw").status_code == 303
    assert "Taken back by you" in words(visitor.get(f"/account/requests/{row.ref}"))
    follow(visitor, "/account/stopping/document", {"what": "order_number"})
    second = rows(portal, Request)[1]
    with portal.store.write() as s:
        actor = make.staff_actor(make.a_person(s, name="Priya Shah"))
        requests.answer(s, actor, second.ref, reply="It is PO-77.", now=portal.clock.at)
    said = words(visitor.get(f"/account/requests/{second.ref}"))
    assert "It is PO-77." in said
    assert "Priya Shah" in said
    assert visitor.get(f"/account/requests/{second.ref}/withdraw").status_code == 303
    visitor.get(f"/account/requests/{row.ref}")
    visitor.post(f"/account/requests/{second.ref}/withdraw")
    assert rows(portal, Request)[1].status is RequestStatus.ANSWERED


# --------------------------------------------------------------------------- promise


def test_a_promise_in_six_taps(portal: Portal, visitor: Visitor) -> None:
    """Issue B: link, Continue, what stops you, on a date, the day, and the last look."""
    listed = visitor.get("/account/stopping")
    assert 'href="/account/promise"' in listed.text
    days = visitor.get("/account/promise")
    address = re.search(r'href="(/account/promise/review[^"]+)"', days.text)
    assert address is not None
    review = visitor.get(address[1].replace("&amp;", "&"))
    assert "Check before you promise" in words(review)
    assert "£1,418.40" in words(review)
    assert rows(portal, Promise) == []
    answer = visitor.post("/account/promise/review", hidden(review))
    visitor.post("/account/promise/review", hidden(review))
    page = visitor.get(answer.location)
    assert "Thank you, noted" in words(page)
    (made,) = rows(portal, Promise)
    assert made.amount_minor == 141840
    assert [a.kind.value for a in rows(portal, Answer)] == ["on_a_date"]
    assert "You will pay £1,418.40" in words(visitor.get("/account/stopping"))


def test_ones_own_day_and_amount_moved_once_and_taken_back(portal: Portal, visitor: Visitor) -> None:
    visitor.get("/account/promise")
    form = {"currency": "GBP", "amount": "300", "on": a_working_day(portal)}
    review = visitor.get(visitor.post("/account/promise", form).location)
    first = visitor.post("/account/promise/review", hidden(review)).location
    assert "Move the day" in words(visitor.get(first))
    assert "instead of" in words(
        visitor.get(visitor.post("/account/promise", {**form, "on": a_working_day(portal, 8)}).location)
    )
    page = visitor.get(visitor.get("/account/promise").text and "/account/promise")
    assert "To which day would you like to move it?" in words(page)
    review = visitor.get(visitor.post("/account/promise", {**form, "on": a_working_day(portal, 8)}).location)
    second = visitor.post("/account/promise/review", hidden(review)).location
    assert "Move the day" not in words(visitor.get(second))
    assert visitor.get("/account/promise").location == second
    visitor.get(f"{second}/withdraw")
    assert visitor.post(f"{second}/withdraw").location == second
    assert "no longer stands" in words(visitor.get(second))
    assert [p.status for p in rows(portal, Promise)] == [PromiseStatus.SUPERSEDED, PromiseStatus.WITHDRAWN]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"on": ""}, "Choose a day"),
        ({"on": "2020-01-01"}, "Choose a later day"),
        ({"on": "2199-01-01"}, "The last day we can wait for"),
        ({"on": "tomorrow"}, "Type the day as year"),
        ({"amount": ""}, "Type the amount"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "-5"}, "without a minus"),
        ({"amount": "99999"}, "more than is open"),
        ({"amount": "many"}, "in digits"),
    ],
)
def test_a_promise_that_cannot_be_taken(
    portal: Portal, visitor: Visitor, change: dict[str, str], says: str
) -> None:
    """Issue B, bad input: each says what can be, at its field, with the rest kept."""
    fields = {"currency": "GBP", "amount": "300.50", "on": a_working_day(portal), **change}
    visitor.get("/account/promise")
    answer = visitor.post("/account/promise", fields)
    assert answer.status_code == 422
    assert says in words(answer)
    assert all(f'value="{value}"' in answer.text for value in fields.values() if value)
    straight = visitor.get("/account/promise/review", query_string=fields)
    assert straight.status_code == 422
    assert rows(portal, Promise) == []


def test_a_saturday_names_a_day_that_works(portal: Portal, visitor: Visitor) -> None:
    saturday = next(portal.day(n) for n in range(1, 8) if portal.day(n).weekday() == 5)
    visitor.get("/account/promise")
    answer = visitor.post("/account/promise", {"currency": "GBP", "amount": "10", "on": saturday.isoformat()})
    assert "Banks do not work on that day" in words(answer)


# --------------------------------------------------------------------------- difficulty


def proved(portal: Portal) -> None:
    with portal.store.write() as s:
        for session in s.scalars(select(LinkSession)):
            session.proved_at = portal.clock.at


def test_difficulty_is_behind_a_code(portal: Portal, visitor: Visitor) -> None:
    """Decision 8: asked before the form, and again by what keeps it."""
    assert visitor.get("/account/hardship").location.startswith("/account/code")
    visitor.get("/account/stopping")
    assert visitor.post("/account/hardship", {"words": "ill"}).location.startswith("/account/code")
    assert rows(portal, HardshipCase) == []


def test_difficulty_goes_to_a_person_and_nowhere_else(
    portal: Portal, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue B: not on the timeline, in no task, no answer, no log; the page does not show it again."""
    proved(portal)
    told = "My wife is very ill"
    said = follow(visitor, "/account/hardship", {"words": told, "amount": "50", "currency": "GBP"})
    assert "Thank you for telling us" in said
    (case,) = rows(portal, HardshipCase)
    assert (case.words, case.could_pay_minor) == (told, 5000)
    assert [t.facts for t in rows(portal, Task)] == [{}]
    assert [a.facts for a in rows(portal, Answer)] == [{}]
    assert [i.kind for i in rows(portal, Interaction) if i.kind != "portal.opened"] == []
    assert told not in visitor.get("/account/hardship").text
    assert told not in caplog.text
    assert [p.reason.value for p in rows(portal, Pause)] == ["hardship"]
    follow(visitor, "/account/hardship", {"words": "And the shop is closed", "amount": "", "currency": "GBP"})
    (case,) = rows(portal, HardshipCase)
    assert told in case.words
    assert "And the shop is closed" in case.words
    for page in ("/account/stopping", "/account"):
        assert "ifficulty" not in words(visitor.get(page)).replace("We are in difficulty", "")


def test_difficulty_needs_words(portal: Portal, visitor: Visitor) -> None:
    proved(portal)
    visitor.get("/account/hardship")
    empty = visitor.post("/account/hardship", {"words": " ", "amount": "12", "currency": "GBP"})
    assert empty.status_code == 422
    assert 'value="12"' in empty.text
    assert visitor.post("/account/hardship", {"words": "x" * 5000, "currency": "GBP"}).status_code == 422


# --------------------------------------------------------------------------- ring me


def test_ring_me(portal: Portal, visitor: Visitor) -> None:
    """Issue B, part 7: one of our hours, shown as noted, changed and cancelled."""
    page = visitor.get("/account/ring-me")
    hours = re.findall(r'<option value="([^"]+)"', page.text)
    assert len(hours) > 20
    said = follow(visitor, "/account/ring-me", {"at": hours[3], "phone": "0113 496 0142"})
    assert "Maya Thornton rings you" in said
    (task,) = rows(portal, Task)
    assert (task.kind.value, task.due_at.isoformat()) == ("call_back", hours[3])
    assert task.facts["what"] == "01134960142"
    follow(visitor, "/account/ring-me", {"at": hours[5], "phone": "0113 496 0142"})
    first, second = rows(portal, Task)
    assert (first.done_at is None, second.done_at is None) == (False, True)
    visitor.get("/account/ring-me")
    visitor.post(f"/account/ring-me/{second.ref}/cancel")
    assert "rings you" not in words(visitor.get("/account/ring-me"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"at": "2020-01-01T10:00:00+00:00", "phone": "01134960142"}, "Choose one of the hours"),
        ({"at": "never", "phone": "01134960142"}, "Choose one of the hours"),
        ({"phone": "call me"}, "in digits"),
        ({"phone": ""}, "in digits"),
    ],
)
def test_a_call_that_cannot_be_noted(
    portal: Portal, visitor: Visitor, fields: dict[str, str], says: str
) -> None:
    hours = re.findall(r'<option value="([^"]+)"', visitor.get("/account/ring-me").text)
    answer = visitor.post("/account/ring-me", {"at": hours[0], **fields})
    assert answer.status_code == 422
    assert says in words(answer)
    assert rows(portal, Task) == []


# --------------------------------------------------------------------------- nobody else's


def test_nothing_of_another_account(portal: Portal, tidewater: Account, visitor: Visitor) -> None:
    """L-15: another's request, promise, call and invoice are not found, whatever is done to them."""
    follow(visitor, "/account/stopping/document", {"what": "order_number"})
    hours = re.findall(r'<option value="([^"]+)"', visitor.get("/account/ring-me").text)
    follow(visitor, "/account/ring-me", {"at": hours[0], "phone": "01134960142"})
    review = visitor.get("/account/promise/review", query_string={
        "currency": "GBP", "amount": "300", "on": a_working_day(portal)})  # fmt: skip
    visitor.post("/account/promise/review", hidden(review))

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 777, -3)

    stranger = portal.visitor(portal.account(fill, name="Harbour & Sons Ltd"))
    stranger.get("/account/stopping")
    asked, promised = rows(portal, Request)[0].ref, rows(portal, Promise)[0].ref
    call = next(t.ref for t in rows(portal, Task) if t.kind.value == "call_back")
    for path in (f"/account/requests/{asked}", f"/account/promises/{promised}",
                 f"/account/promises/{promised}/withdraw"):  # fmt: skip
        assert stranger.get(path).status_code == 404, path
    stranger.get("/account/stopping")
    for path in (f"/account/requests/{asked}/withdraw", f"/account/promises/{promised}/withdraw",
                 f"/account/ring-me/{call}/cancel"):  # fmt: skip
        assert stranger.post(path).status_code == 404, path
    theirs = ref_of(portal, "2026-1184")
    for way, more in (("paid", {"on": portal.today.isoformat(), "what": "card"}), ("invoice", {}),
                      ("tax", {"amount": "1", "reference": "x"})):  # fmt: skip
        stranger.get("/account/stopping")
        assert stranger.post(f"/account/stopping/{way}", {"invoice": theirs, **more}).status_code == 422
    assert rows(portal, Request)[0].status is RequestStatus.OPEN
