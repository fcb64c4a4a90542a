"""Paying in parts: every date and amount before the signature, one calm page to keep after it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan, SavedCard
from models.links import LinkSession
from models.staff import Role
from models.states import CardStatus, PlanStatus, advance
from receivables.arrangements import plan_days, plan_deciding
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason
from receivables.calendar_days import add_business_days
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.visitor import Visitor, complaint, hidden, words
from tests.standins import pay_on_page

SIGNED = {"name": "Helen Marsh", "role": "Owner", "ok": "yes"}


def choose(visitor: Visitor, **fields: Any) -> TestResponse:
    page = visitor.get("/account/plan")
    kept = dict.fromkeys((n, v) for n, v in hidden(page) if n in ("currency", "invoice"))
    return visitor.post("/account/plan", [*kept, *fields.items()])


def to_review(visitor: Visitor, **fields: Any) -> TestResponse:
    answer = choose(visitor, **fields)
    assert answer.status_code == 303, words(answer)
    return visitor.get(answer.location)


def to_agreement(visitor: Visitor, **fields: Any) -> TestResponse:
    answer = visitor.post("/account/plan/draft", hidden(to_review(visitor, **fields)))
    assert answer.status_code == 303, words(answer)
    return visitor.get(answer.location)


def sign(visitor: Visitor, page: TestResponse, **fields: Any) -> TestResponse:
    assert page.status_code == 200, words(page)
    return visitor.post(page.request.path, [*hidden(page), *{**SIGNED, **fields}.items()])


def the_plan(portal: Portal) -> Plan:
    with portal.store.read() as session:
        return session.scalars(select(Plan).order_by(Plan.id.desc())).first()  # type: ignore[return-value]


def first_days(portal: Portal) -> list[date]:
    with portal.store.read() as session:
        return list(
            session.scalars(
                select(Instalment.due_on)
                .where(Instalment.plan_id == the_plan(portal).id)
                .order_by(Instalment.seq)
            )
        )


def agreed(portal: Portal, account: Account, **fields: Any) -> tuple[Visitor, str]:
    """A running plan and the address of its page."""
    visitor = portal.visitor(account)
    answer = sign(visitor, to_agreement(visitor, **({"plan": "3"} | fields)))
    assert answer.status_code == 303, words(answer)
    return visitor, f"/account/plans/{the_plan(portal).ref}"


# --------------------------------------------------------------------------- choosing


def test_three_choices_with_every_date_and_an_own_plan(portal: Portal, tidewater: Account) -> None:
    """Issue: three ready choices inside the policy plus "my own"; everything overdue is covered."""
    page = portal.visitor(tidewater).get("/account/plan")
    said = words(page)
    assert "It covers £1,418.40: invoices 2026-1131 and 2026-1184." in said
    for size in ("2 parts of £709.20", "3 parts of £472.80", "6 parts of £236.40"):
        assert size in said
    assert said.count("In all £1,418.40") == 3
    assert "2 to 6 start at once." in said
    assert "No fee and no interest" in said
    assert re.findall(r'value="(\w+)" checked', page.text)[-3:] == ["3", "date", "link"]


def test_other_invoices_can_be_chosen(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    page = visitor.get("/account/plan")
    refs = re.findall(r'name="invoice" value="([^"]+)"', page.text)[:4]
    said = words(visitor.get(f"/account/plan?currency=GBP&invoice={refs[2]}&invoice={refs[3]}"))
    assert "It covers £900.00: invoices 2026-1207 and 2026-1262." in said


def test_from_choice_to_the_page_to_keep(portal: Portal, tidewater: Account) -> None:
    """Choose, check, sign: nothing binds before the signature; then invoices leave what is asked."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, plan="3")
    assert "In all £1,418.40" in words(review)
    assert the_plan(portal) is None
    page = visitor.get(visitor.post("/account/plan/draft", hidden(review)).location)
    said = words(page)
    assert "Agreement to pay in 3 parts" in said
    assert "2026-1131 (£576.00), 2026-1184 (£842.40); £1,418.40 in all" in said
    assert "If 2 parts in a row are missed, you have 7 days to put it right." in said
    assert 'name="ok" value="yes">' in page.text  # never ticked for anybody
    answer = sign(visitor, page)
    assert answer.status_code == 303
    kept = visitor.get(answer.location)
    said = words(kept)
    assert "Your plan is running" in said
    assert "Pay this part now, £472.80" in said
    assert "Pay the rest, £1,418.40" in said
    assert "Signed by Helen Marsh, Owner" in said
    plan = the_plan(portal)
    assert plan.terms["words"][0].startswith("No fee and no interest")
    assert (plan.accepted_ip_prefix, plan.accepted_language) == ("127.0.0.0/24", "en")
    assert "£900.00" in words(visitor.get("/account"))
    assert not portal.attempts()
    again = visitor.get(page.request.path)
    assert again.location == f"/account/plans/{plan.ref}"


