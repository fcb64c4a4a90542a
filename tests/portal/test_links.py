"""Doors by token: a GET changes nothing, a POST opens, and what is not live looks alike."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from models.accounts import Account, Contact, DebtorType
from models.base import Base
from models.links import Channel, GuessCounter, Link, LinkSession
from models.messages import ConsentEvent, Message, Purpose
from models.store import Store
from receivables import links
from receivables.contact import consents
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests.portal.conftest import Portal
from tests.portal.visitor import Visitor, words


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, to see whether anything changed."""
    with store.read() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=str)
            for table in Base.metadata.sorted_tables
        }


def opt_out_token(portal: Portal, account: Account) -> str:
    with portal.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        return consents.issue_opt_out(
            session, contact, Channel.EMAIL, policy=default_policy(), now=portal.clock.at
        )


def test_landing_says_who_asks_and_nothing_of_the_account(portal: Portal, tidewater: Account) -> None:
    """L-07, look.md: before Continue no amount, no invoice, no address of the contact."""
    page = portal.visitor().get(f"/l/{portal.link(tidewater)}")
    said = words(page)
    assert page.status_code == 200
    assert "Northgate Paper & Print Ltd sent you this link" in said
    assert "For Tidewater Café & Bakery Ltd" in said
    assert 'href="/check"' in page.text
    for secret in ("£", "2026-1131", "576", "Helen", "@tidewater", "overdue"):
        assert secret not in said


def test_landing_of_a_private_person_names_the_creditor_only(portal: Portal) -> None:
    """Decision 20: nobody who picks up the phone learns whose account it is."""
    account = portal.account(name="Ann Doe", debtor_type=DebtorType.PRIVATE_PERSON)
    said = words(portal.visitor().get(f"/l/{portal.link(account)}"))
    assert "Northgate Paper & Print Ltd" in said
    for secret in ("Ann Doe", "invoice", "account with us"):
        assert secret not in said


def test_get_and_head_change_nothing_however_often(portal: Portal, tidewater: Account) -> None:
    """L-04: scanners follow every address in a message, three times and by HEAD."""
    addresses = [f"/l/{portal.link(tidewater)}", f"/x/{opt_out_token(portal, tidewater)}"]
    addresses += [f"{addresses[1]}/one-click", f"{addresses[0]}?lang=he", f"{addresses[0]}/fresh"]
    before = everything(portal.store)
    for address in addresses:
        for _ in range(3):
            assert portal.visitor().get(address).status_code in (200, 303)
        assert portal.visitor().client.head(address).status_code in (200, 303)
    assert everything(portal.store) == before


def test_redeem_leads_to_an_address_without_the_token(portal: Portal, tidewater: Account) -> None:
    """L-05: POST, 303, and the token stays behind; it stays usable, so scanners cannot burn it."""
    token = portal.link(tidewater)
    for visitor in (portal.visitor(), portal.visitor()):
        visitor.get(f"/l/{token}")
        answer = visitor.post(f"/l/{token}")
        assert (answer.status_code, answer.location) == (303, "/account")
        assert token not in str(answer.headers)
        assert visitor.get("/account").status_code == 200
    with portal.store.read() as session:
        assert session.scalar(select(Link.redeemed_count)) == 2
        assert session.scalar(select(func.count()).select_from(LinkSession)) == 2


