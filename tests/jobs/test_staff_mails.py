"""Mails to people of the house, trials of texts, and published texts on their way out (A-04, C-08, L-02)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

import presentation.editing as desk_texts
from jobs import worker
from models.staff import Role, StaffToken, StaffTokenKind
from models.states import JobStatus, MessageStatus
from models.work import Job
from presentation.staff_mails import FOLDER, KINDS, staff_mail, staff_sources
from presentation.writing import LANGUAGES
from receivables.desk import invitations
from receivables.desk.invitations import Wish
from receivables.outbox import queue_job
from tests import factories as make
from tests.conftest import NOON
from tests.jobs.test_outbox import POLICY, Office, everything, office
from tests.receivables.test_message_texts import publish

__all__ = ["office"]


def test_an_invitation_carries_a_token_that_is_nowhere_else(office: Office) -> None:
    """A-04, L-02: the clear token is in the mail only; it opens once, and its digest is what is kept."""
    with office.store.write() as s:
        admin = make.staff_actor(make.a_person(s, Role.ADMIN, name="Maya Stone"))
        wish = Wish("dana@northgate.example", "Dana Levi", Role.COLLECTOR, "he")
        invitations.invite(s, admin, wish, reason="starts", policy=POLICY, now=NOON)
    assert worker.take_jobs(office.house, worker="w1", now=NOON) == 1
    [mail] = office.mailbox.messages()
    found = re.search(r"/desk/in/([A-Za-z0-9_-]{40,})", mail["text"])
    assert found
    assert "Maya Stone" in mail["text"]
    assert found[1] not in everything(office.store)
    with office.store.write() as s:
        way = invitations.look_up(s, found[1], now=NOON)
        assert (way.kind, way.email) == (StaffTokenKind.INVITATION, "dana@northgate.example")
        invitations.choose_password(s, found[1], password_hash="!x", now=NOON, request_id=None)  # noqa: S106


def test_a_way_in_that_is_over_is_not_sent(office: Office) -> None:
    """A-04: a reset that waited too long in the queue leaves no mail, and the job is done."""
    with office.store.write() as s:
        person = make.a_person(s, Role.COLLECTOR, password_hash="hashed")  # noqa: S106
        invitations.ask_reset(s, person.email, policy=POLICY, now=NOON, request_id=None)
    worker.take_jobs(office.house, worker="w1", now=NOON + timedelta(hours=2))
    assert office.mailbox.messages() == []
    with office.store.read() as s:
        assert s.scalars(select(Job.status).where(Job.kind == "staff_mail")).all() == [JobStatus.DONE]
        assert s.scalars(select(StaffToken.token_digest)).all() == [None]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_staff_mail_is_whole(kind: str, language: str) -> None:
    """Decision 19: each kind in each language, its placeholders filled, nothing beside them."""
    named = set(re.findall(r"\{([a-z_]+)\}", staff_sources()[f"{kind}/{language}/body"]))
    values = {name: f"<{name}>" for name in KINDS[kind] | {"name", "house", "desk"}}
    subject, text = staff_mail(kind, language, values)
    assert subject
    assert all(f"<{name}>" in text for name in named)
    assert {"link", "until"} & KINDS[kind] <= named


def test_no_staff_mail_is_without_a_kind() -> None:
    """Decision 19: what lies in the folder is known by name."""
    assert {path.name for path in FOLDER.iterdir()} == set(KINDS)


def test_a_published_text_is_sent_and_named(office: Office) -> None:
    """C-08: the outbox makes the message from the version in force and keeps which one it was."""
    with office.store.write() as s:
        version = publish(s, {"en/subject": "A word about {amount}"}, at=NOON - timedelta(days=1))
    message = office.remind()
    before = office.message(message).kind
    office.send()
    kept = office.message(message)
    assert kept.status is MessageStatus.SENT
    if before == version.kind:
        assert kept.subject is not None
        assert kept.subject.startswith("A word about")
        assert (kept.template_version or "").startswith(f"v{version.id}-")
    else:
        pytest.fail(f"the reminder is a {before}, and the published text is a {version.kind}")


def test_a_trial_goes_to_who_writes_it(office: Office) -> None:
    """X-05: to one's own address, marked, with a link that opens nothing; the debtor hears nothing."""
    with office.store.write() as s:
        person = make.a_person(s, Role.SUPERVISOR, email="ruth@northgate.example")
        texts = {**desk_texts.shipped("courtesy"), "en/subject": "Soon due: {amount}"}
        payload = {
            "staff": person.ref, "account": office.account.ref, "kind": "courtesy", "language": "en",
            "currency": "GBP", "texts": texts, "mark": "trial", "key": "1",
        }  # fmt: skip
        queue_job(s, kind="text_trial", key="text_trial:1", payload=payload, now=NOON)
    worker.take_jobs(office.house, worker="w1", now=NOON)
    [mail] = office.mailbox.messages()
    assert mail["recipient"] == "ruth@northgate.example"
    assert mail["subject"].startswith("[trial] Soon due:")
    assert "/l/" not in mail["text"]
    assert "576.00" in mail["subject"] + mail["text"]
