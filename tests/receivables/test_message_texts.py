"""Published texts of messages: in force from their day, used by the outbox, named on the message (C-08)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import presentation
import presentation.editing as desk
from models.editing import TextVersion
from models.staff import Role
from models.store import Store
from receivables import message_texts
from receivables.reading_ahead import reading_ahead
from tests import factories as make
from tests.conftest import NOON

KIND = "first_reminder"


def publish(
    session: Session, texts: Mapping[str, str], *, at: datetime = NOON, same: bool = False
) -> TextVersion:
    author = make.a_person(session, Role.SUPERVISOR)
    approver = author if same else make.a_person(session, Role.SUPERVISOR)
    body = json.dumps({**desk.shipped(KIND), **texts}, ensure_ascii=False)
    version = TextVersion(
        kind=KIND, effective_at=at, author_id=author.id, approver_id=approver.id, reason="Shorter", body=body,
        body_digest=hashlib.sha256(body.encode()).hexdigest(),
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version


def test_newest_whose_day_has_come_is_in_force(store: Store) -> None:
    """C-08: by its first moment; of two with the same moment the later one; none before its day."""
    with store.write() as session:
        assert message_texts.in_force(session, [KIND], now=NOON) == {}
        publish(session, {"en/subject": "first"})
        second = publish(session, {"en/subject": "second"})
        publish(session, {"en/subject": "to come"}, at=NOON + timedelta(days=3))
        found = message_texts.in_force(session, [KIND, "courtesy"], now=NOON)
        assert {kind: (v.id, v.texts["en/subject"]) for kind, v in found.items()} == {
            KIND: (second.id, "second")
        }
        later = message_texts.in_force(session, [KIND], now=NOON + timedelta(days=3))
        assert later[KIND].texts["en/subject"] == "to come"
        with reading_ahead(session, texts={"all": found}):
            assert message_texts.texts_for(session, KIND, now=NOON + timedelta(days=3)) == found


def test_author_and_approver_are_two(store: Store) -> None:
    """A-02: the database refuses one pair of eyes, on both."""
    with pytest.raises(IntegrityError), store.write() as session:
        publish(session, {"en/subject": "mine"}, same=True)


def test_a_published_text_is_never_changed(store: Store) -> None:
    """C-08: append-only, on both databases."""
    with store.write() as session:
        publish(session, {"en/subject": "first"})
    with pytest.raises(Exception, match="append-only"), store.write() as session:
        session.scalars(select(TextVersion)).one().body = "{}"


def test_every_shipped_text_may_be_published() -> None:
    """X-05, C-08: the checks of the editor take what the house ships, to the last language."""
    assert {kind: desk.faults(kind, desk.shipped(kind)) for kind in desk.kinds()} == {
        kind: [] for kind in presentation.KINDS
    }


@pytest.mark.parametrize(
    ("place", "text", "code"),
    [
        ("he/sms", "", "text_missing"),
        ("ru/body", "{block_salutation}\n\n{{ config }}", "braces"),
        ("ru/body", "{block_salutation} {password}", "placeholder_unknown"),
        ("hu/subject", "{link}\n{amount}", "one_line"),
        ("hu/sms", "{link}", "must_say"),
        ("en/sms", "{link} {stop} " + "long " * 100, "sms_long"),
    ],
)
def test_faults_are_named_by_place(place: str, text: str, code: str) -> None:
    """X-05, C-08: one text that is wrong, in whatever language, keeps all of them from being published."""
    wrong = desk.faults(KIND, {**desk.shipped(KIND), place: text})
    assert (wrong[0].place, wrong[0].code) == (place, code)


def test_a_notice_keeps_everything_it_names() -> None:
    """C-08: the deadline of a formal warning is part of the notice, and so is its way out."""
    texts = desk.shipped("formal_warning")
    without = {**texts, "en/body": texts["en/body"].replace("{deadline}", "soon")}
    assert [(f.place, f.what) for f in desk.faults("formal_warning", without)] == [("en/body", "deadline")]
