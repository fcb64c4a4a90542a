"""Links, the sessions they open, and fresh ones (L-01…L-05, L-10, L-15; decisions 2, 6, 7, 9)."""

from __future__ import annotations

import base64
import math
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import models
from models.accounts import Account, Contact, DebtorType
from models.audit import AuditEntry
from models.links import Channel, Link, LinkScope, LinkSession
from models.messages import Message, Purpose
from models.staff import Role
from models.store import Store
from receivables import links
from receivables.errors import LinkGone, NotAllowed, NotFound, SessionEnded
from receivables.permissions import SYSTEM, Actor, Permission, may
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

POLICY = default_policy()
LATER = NOON + POLICY.link_valid


class Case:
    """One account, one contact, one link of 14 days."""

    def __init__(self, store: Store, channel: Channel = Channel.EMAIL) -> None:
        self.store = store
        with store.write() as s:
            self.account = make.an_account(s, make.a_creditor(s), phone="+441134960142")
            self.contact = s.scalars(select(Contact)).one()
            self.link, self.token = links.issue(
                s, SYSTEM, self.account, contact=self.contact, channel=channel, policy=POLICY, now=NOON
            )

    def redeem(self, now: datetime = NOON, token: str | None = None) -> tuple[str, Actor]:
        return self.store.run(
            lambda s: links.redeem(s, token or self.token, policy=POLICY, now=now, request_id="r1")
        )

    def look(self, now: datetime = NOON, token: str | None = None) -> links.Landing:
        with self.store.read() as s:
            return links.look(s, token or self.token, now=now)

    def holder(self, session_token: str, now: datetime = NOON) -> links.Holder:
        with self.store.read() as s:
            return links.holder(s, session_token, now=now, request_id="r2")

    def row(self) -> Link:
        with self.store.read() as s:
            return s.get_one(Link, self.link.id)

    def revoke(self, now: datetime = NOON) -> None:
        self.store.run(
            lambda s: links.revoke(s, SYSTEM, s.get_one(Link, self.link.id), reason="moved", now=now)
        )

    def ask_fresh(self, now: datetime, token: str | None = None) -> Message | None:
        return self.store.run(lambda s: links.ask_fresh(s, token or self.token, policy=POLICY, now=now))


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


@pytest.fixture
def quick(sqlite_store: Store) -> Case:
    return Case(sqlite_store)


# --------------------------------------------------------------------------- tokens


@pytest.mark.parametrize(("channel", "bits"), [(Channel.EMAIL, 256), (Channel.SMS, 128)])
def test_tokens_are_long_enough(sqlite_store: Store, channel: Channel, bits: int) -> None:
    """L-01, decision 6: 256 bits in mail, 128 in SMS, base64url, 22 characters fit an SMS."""
    token = Case(sqlite_store, channel).token
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert len(raw) * 8 == bits
    assert len(token) == math.ceil(bits / 6)


def test_tokens_do_not_repeat() -> None:
    """L-01: ten thousand of the short ones are unique, and every character is used evenly."""
    tokens = [links.new_token(128) for _ in range(10_000)]
    assert len(set(tokens)) == len(tokens)
    seen = Counter("".join(t[:-1] for t in tokens))  # the last character holds two bits only
    assert len(seen) == 64
    assert max(seen.values()) / min(seen.values()) < 1.2


def test_the_database_holds_no_usable_link(case: Case) -> None:
    """L-02: a dump of every table holds digests; no clear token of link or session."""
    session_token, _ = case.redeem()
    with case.store.read() as s:
        dump = "".join(
            repr(tuple(row))
            for table in models.Base.metadata.sorted_tables
            for row in s.execute(select(table))
        )
    assert case.token not in dump
    assert session_token not in dump
    assert links.digest(case.token) in dump
    assert len(links.digest(case.token)) == 64


# --------------------------------------------------------------------------- looking and redeeming


def snapshot(s: Session) -> dict[str, list[object]]:
    return {
        table.name: [tuple(row) for row in s.execute(select(table))]
        for table in models.Base.metadata.sorted_tables
    }


def test_looking_changes_nothing(case: Case) -> None:
    """L-04: a scanner that follows the link many times leaves no trace; the read could not write."""
    with case.store.read() as s:
        before = snapshot(s)
    for _ in range(3):
        assert case.look().account_name == case.account.name
    with case.store.read() as s:
        assert snapshot(s) == before