def test_the_first_part_now_leads_to_payment(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    answer = sign(visitor, to_agreement(visitor, plan="2", start="now"))
    (attempt,) = portal.attempts()
    assert (answer.location, attempt.amount_minor) == (attempt.checkout_url, 70920)
    assert first_days(portal)[0] == portal.today


def test_an_own_plan_by_number_or_by_amount(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    first = add_business_days(portal.day(10), 0, "GB")
    own = {"plan": "own", "first": first.isoformat(), "every": "fortnight"}
    to_agreement(visitor, parts="4", **own)
    assert (the_plan(portal).parts, first_days(portal)[0]) == (4, first)
    to_agreement(visitor, each="300", **own)
    assert (the_plan(portal).parts, the_plan(portal).every.value) == (5, "fortnight")


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"plan": ""}, "plan", "Choose one of the ways to pay in parts."),
        ({"plan": "9"}, "plan", "Choose one of the ways to pay in parts."),
        ({"parts": ""}, "parts", "Type the number of parts, or the amount of one part."),
        ({"parts": "0"}, "parts", "A plan has at least 2 parts."),
        ({"parts": "1"}, "parts", "A plan has at least 2 parts."),
        ({"parts": "-4"}, "parts", "A plan has at least 2 parts."),
        ({"parts": "1000"}, "parts", "At most 36 parts can be asked for."),
        ({"parts": "three"}, "parts", "Type the number of parts in digits, for example 4."),
        ({"parts": "3", "each": "5"}, "each", "not both."),
        ({"each": "0"}, "each", "Type an amount above zero."),
        ({"each": "-1"}, "each", "Type the amount without a minus sign."),
        ({"each": "x"}, "each", "Type the amount in digits"),
        ({"each": "0.01"}, "parts", "At most 36 parts can be asked for."),
        ({"parts": "3", "first": ""}, "first", "Choose the date of the first part."),
        ({"parts": "3", "first": "2026-02-30"}, "first", "Choose the date of the first part."),
        ({"parts": "3", "first": "-1"}, "first", "Choose the date of the first part."),
    ],
)
def test_a_wrong_choice_says_what_to_do_at_its_field(
    portal: Portal, tidewater: Account, fields: dict[str, str], field: str, says: str
) -> None:
    """Bad input: 0 or 1,000 parts, impossible dates; the summary leads to the field, nothing is retyped."""
    given = {"plan": "own", "first": portal.day(5).isoformat()} | fields
    page = choose(portal.visitor(tidewater), **given)
    assert page.status_code == 422
    assert words(page).count(says) == 2
    assert f'<a href="#{field}">' in page.text
    assert f'id="{field}"' in page.text
    assert "<title>Error:" in page.text
    if fields.get("parts"):
        assert f'name="parts" value="{fields["parts"]}"' in page.text


@pytest.mark.parametrize(("days", "says"), [(-1, "This date has passed."), (91, "at the latest.")])
def test_days_in_the_past_and_beyond_the_horizon(
    portal: Portal, tidewater: Account, days: int, says: str
) -> None:
    page = choose(portal.visitor(tidewater), plan="own", parts="3", first=portal.day(days).isoformat())
    assert (page.status_code, words(page).count(says)) == (422, 2)


