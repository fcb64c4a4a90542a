"""The account page: notes, files, limits, pay days, messages, whose accounts they are (issue D, part 2)."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.credit_limits import CreditLimit
from models.files import StoredFile
from models.links import Channel
from models.messages import Message
from models.notes import AccountNote, PayRun
from models.staff import Role
from models.work import Task, TaskKind
from receivables import files, links, outbox
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.test_routes import statements
from tests.portal.visitor import Visitor, hidden, words
from tests.receivables.test_files import PDF, a_png


def at(account: Account, path: str = "") -> str:
    return f"/desk/accounts/{account.ref}{path}"


def reads(seen: list[tuple[str, str]]) -> int:
    """Statements of a page; the rules, which a process reads anew every few seconds, are not counted."""
    return len([said for kind, said in seen if kind == "read" and "FROM policy_version" not in said])


# --------------------------------------------------------------------------- the page


def test_actions_stand_in_the_fixed_order(desk: Desk, tidewater: Account) -> None:
    """look.md: call, message, promise, plan, offer, pause, hold; one blue button."""
    page = desk.at(Role.SUPERVISOR).get(at(tidewater))
    said = words(page)
    order = ["Call", "Message", "Promise", "Plan", "Offer", "Pause", "Credit hold…"]
    places = [said.index(f" {name}", said.index("owes")) for name in order]
    assert places == sorted(places)
    assert len(re.findall(r'class="btn go', page.text)) == 1


def test_next_step_has_both_consequences(desk: Desk, tidewater: Account) -> None:
    """Without a task: what the ladder does by itself. With one: what follows if it is done, and if not."""
    visitor = desk.at()
    said = words(visitor.get(at(tidewater)))
    assert "Next step Nothing waits for a person" in said
    with desk.store.write() as session:
        outbox.ask_person(
            session, TaskKind.PROMISE_BROKEN, "p:1", account_id=tidewater.id, facts={}, now=NOON
        )
    said = words(visitor.get(at(tidewater)))
    assert "A promise was not kept" in said
    assert "If you do it A new date holds the ladder; without one it goes on." in said
    assert "If you do not The task stays open and gets older." in said


def test_two_thousand_invoices_are_cut_into_pages(desk: Desk, tidewater: Account) -> None:
    """Fifty on a page, the sums of all; the number of statements is that of a few."""
    visitor = desk.at()
    with statements(desk.store) as few:
        visitor.get(at(tidewater))
    with desk.store.write() as session:
        own = session.get_one(Account, tidewater.id)
        for number in range(120):
            make.an_invoice(session, own, total=100, number=f"M-{number:04}",
                            due_on=NOON.date() - timedelta(days=2))  # fmt: skip
    with statements(desk.store) as many:
        page = visitor.get(at(tidewater))
    assert reads(few) == reads(many)
    rows = page.text.partition('id="iv"')[2].partition("</section>")[0]
    assert rows.count('scope="row"><a') == 50
    assert "125 documents" in words(page)
    last = visitor.get(at(tidewater, "?page=2"))
    assert last.text.partition('id="iv"')[2].partition("</section>")[0].count('scope="row"><a') == 25
    assert visitor.get(at(tidewater, "?page=99")).text.count("M-0119") == last.text.count("M-0119")
    assert visitor.get(at(tidewater, "?page=x")).status_code == 200


def test_a_salesperson_sees_his_own_accounts_only(desk: Desk, tidewater: Account) -> None:
    """L-15: another's account, its document and its notes are not found."""
    invoice = desk.invoice(tidewater)
    stranger, own = desk.at(Role.SALESPERSON), desk.seller_of(tidewater)
    for path in (at(tidewater), f"/desk/invoices/{invoice}"):
        assert stranger.get(path).status_code == 404
        assert own.get(path).status_code == 200
    own.get(at(tidewater))
    assert stranger.post(at(tidewater, "/notes"), {"note": "mine?"}).status_code == 404
    assert own.post(at(tidewater, "/notes"), {"note": "She orders again."}).status_code == 303
    with desk.store.read() as session:
        ref = session.scalars(select(AccountNote.ref)).one()
    assert stranger.get(f"/desk/notes/{ref}").status_code == 404


