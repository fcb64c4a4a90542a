"""People, preferences, open pages, forwarding and the trust page, as a debtor uses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact
from models.invoices import Invoice
from models.links import Channel, Link, LinkSession
from models.messages import Message, Purpose
from portal.links import device_of
from receivables import links
from receivables.contact import consents
from receivables.people import forwarding
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests.portal.conftest import Portal
from tests.portal.test_codes import sent_code
from tests.portal.test_links import everything
from tests.portal.test_routes import first_invoice, statements
from tests.portal.visitor import Visitor, words

AGENT = "Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0"


def proved(portal: Portal, account: Account) -> Visitor:
    """A visitor who has just typed a code."""
    visitor = portal.visitor(account)
    with portal.store.write() as session:
        for row in session.scalars(select(LinkSession)):
            row.proved_at = portal.clock.at
    visitor.get("/account")
    return visitor


def contact_ref(portal: Portal, account: Account, name: str = "Helen Marsh") -> str:
    with portal.store.read() as session:
        return session.scalars(
            select(Contact.ref).where(Contact.account_id == account.id, Contact.name == name)
        ).one()


def narrow(portal: Portal, account: Account, invoice_ref: str) -> Visitor:
    """A colleague's browser: inside by the link of a forwarded invoice."""
    helen = portal.visitor(account)
    helen.get(f"/account/invoices/{invoice_ref}/forward")
    answer = helen.post(
        f"/account/invoices/{invoice_ref}/forward", {"name": "Noa Bar", "address": "noa@books.example"}
    )
    assert answer.status_code == 303, words(answer)
    assert "on its way" in words(helen.get(answer.location))
    with portal.store.write() as session:
        message = session.scalars(select(Message).where(Message.kind == "invoice_forwarded")).one()
        contact = session.get_one(Contact, message.contact_id)
        _, token = links.issue(
            session, SYSTEM, session.get_one(Account, account.id), contact=contact, channel=Channel.EMAIL,
            policy=default_policy(), message=message,
            invoice_id=forwarding.only_invoice(session, message, contact), now=portal.clock.at,
        )  # fmt: skip
    visitor = Visitor(portal.app)
    visitor.open(token)
    return visitor


# --------------------------------------------------------------------------- people


def test_adding_a_person_whole(portal: Portal, tidewater: Account) -> None:
    """Issue B 8: name and address, a code to that address, and the person stands on the page."""
    visitor = proved(portal, tidewater)
    visitor.get("/account/people/new")
    answer = visitor.post(
        "/account/people/new", {"name": "Dana Levi", "address": "dana@tidewater.example", "pays": "yes"}
    )
    assert answer.status_code == 303
    page = visitor.get(answer.location)
    assert "d…@tidewater.example" in words(page)
    assert 'autocomplete="one-time-code"' in page.text
    page = visitor.post(answer.location, {"code": "12"})
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    answer = visitor.post(answer.location, {"code": sent_code(portal.store, portal.clock.at)})
    assert answer.location == "/account/people?done=changed"
    assert "Dana Levi" in words(visitor.get(answer.location))


def test_nothing_is_typed_twice(portal: Portal, tidewater: Account) -> None:
    """X-10, WCAG 3.3.7: a refused form comes back with what was typed, and names the field."""
    visitor = proved(portal, tidewater)
    visitor.get("/account/people/new")
    page = visitor.post("/account/people/new", {"name": "Dana Levi", "address": "0113 496", "pays": "yes"})
    assert page.status_code == 422
    assert 'value="Dana Levi"' in page.text
    assert 'value="0113 496"' in page.text
    assert re.search(r'id="pays"[^>]* checked', page.text)
    assert 'href="#address"' in page.text
    assert "Begin the number with its country" in words(page)


