"""What one person at an account may not learn of another, nor do in his place."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import select, update

from models.accounts import Account, Contact
from models.answers import HardshipCase
from models.arrangements import Offer, Plan
from models.audit import AuditEntry
from models.invoices import Invoice
from models.links import Channel, Link, LinkSession
from models.messages import Message
from models.pauses import Pause, PauseReason
from models.payments import PaymentAttempt
from models.states import AttemptStatus, OfferStatus
from presentation import LANGUAGES, Presenter
from receivables import letters, links
from receivables.contact import consents
from receivables.intake.accounts import _ensure_contacts
from receivables.people import codes, contacts
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_codes import sent_code
from tests.portal.test_offers import _fill, offered, proved
from tests.portal.test_people import contact_ref, narrow
from tests.portal.test_plans import sign, to_agreement
from tests.portal.visitor import Visitor, hidden, words

TEMPLATES = Path(__file__).parents[2] / "templates"


def enter(portal: Portal, account: Account, contact: Contact) -> Visitor:
    """A browser inside by a link of this contact."""
    with portal.store.write() as session:
        token = links.issue(
            session, SYSTEM, session.get_one(Account, account.id), channel=Channel.EMAIL,
            contact=session.get_one(Contact, contact.id), policy=default_policy(), now=portal.clock.at,
        )[1]  # fmt: skip
    visitor = Visitor(portal.app)
    visitor.open(token)
    return visitor


def prove_all(portal: Portal) -> None:
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))


def second(portal: Portal, account: Account, **more: object) -> Contact:
    with portal.store.write() as session:
        contact = make.a_contact(
            session, session.get_one(Account, account.id), name="Bo Second", email="bo@tidewater.example"
        )
        for name, value in more.items():
            setattr(contact, name, value)
        return contact


def helen(portal: Portal, account: Account) -> Contact:
    with portal.store.read() as session:
        return session.scalars(select(Contact).where(Contact.account_id == account.id)).first()  # type: ignore[return-value]


def letter_of(portal: Portal, message: Message, language: str = "en"):  # type: ignore[no-untyped-def]
    """What a message says, as it is kept."""
    with portal.store.write() as session:
        held = session.get_one(Message, message.id)
        held.language = language
        letter = letters.compose(
            session, held, link=None, link_expires_at=portal.clock.at, stop="https://x.example/x/t",
            now=portal.clock.at,
        )  # fmt: skip
    if letters.needs_link(message):
        letter = replace(letter, link="https://x.example/l/t")
    return Presenter(TEMPLATES).render_message(replace(letter, code="123456"))


def only(portal: Portal, kind: str) -> Message:
    with portal.store.read() as session:
        return session.scalars(select(Message).where(Message.kind == kind)).one()


# --------------------------------------------------------------------------- addresses of strangers


def test_an_imported_address_waits_for_the_account(portal: Portal, tidewater: Account) -> None:
    """Decision 6: an address that a file puts on an account of ours gets no code until it is vouched for."""
    row = SimpleNamespace(
        customer="X", email="mallory@evil.example", phone=None, contact_name="Mallory", customer_name=""
    )
    with portal.store.write() as session:
        _ensure_contacts(session, SYSTEM, [row], {"X": tidewater.id}, set(), now=portal.clock.at)  # type: ignore[list-item]
    with portal.store.read() as session:
        mallory = session.scalars(select(Contact).where(Contact.email == row.email)).one()
    stranger = enter(portal, tidewater, mallory)
    page = stranger.get("/account/code")
    assert mallory.ref not in page.text
    refused = stranger.post("/account/code/send", {"to": f"{mallory.ref}:email"})
    assert refused.status_code in (404, 422)
    known = proved(portal, tidewater)
    known.get("/account/people")
    with portal.store.read() as session:
        actor = make.holder_actor(tidewater, helen(portal, tidewater))
        assert contacts.person(session, actor, mallory.ref).unconfirmed
    portal.store.run(lambda s: contacts.confirm(s, actor, mallory.ref, now=portal.clock.at))
    assert f'value="{mallory.ref}:email"' in stranger.get("/account/code").text


def test_the_first_addresses_of_an_account_get_codes(portal: Portal, tidewater: Account) -> None:
    """Decision 6: what came with the account is on file."""
    row = SimpleNamespace(
        customer="X", email="books@tidewater.example", phone=None, contact_name="", customer_name="T"
    )
    with portal.store.write() as session:
        _ensure_contacts(
            session, SYSTEM, [row], {"X": tidewater.id}, {tidewater.id}, now=portal.clock.at  # type: ignore[list-item]
        )  # fmt: skip
        contact = session.scalars(select(Contact).where(Contact.email == row.email)).one()
        assert codes.may_receive(contact)


def test_the_way_out_of_a_code_is_the_address_that_got_it(portal: Portal, tidewater: Account) -> None:
    """C-07, L-10: whoever gets a code by a slip of the pen can't stop mail to, nor read, the true address."""
    person = helen(portal, tidewater)
    visitor = enter(portal, tidewater, person)
    prove_all(portal)
    visitor.get(f"/account/people/{person.ref}")
    typed = {"address": "typo@stranger.example"}
    assert visitor.post(f"/account/people/{person.ref}/address", typed).status_code == 303
    message = only(portal, "one_time_code")
    with portal.store.write() as session:
        address = codes.address_for(session, message)
        token = consents.issue_opt_out(
            session, session.get_one(Contact, person.id), Channel.EMAIL, policy=default_policy(),
            now=portal.clock.at, address=address,
        )  # fmt: skip
    stranger = Visitor(portal.app)
    page = stranger.get(f"/x/{token}")
    assert page.status_code == 410
    assert "tidewater" not in page.text.lower()
    assert stranger.post(f"/x/{token}").status_code == 410
    with portal.store.read() as session:
        assert not consents.has_opted_out(session, "helen@tidewater.example", Channel.EMAIL)