def test_a_look_changes_nothing(desk: Desk, tidewater: Account) -> None:
    """GET of each page of the room writes no row but the access log."""
    visitor = desk.at(Role.SUPERVISOR)
    before = desk.codes()
    for path in ("", "?show=notes", "/message", "/credit-limit", "/pay-run"):
        assert visitor.get(at(tidewater, path)).status_code == 200, path
    for path in ("/desk/snippets", "/desk/snippets/new", "/desk/snippets/house-question"):
        assert visitor.get(path).status_code == 200
    assert desk.codes() == before


@pytest.mark.parametrize("path", ["/notes", "/files", "/credit-limit", "/orders", "/pay-run", "/follow-up",
                                  "/message", "/view-as-debtor"])  # fmt: skip
def test_a_forged_form_is_refused(desk: Desk, tidewater: Account, path: str) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    assert visitor.client.post(at(tidewater, path), data={"note": "x"}).status_code == 400


# --------------------------------------------------------------------------- notes


def test_a_note_is_dashed_and_says_whom_it_is_hidden_from(desk: Desk, tidewater: Account) -> None:
    marek = desk.person(Role.COLLECTOR, name="Marek Nowak")
    visitor = desk.at()
    visitor.get(at(tidewater))
    assert (
        visitor.post(at(tidewater, "/notes"), {"note": "@Marek she pays on <b>Friday</b>"}).status_code == 303
    )
    page = visitor.get(at(tidewater))
    assert "msg in-house" in page.text
    assert "internal: the debtor never sees this" in words(page)
    assert "&lt;b&gt;Friday&lt;/b&gt;" in page.text
    assert "Asked: Marek Nowak" in words(page)
    with desk.store.read() as session:
        [task] = session.scalars(select(Task).where(Task.kind == TaskKind.MENTION))
        assert task.assigned_to_id == marek.id
        ref = session.scalars(select(AccountNote.ref)).one()
    assert "@Marek she pays on" in visitor.get(f"/desk/notes/{ref}").text
    assert visitor.post(f"/desk/notes/{ref}", {"note": "She pays on Monday"}).status_code == 303
    said = words(visitor.get(at(tidewater, "?show=notes")))
    assert "She pays on Monday" in said
    assert "@Marek she pays on <b>Friday</b>" in said


def test_a_note_that_cannot_be_kept_comes_back_with_a_word(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at()
    visitor.get(at(tidewater))
    for note, said in (("", "Write something here."), ("@Zoltan look", "No colleague has this name: zoltan")):
        answer = visitor.post(at(tidewater, "/notes"), {"note": note})
        assert answer.status_code == 422
        if note:
            assert said in words(answer)
            assert "@Zoltan look" in answer.text


def test_the_debtor_never_sees_a_note(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at()
    visitor.get(at(tidewater))
    visitor.post(at(tidewater, "/notes"), {"note": "Zanzibar"})
    with desk.store.write() as session:
        own = session.get_one(Account, tidewater.id)
        contact = session.scalars(select(Contact).where(Contact.account_id == own.id)).first()
        token = links.issue(session, SYSTEM, own, contact=contact, channel=Channel.EMAIL,
                            policy=default_policy(), now=NOON)[1]  # fmt: skip
    debtor = Visitor(desk.app)
    assert "Zanzibar" not in debtor.open(token).text
    assert debtor.get("/account/documents").status_code == 200


# --------------------------------------------------------------------------- files


def put(visitor: Visitor, account: Account, name: str, data: bytes, what: str = "Delivery note") -> int:
    visitor.get(at(account))
    body = {"csrf_token": visitor.csrf, "what": what, "file": (io.BytesIO(data), name)}
    return visitor.client.post(at(account, "/files"), data=body).status_code


def test_files_are_looked_at_kept_and_given_to_the_desk_only(desk: Desk, tidewater: Account) -> None:
    """X-03: by content, with an owner and a retention class, as an attachment in a sandbox."""
    visitor = desk.at()
    assert put(visitor, tidewater, "note.pdf", PDF) == 303
    assert put(visitor, tidewater, "photo.png", a_png()) == 303
    with desk.store.read() as session:
        rows = session.scalars(select(StoredFile).order_by(StoredFile.id)).all()
        assert [r.retention_class for r in rows] == [files.DESK, files.DESK]
        ref = rows[0].ref
    given = visitor.get(f"/desk/account-files/{ref}")
    assert given.status_code == 200
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in given.headers["Content-Security-Policy"]
    assert "Delivery note" in words(visitor.get(at(tidewater)))
    assert desk.at(Role.SALESPERSON).get(f"/desk/account-files/{ref}").status_code == 404
    with desk.store.read() as session, pytest.raises(Exception, match="not_found"):
        files.one_file(session, make.holder_actor(tidewater), ref)


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [("run.exe", b"MZ", "x"), ("a.pdf", b"MZ", "x"), ("a.pdf", b"", "x"), ("a.pdf", PDF, ""), ("", b"", "x")],
)
def test_what_is_no_file_is_refused(
    desk: Desk, tidewater: Account, name: str, data: bytes, what: str
) -> None:
    """X-03: refused by a word at the form, and nothing is kept."""
    assert put(desk.at(), tidewater, name, data, what) == 422
    with desk.store.read() as session:
        assert session.scalars(select(StoredFile)).all() == []


# --------------------------------------------------------------------------- credit, pay days


def test_the_limit_is_set_shown_and_marked_when_it_is_passed(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    visitor.get(at(tidewater, "/credit-limit"))
    answer = visitor.post(
        at(tidewater, "/credit-limit"), {"currency": "GBP", "limit": "2,000.00", "reason": "Bank reference"}
    )
    assert answer.status_code == 303
    said = words(visitor.get(at(tidewater)))
    assert "over the limit" in said
    assert "Over the limit 318.40" in said
    assert "“Bank reference”" in said
    with desk.store.read() as session:
        assert session.scalars(select(CreditLimit.limit_minor)).all() == [200000]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"currency": "GBP", "limit": "abc", "reason": "x"}, 422),
        ({"currency": "XXX", "limit": "1", "reason": "x"}, 422),
        ({"currency": "GBP", "limit": "1", "reason": ""}, 422),
        ({"currency": "GBP", "limit": "", "reason": "there is none"}, 409),
    ],
)
def test_a_limit_that_cannot_be_set(
    desk: Desk, tidewater: Account, fields: dict[str, str], status: int
) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    visitor.get(at(tidewater, "/credit-limit"))
    assert visitor.post(at(tidewater, "/credit-limit"), fields).status_code == status