def test_redeem_needs_the_pages_own_token(portal: Portal, tidewater: Account) -> None:
    """A-09, L-05: a form from elsewhere opens nothing."""
    token = portal.link(tidewater)
    answer = portal.visitor().post(f"/l/{token}")
    assert answer.status_code == 400
    cross = portal.visitor()
    cross.get(f"/l/{token}")
    assert cross.post(f"/l/{token}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    with portal.store.read() as session:
        assert not session.scalars(select(LinkSession)).all()


def test_a_session_set_before_is_dropped(portal: Portal, tidewater: Account) -> None:
    """L-13: fixation; what another link opened in this browser is gone."""
    other = portal.account(name="Harbour & Sons Ltd")
    visitor = portal.visitor(other)
    assert "Harbour" in words(visitor.get("/account"))
    visitor.open(portal.link(tidewater))
    said = words(visitor.get("/account"))
    assert "Tidewater" in said
    assert "Harbour" not in said


def _unknown(portal: Portal, account: Account) -> str:
    return links.new_token(256)


def _expired(portal: Portal, account: Account) -> str:
    token = portal.link(account)
    portal.clock.forward(days=15)
    return token


def _revoked(portal: Portal, account: Account) -> str:
    token = portal.link(account)
    with portal.store.write() as session:
        links.revoke_all(
            session, SYSTEM, session.get_one(Account, account.id), reason="test", now=portal.clock.at
        )
    return token  # fmt: skip


def _malformed(portal: Portal, account: Account) -> str:
    return "no!token"


DEAD: list[Callable[[Portal, Account], str]] = [_unknown, _expired, _revoked, _malformed]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_live_looks_alike(portal: Portal, tidewater: Account, method: str) -> None:
    """L-10, decision 7: unknown, expired, revoked and malformed give one and the same page."""
    seen = set()
    for make_token in DEAD:
        token = make_token(portal, tidewater)
        visitor = portal.visitor()
        page = visitor.get(f"/l/{token}")
        if method == "POST":
            page = visitor.post(f"/l/{token}")
        assert page.status_code == 410
        body = page.text.replace(token, "TOKEN")
        body = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", body)
        body = re.sub(r'action="/l/[^"]+/fresh"', "", body)
        body = re.sub(r"/l/[^?\"]+\?", "/l/TOKEN?", body)
        seen.add((body, tuple(name for name, _ in page.headers)))
    assert len(seen) == 1
    assert "Tidewater" not in seen.pop()[0]


def test_a_fresh_link_answers_the_same_always_and_sends_for_expired_ones_only(
    portal: Portal, tidewater: Account
) -> None:
    """Decision 7: to the same contact, and nobody learns which links exist."""
    answers = set()
    tokens = {make_token.__name__: make_token(portal, tidewater) for make_token in (_unknown, _revoked)}
    tokens["live"] = portal.link(tidewater)
    for token in tokens.values():
        visitor = portal.visitor()
        visitor.get(f"/l/{token}")
        answers.add(words(visitor.post(f"/l/{token}/fresh")))
    with portal.store.read() as session:
        assert not session.scalars(select(Message)).all()
    expired = _expired(portal, tidewater)
    visitor = portal.visitor()
    visitor.get(f"/l/{expired}")
    answers.add(words(visitor.post(f"/l/{expired}/fresh")))
    assert len(answers) == 1
    with portal.store.read() as session:
        assert [m.purpose for m in session.scalars(select(Message))] == [Purpose.FRESH_LINK]


def test_guessing_is_counted_and_stops(portal: Portal) -> None:
    """L-11: after the policy's tries the answer is 429, and it says when to go on."""
    visitor = portal.visitor()
    visitor.get("/l/nothing")
    allowed = default_policy().link_tries
    answers = [visitor.post("/l/nothing").status_code for _ in range(allowed + 1)]
    assert answers == [410] * allowed + [429]
    assert re.search(r"You can go on in \d+ minutes?\.", words(visitor.post("/l/nothing")))
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(GuessCounter)) == 1


def test_a_link_session_ends_at_once_with_its_link(portal: Portal, tidewater: Account) -> None:
    """L-03: revoked while the page is open."""
    visitor = portal.visitor(tidewater)
    _revoked(portal, tidewater)
    page = visitor.get("/account")
    assert page.status_code == 401
    assert "open the link in your message again" in words(page)


def test_idle_and_absolute_ends(portal: Portal, tidewater: Account) -> None:
    """Decision 9, L-13: 45 minutes idle, two hours in all; a look keeps it alive without a write."""
    visitor = portal.visitor(tidewater)
    for _ in range(3):
        portal.clock.forward(minutes=35)
        assert visitor.get("/account").status_code == 200
    portal.clock.forward(minutes=16)
    assert visitor.get("/account").status_code == 401
    idle = portal.visitor(tidewater)
    portal.clock.forward(minutes=46)
    assert idle.get("/account").status_code == 401


# --------------------------------------------------------------------------- the way out


def test_opt_out_is_a_click_after_a_look(portal: Portal, tidewater: Account) -> None:
    """Decision 20, C-07: the page shows a masked address; the consent keeps the words shown."""
    token = opt_out_token(portal, tidewater)
    visitor = portal.visitor()
    page = visitor.get(f"/x/{token}")
    said = words(page)
    assert "Stop reminders to h…@tidewater.example?" in said
    for secret in ("£", "2026-", "Tidewater Café"):
        assert secret not in said
    answer = visitor.post(f"/x/{token}")
    assert (answer.status_code, answer.location) == (303, f"/x/{token}")
    assert "are stopped" in words(visitor.get(f"/x/{token}"))
    with portal.store.read() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert event.source == "page"
        assert event.text_shown in said


def test_opt_out_words_are_kept_in_the_language_shown(portal: Portal, tidewater: Account) -> None:
    token = opt_out_token(portal, tidewater)
    visitor = portal.visitor()
    visitor.get(f"/x/{token}?lang=hu")
    assert visitor.post(f"/x/{token}?lang=hu").location == f"/x/{token}?lang=hu"
    with portal.store.read() as session:
        assert "emlékeztető" in session.scalars(select(ConsentEvent.text_shown)).one()


def test_one_click_needs_no_cookie_and_only_its_own_body(portal: Portal, tidewater: Account) -> None:
    """RFC 8058: the mail program's server posts, from anywhere, without a page before."""
    token = opt_out_token(portal, tidewater)
    client = Visitor(portal.app).client
    assert client.post(f"/x/{token}/one-click", data={"x": "y"}).status_code == 400
    for _ in range(2):
        answer = client.post(
            f"/x/{token}/one-click",
            data={"List-Unsubscribe": "One-Click"},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 200
    assert client.post("/x/unknown/one-click", data={"List-Unsubscribe": "One-Click"}).status_code == 410
    with portal.store.read() as session:
        assert session.scalars(select(ConsentEvent.source)).all() == ["one_click"]


def test_opt_out_without_an_address_is_gone(portal: Portal, tidewater: Account) -> None:
    token = opt_out_token(portal, tidewater)
    with portal.store.write() as session:
        session.execute(update(Contact).values(email=None, phone="+441134960999"))
    assert portal.visitor().get(f"/x/{token}").status_code == 410
