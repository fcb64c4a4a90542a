"""What a plan writes, in every language and channel, from the books at the moment it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from models.links import Channel
from models.messages import Message
from models.store import Store
from presentation import Presenter
from receivables.arrangements import plans
from receivables.contact import reminders
from tests.databases import fresh_database
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account, noon_of
from tests.receivables.arrangements.test_plan_days import DAYS

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


def written(world: PlanWorld, kind: str, language: str, channel: Channel) -> str:
    """The text of a plan's message as it would leave two days before its first part."""
    now = noon_of(DAYS[0] - timedelta(days=2))
    with world.store.write() as session:
        account = session.merge(world.account)
        account.language = language
        message = session.scalars(
            select(Message).where(Message.kind == kind, Message.channel == channel).order_by(Message.id)
        ).first()
        assert message is not None, kind
        message.language = language
        letter = reminders.compose(
            session, message, link="https://pay.example/l/t", link_expires_at=now,
            stop="https://pay.example/x/s", now=now,
        )  # fmt: skip
        rendered = Presenter(TEMPLATES).render_message(letter)
    assert rendered.segments <= 3
    return rendered.subject + "\n" + rendered.text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlanWorld]:
    folder = tmp_path_factory.mktemp("letters")
    with fresh_database("sqlite", folder) as url:
        world = an_owing_account(Store(url))
        asked = world.asked(9)
        world.store.run(
            lambda s: plans.refuse(s, world.collector, asked.ref, reason="Too long.", now=noon_of(TODAY))
        )
        world.agreed(3)
        world.daily(DAYS[0] - timedelta(days=3))
        world.days(DAYS[0] + timedelta(days=1), DAYS[0] + timedelta(days=3))
        yield world
        world.store.dispose()


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("plan_activated", Channel.EMAIL), ("plan_answered", Channel.EMAIL),
        ("instalment_due", Channel.EMAIL), ("instalment_due", Channel.SMS),
        ("instalment_missed", Channel.EMAIL), ("instalment_missed", Channel.SMS),
    ],
)  # fmt: skip
def test_each_message_is_whole(world: PlanWorld, kind: str, channel: Channel, language: str) -> None:
    said = written(world, kind, language, channel)
    assert "{" not in said
    assert "https://pay.example/l/t" in said
    if kind.startswith("instalment"):
        assert "472" in said


def test_the_agreement_lists_every_date_and_amount(world: PlanWorld) -> None:
    """C-10: plan texts state dates and amounts."""
    said = written(world, "plan_activated", "en", Channel.EMAIL)
    for day in ("4 December 2026", "4 January 2027", "4 February 2027"):
        assert day in said
    assert said.count("£472.80") == 4
    assert "£1,418.40" in said