def test_own_address_and_the_way_back_in(portal: Portal, tidewater: Account) -> None:
    """L-03: with the old address the link and this page end; a public page says so."""
    visitor = proved(portal, tidewater)
    ref = contact_ref(portal, tidewater)
    visitor.get(f"/account/people/{ref}")
    answer = visitor.post(f"/account/people/{ref}/address", {"address": "helen.marsh@tidewater.example"})
    visitor.get(answer.location)
    answer = visitor.post(answer.location, {"code": sent_code(portal.store, portal.clock.at)})
    assert answer.location.startswith("/moved")
    assert "A fresh link is on its way" in words(visitor.get(answer.location))
    assert visitor.get("/account").status_code == 401
    with portal.store.read() as session:
        assert session.scalars(select(Link.revoked_reason)).all() == ["contact_changed"]
        assert session.scalars(select(Message).where(Message.purpose == Purpose.FRESH_LINK)).one()


def test_removing_asks_first_and_keeps_the_last(portal: Portal, tidewater: Account) -> None:
    """WCAG 3.3.4: a page says what it does; the last person stays, and the page says why."""
    visitor = proved(portal, tidewater)
    ref = contact_ref(portal, tidewater)
    assert "your links end" in words(visitor.get(f"/account/people/{ref}/remove"))
    page = visitor.post(f"/account/people/{ref}/remove")
    assert page.status_code == 422
    assert "last person who can get a code" in words(page)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/account/people/new"), ("POST", "/account/people/new"),
        ("GET", "/account/people/{ref}"), ("POST", "/account/people/{ref}"),
        ("POST", "/account/people/{ref}/address"), ("GET", "/account/people/{ref}/proof"),
        ("POST", "/account/people/{ref}/proof"), ("POST", "/account/people/{ref}/proof/send"),
        ("GET", "/account/people/{ref}/remove"), ("POST", "/account/people/{ref}/remove"),
        ("POST", "/account/people/{ref}/confirm"),
    ],
)  # fmt: skip
def test_without_a_code_nothing_changes(portal: Portal, tidewater: Account, method: str, path: str) -> None:
    """L-09, decision 8: each page and form about people asks for the code, and changes nothing before."""
    visitor = portal.visitor(tidewater)
    path = path.format(ref=contact_ref(portal, tidewater))
    before = everything(portal.store)
    fields = {"name": "Eve", "address": "eve@evil.example", "code": "123456"}
    answer = visitor.get(path) if method == "GET" else visitor.post(path, fields)
    assert (answer.status_code, answer.location) == (303, "/account/code")
    assert everything(portal.store) == before


def test_people_of_others_are_not_found(portal: Portal, tidewater: Account) -> None:
    """L-15: with another account's session every page about a person is 404."""
    stranger = proved(portal, portal.account(name="Harbour & Sons Ltd"))
    ref = contact_ref(portal, tidewater)
    for path in ("", "/remove"):
        assert stranger.get(f"/account/people/{ref}{path}").status_code == 404
    for path in ("", "/address", "/remove", "/confirm", "/proof/send"):
        answer = stranger.post(f"/account/people/{ref}{path}", {"name": "Eve", "address": "e@evil.example"})
        assert answer.status_code == 404, path
    assert words(stranger.get("/account/people")).count("Helen Marsh") == 3, "her own name alone"


# --------------------------------------------------------------------------- how to write