def test_redeeming_opens_a_session_and_keeps_the_link(case: Case) -> None:
    """L-05: a bot presses the button first, the human still enters; each gets a session of its own."""
    bot, _ = case.redeem()
    human, actor = case.redeem(NOON + timedelta(hours=1))
    assert bot != human
    assert actor.account_id == case.account.id
    assert actor.contact_id == case.contact.id
    assert actor.scope is LinkScope.FULL
    assert case.holder(human, NOON + timedelta(hours=1)).account_id == case.account.id
    assert case.holder(bot).account_id == case.account.id
    assert (case.row().redeemed_count, case.row().redeemed_at) == (2, NOON + timedelta(hours=1))
    with case.store.read() as s:
        codes = list(s.scalars(select(AuditEntry.code).order_by(AuditEntry.id)))
    assert codes.count("link.redeemed") == 2


def test_many_at_once_are_all_counted(case: Case) -> None:
    """L-05, FT-19: 20 parallel redeems lose no count and share no session."""
    answers = together(20, lambda _: case.redeem()[0])
    assert len(set(answers)) == 20
    assert all(isinstance(answer, str) for answer in answers)
    assert case.row().redeemed_count == 20


def test_who_is_behind_a_session(quick: Case) -> None:
    """Decision 9: everything a page needs in one row; the end is absolute."""
    token, actor = quick.redeem()
    behind = quick.holder(token)
    assert behind.actor.id == actor.id == quick.link.id
    assert (behind.account_name, behind.account_number) == (quick.account.name, quick.account.number)
    assert (behind.contact_name, behind.zone, behind.private) == ("Helen Marsh", "Europe/London", False)
    assert behind.ends_at == NOON + POLICY.debtor_absolute
    assert (behind.sender.person, behind.sender.phone) == ("Maya Thornton", "0113 496 0142")


# --------------------------------------------------------------------------- not live


def gone(case: Case) -> dict[str, tuple[str, datetime]]:
    """Every way not to be live: token and moment."""
    with case.store.write() as s:
        _, revoked = links.issue(
            s, SYSTEM, case.account, contact=case.contact, channel=Channel.EMAIL, policy=POLICY, now=NOON
        )
        row = s.scalars(select(Link).order_by(Link.id.desc()).limit(1)).one()
        links.revoke(s, SYSTEM, row, reason="moved", now=NOON)
    return {
        "unknown": (links.new_token(256), NOON),
        "expired": (case.token, LATER),
        "revoked": (revoked, NOON),
        "revoked and expired": (revoked, LATER),
        "empty": ("", NOON),
        "too long": ("x" * 5000, NOON),
        "another alphabet": ("שלום", NOON),
        "the digest itself": (links.digest(case.token), NOON),
        "one character off": (case.token[:-1] + ("A" if case.token[-1] != "A" else "B"), NOON),
    }


def test_all_that_is_not_live_looks_the_same(case: Case) -> None:
    """L-10, decision 7: the same error, code and facts for each, by GET and by POST."""
    said = set()
    for token, now in gone(case).values():
        for act in (
            lambda t=token, n=now: case.look(n, t or "-"),
            lambda t=token, n=now: case.redeem(n, t or "-"),
        ):
            with pytest.raises(LinkGone) as refused:
                act()
            said.add((type(refused.value), refused.value.code, str(refused.value.facts)))
    assert said == {(LinkGone, "link_gone", "{}")}


def test_a_link_ends_at_its_moment(quick: Case) -> None:
    """L-03: alive until the last microsecond before, gone at the moment itself."""
    quick.look(LATER - timedelta(microseconds=1))
    with pytest.raises(LinkGone):
        quick.look(LATER)


def test_sessions_that_are_over_look_the_same(case: Case) -> None:
    """L-10, decision 9: unknown, logged out, over, link revoked."""
    ended, _ = case.redeem()
    case.store.run(lambda s: links.log_out(s, SYSTEM, ended, now=NOON))
    case.store.run(lambda s: links.log_out(s, SYSTEM, ended, now=NOON))
    over, _ = case.redeem()
    for token, now in ((ended, NOON), (over, NOON + POLICY.debtor_absolute), ("nobody", NOON), ("", NOON)):
        with pytest.raises(SessionEnded) as refused:
            case.holder(token, now)
        assert (refused.value.code, refused.value.facts) == ("session_ended", {})
    assert case.holder(over).account_id == case.account.id
    with case.store.read() as s:
        codes = list(s.scalars(select(AuditEntry.code)))
    assert codes.count("link_session.ended") == 1


# --------------------------------------------------------------------------- revoking


