"""Offers in the portal: read, signed and paid; one's own, and what became of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.arrangements import Offer
from models.invoices import Invoice
from models.links import Channel, LinkSession
from models.money import Money
from models.payments import Payment
from models.reversals import ReversalCause
from models.staff import Role
from models.states import AttemptStatus, OfferStatus
from receivables import credit_notes
from receivables.arrangements import offer_deciding, offer_making
from receivables.calendar_days import is_business_day
from receivables.payments import settling
from receivables.permissions import SYSTEM
from receivables.reversals import taking
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import Visitor, complaint, hidden, words
from tests.standins import pay_on_page

LEAST = "1218.96"


@pytest.fixture
def late(portal: Portal) -> Account:
    """£576.00 and £842.40, 100 and 70 days late: the grid forgives £199.44."""
    return portal.account(lambda s, a: _fill(portal, s, a))


def _fill(portal: Portal, session: Session, account: Account) -> None:
    portal.invoice(session, account, 57600, -100, number="2026-1131")
    portal.invoice(session, account, 84240, -70, number="2026-1184")


def offered(portal: Portal, account: Account, minor: int = 121896, days: int = 10) -> Offer:
    """An offer of a supervisor over both invoices."""

    def unit(session: Session) -> Offer:
        person = make.a_person(session, Role.SUPERVISOR, name="Maya Thornton")
        refs = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).all()
        return offer_making.propose(
            session, make.staff_actor(person), account.ref, invoice_refs=refs, amount=Money(minor, "GBP"),
            pay_by_on=portal.day(days), reason="the shop closes", now=portal.clock.at,
        )  # fmt: skip

    return portal.store.run(unit)


def proved(portal: Portal, account: Account) -> Visitor:
    """A visitor whose session has seen a one-time code."""
    visitor = portal.visitor(account)
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))
    return visitor


def offer_now(portal: Portal) -> Offer:
    with portal.store.read() as session:
        return session.scalars(select(Offer).order_by(Offer.id.desc())).first()  # type: ignore[return-value]


def sign(visitor: Visitor, offer: Offer, **fields: str):  # type: ignore[no-untyped-def]
    page = visitor.get(f"/account/offers/{offer.ref}/accept")
    assert page.status_code == 200, words(page)
    said = dict(hidden(page)) | {"name": "Helen Marsh", "role": "Owner", "binds": "1"} | fields
    return visitor.post(f"/account/offers/{offer.ref}/accept", {k: v for k, v in said.items() if v})


def test_read_sign_and_pay(portal: Portal, late: Account) -> None:
    """Issue B part 4, C-10: what is paid, what is forgiven, what remains owed; then paid at once."""
    offer = offered(portal, late)
    visitor = proved(portal, late)
    said = words(visitor.get(f"/account/offers/{offer.ref}"))
    assert "An offer from Maya Thornton" in said
    assert "Settle 2 invoices for £1,218.96" in said
    assert "the remaining £199.44 is written off and you owe nothing more on these 2 invoices" in said
    assert "the shop closes" not in said  # the reason is ours
    answer = sign(visitor, offer)
    (attempt,) = portal.attempts()
    assert (answer.status_code, answer.location) == (303, attempt.checkout_url)
    assert (attempt.amount_minor, attempt.status) == (121896, AttemptStatus.OPEN)
    said = words(visitor.get(f"/account/offers/{offer.ref}"))
    assert "Agreed on" in said
    assert "Until then the whole balance stays owed." in said
    pay_on_page(attempt.checkout_url or "")
    gateway = portal.app.extensions["amicable"].gateway("default")
    settling.settle(portal.store, gateway, attempt.ref, now=portal.clock.at)
    said = words(visitor.get(f"/account/offers/{offer.ref}"))
    assert "Settled, thank you" in said
    assert "you owe nothing more on these 2 invoices" in said
    assert "Nothing to pay" in words(visitor.get("/account"))


def test_a_code_stands_before_the_agreement(portal: Portal, late: Account) -> None:
    """Decision 8, L-09: seeing needs none, signing does, however it is asked for."""
    offer = offered(portal, late)
    visitor = portal.visitor(late)
    assert visitor.get(f"/account/offers/{offer.ref}").status_code == 200
    assert visitor.get(f"/account/offers/{offer.ref}/accept").status_code == 303
    fields = {"name": "H", "role": "Owner", "binds": "1", "digest": offer.content_digest, "nonce": "x" * 43}
    answer = visitor.post(f"/account/offers/{offer.ref}/accept", fields)
    assert (answer.status_code, "/account/code" in answer.location) == (303, True)
    assert offer_now(portal).status is OfferStatus.OPEN


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"name": ""}, "name", "Type your full name."),
        ({"role": ""}, "role", "Type your role in the company."),
        ({"binds": ""}, "binds", "Tick that you may make this agreement for"),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    portal: Portal, late: Account, fields: dict[str, str], field: str, says: str
) -> None:
    """Look.md: a summary that leads to the field, nothing typed again."""
    offer = offered(portal, late)
    page = sign(proved(portal, late), offer, **fields)
    assert page.status_code == 422
    assert words(page).count(says) == 2
    assert f'<a href="#{field}">' in page.text
    assert "<title>Error:" in page.text
    if field != "name":
        assert 'value="Helen Marsh"' in page.text
    assert offer_now(portal).status is OfferStatus.OPEN
    assert not portal.attempts()


def test_a_private_person_signs_with_the_name_alone(portal: Portal) -> None:
    account = portal.account(lambda s, a: _fill(portal, s, a), debtor_type=DebtorType.PRIVATE_PERSON)
    offer = offered(portal, account)
    visitor = proved(portal, account)
    assert "Your role" not in visitor.get(f"/account/offers/{offer.ref}/accept").text
    assert sign(visitor, offer, role="", binds="").status_code == 303
    assert offer_now(portal).status is OfferStatus.ACCEPTED


def test_a_change_after_the_page_was_read(portal: Portal, late: Account) -> None:
    """M-11: nothing agreed, nothing charged, and it says so."""
    offer = offered(portal, late)
    visitor = proved(portal, late)
    page = visitor.get(f"/account/offers/{offer.ref}/accept")
    with portal.store.write() as session:
        ref = session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()
        credit_notes.record_credit_note(
            session, SYSTEM, ref, number="CN-1", amount=Money(100, "GBP"), reason="torn", now=portal.clock.at
        )
    fields = dict(hidden(page)) | {"name": "Helen Marsh", "role": "Owner", "binds": "1"}
    answer = visitor.post(f"/account/offers/{offer.ref}/accept", fields)
    assert answer.status_code == 422
    assert "This offer no longer stands" in words(answer)
    assert not portal.attempts()


def test_left_on_the_card_page_it_is_paid_from_its_own(portal: Portal, late: Account) -> None:
    """P-06: the sum comes from the offer, whatever the form says."""
    offer = offered(portal, late)
    visitor = proved(portal, late)
    sign(visitor, offer)
    page = visitor.get(f"/account/offers/{offer.ref}")
    answer = visitor.post(f"/account/offers/{offer.ref}/pay", [*hidden(page), ("amount", "0.01")])
    assert answer.location == portal.attempts()[-1].checkout_url
    assert {a.amount_minor for a in portal.attempts()} == {121896}


def test_without_card_payments_the_bank_details_follow(portal_without_keys: Portal) -> None:
    """Decision 24."""
    portal = portal_without_keys
    account = portal.account(lambda s, a: _fill(portal, s, a))
    offer = offered(portal, account)
    visitor = proved(portal, account)
    answer = sign(visitor, offer)
    said = words(visitor.get(answer.location))
    assert "GB33BUKB20201555555555" in said
    assert "To pay by" in said


def test_declined(portal: Portal, late: Account) -> None:
    offer = offered(portal, late)
    visitor = proved(portal, late)
    visitor.get(f"/account/offers/{offer.ref}")
    answer = visitor.post(f"/account/offers/{offer.ref}/decline")
    assert "You have declined this offer" in words(visitor.get(answer.location))


# --------------------------------------------------------------------------- one's own


def workday(portal: Portal, days: int) -> date:
    """So many days after today, or the day before on which banks work."""
    day = portal.day(days)
    while not is_business_day(day, "GB"):
        day -= timedelta(days=1)
    return day


def own(portal: Portal, visitor: Visitor, **fields: str):  # type: ignore[no-untyped-def]
    visitor.get("/account/own-offer")
    said = {
        "currency": "GBP", "amount": LEAST, "day": workday(portal, 7).isoformat(),
        "reason": "the bank lends it", "name": "Helen Marsh",
    } | fields  # fmt: skip
    return visitor.post("/account/own-offer", said)


def test_an_own_offer_within_the_rules_can_be_accepted_at_once(portal: Portal, late: Account) -> None:
    visitor = proved(portal, late)
    answer = own(portal, visitor)
    assert answer.status_code == 303, words(answer)
    said = words(visitor.get(answer.location))
    assert "Your own offer, and our rules agree to it" in said
    assert sign(visitor, offer_now(portal)).status_code == 303
    assert offer_now(portal).status is OfferStatus.ACCEPTED


def test_beyond_them_a_person_answers_by_a_day(portal: Portal, late: Account) -> None:
    """Counter-offer approved and paid: the status page first, then the agreement."""
    visitor = proved(portal, late)
    answer = own(portal, visitor, amount="900")
    said = words(visitor.get(answer.location))
    assert "A person answers by" in said
    assert "Until then we send no reminders" in said
    waiting = offer_now(portal)

    def approve(session: Session) -> None:
        person = make.a_person(session, Role.SUPERVISOR)
        offer_deciding.approve(
            session, make.staff_actor(person), waiting.ref, digest=waiting.content_digest, now=portal.clock.at
        )

    portal.store.run(approve)
    assert "Your own offer, and we agree to it" in words(visitor.get(answer.location))
    assert sign(visitor, waiting).location == portal.attempts()[-1].checkout_url


def test_a_refusal_shows_its_reason_and_another_way(portal: Portal, late: Account) -> None:
    visitor = proved(portal, late)
    place = own(portal, visitor, amount="900").location
    waiting = offer_now(portal)

    def refuse(session: Session) -> None:
        person = make.a_person(session, Role.SUPERVISOR)
        offer_deciding.refuse(
            session, make.staff_actor(person), waiting.ref, digest=waiting.content_digest,
            reason="too little for goods <b>sold</b>", now=portal.clock.at,
        )  # fmt: skip

    portal.store.run(refuse)
    page = visitor.get(place)
    assert "The reason: too little for goods <b>sold</b>" in words(page)
    assert "Make your own offer" in words(page)


def test_taken_back(portal: Portal, late: Account) -> None:
    visitor = portal.visitor(late)
    place = own(portal, visitor, amount="900").location
    visitor.get(place)
    visitor.post(f"{place.split('?')[0]}/withdraw")
    assert "You have taken your offer back" in words(visitor.get(place))


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"amount": "0"}, "amount", "Type an amount above zero."),
        ({"amount": "1418.40"}, "amount", "That is all that is open. You can simply pay it."),
        ({"amount": "-5"}, "amount", "Type the amount without a minus sign."),
        ({"amount": "1418.41"}, "amount", "That is more than is open. Type less than £1,418.40."),
        ({"amount": "a lot"}, "amount", "Type the amount in digits"),
        ({"amount": ""}, "amount", "Type the amount that you can pay."),
        ({"day": ""}, "day", "Choose the day by which you can pay."),
        ({"day": "11 12 2026"}, "day", "Write the day as year, month and day"),
        ({"day": "2020-01-01"}, "day", "That day has passed."),
        ({"day": "2099-01-01"}, "day", "That is too far ahead for an offer."),
        ({"reason": " "}, "reason", "Say in a few words why this sum helps you."),
        ({"reason": "x" * 2001}, "reason", "There is room for 2000 characters."),
        ({"name": ""}, "name", "Type your full name."),
    ],
)
def test_bad_input_is_said_at_its_field_and_kept(
    portal: Portal, late: Account, fields: dict[str, str], field: str, says: str
) -> None:
    """Issue B, bad input."""
    page = own(portal, portal.visitor(late), **fields)
    assert page.status_code == 422
    assert words(page).count(says) == 2
    assert f'<a href="#{field}">' in page.text
    if field != "name":
        assert 'value="Helen Marsh"' in page.text
    if field != "amount":
        assert f'value="{LEAST}"' in page.text
    with portal.store.read() as session:
        assert session.scalars(select(Offer)).all() == []


def test_a_card_number_in_the_reason_is_masked(portal: Portal, late: Account) -> None:
    """X-09."""
    own(portal, portal.visitor(late), reason="charge 4242 4242 4242 4242 please")
    assert offer_now(portal).reason == "charge •••• 4242 please"


def test_nothing_overdue_no_form(portal: Portal) -> None:
    account = portal.account(lambda s, a: portal.invoice(s, a, 5000, 3))  # type: ignore[arg-type, return-value]
    assert "No offer is needed" in words(portal.visitor(account).get("/account/own-offer"))


# --------------------------------------------------------------------------- who


def test_another_accounts_offer_is_not_found(portal: Portal, late: Account) -> None:
    """L-15."""
    offer = offered(portal, late)
    stranger = proved(portal, portal.account(lambda s, a: _fill(portal, s, a), name="Harbour & Sons Ltd"))
    for path in ("", "/accept"):
        assert stranger.get(f"/account/offers/{offer.ref}{path}").status_code == 404
    stranger.get("/account")
    for path in ("/accept", "/pay", "/decline", "/withdraw"):
        fields = {"nonce": "x" * 43, "name": "X", "role": "X", "binds": "1", "digest": offer.content_digest}
        assert stranger.post(f"/account/offers/{offer.ref}{path}", fields).status_code == 404, path
    assert offer_now(portal).status is OfferStatus.OPEN


def test_what_waits_for_approval_is_not_shown_before(portal: Portal, late: Account) -> None:
    offer = offered(portal, late, minor=121895)
    assert offer.status is OfferStatus.AWAITING_APPROVAL
    assert portal.visitor(late).get(f"/account/offers/{offer.ref}").status_code == 404


def test_a_link_taken_by_staff_reads_and_does_not_bind(portal: Portal, late: Account) -> None:
    """Decision 6."""
    offer = offered(portal, late)
    visitor = portal.visitor()
    visitor.open(portal.link(late, Channel.STAFF))
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))
    page = visitor.get(f"/account/offers/{offer.ref}")
    assert "Read and accept" not in words(page)
    fields = {"nonce": "x" * 43, "name": "X", "role": "X", "binds": "1", "digest": offer.content_digest}
    assert visitor.post(f"/account/offers/{offer.ref}/accept", fields).status_code == 403
    assert visitor.post(f"/account/offers/{offer.ref}/decline").status_code == 403
    assert visitor.get("/account/own-offer").status_code == 403


@pytest.mark.parametrize("status", ["open", "accepted", "own"])
def test_few_statements_and_nothing_written(portal: Portal, late: Account, status: str) -> None:
    """At most eight statements a page, none of them a write (L-04)."""
    offer = offered(portal, late)
    visitor = proved(portal, late)
    if status == "accepted":
        sign(visitor, offer)
    path = "/account/own-offer" if status == "own" else f"/account/offers/{offer.ref}"
    with statements(portal.store) as seen:
        assert visitor.get(path).status_code == 200
    assert [s for name, s in seen if name == "write"] == []
    assert len(seen) <= 8, [s for _, s in seen]


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_each_language_opens(portal: Portal, late: Account, language: str) -> None:
    offer = offered(portal, late)
    page = proved(portal, late).get(f"/account/offers/{offer.ref}?lang={language}")
    assert f'<html lang="{language}"' in page.text


def test_an_expired_offer_leads_nowhere(portal: Portal, late: Account) -> None:
    offer = offered(portal, late, days=2)
    portal.clock.forward(days=3)
    visitor = proved(portal, late)
    assert "This offer has run out" in words(visitor.get(f"/account/offers/{offer.ref}"))
    assert visitor.get(f"/account/offers/{offer.ref}/accept").status_code == 303
    assert timedelta(days=2) == offer.expires_on - portal.day(-3)


# --------------------------------------------------------------------------- bad input, two devices


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "99999"},
        {"day": "2020-01-01"},
        {"day": "2199-01-01"},
        {"reason": ""},
    ],
)
def test_what_is_wrong_is_said_in_each_language(
    portal: Portal, late: Account, language: str, fields: dict[str, str]
) -> None:
    """Issue B, parts 4 and 12: nothing, more than is owed, the past, too far ahead: in the reader's words."""
    said = []
    for shown in ("en", language):
        visitor = portal.visitor(late)
        visitor.get("/account/own-offer")
        given = {"currency": "GBP", "amount": "700", "day": portal.day(7).isoformat(), "reason": "we close",
                 "name": "Helen Marsh"} | fields  # fmt: skip
        page = visitor.post(f"/account/own-offer?lang={shown}", given)
        assert page.status_code == 422
        said.append(complaint(page))
    assert said[0] != said[1]