def test_a_removed_person_is_told_without_a_link(portal: Portal, tidewater: Account) -> None:
    """Decision 6: who is taken off hears of it there, and gets no way back in."""
    bo = second(portal, tidewater)
    visitor = proved(portal, tidewater)
    visitor.get(f"/account/people/{bo.ref}/remove")
    assert visitor.post(f"/account/people/{bo.ref}/remove").status_code == 303
    message = only(portal, "contact_changed")
    assert contacts.address_before(message) == "bo@tidewater.example"
    assert not letters.needs_link(message)
    for language in LANGUAGES:
        said = letter_of(portal, message, language)
        assert "Tidewater" in said.text
        assert "/l/" not in said.text


def test_the_old_address_is_told_of_a_change(portal: Portal, tidewater: Account) -> None:
    """Decision 6: a change that its owner did not want is noticed where he still reads."""
    visitor = proved(portal, tidewater)
    ref = contact_ref(portal, tidewater)
    visitor.get(f"/account/people/{ref}")
    answer = visitor.post(f"/account/people/{ref}/address", {"address": "new@tidewater.example"})
    visitor.get(answer.location)
    with portal.store.read() as session:
        assert session.scalars(select(Message).where(Message.kind == "contact_changed")).all() == []
    visitor.post(answer.location, {"code": sent_code(portal.store, portal.clock.at)})
    before = contacts.address_before(only(portal, "contact_changed"))
    assert before is not None
    assert before.startswith("helen")


# --------------------------------------------------------------------------- difficulty


def test_a_code_does_not_say_that_it_was_for_difficulty(portal: Portal, tidewater: Account) -> None:
    """domain.md, hardship: neither the stored message nor the audit tells it."""
    visitor = portal.visitor(tidewater)
    assert visitor.get("/account/hardship").status_code == 303
    page = visitor.get("/account/code")
    found = re.search(r'name="to" id="to1" value="([^"]+)"', page.text)
    assert found is not None
    visitor.post("/account/code/send", {"to": found[1]})
    message = only(portal, "one_time_code")
    assert "hardship" not in repr(message.facts)
    plain = replace_act(portal, tidewater)
    for language in LANGUAGES:
        assert letter_of(portal, message, language).kept_text == letter_of(portal, plain, language).kept_text
    with portal.store.read() as session:
        assert "hardship" not in repr(session.scalars(select(AuditEntry.payload)).all())


def replace_act(portal: Portal, account: Account) -> Message:
    """The same message for a code that was asked for nothing in particular."""
    visitor = portal.visitor(account)
    page = visitor.get("/account/code")
    found = re.search(r'name="to" id="to1" value="([^"]+)"', page.text)
    assert found is not None
    visitor.post("/account/code/send", {"to": found[1]})
    with portal.store.read() as session:
        query = select(Message).where(Message.kind == "one_time_code").order_by(Message.id.desc())
        return session.scalars(query).first()  # type: ignore[return-value]


