"""FT-19: what programs do with our messages before their reader does: they follow every address, many at
once, and some guess (B19; L-04, L-05, L-10, L-11, X-06). Codes (L-06): tests/receivables/people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from assembly import House
from config import Settings
from models.accounts import Account
from models.links import Channel, GuessCounter, Link, LinkSession
from models.messages import ConsentEvent, Message, Purpose
from receivables import links
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.effort import LONG
from tests.faults.crowd import drain
from tests.mailboxes import MailboxProcess
from tests.portal.test_links import everything
from tests.portal.visitor import Visitor
from tests.races import together

ADDRESS = re.compile(r"https?://[^\s<>\"]+")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
POLICY = default_policy()


@dataclass
class Post:
    """The portal, and what one debtor was sent: a reminder by mail and by SMS."""

    app: Flask
    house: House
    account: Account
    mailbox: MailboxProcess

    def ours(self) -> list[str]:
        """Every address in every part of every message that leads to us."""
        found = []
        for sent in self.mailbox.messages():
            headers = dict(sent.get("headers", []))
            texts = (sent["text"], sent["html"], headers.get("List-Unsubscribe", ""))
            found += [match for text in texts for match in ADDRESS.findall(text)]
        return sorted({urlsplit(a).path for a in found if urlsplit(a).hostname in ("localhost", "n.example")})

    def one_of(self, start: str) -> str:
        """The token behind an address that begins so."""
        return next(path for path in self.ours() if path.startswith(start)).split("/")[2]


@pytest.fixture
def post(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[Post]:
    app = create_app(
        Settings.load(
            AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=tmp_path,
            BASE_URL="http://localhost", AMICABLE_SHORT_URL="https://n.example", SMTP_URL=mailbox.smtp_url,
            SMS_URL=mailbox.sms_url,
        ),
        CLOCK=lambda: NOON,
    )  # fmt: skip
    house: House = app.extensions["amicable"]
    with house.store.write() as session:
        account = make.an_account(session, make.a_creditor(session), phone="+447946000001")
        make.an_invoice(session, account)
        reminders.remind(session, SYSTEM, account, now=NOON, channels=(Channel.EMAIL, Channel.SMS))
    drain(house, NOON)
    yield Post(app, house, account, mailbox)
    house.press.close()
    house.store.dispose()


def test_each_message_carries_its_way_out(post: Post) -> None:
    """C-07, X-06: mail names it in its text and in its head, by both headers of RFC 8058; SMS in its
    text."""
    sent = post.mailbox.messages()
    assert Counter(m["channel"] for m in sent) == {"mail": 1, "sms": 1}
    for message in sent:
        assert re.search(r"/x/[A-Za-z0-9_-]{22,}", message["text"])
        if message["channel"] == "mail":
            headers = dict(message["headers"])
            assert re.fullmatch(
                r"<http://localhost/x/[A-Za-z0-9_-]{22,}/one-click>", headers["List-Unsubscribe"]
            )
            assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_following_every_address_changes_nothing(post: Post) -> None:
    """L-04: GET three times, HEAD and OPTIONS, with and without what the last answer set as cookies, on to
    wherever they lead: not one row of any table differs."""
    addresses = post.ours()
    assert {path[:3] for path in addresses} == {"/l/", "/x/"}
    assert any(path.endswith("/one-click") for path in addresses)
    before = everything(post.house.store)
    scanner = Visitor(post.app).client
    for path in addresses:
        for client in (scanner, Visitor(post.app).client):
            for _ in range(3):
                assert client.get(path, follow_redirects=True).status_code == 200
            assert client.head(path, follow_redirects=True).status_code == 200
            assert client.options(path).status_code == 200
    assert everything(post.house.store) == before


def test_a_post_without_its_words_is_no_word(post: Post) -> None:
    """X-06: a program that posts to every address it finds says nothing in anybody's name."""
    before = everything(post.house.store)
    scanner = Visitor(post.app).client
    for path in post.ours():
        for body in ({}, {"List-Unsubscribe": "one-click"}, {"x": "y"}):
            assert scanner.post(path, data=body).status_code in (400, 403)
    assert everything(post.house.store) == before


def test_one_click_by_twenty_servers_is_one_word(post: Post) -> None:
    """X-06, C-07: a mail provider's machines press at once: one no, one confirmation, no error."""
    token = post.one_of("/x/")
    before = len(post.mailbox.messages())
    answers = together(
        20,
        lambda _: Visitor(post.app).client.post(f"/x/{token}/one-click", data=ONE_CLICK).status_code,
    )
    assert answers == [200] * 20
    drain(post.house, NOON)
    with post.house.store.read() as session:
        assert session.scalars(select(ConsentEvent.source)).all() == ["one_click"]
        confirmed = select(func.count()).where(Message.purpose == Purpose.OPT_OUT_CONFIRMED)
        assert session.scalar(confirmed) == 1
    assert len(post.mailbox.messages()) == before + 1


def test_twenty_press_continue_at_once(post: Post) -> None:
    """L-05: a robot in every relay opens the link first; each has a session of its own, none is counted
    away, and the reader still enters."""
    token = post.one_of("/l/")
    visitors = [Visitor(post.app) for _ in range(20)]
    for visitor in visitors:
        visitor.get(f"/l/{token}")
    answers = together(20, lambda number: visitors[number].post(f"/l/{token}").status_code)
    assert answers == [303] * 20
    with post.house.store.read() as session:
        link = session.scalars(select(Link).where(Link.token_digest == links.digest(token))).one()
        assert link.redeemed_count == 20
        digests = session.scalars(select(LinkSession.session_digest)).all()
        assert len(set(digests)) == len(digests) == 20
    assert Visitor(post.app).open(token).status_code == 200


def test_guessing_finds_nothing(post: Post) -> None:
    """L-01, L-10, L-11: at a hundred in a second, from one network, nobody gets in; all wrong answers are
    alike, only the count of tries is written, and who holds a link is not shut out."""
    live = post.one_of("/l/"), post.one_of("/x/")
    before = everything(post.house.store)
    each = 100 if LONG else 8

    def guess(number: int) -> list[tuple[str, int, str]]:
        """Every door, by new tokens of both lengths."""
        client, said = Visitor(post.app).client, []
        for turn in range(each):
            token = links.new_token((128, 256)[turn % 2])
            tries = (
                ("look", client.get(f"/l/{token}")),
                ("look", client.get(f"/x/{token}")),
                ("click", client.post(f"/x/{token}/one-click", data=ONE_CLICK)),
            )
            for door, answer in tries:
                said.append((door, answer.status_code, answer.text.replace(token, "")))
        return said

    answers = together(10, guess)
    said = [one for answer in answers if isinstance(answer, list) for one in answer]
    assert len(said) == 10 * each * 3
    assert {(door, status) for door, status, _ in said} == {("look", 410), ("click", 410), ("click", 429)}
    assert Counter(status for door, status, _ in said if door == "click")[410] == POLICY.link_tries
    after = everything(post.house.store)
    assert {name for name in after if after[name] != before[name]} == {"guess_counter"}
    with post.house.store.read() as session:
        assert session.scalars(select(GuessCounter.bucket)).all() == ["opt_out:127.0.0.0/24"]
    assert Visitor(post.app).open(live[0]).status_code == 200
    assert Visitor(post.app).client.post(f"/x/{live[1]}/one-click", data=ONE_CLICK).status_code == 200