def test_accepted_here_and_declined_there(portal: Portal, late: Account) -> None:
    """Issue B, bad input: opposite things on two devices; the first stands, the other is told."""
    offer = offered(portal, late)
    here, there = proved(portal, late), proved(portal, late)
    there.get(f"/account/offers/{offer.ref}")
    assert sign(here, offer).status_code == 303
    page = there.post(f"/account/offers/{offer.ref}/decline")
    assert page.status_code == 422
    assert complaint(page)
    assert offer_now(portal).status is OfferStatus.ACCEPTED


def test_declined_here_and_accepted_there(portal: Portal, late: Account) -> None:
    """The other way round: nothing is agreed, nothing charged, and it says so."""
    offer = offered(portal, late)
    here, there = proved(portal, late), proved(portal, late)
    stale = there.get(f"/account/offers/{offer.ref}/accept")
    here.get(f"/account/offers/{offer.ref}")
    assert here.post(f"/account/offers/{offer.ref}/decline").status_code == 303
    said = dict(hidden(stale)) | {"name": "Helen Marsh", "role": "Owner", "binds": "1"}
    page = there.post(f"/account/offers/{offer.ref}/accept", said)
    assert page.status_code == 422
    assert "can no longer be accepted. Nothing was charged." in complaint(page)
    assert offer_now(portal).status is OfferStatus.DECLINED


