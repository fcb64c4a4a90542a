"""Messages of a dispute by SMS, under the contact rules; and what the mails say can still be done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact, DebtorType
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.store import Store
from presentation import Presenter, sms_segments
from receivables import letters
from receivables.contact import consents, rules
from receivables.disputes import outcomes, threads
from receivables.disputes.claims import LineClaim
from receivables.policy import default_policy
from tests.presentation.letters import TEMPLATES
from tests.receivables.disputes.story import Story

PRESENTER = Presenter(TEMPLATES)
SHORT = "https://npp.example/l/7Kq2mXw9bT4sLd8RvNcYhA"


@pytest.fixture
def story(store: Store) -> Story:
    story = Story(store)
    change(story, phone="+441134960199")
    return story


def change(story: Story, **values: object) -> Contact:
    with story.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == story.account.id)).one()
        for name, value in values.items():
            setattr(contact, name, value)
    return contact


def refuse(story: Story, ref: str) -> None:
    story.act(outcomes.refuse, story.collector, ref, finding="Signed for as dry.")


def queued(story: Story) -> list[tuple[str, Channel, Purpose]]:
    found = story.all(select(Message).order_by(Message.id))
    return [(message.kind, message.channel, message.purpose) for message in found]


def text_of(story: Story, message: Message, language: str = "en") -> str:
    with story.store.read() as session:
        there = session.get_one(Message, message.id)
        there.language = language
        letter = letters.compose(
            session, there, link=SHORT, link_expires_at=None, stop=SHORT.replace("/l/", "/x/"), now=story.now
        )
        return PRESENTER.render_message(letter).text


def by_sms(story: Story) -> list[Message]:
    return story.all(select(Message).where(Message.channel == Channel.SMS).order_by(Message.id))


def test_what_he_waits_for_comes_by_sms_too(story: Story) -> None:
    """The answer and the outcome; what he sent himself is confirmed by mail alone."""
    dispute = story.dispute(LineClaim(2))
    story.act(threads.answer, story.collector, dispute.ref, words="Who signed for it?")
    refuse(story, dispute.ref)
    mail, sms = (Channel.EMAIL, Purpose.ANSWER), (Channel.SMS, Purpose.ARRANGEMENT)
    assert queued(story) == [
        ("dispute_received", *mail),
        ("dispute_answered", *mail),
        ("dispute_answered", *sms),
        ("dispute_refused", *mail),
        ("dispute_refused", *sms),
    ]


def test_who_wants_mail_or_has_no_telephone_gets_mail(story: Story) -> None:
    change(story, preferred_channel="email")
    refuse(story, story.dispute(LineClaim(2)).ref)
    assert by_sms(story) == []


def test_who_has_no_address_gets_the_sms(story: Story) -> None:
    change(story, email=None)
    refuse(story, story.dispute(LineClaim(2)).ref)
    assert queued(story) == [
        ("dispute_received", Channel.SMS, Purpose.ARRANGEMENT),
        ("dispute_refused", Channel.SMS, Purpose.ARRANGEMENT),
    ]


def test_the_gate_is_asked(story: Story) -> None:
    """C-01: in hours only, and never to who has opted out of SMS; the mail is his own answer."""
    refuse(story, story.dispute(LineClaim(2)).ref)
    (sms,) = by_sms(story)

    def reasons(hours: int = 0) -> tuple[str, ...]:
        with story.store.read() as session:
            account = session.get_one(Account, story.account.id)
            contact = session.get_one(Contact, sms.contact_id)
            return rules.may_contact(
                session, account, contact, channel=sms.channel, purpose=sms.purpose, currency=sms.currency,
                policy=default_policy(), now=story.now + timedelta(hours=hours), message_id=sms.id,
            ).reasons  # fmt: skip

    assert reasons() == ()
    assert reasons(hours=12) == ("outside_hours",)
    shown = consents.Shown("No more SMS", "1", "page")
    story.act(consents.choose, story.debtor, Channel.SMS, wanted=False, shown=shown)
    assert reasons() == ("opted_out",)


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_each_sms_names_the_case_and_is_short(story: Story, language: str) -> None:
    """Tone.md, section 7: two segments in English, three where letters cost more; nobody's amount is lost."""
    first = story.dispute(LineClaim(2))
    story.act(threads.answer, story.collector, first.ref, words="Who signed for it?")
    refuse(story, first.ref)
    for line, credited in ((1, 28080), (3, 100)):
        upheld = story.dispute(LineClaim(line))
        story.act(outcomes.uphold, story.supervisor, upheld.ref, credited=Money(credited, "GBP"),
                  finding="It was wet.")  # fmt: skip
    texts = {message.kind: text_of(story, message, language) for message in by_sms(story)}
    assert set(texts) == {"dispute_answered", "dispute_refused", "dispute_upheld", "dispute_partly_upheld"}
    for text in texts.values():
        assert "D-2026-0000" in text
        assert sms_segments(text) <= (2 if language == "en" else 3)
        assert "signed" not in text, "what was found stays behind the link"
    assert "280" in texts["dispute_upheld"]


def test_a_private_person_gets_the_neutral_notice(store: Store) -> None:
    """Decision 20: no document, no amount, no dispute on a lock screen."""
    story = Story(store)
    change(story, phone="+441134960199")
    with store.write() as session:
        session.get_one(Account, story.account.id).debtor_type = DebtorType.PRIVATE_PERSON
    refuse(story, story.dispute(LineClaim(2)).ref)
    text = text_of(story, by_sms(story)[0])
    assert "D-2026" not in text
    assert "there is a message for" in text


ONCE = {
    "en": "send it once more",
    "he": "פעם נוספת",
    "ru": "один раз",
    "hu": "egyszer még",
}


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_new_evidence_is_offered_only_where_it_may_be_sent(story: Story, language: str) -> None:
    """Domain, statuses of a dispute: rejected → under review, once; upheld in part is an end."""

    def last_says_so() -> bool:
        mails = story.all(select(Message).where(Message.channel == Channel.EMAIL).order_by(Message.id))
        return ONCE[language] in text_of(story, mails[-1], language)

    dispute = story.dispute(LineClaim(2))
    refuse(story, dispute.ref)
    assert last_says_so()
    story.act(outcomes.reopen, story.debtor, dispute.ref, words="The driver's note")
    refuse(story, dispute.ref)
    assert not last_says_so()
    partly = story.dispute(LineClaim(1))
    story.act(outcomes.uphold, story.supervisor, partly.ref, credited=Money(100, "GBP"), finding="One box.")
    assert not last_says_so()