def test_of_a_telling_the_audit_names_only_the_case(portal: Portal, tidewater: Account) -> None:
    """domain.md, hardship: one line about the case; nothing else in the audit has the word."""
    visitor = proved(portal, tidewater)
    visitor.get("/account/hardship")
    visitor.post("/account/hardship", {"words": "I am ill", "amount": "", "currency": "GBP"})
    with portal.store.read() as session:
        told = [e for e in session.scalars(select(AuditEntry)).all() if "hardship" in e.payload]
        assert [(e.code, e.subject_kind) for e in told] == [("hardship.told", "hardship_case")]
        started = session.scalars(select(AuditEntry).where(AuditEntry.code == "pause.started")).one()
        assert PauseReason.AWAITING_OUR_ANSWER.value in started.payload
        assert session.scalars(select(Pause.reason)).one() is PauseReason.HARDSHIP


def test_a_colleague_never_sees_that_somebody_told(portal: Portal, tidewater: Account) -> None:
    """domain.md, hardship: a case is its teller's; another's words make another case."""
    bo = second(portal, tidewater)
    a, b = enter(portal, tidewater, helen(portal, tidewater)), enter(portal, tidewater, bo)
    prove_all(portal)
    before = words(b.get("/account/hardship"))
    a.get("/account/hardship")
    said = {"words": "I am ill", "amount": "", "currency": "GBP"}
    assert a.post("/account/hardship", said).status_code == 303
    assert "Thank you for telling us" in words(a.get("/account/hardship"))
    assert words(b.get("/account/hardship")) == before
    assert b.post("/account/hardship", {**said, "words": "Helen drinks"}).status_code == 303
    with portal.store.read() as session:
        told = {c.contact_id: c.words for c in session.scalars(select(HardshipCase)).all()}
    assert told == {helen(portal, tidewater).id: "I am ill", bo.id: "Helen drinks"}


# --------------------------------------------------------------------------- in another's place


def test_without_a_code_our_offer_is_neither_declined_nor_replaced(portal: Portal) -> None:
    """Decision 8: a mail that was passed on can't take our offer from those it was made to."""
    account = portal.account(lambda s, a: _fill(portal, s, a))
    ours = offered(portal, account)
    visitor = portal.visitor(account)
    assert visitor.get("/account/own-offer").location.startswith("/account/code")
    fields = {
        "currency": "GBP",
        "amount": "1.00",
        "day": portal.day(3).isoformat(),
        "reason": "x",
        "name": "y",
    }
    assert visitor.post("/account/own-offer", fields).location.startswith("/account/code")
    assert visitor.post(f"/account/offers/{ours.ref}/decline").location.startswith("/account/code")
    with portal.store.read() as session:
        assert session.get_one(Offer, ours.id).status is OfferStatus.OPEN
    prove_all(portal)
    assert visitor.post("/account/own-offer", fields).location.startswith("/account/offers/")
    with portal.store.read() as session:
        assert session.get_one(Offer, ours.id).status is OfferStatus.SUPERSEDED


def test_a_first_own_offer_needs_no_code(portal: Portal) -> None:
    """Decision 8: where nothing of ours stands, an own offer binds nobody and takes nothing away."""
    account = portal.account(lambda s, a: portal.invoice(s, a, 57600, -100, number="2026-7778"))
    assert portal.visitor(account).get("/account/own-offer").status_code == 200


@pytest.mark.parametrize("marked", [True, False])
def test_who_may_not_bind_the_firm_is_told_whom_to_ask(portal: Portal, marked: bool) -> None:
    """Decision 2: where somebody is known to bind the firm, a declaration of another does not."""
    account = portal.account(lambda s, a: _fill(portal, s, a))
    bo = second(portal, account, may_commit=False)
    with portal.store.write() as session:
        session.execute(update(Contact).where(Contact.id != bo.id).values(may_commit=marked))
    offer = offered(portal, account)
    visitor = enter(portal, account, bo)
    prove_all(portal)
    page = visitor.get(f"/account/offers/{offer.ref}/accept")
    fields = dict(hidden(page)) | {"name": "Bo", "role": "Trainee", "binds": "yes"}
    answer = visitor.post(f"/account/offers/{offer.ref}/accept", fields)
    with portal.store.read() as session:
        status = session.get_one(Offer, offer.id).status
    if marked:
        assert (answer.status_code, status) == (422, OfferStatus.OPEN)
        assert "Helen Marsh" in words(answer)
    else:
        assert status is OfferStatus.ACCEPTED


