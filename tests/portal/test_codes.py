"""The code page: asked for before a risky act, then back to where it was asked for (decision 8)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.links import LinkSession, OneTimeCode
from models.messages import Message, Purpose
from models.store import Store
from receivables import policy as policies
from receivables.people import codes
from receivables.policy import DEFAULT_BODY, default_policy
from tests.portal.conftest import Portal
from tests.portal.test_links import everything
from tests.portal.visitor import Visitor, words

PEOPLE = "/account/people/new"


def sent_code(store: Store, now: object) -> str:
    """The clear code of the newest queued code message, made as the worker makes it."""
    with store.write() as session:
        message = session.scalars(
            select(Message).where(Message.purpose == Purpose.CODE).order_by(Message.id.desc())
        ).first()
        assert message is not None
        return codes.make(session, message, policy=default_policy(), now=now)  # type: ignore[arg-type]


def ask(visitor: Visitor) -> None:
    """Choose the first address on the code page."""
    page = visitor.get("/account/code")
    found = re.search(r'name="to" id="to1" value="([^"]+)" checked', page.text)
    assert found, page.text
    answer = visitor.post("/account/code/send", {"to": found[1]})
    assert (answer.status_code, answer.location) == (303, "/account/code")
    visitor.get("/account/code")


def publish(portal: Portal, **changes: str) -> None:
    """Put changed step-up rules in force from now."""
    body = DEFAULT_BODY
    for name, value in changes.items():
        body, done = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", body, count=1)
        assert done == 1, name
    with portal.store.write() as session:
        policies.publish(session, body, reason="test", author_id=None, now=portal.clock.at)


def test_the_way_there_and_back(portal: Portal, tidewater: Account) -> None:
    """Decision 8, L-17: the page that needs a proof leads to the code page and comes back to itself."""
    visitor = portal.visitor(tidewater)
    answer = visitor.get(f"{PEOPLE}?lang=he")
    assert (answer.status_code, answer.location) == (303, "/account/code?lang=he")
    page = visitor.get(answer.location)
    assert page.status_code == 200
    assert 'lang="he"' in page.text
    ask(visitor)
    page = visitor.get("/account/code")
    assert re.search(r'autocomplete="one-time-code"', page.text)
    assert re.search(r'inputmode="numeric"', page.text)
    code = sent_code(portal.store, portal.clock.at)
    answer = visitor.post("/account/code", {"code": f" {code[:3]} {code[3:]}\u200f"})
    assert (answer.status_code, answer.location) == (303, f"{PEOPLE}?lang=he")
    assert visitor.get(answer.location).status_code == 200


@pytest.mark.parametrize(
    "then",
    ["//evil.example/account", "https://evil.example", "/desk/", "/accounts", "/account@evil", "", 7, None],
)
def test_nothing_from_outside_names_the_way_back(portal: Portal, tidewater: Account, then: object) -> None:
    """L-17: fuzz of the address; even a value in the cookie leads nowhere but to our account pages."""
    visitor = portal.visitor(tidewater)
    for name in ("next", "then", "return", "url"):
        page = visitor.get("/account/code", query_string={name: str(then)})
        assert "evil" not in page.text.replace("lang=", "") or "?" in page.text
    visitor.get("/account/code")
    ask(visitor)
    answer = visitor.post(
        "/account/code", [("code", sent_code(portal.store, portal.clock.at)), ("next", str(then))]
    )
    assert (answer.status_code, answer.location) == (303, "/account")


def test_a_form_comes_back_to_its_page(portal: Portal, tidewater: Account) -> None:
    """L-09: the POST that binds asks too, changes nothing, and the way back is the page of the form."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account")
    before = everything(portal.store)
    answer = visitor.post(PEOPLE, {"name": "Dana Levi", "address": "dana@tidewater.example"})
    assert (answer.status_code, answer.location) == (303, "/account/code")
    assert everything(portal.store) == before
    visitor.get("/account/code")
    ask(visitor)
    answer = visitor.post("/account/code", {"code": sent_code(portal.store, portal.clock.at)})
    assert answer.location == PEOPLE