def test_a_holiday_moves_to_the_next_working_day(portal: Portal, tidewater: Account) -> None:
    saturday = portal.day(5 - portal.today.weekday() + 7)
    review = to_review(portal.visitor(tidewater), plan="own", parts="2", first=saturday.isoformat())
    shown = add_business_days(saturday, 0, "GB")
    assert f"1 {shown.day} {shown:%B %Y}" in words(review)


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_each_language_shows_its_own_pages(portal: Portal, tidewater: Account, language: str) -> None:
    visitor = portal.visitor(tidewater)
    page = visitor.get(f"/account/plan?lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}"' in page.text
    bad = visitor.post(f"/account/plan?lang={language}", {"currency": "GBP", "plan": "own", "parts": "0"})
    assert bad.status_code == 422


def test_with_nothing_open_there_is_nothing_to_arrange(portal: Portal) -> None:
    page = portal.visitor(portal.account()).get("/account/plan")
    assert "There is nothing to pay in parts now" in words(page)


def test_a_broken_address_is_no_error_of_ours(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    assert visitor.get("/account/plan?every=year").status_code == 400
    assert visitor.get("/account/plan?start=never").status_code == 400
    assert visitor.get("/account/plan?currency=XXX").status_code == 404
    assert visitor.get("/account/plan?currency=GBP&invoice=nobody").status_code == 422
    assert visitor.get("/account/plan/review?plan=own&parts=2").status_code == 422
    assert visitor.get("/account/plan/draft").status_code == 303


# --------------------------------------------------------------------------- signing


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"name": " "}, "name", "Type your full name."),
        ({"role": ""}, "role", "Type your role"),
        ({"ok": ""}, "ok", "Tick the box if you may make this agreement."),
    ],
)
def test_what_a_signature_lacks_is_said(
    portal: Portal, tidewater: Account, fields: dict[str, str], field: str, says: str
) -> None:
    visitor = portal.visitor(tidewater)
    page = sign(visitor, to_agreement(visitor, plan="3"), **fields)
    assert page.status_code == 422
    assert words(page).count(says) == 2
    assert f'<a href="#{field}">' in page.text
    assert the_plan(portal).status is PlanStatus.PROPOSED


def test_beyond_the_rules_a_signed_request_waits(portal: Portal, tidewater: Account) -> None:
    """Outside the band: a reason is asked for, a person answers by a day that is named."""
    visitor = portal.visitor(tidewater)
    own = {"plan": "own", "parts": "9", "first": portal.day(7).isoformat()}
    assert "A person decides about this plan" in words(to_review(visitor, **own))
    page = to_agreement(visitor, **own)
    assert "Why do you need this plan?" in words(page)
    assert words(sign(visitor, page)).count("Tell us in a few words why you ask for more.") == 2
    long = sign(visitor, page, reason="x" * 2001)
    assert words(long).count("At most 2000 characters can be sent.") == 2
    answer = sign(visitor, page, reason="<b>4242 4242 4242 4242</b>")
    said = words(visitor.get(answer.location))
    assert "Your request is with us" in said
    assert "A person answers by" in said
    assert the_plan(portal).reason == "<b>•••• 4242</b>"
    visitor.post(f"{answer.location}/withdraw")
    assert "You took this request back" in words(visitor.get(answer.location))


def test_our_other_terms_are_signed_by_the_debtor(portal: Portal, tidewater: Account) -> None:
    """Counter-offer of a plan, approved and signed."""
    visitor = portal.visitor(tidewater)
    own = {"plan": "own", "parts": "9", "first": portal.day(7).isoformat()}
    sign(visitor, to_agreement(visitor, **own), reason="late payers")
    asked = the_plan(portal)

    def unit(session: Session) -> Plan:
        person = make.staff_actor(make.a_person(session, Role.COLLECTOR))
        return plan_deciding.counter(
            session, person, asked.ref, parts=8, first_on=portal.day(5), reason="Eight is possible.",
            now=portal.clock.at,
        )  # fmt: skip

    new = portal.store.run(unit)
    page = visitor.get(f"/account/plans/{new.ref}/agree")
    assert "Eight is possible." in words(page)
    assert sign(visitor, page).status_code == 303
    assert the_plan(portal).status is PlanStatus.ACTIVE
    assert "This plan was not agreed" in words(visitor.get(f"/account/plans/{asked.ref}"))


def test_by_card_needs_a_code_first(portal: Portal, tidewater: Account) -> None:
    """Decision 8: a code before a plan with a saved card, on the page and on the signature."""
    visitor = portal.visitor(tidewater)
    answer = visitor.post("/account/plan/draft", hidden(to_review(visitor, plan="3", how="card")))
    address = answer.location
    asked = visitor.get(address)
    assert (asked.status_code, "/account/code" in asked.location) == (303, True)
    with portal.store.write() as session:
        session.scalars(select(LinkSession).order_by(LinkSession.id.desc())).first().proved_at = (  # type: ignore[union-attr]
            portal.clock.at
        )
    page = visitor.get(address)
    assert "The saved card is charged on each date." in words(page)
    assert sign(visitor, page).status_code == 303
    plan = the_plan(portal)
    assert (plan.status, plan.pays_by) == (PlanStatus.ACTIVE, PaysBy.CARD)
    with portal.store.write() as session:
        session.scalars(select(LinkSession).order_by(LinkSession.id.desc())).first().proved_at = None  # type: ignore[union-attr]
    visitor.post(f"/account/plans/{plan.ref}/by-link")
    assert the_plan(portal).pays_by is PaysBy.LINK