def test_a_day_on_which_banks_do_not_work(portal: Portal, late: Account) -> None:
    """As a promise does: refused with the nearest day, and what was typed stays."""
    visitor, day = proved(portal, late), portal.day(1)
    while day.weekday() != 5:
        day += timedelta(days=1)
    page = own(portal, visitor, day=day.isoformat())
    assert page.status_code == 422
    assert "Banks do not work on that day. The nearest one is" in words(page)
    assert f'value="{day.isoformat()}"' in page.text


def test_words_without_end_come_back(portal: Portal, late: Account) -> None:
    """Issue, "Bad input": 100,000 letters of any alphabet are refused by name and not lost."""
    page = own(portal, proved(portal, late), reason="ш" * 100_000)
    assert page.status_code == 422
    assert "ш" * 1000 in page.text


def test_settled_and_the_payment_goes_back(portal: Portal, late: Account) -> None:
    """Issue E part 6: whoever took it back, he reads that the agreement stands no longer."""
    offer = offered(portal, late)
    visitor = proved(portal, late)
    sign(visitor, offer)
    (attempt,) = portal.attempts()
    pay_on_page(attempt.checkout_url or "")
    gateway = portal.app.extensions["amicable"].gateway("default")
    settling.settle(portal.store, gateway, attempt.ref, now=portal.clock.at)

    def take(session: Session) -> None:
        payment_id = session.scalars(select(Payment.id)).one()
        taking.take_back(
            session, SYSTEM, taking.lock_payment(session, payment_id), Money(1, "GBP"),
            cause=ReversalCause.REFUND, source="refund:re_1", at=portal.clock.at, now=portal.clock.at,
        )  # fmt: skip

    portal.store.run(take)
    said = words(visitor.get(f"/account/offers/{offer.ref}"))
    assert "This agreement stands no longer" in said
    assert "A payment that settled it went back, so what was written off is open again." in said
    assert "£199.45" in words(visitor.get("/account"))