def test_orders_count_into_the_exposure(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.ACCOUNTANT)
    visitor.get(at(tidewater, "/credit-limit"))
    fields = {"orders_currency": "GBP", "orders": "100.00"}
    assert visitor.post(at(tidewater, "/orders"), fields).status_code == 303
    assert "Orders not invoiced 100.00 Exposure 2,418.40" in words(visitor.get(at(tidewater)))
    assert (
        visitor.post(at(tidewater, "/orders"), {"orders_currency": "GBP", "orders": "x"}).status_code == 422
    )


def test_pay_days_lead_to_the_follow_up(desk: Desk, tidewater: Account) -> None:
    """Every second Thursday since 12 November: next on the 26th, looked at on Friday the 27th."""
    visitor = desk.at()
    visitor.get(at(tidewater, "/pay-run"))
    fields = {"cycle": "fortnight", "known_on": "2026-11-12", "month_days": "", "words": "second Thursdays",
              "references": "PO number"}  # fmt: skip
    assert visitor.post(at(tidewater, "/pay-run"), fields).status_code == 303
    said = words(visitor.get(at(tidewater)))
    assert "next 26/11/2026" in said
    assert "Look again on 27/11/2026" in said
    assert visitor.post(at(tidewater, "/follow-up")).status_code == 303
    said = words(visitor.get(at(tidewater)))
    assert "27/11/2026 as a task" in said
    assert "Look again on" not in said
    with desk.store.read() as session:
        assert session.get_one(PayRun, tidewater.id).known_on is not None
    for wrong in ({"known_on": ""}, {"known_on": "soon"}, {"cycle": "month", "month_days": "x"}):
        assert visitor.post(at(tidewater, "/pay-run"), fields | wrong).status_code == 422, wrong


# --------------------------------------------------------------------------- messages