def test_a_plan_is_signed_by_those_who_may(portal: Portal, tidewater: Account) -> None:
    """Decision 2: the same for a plan; nothing is agreed, and what was typed stays."""
    bo = second(portal, tidewater, may_commit=False)
    visitor = enter(portal, tidewater, bo)
    refused = sign(visitor, to_agreement(visitor, plan="3"), name="Bo Second", role="Trainee")
    assert refused.status_code == 422
    assert "Helen Marsh" in words(refused)
    with portal.store.read() as session:
        assert session.scalars(select(Plan)).one().accepted_at is None


# --------------------------------------------------------------------------- narrow links and subjects


def test_a_narrow_link_learns_nothing_of_a_wider_payment(portal: Portal, tidewater: Account) -> None:
    """L-15: a colleague with one invoice is not led to the page of a payment for others too."""
    owner = portal.visitor(tidewater)
    owner.get("/account/pay")
    answer = owner.post("/account/pay", {"currency": "GBP", "what": "overdue"})
    owner.post("/account/pay/start", hidden(owner.get(answer.location)))
    with portal.store.write() as session:
        session.execute(update(PaymentAttempt).values(status=AttemptStatus.UNKNOWN))
        ref = session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()
    noa = narrow(portal, tidewater, ref)
    page = noa.get("/account/pay/review?currency=GBP&what=all")
    assert "/r/" not in page.text
    assert "1,418.40" not in words(page)
    assert 'action="/account/pay/start"' not in page.text


def test_no_words_of_a_debtor_stand_in_a_subject(portal: Portal, tidewater: Account) -> None:
    """X-05: a forwarded invoice is named by the account; a name with a telephone number is none."""
    visitor = proved(portal, tidewater)
    ref = contact_ref(portal, tidewater)
    visitor.get(f"/account/people/{ref}")
    page = visitor.post(f"/account/people/{ref}", {"name": "Frozen, ring 0900 123456 now", "pays": "yes"})
    assert page.status_code == 422
    assert "without a number" in words(page)
    assert visitor.post(f"/account/people/{ref}", {"name": "Pay now", "pays": "yes"}).status_code == 303
    with portal.store.read() as session:
        invoice = session.scalars(select(Invoice.ref)).first()
    visitor.get(f"/account/invoices/{invoice}/forward")
    to = {"name": "Noa Bar", "address": "noa@books.example"}
    assert visitor.post(f"/account/invoices/{invoice}/forward", to).status_code == 303
    for language in LANGUAGES:
        subject = letter_of(portal, only(portal, "invoice_forwarded"), language).subject
        assert "Tidewater" in subject
        assert "Pay now" not in subject


# --------------------------------------------------------------------------- uploads


def _picture(shade: int) -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), (shade, 1, 2)).save(out, "PNG")
    return io.BytesIO(out.getvalue())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/account/invoices/nothing/dispute", 404),
        ("/account/disputes/nothing/add", 404),
        ("/account/disputes/nothing/reopen", 404),
    ],
)
def test_a_file_for_nothing_is_not_kept(portal: Portal, tidewater: Account, path: str, status: int) -> None:
    """X-03: the subject is found before a file is decoded and written."""
    assert _sent_files(portal, portal.visitor(tidewater), path) == (status, 0)


@pytest.mark.parametrize(
    "path", ["/account/invoices/nothing/dispute", "/account/disputes/nothing/add", "/account/stopping/paid"]
)
def test_a_link_held_by_staff_sends_no_files(portal: Portal, tidewater: Account, path: str) -> None:
    """Decision 6, X-03: who may not act may not fill the disk either."""
    with portal.store.write() as session:
        person = make.a_person(session)
        token = links.issue(
            session, make.staff_actor(person), session.get_one(Account, tidewater.id), contact=None,
            channel=Channel.STAFF, policy=default_policy(), now=portal.clock.at,
        )[1]  # fmt: skip
    visitor = Visitor(portal.app)
    visitor.open(token)
    assert _sent_files(portal, visitor, path) == (403, 0)