def test_revoking_ends_link_and_sessions_at_once(case: Case) -> None:
    """L-03: 410 at once, open sessions killed; a second call changes nothing."""
    token, _ = case.redeem()
    case.revoke()
    case.revoke(NOON + timedelta(days=1))
    with pytest.raises(SessionEnded):
        case.holder(token)
    with pytest.raises(LinkGone):
        case.look()
    assert case.row().revoked_at == NOON
    with case.store.read() as s:
        assert s.scalars(select(LinkSession.revoked_at)).all() == [NOON]
        assert s.scalars(select(AuditEntry.code)).all().count("link.revoked") == 1


def test_revoking_all_leaves_other_accounts_alone(case: Case) -> None:
    """L-03: per debtor."""
    with case.store.write() as s:
        other = make.an_account(s, s.scalars(select(models.creditors.Creditor)).one())
        _, theirs = links.issue(
            s, SYSTEM, other, contact=None, channel=Channel.EMAIL, policy=POLICY, now=NOON
        )
        _, second = links.issue(
            s, SYSTEM, case.account, contact=case.contact, channel=Channel.SMS, policy=POLICY, now=NOON
        )
    count = case.store.run(
        lambda s: links.revoke_all(s, SYSTEM, s.get_one(Account, case.account.id), reason="x", now=NOON)
    )
    assert count == 2
    for token in (case.token, second):
        with pytest.raises(LinkGone):
            case.look(token=token)
    case.look(token=theirs)


def test_revoking_all_ends_the_session_of_a_link_that_ran_out(case: Case) -> None:
    """L-03: opened a minute before the link's end, the session outlives it, but not a revocation."""
    token, _ = case.redeem(LATER - timedelta(minutes=1))
    now = LATER + timedelta(minutes=5)
    assert case.holder(token, now).account_id == case.account.id
    case.store.run(
        lambda s: links.revoke_all(s, SYSTEM, s.get_one(Account, case.account.id), reason="x", now=now)
    )
    with pytest.raises(SessionEnded):
        case.holder(token, now)


def test_a_session_needs_its_link(case: Case) -> None:
    """L-03: the link's own end is enough, whatever its session's row says."""
    token, _ = case.redeem()
    with case.store.write() as s:
        s.get_one(Link, case.link.id).revoked_at = NOON
    with pytest.raises(SessionEnded):
        case.holder(token)


def test_redeeming_against_revoking(case: Case) -> None:
    """L-03: whoever is first, no session is alive afterwards."""
    answers = together(9, lambda number: case.revoke() if number == 4 else case.redeem()[0])
    assert all(isinstance(a, str | LinkGone | None) for a in answers), answers
    for answer in answers:
        if isinstance(answer, str):
            with pytest.raises(SessionEnded):
                case.holder(answer)


# --------------------------------------------------------------------------- who may what


def test_a_link_taken_by_staff_is_view_and_pay_only(quick: Case) -> None:
    """Decision 6: whatever the collector may do himself; its holder is named."""
    with quick.store.write() as s:
        collector = make.a_person(s, Role.COLLECTOR)
        link, token = links.issue(
            s, make.staff_actor(collector), quick.account, contact=None, channel=Channel.STAFF,
            policy=POLICY, now=NOON,
        )  # fmt: skip
    assert (link.scope, link.held_by_staff_id) == (LinkScope.VIEW_AND_PAY, collector.id)
    _, actor = quick.redeem(token=token)
    assert may(actor, Permission.PAYMENT_START)
    assert not may(actor, Permission.LINK_ISSUE)
    assert quick.row().held_by_staff_id is None


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.SALESPERSON, Role.AUDITOR, Role.ADMIN])
def test_who_may_not_issue_or_revoke(quick: Case, role: Role) -> None:
    """A-01."""
    with quick.store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        with pytest.raises(NotAllowed):
            links.issue(s, actor, quick.account, contact=None, channel=Channel.STAFF, policy=POLICY, now=NOON)
        with pytest.raises(NotAllowed):
            links.revoke(s, actor, quick.link, reason="x", now=NOON)
        with pytest.raises(NotAllowed):
            links.revoke_all(s, actor, quick.account, reason="x", now=NOON)


# --------------------------------------------------------------------------- language and face


def test_the_debtors_own_choice_of_language_sticks(quick: Case) -> None:
    """Decision 2: account, then contact, then the debtor's own choice."""
    token, actor = quick.redeem()
    assert quick.look().language == "en"
    with quick.store.write() as s:
        s.get_one(Contact, quick.contact.id).language = "he"
    assert quick.look().language == "he"
    quick.store.run(lambda s: links.choose_language(s, actor, "hu", now=NOON))
    assert quick.look().language == "hu"
    assert quick.holder(token).language == "hu"
    with quick.store.write() as s, pytest.raises(NotFound):
        links.choose_language(s, actor, "de", now=NOON)