# --------------------------------------------------------------------------- the page to keep


def test_pay_a_part_and_the_rest(portal: Portal, tidewater: Account) -> None:
    """The amount is from the plan's rows; what was read is what is charged (M-15)."""
    visitor, address = agreed(portal, tidewater)
    check = visitor.get(f"{address}/pay?what=next")
    assert "You pay £472.80" in words(check)
    assert "Still open afterwards on the plan £945.60" in words(check)
    fields = dict(hidden(check))
    wrong = visitor.post(f"{address}/pay", fields | {"amount": "1.00"})
    assert (wrong.status_code, "The amount has changed meanwhile." in words(wrong)) == (422, True)
    answer = visitor.post(f"{address}/pay", fields)
    (attempt,) = portal.attempts()
    assert (answer.location, attempt.amount_minor) == (attempt.checkout_url, 47280)
    pay_on_page(attempt.checkout_url)
    visitor.get(f"/r/{attempt.ref}")
    visitor.post(f"/r/{attempt.ref}/check")
    said = words(visitor.get(address))
    assert "Received £472.80" in said
    assert "Pay the rest, £945.60" in said
    rest = dict(hidden(visitor.get(f"{address}/pay?what=rest")))
    visitor.post(f"{address}/pay", rest)
    last = portal.attempts()[-1]
    pay_on_page(last.checkout_url)
    visitor.get(f"/r/{last.ref}")
    visitor.post(f"/r/{last.ref}/check")
    assert "All parts are paid. Thank you" in words(visitor.get(address))
    assert the_plan(portal).status is PlanStatus.COMPLETED
    assert visitor.get(f"{address}/pay?what=rest").location.endswith(address)


def test_a_page_left_open_does_not_pay_the_next_part(portal: Portal, tidewater: Account) -> None:
    """Decision 14: paid on the telephone; the laptop's page asked the same amount for a part that is paid."""
    visitor, address = agreed(portal, tidewater)
    laptop = dict(hidden(visitor.get(f"{address}/pay?what=next")))
    visitor.post(f"{address}/pay", hidden(visitor.get(f"{address}/pay?what=next")))
    (attempt,) = portal.attempts()
    pay_on_page(attempt.checkout_url)
    visitor.post(f"/r/{attempt.ref}/check")
    stale = visitor.post(f"{address}/pay", laptop)
    assert stale.status_code == 422
    assert "The part that you saw has been paid meanwhile. This is the next one." in words(stale)
    assert len(portal.attempts()) == 1
    fresh = dict(hidden(stale))
    assert (fresh["amount"], fresh["part"] != laptop["part"]) == (laptop["amount"], True)
    assert visitor.post(f"{address}/pay", {k: v for k, v in fresh.items() if k != "part"}).status_code == 422
    assert visitor.post(f"{address}/pay", fresh).status_code == 303
    assert len(portal.attempts()) == 2


def test_one_date_is_moved(portal: Portal, tidewater: Account) -> None:
    visitor, address = agreed(portal, tidewater)
    first = first_days(portal)[0]
    page = visitor.get(f"{address}/move?seq=1")
    assert "Part 1, £472.80, is due on" in words(page)
    for typed, says in (
        ("", "Choose the new date."), ("soon", "Choose the new date."),
        (first.isoformat(), "Choose a date after"),
        ((first + timedelta(days=15)).isoformat(), "can be moved to"),
    ):  # fmt: skip
        bad = visitor.post(f"{address}/move", {"seq": "1", "to": typed})
        assert (bad.status_code, words(bad).count(says)) == (422, 2), words(bad)
    to_on = add_business_days(first, 3, "GB")
    assert visitor.post(f"{address}/move", {"seq": "1", "to": to_on.isoformat()}).status_code == 303
    assert first_days(portal)[0] == to_on
    assert "Move this date" not in words(visitor.get(address))
    assert visitor.get(f"{address}/move?seq=2").status_code == 303
    assert visitor.post(f"{address}/move", {"seq": "77", "to": to_on.isoformat()}).status_code == 404


