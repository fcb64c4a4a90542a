"""The account page and what is done from it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.disputes import DisputeReason
from models.invoices import Invoice
from models.links import Channel, Link, LinkScope
from models.messages import Message
from models.money import Money
from models.staff import Role
from models.work import TaskKind
from receivables import credit_holds, links, outbox
from receivables.contact import reminders
from receivables.desk import accounts as desk_accounts
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import Desk
from tests.agreements import an_agreed_plan
from tests.conftest import NOON
from tests.portal.test_routes import statements
from tests.portal.visitor import Visitor, words


def a_link(desk: Desk, account: Account, channel: Channel = Channel.EMAIL) -> str:
    with desk.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        return links.issue(
            session, SYSTEM, session.get_one(Account, account.id), contact=contact, channel=channel,
            policy=default_policy(), now=desk.clock.at,
        )[1]  # fmt: skip


def amounts(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*\.\d\d", text))


def test_both_sides_see_the_same_numbers(desk: Desk, tidewater: Account) -> None:
    """Look.md 5: what the collector sees is what the debtor sees, per currency."""
    debtor = Visitor(desk.app)
    debtor.open(a_link(desk, tidewater))
    theirs = amounts(words(debtor.get("/account")))
    ours = words(desk.at().get(f"/desk/accounts/{tidewater.ref}"))
    assert {"1,418.40", "215.00", "576.00", "842.40", "288.00", "612.00"} <= theirs
    assert theirs - amounts(ours) == set()
    assert "GBP 900.00 1,418.40" in ours  # not due, 1-30 days
    assert "2,318.40" in ours


def test_ageing_parts_sum_to_what_is_asked(desk: Desk, tidewater: Account) -> None:
    """Every open document falls into one part; the edges are 30, 60, 90 and 120 days."""
    for late in (30, 31, 60, 61, 90, 91, 120, 121):
        desk.invoice(tidewater, 100 * late, late=late, currency="ILS")
    with desk.store.read() as session:
        page = desk_accounts.page(session, SYSTEM, tidewater.ref, now=NOON)
    shekels = next(a for a in page.ageing if a.currency == "ILS")
    assert [p.minor for p in shekels.parts] == [0, 3000, 9100, 15100, 21100, 12100]
    for ageing in page.ageing:
        assert sum(p.minor for p in ageing.parts) == ageing.asked.minor


def test_page_costs_few_statements(desk: Desk, tidewater: Account) -> None:
    """A page of everything is a fixed number of statements, however much is on it; a look writes nothing."""
    visitor = desk.at(Role.SUPERVISOR)
    with statements(desk.store) as seen:
        assert visitor.client.get(f"/desk/accounts/{tidewater.ref}").status_code == 200
    # The rules are read anew every few seconds; they are not counted.
    small = len([s for s in seen if s[0] == "read" and "FROM policy_version" not in s[1]])
    for number in range(12):
        desk.invoice(tidewater, 100 + number)
        a_link(desk, tidewater)
        with desk.store.write() as session:
            make.a_contact(
                session, session.get_one(Account, tidewater.id), email=f"p{number}@tidewater.example"
            )
            outbox.note(session, tidewater.id, "portal.opened", now=NOON)
    with statements(desk.store) as seen:
        visitor.client.get(f"/desk/accounts/{tidewater.ref}")
    assert len([s for s in seen if s[0] == "read" and "FROM policy_version" not in s[1]]) == small
    # Thirty-eight for what it is and what happened, twelve for where it stands on its ladder.
    assert small <= 50, [s for _, s in seen]


def test_timeline_tells_what_happened(desk: Desk, tidewater: Account) -> None:
    """Interactions, messages and links on one line of time, newest first; parts of it alone."""
    token = a_link(desk, tidewater)
    desk.clock.forward(minutes=5)
    Visitor(desk.app).open(token)
    with desk.store.write() as session:
        reminders.remind(
            session, SYSTEM, session.get_one(Account, tidewater.id), now=desk.clock.forward(hours=1)
        )
    visitor = desk.at()
    page = words(visitor.get(f"/desk/accounts/{tidewater.ref}"))
    assert page.index("First reminder → Helen Marsh") < page.index("Opened the account page")
    assert "queued" in page
    assert "visited once" in page
    assert "open now" in page
    only = words(visitor.get(f"/desk/accounts/{tidewater.ref}?show=messages"))
    assert "First reminder → Helen Marsh" in only
    assert "Opened the account page" not in only
    assert visitor.get(f"/desk/accounts/{tidewater.ref}?show=nonsense&before=nonsense").status_code == 200


def test_older_lines_are_a_page_away(desk: Desk, tidewater: Account) -> None:
    with desk.store.write() as session:
        for minute in range(45):
            outbox.note(session, tidewater.id, "portal.opened", now=NOON - timedelta(minutes=minute))
    visitor = desk.at()
    page = visitor.get(f"/desk/accounts/{tidewater.ref}")
    assert page.text.count("<time") == 40
    older = re.search(r'<footer><a href="([^"#]+)', page.text)
    assert older is not None
    assert visitor.get(older[1].replace("&amp;", "&")).text.count("<time") == 5


def test_auditor_and_salesperson_see_no_buttons(desk: Desk, tidewater: Account) -> None:
    """What would be refused is not offered; messages are left out where they may not be read."""
    with desk.store.write() as session:
        reminders.remind(session, SYSTEM, session.get_one(Account, tidewater.id), now=NOON)
    for role in (Role.AUDITOR, Role.SALESPERSON):
        visitor = desk.at(role) if role is Role.AUDITOR else desk.seller_of(tidewater)
        page = words(visitor.get(f"/desk/accounts/{tidewater.ref}"))
        assert "Ageing" in page
        assert "Send a reminder" not in page
        assert "Copy a payment link" not in page
        assert ("First reminder" in page) == (role is Role.AUDITOR)


def test_flags_alerts_tasks_and_refusals_are_said_first(desk: Desk, tidewater: Account) -> None:
    """C-05: what binds contact stands at the head; an opted-out address says so."""
    with desk.store.write() as session:
        session.add(AccountFlag(account_id=tidewater.id, kind=FlagKind.BREATHING_SPACE, from_on=NOON.date(),
                                source="letter", created_at=NOON))  # fmt: skip
        outbox.raise_alert(session, "amount_differs", "attempt:1", account_id=tidewater.id, now=NOON,
                           facts={"asked_minor": 100, "came_minor": 90, "currency": "GBP"})  # fmt: skip
        outbox.ask_person(session, TaskKind.UNAPPLIED_MONEY, "u:1", account_id=tidewater.id, now=NOON,
                          facts={"amount_minor": 1200, "currency": "GBP", "payment": "P-1"})  # fmt: skip
    page = words(desk.at().get(f"/desk/accounts/{tidewater.ref}"))
    assert "breathing space" in page
    assert "The gateway took another amount than we asked for." in page
    assert "Money without a document 12.00 GBP" in page


def test_what_is_agreed_and_what_waits_stands_with_its_pages(desk: Desk, tidewater: Account) -> None:
    """Issue B: hold, dispute and plan by word, day and sum, each led to only where the reader may go."""
    quiet = desk.at().get(f"/desk/accounts/{tidewater.ref}")
    assert "Agreed and waiting" not in quiet.text
    with desk.store.write() as session:
        own = session.get_one(Account, tidewater.id)
        contact = session.scalars(select(Contact).where(Contact.account_id == own.id)).one()
        plan = an_agreed_plan(session, own, ["2026-1184"], now=NOON)
        wrong = session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()
        case = opening.open_dispute(
            session, make.holder_actor(own, contact), wrong,
            Claim(DisputeReason.DAMAGED, amount=Money(5000, "GBP")), words="Wet.", shown_at=NOON, now=NOON,
        )  # fmt: skip
        credit_holds.place(session, SYSTEM, own, "The oldest is late", Money(10000, "GBP"), now=NOON)
    page = desk.at(Role.SUPERVISOR).get(f"/desk/accounts/{tidewater.ref}")
    said = words(page)
    assert "Credit hold On hold since 19/11/2026 100.00 GBP" in said
    assert "Dispute about 2026-1131 opened answer by 26/11/2026 50.00 GBP" in said
    assert "Plan in 3 parts active next 280.80 GBP on 03/12/2026 842.40 GBP" in said
    assert "Paused: in dispute (1 invoice)" in said
    assert "Overdue 50.00 in dispute" in said
    assert "End the hold…" in said
    pages = [f"/desk/disputes/{case.ref}", f"/desk/approvals/plans/{plan}",
             f"/desk/accounts/{tidewater.ref}/hold"]  # fmt: skip
    assert [path in page.text for path in pages] == [True] * 3
    seller = desk.seller_of(tidewater).get(f"/desk/accounts/{tidewater.ref}")
    assert "Credit hold On hold" in words(seller)
    assert pages[2] not in seller.text


def test_timeline_names_the_day_of_a_promise(desk: Desk, tidewater: Account) -> None:
    with desk.store.write() as session:
        facts = {"amount_minor": 5000, "currency": "GBP", "on": "2026-11-27"}
        outbox.note(session, tidewater.id, "promise.made", now=NOON, facts=facts)
    page = words(desk.at().get(f"/desk/accounts/{tidewater.ref}"))
    assert "Promised to pay 50.00 GBP · 27 November 2026" in page


# --------------------------------------------------------------------------- reminders


def test_plan_is_what_the_reminder_queues(desk: Desk, tidewater: Account) -> None:
    """Consequences before the button: the list is the list that is queued, with the amounts asked for."""
    with desk.store.write() as session:
        make.a_contact(session, session.get_one(Account, tidewater.id), name="Owen Pryce", email=None,
                       phone="+447700900142")  # fmt: skip
    visitor = desk.at()
    page = words(visitor.get(f"/desk/accounts/{tidewater.ref}/remind"))
    assert "First reminder 1,418.40 GBP within a minute" in page
    assert "SMS +447700900142" in page
    assert "Send 4 reminders" in page
    answer = visitor.post(f"/desk/accounts/{tidewater.ref}/remind")
    assert (answer.status_code, answer.location) == (303, f"/desk/accounts/{tidewater.ref}")
    assert "4 reminders queued." in words(visitor.get(answer.location))
    assert "4 reminders queued." not in words(visitor.get(answer.location))  # said once
    with desk.store.read() as session:
        queued = session.execute(select(Message.channel, Message.currency)).all()
    assert len(queued) == 4
    visitor.post(f"/desk/accounts/{tidewater.ref}/remind")
    with desk.store.read() as session:
        assert len(session.execute(select(Message.id)).all()) == 4


def test_plan_says_what_stands_against_it(desk: Desk, tidewater: Account) -> None:
    """C-01: hours and flags are said before anything is queued; a look queues nothing."""
    desk.clock.forward(hours=11)  # 21:00 in London
    visitor = desk.at()
    assert "at 20 November 2026, 08:00" in words(visitor.get(f"/desk/accounts/{tidewater.ref}/remind"))
    with desk.store.write() as session:
        session.add(AccountFlag(account_id=tidewater.id, kind=FlagKind.DECEASED, from_on=NOON.date(),
                                source="register", created_at=NOON))  # fmt: skip
    path = f"/desk/accounts/{tidewater.ref}/remind"
    assert "not at all a fact that forbids contact" in words(visitor.get(path))
    assert "not at all deceased" in words(desk.at(Role.SUPERVISOR).get(path))
    assert "message.queued" not in desk.codes()


def test_nothing_open_is_refused_kindly(desk: Desk) -> None:
    account = desk.account()
    visitor = desk.at()
    visitor.get("/desk/")
    answer = visitor.post(f"/desk/accounts/{account.ref}/remind")
    assert answer.status_code == 409
    assert "Nothing is open on this account." in words(answer)


# --------------------------------------------------------------------------- links


def test_copied_link_is_shown_once_and_can_only_pay(desk: Desk, tidewater: Account) -> None:
    """Decision 6: view and pay, held by the person who took it, shown on this answer only (L-02)."""
    visitor = desk.at()
    path = f"/desk/accounts/{tidewater.ref}/link"
    assert "/l/" not in visitor.get(path).text
    answer = visitor.post(path)
    shown = re.search(r"http://localhost(/l/[\w-]{43})", answer.text)
    assert shown is not None
    assert "It cannot accept an offer" in words(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    with desk.store.read() as session:
        link = session.scalars(select(Link)).one()
    assert (link.channel, link.scope) == (Channel.STAFF, LinkScope.VIEW_AND_PAY)
    assert link.held_by_staff_id is not None
    assert "link.issued" in desk.codes()
    debtor = Visitor(desk.app)
    debtor.open(shown[1].removeprefix("/l/"))
    assert "2026-1131" in words(debtor.get("/account"))
    page = visitor.get(f"/desk/accounts/{tidewater.ref}")
    assert shown[1] not in page.text
    assert "Took a payment link for the debtor" in words(page)


def test_ending_all_links_ends_open_sessions(desk: Desk, tidewater: Account) -> None:
    """L-03: two steps, a reason, then 410 at once for links and pages alike."""
    token, other = a_link(desk, tidewater), a_link(desk, tidewater, Channel.SMS)
    debtor = Visitor(desk.app)
    debtor.open(token)
    visitor = desk.at()
    path = f"/desk/accounts/{tidewater.ref}/links/revoke"
    assert "End 2 links" in words(visitor.get(path))
    assert debtor.get("/account").status_code == 200  # asking ends nothing
    refused = visitor.post(path, {"reason": "  ", "link": ""})
    assert refused.status_code == 422
    assert "Fill this in." in words(refused)
    answer = visitor.post(path, {"reason": "mail box was taken over", "link": ""})
    assert answer.status_code == 303
    assert "2 links ended." in words(visitor.get(answer.location))
    assert debtor.get("/account").status_code == 401
    assert [Visitor(desk.app).get(f"/l/{t}").status_code for t in (token, other)] == [410, 410]
    assert desk.codes().count("link.revoked") == 2
    assert "“mail box was taken over”" in words(visitor.get(f"/desk/accounts/{tidewater.ref}"))


def test_ending_one_link_leaves_the_other(desk: Desk, tidewater: Account) -> None:
    """L-03: singly; a link of another account is not found here (L-15)."""
    token, other = a_link(desk, tidewater), a_link(desk, tidewater)
    with desk.store.read() as session:
        ref = session.scalars(select(Link.ref).where(Link.token_digest == links.digest(token))).one()
    elsewhere = desk.account()
    visitor = desk.at()
    fields = {"reason": "wrong person", "link": ref}
    visitor.get("/desk/")
    assert visitor.post(f"/desk/accounts/{elsewhere.ref}/links/revoke", fields).status_code == 404
    assert "End 1 link" in words(visitor.get(f"/desk/accounts/{tidewater.ref}/links/revoke?link={ref}"))
    assert visitor.post(f"/desk/accounts/{tidewater.ref}/links/revoke", fields).status_code == 303
    assert Visitor(desk.app).get(f"/l/{token}").status_code == 410
    assert Visitor(desk.app).get(f"/l/{other}").status_code == 200


@pytest.mark.parametrize("ref", ["nothing", "%00", "a b", "x" * 300, "../etc", "ٱ"])
def test_unknown_accounts_are_not_found(desk: Desk, ref: str) -> None:
    assert desk.at().get(f"/desk/accounts/{ref}").status_code == 404