def test_a_link_that_staff_hold_chooses_no_language(quick: Case) -> None:
    """Decision 6: what a collector clicks never sticks to the debtor."""
    _, actor = quick.redeem()
    staffs = replace(actor, scope=LinkScope.VIEW_AND_PAY)
    with quick.store.write() as s, pytest.raises(NotAllowed):
        links.choose_language(s, staffs, "hu", now=NOON)
    assert quick.look().language == "en"


def test_the_collector_is_the_face_where_there_is_one(quick: Case) -> None:
    """domain.md: every page names a person, a phone and hours."""
    with quick.store.write() as s:
        person = make.a_person(s, name="Priya Shah", phone="0113 496 0199")
        s.get_one(Account, quick.account.id).collector_id = person.id
    sender = quick.look().sender
    assert (sender.person, sender.phone) == ("Priya Shah", "0113 496 0199")
    assert sender.hours == "Monday to Friday, 9:00 to 17:00"
    assert sender.legal_line.startswith("Northgate Paper & Print Ltd · 14 Weir Street")


@pytest.mark.parametrize("kind", list(DebtorType))
def test_private_readers_are_told_apart(quick: Case, kind: DebtorType) -> None:
    """Decision 20."""
    with quick.store.write() as s:
        s.get_one(Account, quick.account.id).debtor_type = kind
    assert quick.look().private is (kind is not DebtorType.BUSINESS)


# --------------------------------------------------------------------------- a fresh link


def test_a_fresh_link_goes_only_to_the_contact_of_an_expired_one(case: Case) -> None:
    """Decision 7: to the same contact on the same channel; live, revoked and unknown get nothing."""
    assert case.ask_fresh(NOON) is None
    assert case.ask_fresh(LATER, links.new_token(256)) is None
    message = case.ask_fresh(LATER)
    assert message is not None
    assert (message.contact_id, message.channel) == (case.contact.id, Channel.EMAIL)
    assert message.purpose is Purpose.FRESH_LINK
    case.revoke(LATER)
    assert case.ask_fresh(LATER + timedelta(hours=1)) is None


def test_fresh_links_are_capped_a_day(case: Case) -> None:
    """Decision 7: three a day for one contact, whichever links are used; the next day again."""
    hours = [case.ask_fresh(LATER + timedelta(hours=n)) for n in range(5)]
    assert [bool(m) for m in hours] == [True, True, True, False, False]
    assert case.ask_fresh(LATER + timedelta(days=1, minutes=1)) is not None


def test_the_cap_holds_when_many_ask_at_once(case: Case) -> None:
    """Decision 7: ten expired links of one contact, asked for in the same moment."""
    with case.store.write() as s:
        tokens = [
            links.issue(
                s, SYSTEM, case.account, contact=case.contact, channel=Channel.EMAIL, policy=POLICY,
                now=NOON,
            )[1]
            for _ in range(10)
        ]  # fmt: skip
    answers = together(10, lambda number: case.ask_fresh(LATER, tokens[number]))
    assert not [a for a in answers if isinstance(a, Exception)]
    assert sum(a is not None for a in answers) == POLICY.fresh_per_day


def test_a_second_click_in_the_same_minute_sends_one(case: Case) -> None:
    """Decision 7: two clicks, one message, no error."""
    answers = together(4, lambda _: case.ask_fresh(LATER))
    assert not [a for a in answers if isinstance(a, Exception)]
    with case.store.read() as s:
        assert s.scalar(select(func.count()).select_from(Message)) == 1


def test_no_fresh_link_for_staff_or_for_who_left(case: Case) -> None:
    """Decision 6, L-03: a copied link brings no message, nor one of a contact who is no longer active."""
    with case.store.write() as s:
        _, copied = links.issue(
            s, SYSTEM, case.account, contact=case.contact, channel=Channel.STAFF, policy=POLICY, now=NOON
        )
        _, nobodys = links.issue(
            s, SYSTEM, case.account, contact=None, channel=Channel.EMAIL, policy=POLICY, now=NOON
        )
    assert case.ask_fresh(LATER, copied) is None
    assert case.ask_fresh(LATER, nobodys) is None
    with case.store.write() as s:
        s.execute(text("UPDATE contact SET is_active = false"))
    assert case.ask_fresh(LATER) is None