def test_wishes_and_reminders(portal: Portal, tidewater: Account) -> None:
    """C-06: channel, quiet hours, stop and again, each said and kept; text shown is the text stored."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account/people")
    answer = visitor.post(
        "/account/people/wishes", {"channel": "email", "quiet_from": "12:00", "quiet_to": "13:00"}
    )
    page = visitor.get(answer.location)
    assert "Kept." in words(page)
    assert 'value="12:00"' in page.text
    page = visitor.post("/account/people/wishes", {"channel": "", "quiet_from": "12:00", "quiet_to": ""})
    assert page.status_code == 422
    assert "Give both times" in words(page)
    for wanted, said in (("no", "Reminders are stopped."), ("yes", "Reminders come again.")):
        answer = visitor.post("/account/people/reminders", {"channel": "email", "wanted": wanted})
        assert said in words(visitor.get(answer.location))
    assert visitor.post("/account/people/reminders", {"channel": "fax", "wanted": "no"}).status_code == 404


def test_stop_and_again_by_the_way_out(portal: Portal, tidewater: Account) -> None:
    """C-07: the page that says "stopped" offers the way back in."""
    with portal.store.write() as session:
        contact = session.scalars(select(Contact)).one()
        token = consents.issue_opt_out(
            session, contact, Channel.EMAIL, policy=default_policy(), now=portal.clock.at
        )
    visitor = Visitor(portal.app)
    visitor.get(f"/x/{token}")
    visitor.post(f"/x/{token}")
    page = visitor.get(f"/x/{token}")
    assert "Take reminders up again" in words(page)
    assert visitor.post(f"/x/{token}/again").status_code == 303
    assert "Stop reminders to" in words(visitor.get(f"/x/{token}"))


# --------------------------------------------------------------------------- open pages


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (AGENT, "Firefox/Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/18.1 Mobile/15E148 Safari/604.1", "Safari/iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", "Edge/Windows"),
        ("Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
         "SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36", "Samsung Internet/Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.4 Safari/605.1.15", "Safari/Mac"),
        ("curl/8.5.0", None),
        ("", None),
        ("x" * 5000, None),
    ],
)  # fmt: skip
def test_devices_in_two_words(agent: str, device: str | None) -> None:
    """L-16: enough to know a device again; the user agent itself is kept nowhere."""
    assert device_of(agent) == device


def test_two_devices_one_ended(portal: Portal, tidewater: Account) -> None:
    """L-16: a forwarded link on another device stands in the list and is ended from here at once."""
    token = portal.link(tidewater)
    mine, other = Visitor(portal.app), Visitor(portal.app)
    mine.open(token)
    other.get(f"/l/{token}")
    other.post(f"/l/{token}", headers={"User-Agent": AGENT})
    assert other.get("/account").status_code == 200
    page = mine.get("/account/sessions")
    assert "Firefox on Android" in words(page)
    assert words(page).count("This one") == 1
    assert AGENT not in repr(everything(portal.store))
    mine.post("/account/sessions/end", {"session": ""})
    assert other.get("/account").status_code == 401
    assert mine.get("/account").status_code == 200
    handle = re.search(r'name="session" value="([0-9a-f]+)"', mine.get("/account/sessions").text)
    assert handle
    assert mine.post("/account/sessions/end", {"session": handle[1]}).location.startswith("/left")
    assert mine.get("/account").status_code == 401


def test_another_device_proves_for_itself(portal: Portal, tidewater: Account) -> None:
    """L-16: the proof of one device is none for another that has the same link."""
    token = portal.link(tidewater)
    mine, other = Visitor(portal.app), Visitor(portal.app)
    mine.open(token)
    with portal.store.write() as session:
        session.scalars(select(LinkSession)).one().proved_at = portal.clock.at
    other.open(token)
    assert mine.get("/account/people/new").status_code == 200
    assert other.get("/account/people/new").location == "/account/code"


# --------------------------------------------------------------------------- forwarding


def test_a_colleague_sees_one_invoice_and_nothing_else(portal: Portal, tidewater: Account) -> None:
    """L-15: every GET route of the portal with a narrow link: nothing of the other invoices on any."""
    ref = first_invoice(portal, tidewater)
    colleague = narrow(portal, tidewater, ref)
    page = colleague.get(f"/account/invoices/{ref}")
    assert page.status_code == 200
    assert "2026-1131" in page.text
    with portal.store.read() as session:
        others = session.scalars(select(Invoice.ref).where(Invoice.ref != ref)).all()
        contacts = session.scalars(select(Contact.ref)).all()
    for rule in portal.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not rule.rule.startswith("/account"):
            continue
        for value in (ref, *others, *contacts):
            path = re.sub(r"<[^>]+>", value, rule.rule)
            if path == f"/account/invoices/{ref}/pdf":
                continue  # the paper of the very invoice
            answer = colleague.get(path)
            assert answer.status_code < 500, path
            assert answer.mimetype == "text/html", path
            assert not re.search("2026-1(184|207|262)", answer.text), path
            assert not re.search("842.40|288.00|612.00|2,318.40|1,418.40", words(answer)), path
    for value in others:
        assert colleague.get(f"/account/invoices/{value}").status_code == 404
    for closed in ("/account/people", "/account/sessions", f"/account/invoices/{ref}/forward"):
        assert colleague.get(closed).status_code == 403, closed


def test_a_colleague_pays_that_invoice(portal: Portal, tidewater: Account) -> None:
    """Issue B 8: the narrower link pays: all of it is this one invoice."""
    ref = first_invoice(portal, tidewater)
    colleague = narrow(portal, tidewater, ref)
    page = colleague.get("/account/pay")
    assert "£576.00" in words(page)
    assert "£2,318.40" not in words(page)
    page = colleague.get("/account/pay/review?currency=GBP&what=overdue")
    assert "£576.00" in words(page)
    assert "2026-1184" not in page.text


def test_refused_forwardings(portal: Portal, tidewater: Account) -> None:
    """X-10: at the field, nothing typed again; five a day, then 429."""
    visitor = portal.visitor(tidewater)
    ref = first_invoice(portal, tidewater)
    path = f"/account/invoices/{ref}/forward"
    visitor.get(path)
    page = visitor.post(path, {"name": "", "address": "noa@books.example"})
    assert page.status_code == 422
    assert 'value="noa@books.example"' in page.text
    for n in range(5):
        assert visitor.post(path, {"name": "Noa", "address": f"n{n}@books.example"}).status_code == 303
    page = visitor.post(path, {"name": "Noa", "address": "n5@books.example"})
    assert page.status_code == 429
    assert "No more invoices can be forwarded today" in words(page)
    stranger = portal.visitor(portal.account(name="Harbour & Sons Ltd"))
    assert stranger.get(path).status_code == 404


# --------------------------------------------------------------------------- is it us?


def test_check_that_it_is_us(portal: Portal, tidewater: Account) -> None:
    """Issue B 7: phone of the invoice, names and numbers, bank names without numbers, what we never ask."""
    for page in (portal.visitor(tidewater).get("/account/check"), portal.visitor().get("/check")):
        said = words(page)
        for fact in (
            "0113 496 0142", "Company 04417822", "VAT GB 812 4410 27", "Aire Bank", "Maya Thornton",
            "Monday to Friday, 9:00 to 17:00", "A card number by telephone", "northgate.example/pay",
        ):  # fmt: skip
            assert fact in said, fact
        assert "GB33BUKB" not in said
    assert "Tidewater" not in portal.visitor().get("/check").text


def test_hours_by_both_clocks(portal: Portal) -> None:
    """Issue B 7: a reader in another zone sees both clocks."""
    far = portal.account(zone="Asia/Jerusalem")
    assert "By our clock" in words(portal.visitor(far).get("/account/check"))
    near = portal.account(zone="Europe/London")
    assert "By our clock" not in words(portal.visitor(near).get("/account/check"))


# --------------------------------------------------------------------------- what holds for each page


PAGES: dict[str, Callable[[str, str], str]] = {
    "people": lambda contact, invoice: "/account/people",
    "new": lambda contact, invoice: "/account/people/new",
    "person": lambda contact, invoice: f"/account/people/{contact}",
    "remove": lambda contact, invoice: f"/account/people/{contact}/remove",
    "sessions": lambda contact, invoice: "/account/sessions",
    "forward": lambda contact, invoice: f"/account/invoices/{invoice}/forward",
    "check": lambda contact, invoice: "/account/check",
    "code": lambda contact, invoice: "/account/code",
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "he"])
def test_budget_and_no_write(portal: Portal, tidewater: Account, name: str, language: str) -> None:
    """Issue B, quality bars: at most eight statements a page, none that writes (L-04)."""
    visitor = proved(portal, tidewater)
    path = PAGES[name](contact_ref(portal, tidewater), first_invoice(portal, tidewater))
    before = everything(portal.store)
    with statements(portal.store) as seen:
        page = visitor.get(f"{path}?lang={language}")
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert [s for engine, s in seen if engine == "write"] == []
    assert len(seen) <= 8, [s for _, s in seen]
    assert everything(portal.store) == before


def test_the_clock_of_a_session_is_its_own(portal: Portal, tidewater: Account) -> None:
    """L-13: a proof does not lengthen a session: after two hours it is over."""
    visitor = proved(portal, tidewater)
    for _ in range(4):
        portal.clock.at += timedelta(minutes=29)
        visitor.get("/account")
    assert visitor.get("/account/people").status_code == 200
    portal.clock.at += timedelta(minutes=5)
    assert visitor.get("/account/people").status_code == 401