def test_wrong_codes_are_counted_and_told(portal: Portal, tidewater: Account) -> None:
    """L-08, X-10: 422 with the sentence at the field; after five tries a new code is needed."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account/code")
    ask(visitor)
    code = sent_code(portal.store, portal.clock.at)
    wrong = "000000" if code != "000000" else "000001"
    page = visitor.post("/account/code", {"code": ""})
    assert page.status_code == 422
    assert "Type the code from the message." in words(page)
    for left in (4, 3, 2, 1):
        page = visitor.post("/account/code", {"code": wrong})
        assert page.status_code == 422
        assert f"You can try {left} more time" in words(page)
        assert f'value="{wrong}"' in page.text
    page = visitor.post("/account/code", {"code": wrong})
    assert page.status_code == 422
    assert "This code is no longer good" in words(page)
    page = visitor.post("/account/code", {"code": code})
    assert page.status_code == 422
    with portal.store.read() as session:
        assert session.scalars(select(LinkSession.proved_at)).all() == [None]


def test_the_fourth_code_in_an_hour_is_refused(portal: Portal, tidewater: Account) -> None:
    """L-08: three an hour; the page says when the next can be sent, and an hour later it is."""
    visitor = portal.visitor(tidewater)
    for _ in range(3):
        visitor.get("/account/code?other=1")
        to = re.search(r'id="to1" value="([^"]+)"', visitor.get("/account/code?other=1").text)
        assert to
        assert visitor.post("/account/code/send", {"to": to[1]}).status_code == 303
        portal.clock.forward(minutes=1)
    page = visitor.post("/account/code/send", {"to": to[1]})
    assert page.status_code == 429
    assert "In 57 minutes another can be sent" in words(page)
    portal.clock.forward(minutes=30)
    visitor.get("/account")
    portal.clock.forward(minutes=28)
    visitor.get("/account")
    assert visitor.post("/account/code/send", {"to": to[1]}).status_code == 303


def test_a_foreign_address_gets_no_code(portal: Portal, tidewater: Account) -> None:
    """L-15: a contact of another account is not found."""
    other = portal.account(name="Harbour & Sons Ltd")
    stranger = portal.visitor(other)
    to = re.search(r'id="to1" value="([^"]+)"', stranger.get("/account/code").text)
    assert to
    visitor = portal.visitor(tidewater)
    visitor.get("/account/code")
    assert visitor.post("/account/code/send", {"to": to[1]}).status_code == 404
    assert visitor.post("/account/code/send", {"to": "x"}).status_code == 400
    with portal.store.read() as session:
        assert session.scalars(select(OneTimeCode)).all() == []


def test_always_asks_at_the_door(portal: Portal, tidewater: Account) -> None:
    """L-07: under `always` no page with data opens before the code, and the code page has none."""
    publish(portal, mode='"always"')
    visitor = Visitor(portal.app)
    token = portal.link(tidewater)
    visitor.get(f"/l/{token}")
    answer = visitor.post(f"/l/{token}")
    assert visitor.get(answer.location).location == "/account/code"
    page = visitor.get("/account/code")
    for secret in ("Tidewater", "Helen", "2026-1", "£", "288.00"):
        assert secret not in page.text, secret
    for closed in ("/account", "/account/pay", "/account/people", "/account/sessions"):
        assert visitor.get(closed).location == "/account/code"
    trust = visitor.get("/account/check")
    assert trust.status_code == 200
    assert "Tidewater" not in trust.text
    visitor.get("/account/code")
    ask(visitor)
    answer = visitor.post("/account/code", {"code": sent_code(portal.store, portal.clock.at)})
    assert visitor.get(answer.location).status_code == 200
    assert "2026-1131" in visitor.get("/account").text


def test_never_asks_for_nothing(portal: Portal, tidewater: Account) -> None:
    """Decision 8: the policy may leave it out."""
    publish(portal, mode='"never"')
    assert portal.visitor(tidewater).get(PEOPLE).status_code == 200


def test_a_proof_grows_old(portal: Portal, tidewater: Account) -> None:
    """Policy step_up.proof_minutes: after it the next risky act asks again."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account/code")
    ask(visitor)
    visitor.post("/account/code", {"code": sent_code(portal.store, portal.clock.at)})
    assert visitor.get(PEOPLE).status_code == 200
    portal.clock.at += timedelta(minutes=30)
    assert visitor.get(PEOPLE).status_code == 200
    portal.clock.at += timedelta(minutes=16)
    assert visitor.get(PEOPLE).status_code == 303


@pytest.mark.parametrize(
    "path", ["/account/offers/some-offer/accept", "/account/hardship", "/account/people/new"]
)
def test_no_risky_act_without_a_code(portal: Portal, tidewater: Account, path: str) -> None:
    """L-09: a settlement, hardship or contact change is refused before it is even looked up."""
    visitor = portal.visitor(tidewater)
    before = everything(portal.store)
    for answer in (visitor.get(path), visitor.post(path, {"nonce": "n" * 43, "name": "Eve", "binds": "yes"})):
        assert (answer.status_code, answer.location) == (303, "/account/code")
    assert everything(portal.store) == before