def test_without_keys_a_plan_is_paid_by_transfer(portal_without_keys: Portal) -> None:
    """Decision 24: plans work without the gateway."""
    portal = portal_without_keys
    account = portal.account(lambda s, a: portal.invoice(s, a, 57600, -29) and None)
    visitor, address = agreed(portal, account)
    said = words(visitor.get(address))
    assert "Our bank details" in said
    assert "Pay this part now" not in said
    assert visitor.get(f"{address}/pay").status_code == 303


# --------------------------------------------------------------------------- whose, and how much work


def test_nothing_of_another_account(portal: Portal, tidewater: Account) -> None:
    """L-15, INV-17: every route of a plan is "not found" for another account."""
    _, address = agreed(portal, tidewater)
    stranger = portal.visitor(portal.account(lambda s, a: portal.invoice(s, a, 9900, -3) and None))
    for path in ("", "/agree", "/pay?what=rest", "/move?seq=1"):
        assert stranger.get(address + path).status_code == 404, path
    stranger.get("/account")
    signature = {"digest": "0" * 64, "nonce": "n" * 43} | SIGNED
    for path, fields in (
        ("/agree", signature), ("/pay", {"what": "rest", "amount": "1.00", "nonce": "n" * 43}),
        ("/move", {"seq": "1", "to": portal.day(20).isoformat()}), ("/by-link", {}), ("/withdraw", {}),
    ):  # fmt: skip
        assert stranger.post(address + path, fields).status_code == 404, path
    with portal.store.read() as session:
        ref = make.Invoice.ref
        theirs = session.scalars(select(ref).where(make.Invoice.account_id == tidewater.id)).first()
    assert stranger.get(f"/account/plan?currency=GBP&invoice={theirs}").status_code == 422
    draft = {"currency": "GBP", "invoice": theirs, "plan": "own", "parts": "2"}
    draft["first"] = portal.day(3).isoformat()
    assert stranger.post("/account/plan/draft", draft).status_code == 422


