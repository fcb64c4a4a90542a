"""What a plan writes, in every language and channel, from the books at the moment it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.arrangements import Instalment, Plan, SavedCard
from models.links import Channel
from models.messages import Message
from models.store import Store
from presentation import Presenter
from receivables import letters
from receivables.arrangements import card_changes, plan_days, plan_deciding
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason, Remedy
from receivables.permissions import SYSTEM
from tests.databases import fresh_database
from tests.presentation.letters import rendered
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
        letter = letters.compose(
            session, message, link="https://pay.example/l/t", link_expires_at=now,
            stop="https://pay.example/x/s", now=now,
        )  # fmt: skip
        made = Presenter(TEMPLATES).render_message(letter)
    assert made.segments <= 3
    return made.subject + "\n" + made.text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlanWorld]:
    folder = tmp_path_factory.mktemp("letters")
    with fresh_database("sqlite", folder) as url:
        world = an_owing_account(Store(url))
        asked = world.asked(9)
        world.store.run(
            lambda s: plan_deciding.refuse(
                s, world.collector, asked.ref, reason="Too long.", now=noon_of(TODAY)
            )
        )
        plan = world.agreed(3)
        world.daily(DAYS[0] - timedelta(days=3))
        world.days(DAYS[0] + timedelta(days=1), DAYS[0] + timedelta(days=3))
        later = noon_of(DAYS[0] + timedelta(days=4))
        world.on_card(plan, now=later)

        def fail(session: Session) -> None:
            part = session.get_one(Instalment, world.charges(later.date())[0])
            plan_days.charge_failed(
                session, SYSTEM, part, kind=DeclineKind.HARD, reason=DeclineReason.CARD_EXPIRED, now=later
            )

        world.store.run(fail)
        tell_of_card(world, plan)
        yield world
        world.store.dispose()


def tell_of_card(world: PlanWorld, plan: Plan) -> None:
    """The card ends before the next part; a week later it is gone."""
    on = DAYS[1] - timedelta(days=20)

    def unit(session: Session) -> None:
        card = session.get_one(SavedCard, session.get_one(Plan, plan.id).saved_card_id)
        card.expires_year, card.expires_month = on.year, on.month
        card_changes.warn(session, session.merge(world.account), today=on, now=noon_of(on))
        session.flush()
        gone_on = noon_of(on + timedelta(days=7))
        card_changes.gone(session, str(card.payment_method_id), why="mandate_withdrawn", now=gone_on)

    world.store.run(unit)


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("plan_activated", Channel.EMAIL), ("plan_answered", Channel.EMAIL),
        ("instalment_due", Channel.EMAIL), ("instalment_due", Channel.SMS),
        ("instalment_missed", Channel.EMAIL), ("instalment_missed", Channel.SMS),
        ("card_refused", Channel.EMAIL), ("card_refused", Channel.SMS),
        ("card_ends", Channel.EMAIL), ("card_ends", Channel.SMS),
        ("card_gone", Channel.EMAIL), ("card_gone", Channel.SMS),
    ],
)  # fmt: skip
def test_each_message_is_whole(world: PlanWorld, kind: str, channel: Channel, language: str) -> None:
    said = written(world, kind, language, channel)
    assert "{" not in said
    assert "https://pay.example/l/t" in said
    if kind.startswith(("instalment", "card_")) and (kind, channel) != ("card_ends", Channel.SMS):
        assert "472" in said
    if kind in ("card_ends", "card_gone") and channel is Channel.EMAIL:
        assert "4242" in said


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_each_refusal_and_each_remedy_has_its_words(language: str) -> None:
    """P-24: why the card did not pay, and what helps, in every language; all of them differ."""
    said = {
        (reason, remedy): rendered("card_refused", language, refusal=reason.value, remedy=remedy.value).text
        for reason in DeclineReason
        for remedy in Remedy
    }
    assert len(set(said.values())) == len(DeclineReason) * len(Remedy)
    assert not [text for text in said.values() if "{" in text]


def test_what_helps_names_its_day() -> None:
    """The next try names its day, the others the last day on which the plan goes on unchanged."""
    for remedy in Remedy:
        said = rendered("card_refused", "en", refusal="no_funds", remedy=remedy.value).text
        assert ("4 December 2026" in said) is (remedy is Remedy.RETRY)
        assert ("3 December 2026" in said) is (remedy is not Remedy.RETRY)


def test_the_agreement_lists_every_date_and_amount(world: PlanWorld) -> None:
    """C-10: plan texts state dates and amounts."""
    said = written(world, "plan_activated", "en", Channel.EMAIL)
    for day in ("4 December 2026", "4 January 2027", "4 February 2027"):
        assert day in said
    assert said.count("£472.80") == 4
    assert "£1,418.40" in said