def _sent_files(portal: Portal, visitor: Visitor, path: str) -> tuple[int, int]:
    """The answer to a form with a file, and how many files it left on the disk."""
    visitor.get("/account/pay")
    root = Path(portal.app.extensions["amicable"].settings.AMICABLE_DATA_DIR) / "files"

    def kept() -> int:
        return len([p for p in root.rglob("*") if p.is_file()]) if root.exists() else 0

    before = kept()
    data = {"csrf_token": visitor.csrf, "files": (_picture(7), "a.png")}
    answer = visitor.client.post(path, data=data, content_type="multipart/form-data")
    return answer.status_code, kept() - before


def test_forms_with_files_are_counted(portal: Portal, tidewater: Account) -> None:
    """L-11, X-03: one caller sends so many forms with files in a window, then waits."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account/stopping/paid")
    answers = []
    for _ in range(default_policy().link_tries + 1):
        data = {"csrf_token": visitor.csrf, "files": (io.BytesIO(b"no picture"), "a.png")}
        answers.append(
            visitor.client.post(
                "/account/stopping/paid", data=data, content_type="multipart/form-data"
            ).status_code
        )  # fmt: skip
    assert answers[-2:] == [422, 429]


# --------------------------------------------------------------------------- other devices


def elsewhere(portal: Portal, visitor: Visitor) -> Visitor:
    """A second device, inside by the code that the first one shows."""
    visitor.get("/account/other-device")
    found = re.search(r"/l/([A-Za-z0-9_-]{20,})", visitor.post("/account/other-device").text)
    assert found is not None
    other = Visitor(portal.app)
    other.open(found[1])
    return other


def test_what_a_link_begot_ends_with_it(portal: Portal, tidewater: Account) -> None:
    """L-03: revoking a link that leaked ends what was made of it for other devices, and of those in turn."""
    visitor = portal.visitor(tidewater)
    child = elsewhere(portal, visitor)
    grandchild = elsewhere(portal, child)
    with portal.store.write() as session:
        parent = session.scalars(select(Link).order_by(Link.id)).first()
        assert parent is not None
        links.revoke(session, SYSTEM, parent, reason="leaked", now=portal.clock.at)
    for device in (visitor, child, grandchild):
        assert device.get("/account").status_code == 401


def test_closing_the_page_ends_other_devices_it_opened(portal: Portal, tidewater: Account) -> None:
    """L-16: who closes his page leaves none open behind it."""
    visitor = portal.visitor(tidewater)
    child = elsewhere(portal, visitor)
    visitor.get("/account")
    assert visitor.post("/account/leave").status_code == 303
    assert child.get("/account").status_code == 401


def test_closing_all_others_ends_codes_not_yet_opened(portal: Portal, tidewater: Account) -> None:
    """L-16: a code for another device that nobody opened yet is one of the others."""
    visitor = proved(portal, tidewater)
    visitor.get("/account/other-device")
    found = re.search(r"/l/([A-Za-z0-9_-]{20,})", visitor.post("/account/other-device").text)
    assert found is not None
    visitor.get("/account/sessions")
    assert visitor.post("/account/sessions/end", {"session": ""}).status_code == 303
    assert Visitor(portal.app).get(f"/l/{found[1]}").status_code == 410
    assert visitor.get("/account").status_code == 200


def test_live_tokens_are_no_guesses(portal: Portal, tidewater: Account) -> None:
    """L-11: behind one address of a mail provider many people stop, and open their links."""
    person = helen(portal, tidewater)
    with portal.store.write() as session:
        token = consents.issue_opt_out(
            session, session.get_one(Contact, person.id), Channel.EMAIL, policy=default_policy(),
            now=portal.clock.at,
        )  # fmt: skip
    visitor, allowed = Visitor(portal.app), default_policy().link_tries
    one_click = {"List-Unsubscribe": "One-Click"}
    for _ in range(allowed + 1):
        assert visitor.client.post(f"/x/{token}/one-click", data=one_click).status_code == 200
    answers = [
        visitor.client.post("/x/none/one-click", data=one_click).status_code for _ in range(allowed + 1)
    ]
    assert answers == [410] * allowed + [429]
    assert visitor.client.post(f"/x/{token}/one-click", data=one_click).status_code == 200