def test_a_message_is_read_before_it_is_sent(desk: Desk, tidewater: Account) -> None:
    """Begun from a snippet, shown as the debtor will read it without a link, sent once, on the timeline."""
    visitor = desk.at()
    begun = visitor.get(at(tidewater, "/message?snippet=house-question"))
    assert "Is anything in the way on our side" in begun.text
    assert "It may leave at once" in words(begun)
    kept = dict(hidden(begun))
    fields = {**kept, "subject": "about May", "words": "Is it the <pallets>?"}
    looked = visitor.post(at(tidewater, "/message"), fields | {"act": "look"})
    assert looked.status_code == 200
    assert "Is it the &lt;pallets&gt;?" in looked.text
    assert "[link]" in looked.text
    assert "/l/" not in words(looked)
    with desk.store.read() as session:
        assert session.scalars(select(Message)).all() == []
    for _ in range(2):
        sent = visitor.post(at(tidewater, "/message"), fields | {"act": "send"})
        assert sent.status_code == 303
    with desk.store.read() as session:
        [message] = session.scalars(select(Message))
    said = words(visitor.get(at(tidewater)))
    assert "Is it the <pallets>?" in said
    assert "Take it back" in said
    assert visitor.post(f"/desk/messages/{message.ref}/withdraw").status_code == 303
    assert "Take it back" not in words(visitor.get(at(tidewater)))


def test_the_gate_says_why_not_in_words(desk: Desk, tidewater: Account) -> None:
    """C-01: no button where the rules say no, and a forged one is refused with the reason."""
    with desk.store.write() as session:
        session.add(AccountFlag(account_id=tidewater.id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(),
                                source="court", created_at=NOON))  # fmt: skip
    visitor = desk.at()
    begun = visitor.get(at(tidewater, "/message"))
    assert "It may not be sent" in words(begun)
    fields = {**dict(hidden(begun)), "subject": "a", "words": "b"}
    looked = visitor.post(at(tidewater, "/message"), fields | {"act": "look"})
    assert 'value="send"' not in looked.text
    assert "There is no button: the rules above say no." in words(looked)
    forged = visitor.post(at(tidewater, "/message"), fields | {"act": "send"})
    assert forged.status_code == 409
    assert "The rules of contact say no: insolvent" in words(forged)
    with desk.store.read() as session:
        assert session.scalars(select(Message)).all() == []


def test_bad_input_is_said_at_the_form(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at()
    kept = dict(hidden(visitor.get(at(tidewater, "/message"))))
    long = {"subject": "x" * 121, "words": "b"}
    for wrong in ({"subject": "", "words": "b"}, {"subject": "a", "words": ""}, long):
        answer = visitor.post(at(tidewater, "/message"), {**kept, **wrong, "act": "send"})
        assert answer.status_code == 422
    other = desk.account()
    with desk.store.read() as session:
        foreign = session.scalars(select(Contact.ref).where(Contact.account_id == other.id)).first()
    fields = {**kept, "subject": "a", "words": "b", "contact": foreign, "act": "send"}
    assert visitor.post(at(tidewater, "/message"), fields).status_code == 404


def test_snippets_are_kept_shared_and_put_away(desk: Desk) -> None:
    visitor = desk.at()
    visitor.get("/desk/snippets/new")
    fields = {"name": "Pallets", "whose": "own", "subject_en": "pallets", "words_en": "Dear {name}"}
    assert visitor.post("/desk/snippets/new", fields).status_code == 303
    page = visitor.get("/desk/snippets")
    assert "Pallets yours" in words(page)
    ref = re.search(r'/desk/snippets/([\w-]+)"><bdi>Pallets', page.text)
    assert ref is not None
    assert visitor.post("/desk/snippets/new", fields | {"words_en": ""}).status_code == 422
    assert visitor.post("/desk/snippets/new", fields | {"whose": "shared"}).status_code == 403
    assert desk.at().get(f"/desk/snippets/{ref[1]}").status_code == 404
    assert visitor.post(f"/desk/snippets/{ref[1]}", fields | {"name": "Crates"}).status_code == 303
    assert visitor.post(f"/desk/snippets/{ref[1]}/away").status_code == 303
    assert "Crates" not in words(visitor.get("/desk/snippets"))


def test_books_of_a_salesperson_are_his_own(desk: Desk, tidewater: Account) -> None:
    """L-15: lists and details of the books show a salesperson his accounts and their documents only."""
    other = desk.account(name="Harbour Tea Rooms Ltd")
    desk.invoice(other, number="X-777")
    own = desk.seller_of(tidewater)
    accounts, documents = own.get("/desk/books/accounts/").text, own.get("/desk/books/invoices/").text
    assert tidewater.name.split()[0] in accounts
    assert "Harbour" not in accounts
    assert "2026-1131" in documents
    assert "X-777" not in documents
    assert own.get(f"/desk/books/accounts/details/?id={other.id}").status_code == 404
    assert "Harbour" in desk.at().get("/desk/books/accounts/").text