def test_pages_ask_little_of_the_database(portal: Portal, tidewater: Account) -> None:
    """Quality bar: at most 8 statements a page, and a GET writes nothing."""
    visitor, address = agreed(portal, tidewater)
    said: list[str] = []

    @event.listens_for(portal.store.reader, "before_cursor_execute")
    def count(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    @event.listens_for(portal.store.writer, "before_cursor_execute")
    def writes(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        raise AssertionError(f"a GET wrote: {statement}")

    for path in ("/account/plan", address, f"{address}/pay?what=next", f"{address}/move?seq=1"):
        visitor.get("/account")
        said.clear()
        page = visitor.get(path)
        asked = [s for s in said if s.upper().startswith("SELECT")]
        assert page.status_code == 200
        assert len(asked) <= 8, (path, len(asked), asked)
    event.remove(portal.store.writer, "before_cursor_execute", writes)


# --------------------------------------------------------------------------- bad input, in words


def test_a_last_part_of_almost_nothing_cannot_be(portal: Portal) -> None:
    """Issue B, bad input: 61p in parts of 30p would leave 1p; parts are equal, and 20p is too small."""
    account = portal.account(lambda s, a: portal.invoice(s, a, 61, -3))
    visitor = portal.visitor(account)
    page = choose(visitor, plan="own", each="0.30", first=portal.day(5).isoformat())
    assert page.status_code == 422
    assert complaint(page).startswith("A part would be too small to be paid by card.")
    assert '<a href="#parts">' in page.text
    to_agreement(visitor, plan="own", each="0.31", first=portal.day(5).isoformat())
    with portal.store.read() as session:
        query = select(Instalment.amount_minor).where(Instalment.plan_id == the_plan(portal).id)
        assert list(session.scalars(query.order_by(Instalment.seq))) == [31, 30]


@pytest.mark.parametrize("fields", [{"parts": "0"}, {"parts": "1000"}, {"first": "2020-01-01"}])
def test_a_review_that_was_tampered_with_draws_nothing_up(
    portal: Portal, tidewater: Account, fields: dict[str, str]
) -> None:
    """The fields of the review are checked again where the plan is written down."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, plan="3")
    page = visitor.post("/account/plan/draft", list((dict(hidden(review)) | fields).items()))
    assert page.status_code == 422
    with portal.store.read() as session:
        assert session.scalars(select(Plan)).all() == []


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
@pytest.mark.parametrize(
    "fields",
    [
        {"parts": "0"},
        {"parts": "1000"},
        {"each": "0"},
        {"parts": "3", "first": "2020-01-01"},
        {"parts": "3", "first": "2199-01-01"},
    ],
)
def test_what_is_wrong_is_said_in_each_language(
    portal: Portal, tidewater: Account, language: str, fields: dict[str, str]
) -> None:
    """Issue B, parts 3 and 12: the reader's words, not ours."""
    said = []
    for shown in ("en", language):
        visitor = portal.visitor(tidewater)
        kept = [(n, v) for n, v in hidden(visitor.get("/account/plan")) if n in ("currency", "invoice")]
        given = {"plan": "own", "first": portal.day(5).isoformat()} | fields
        page = visitor.post(f"/account/plan?lang={shown}", [*dict.fromkeys(kept), *given.items()])
        assert page.status_code == 422
        said.append(complaint(page))
    assert said[0] != said[1]


# --------------------------------------------------------------------------- two devices


def test_signed_here_and_taken_back_there(portal: Portal, tidewater: Account) -> None:
    """Issue B, bad input: the later one is told that the plan has changed, and sees it run."""
    here, there = portal.visitor(tidewater), portal.visitor(tidewater)
    page = to_agreement(here, plan="3")
    there.get(page.request.path)
    assert sign(here, page).status_code == 303
    late = there.post(f"/account/plans/{the_plan(portal).ref}/withdraw")
    assert late.status_code == 422
    assert "Your plan has changed since you opened this page." in complaint(late)
    assert "Your plan is running" in words(late)
    assert the_plan(portal).status is PlanStatus.ACTIVE


def test_taken_back_here_and_signed_there(portal: Portal, tidewater: Account) -> None:
    """The other way round: nothing is agreed, and it says so."""
    here, there = portal.visitor(tidewater), portal.visitor(tidewater)
    page = to_agreement(here, plan="3")
    stale = there.get(page.request.path)
    assert here.post(f"/account/plans/{the_plan(portal).ref}/withdraw").status_code == 303
    late = sign(there, stale)
    assert late.status_code == 422
    assert "This plan can no longer be agreed on." in complaint(late)
    assert the_plan(portal).status is PlanStatus.DECLINED


def test_by_link_of_a_plan_that_has_ended(portal: Portal, tidewater: Account) -> None:
    """A stale button changes nothing and shows how the plan stands."""
    visitor, place = agreed(portal, tidewater)
    with portal.store.write() as session:
        advance(session.get_one(Plan, the_plan(portal).id), PlanStatus.CANCELLED)
    visitor.get(place)
    assert visitor.post(f"{place}/by-link").status_code == 422


# --------------------------------------------------------------------------- a card that did not pay


@pytest.mark.parametrize(
    ("kind", "reason", "says", "helps"),
    [
        ("soft", "no_funds", "not enough money on the card", "We try the card again on"),
        ("hard", "card_expired", "Your card has expired.", "Name another card, or pay this part here."),
        ("needs_authentication", "confirm", "confirm the payment yourself", "your bank asks you to confirm"),
    ],
)
def test_a_card_that_did_not_pay_says_why_and_what_helps(
    portal: Portal, tidewater: Account, kind: str, reason: str, says: str, helps: str
) -> None:
    """P-24: soft names the day of the next try, hard another card, SCA his own confirmation."""
    visitor, place = agreed(portal, tidewater)

    def fail(session: Session) -> None:
        plan = session.get_one(Plan, the_plan(portal).id)
        card = SavedCard(
            account_id=plan.account_id, contact_id=plan.contact_id, status=CardStatus.ACTIVE, brand="visa",
            gateway_account="default", customer_id="cus_1", payment_method_id="pm_1", last4="4242",
            consent_text="yes", consent_version="1", consent_language="en", consented_at=portal.clock.at,
        )  # fmt: skip
        session.add(card)
        session.flush()
        plan.pays_by, plan.saved_card_id = PaysBy.CARD, card.id
        part = session.scalars(select(Instalment).where(Instalment.plan_id == plan.id)).first()
        assert part is not None
        plan_days.charge_failed(
            session, SYSTEM, part, kind=DeclineKind(kind), reason=DeclineReason(reason), now=portal.clock.at
        )

    portal.store.run(fail)
    said = words(visitor.get(place))
    assert says in said
    assert helps in said
    assert "Nothing was charged." in said
    assert "Pay this part now" in said
