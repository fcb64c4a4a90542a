"""Letters join the queue with their content fixed, refused by name (issue of the ladder, part 7)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.accounts import AccountFlag, DebtorType, FlagKind
from models.audit import AuditEntry
from models.invoices import Invoice, InvoiceKind
from models.messages import Message
from models.pauses import PauseReason
from models.post import PostLetter
from models.states import PostStatus
from models.store import Store
from models.work import Interaction
from receivables import pauses
from receivables.calendar_days import is_business_day
from receivables.documents.enclosures import enclosed
from receivables.documents.letters import letter_paper
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.post import queueing
from receivables.post.papers import KINDS
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.post.letters import HANDOVER, TODAY, an_addressed_account, queued


def test_a_letter_is_fixed_when_it_is_queued(store: Store) -> None:
    """What is open later changes no letter: the paper is made from what was kept."""
    account, letter = queued(store, language="he")
    assert (letter.status, letter.language, letter.reading_language) == (PostStatus.WAITING, "en", "he")
    with store.write() as session:
        make.an_invoice(session, session.get_one(type(account), account.id), total=9900)
        paper = letter_paper(session, SYSTEM, letter.ref)
        assert paper.amount.minor == 57600
        assert [row.number for row in paper.rows] == ["2041-A"]
        assert paper.address == ["3 Harbour Row", "Whitby YO21 3PU"]
        assert (
            paper.bank
            == "Northgate Paper & Print Ltd · Aire Bank · IBAN GB33BUKB20201555555555 · BIC AIREGB2L"
        )
        assert session.scalars(select(Interaction.kind)).all() == ["letter.queued"]
        assert "letter.queued" in session.scalars(select(AuditEntry.code)).all()


def test_the_same_letter_is_queued_once(store: Store) -> None:
    account, letter = queued(store)
    with store.write() as session:
        again = queueing.queue_letter(
            session, SYSTEM, session.get_one(type(account), account.id), kind=letter.kind, currency="GBP",
            now=NOON,
        )  # fmt: skip
        assert again.id == letter.id
        assert len(session.scalars(select(Message)).all()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_names_a_business_day_that_leaves_time(store: Store, kind: str) -> None:
    """Policy letters.deadline_days and post_days; a letter of claim gives what the law wants."""
    _, letter = queued(store, kind, debtor_type=DebtorType.SOLE_TRADER)
    rules = default_policy().letters
    assert letter.deadline_on is not None
    assert is_business_day(letter.deadline_on, "GB")
    if kind == "handover_notice":
        assert letter.deadline_on == HANDOVER["handover_on"]
    else:
        assert letter.deadline_on >= TODAY + timedelta(days=rules.deadline_days[kind] + rules.post_days)


def test_what_cannot_be_asked_is_refused_by_name(store: Store) -> None:
    """Bad input: nothing is silently not sent; prepayments and paused documents reach no letter."""
    with store.write() as session:
        account = an_addressed_account(session)
        invoice = session.scalars(select(Invoice)).one()

        def code(kind: str = "official_letter", **more: object) -> str:
            with pytest.raises(Refused) as refused, session.begin_nested():
                queueing.queue_letter(
                    session, SYSTEM, account, kind=kind, **{"currency": "GBP", "now": NOON, **more}  # type: ignore[arg-type]
                )  # fmt: skip
            return refused.value.code

        assert code("love_letter") == "unknown_letter"
        assert code(currency="EUR") == "nothing_asked"
        assert code(deadline_on=TODAY) == "day_past"
        assert code("handover_notice") == "fact_missing"
        assert code("handover_notice", facts={**HANDOVER, "handover_on": TODAY}) == "day_past"
        account.agreed_days = 30
        assert code() == "nothing_asked"
        account.agreed_days = 0
        invoice.kind = InvoiceKind.PREPAYMENT
        assert code() == "nothing_asked"
        invoice.kind = InvoiceKind.INVOICE
        pauses.pause(session, SYSTEM, account, PauseReason.PROMISE, key="promise:1", now=NOON)
        assert code() == "nothing_asked"
        pauses.resume(session, SYSTEM, account, "promise:1", now=NOON)
        account.postal_address = None
        assert code() == "no_address"
        session.add(
            AccountFlag(account_id=account.id, kind=FlagKind.BANKRUPTCY, from_on=TODAY, source="court",
                        created_at=NOON)
        )  # fmt: skip
        session.flush()
        assert code() == "flagged"
        assert session.scalars(select(PostLetter)).all() == []


def test_the_mail_takes_the_letter_along(store: Store) -> None:
    """Part 7: by e-mail and post queue; a letter of claim goes by post alone."""
    _, letter = queued(store, "formal_warning")
    queued(store, "claim_letter")
    with store.read() as session:
        message = session.scalars(select(Message)).one()
        assert (message.kind, message.facts["next_step"]) == ("formal_warning", "agency")
        assert message.facts["deadline_on"] == letter.deadline_on.isoformat()
        found = enclosed(session, message.id)
        assert found is not None
        assert found.paper == letter_paper(session, SYSTEM, letter.ref)


def test_a_letter_names_when_we_wrote_before(store: Store) -> None:
    """Days of reminders that went out, by the account's own calendar, each once."""
    account, _ = queued(store)
    with store.write() as session:
        message = session.scalars(select(Message)).one()
        message.status, message.sent_at = type(message.status).SENT, NOON - timedelta(days=3)
        session.flush()
        later = queueing.queue_letter(
            session, SYSTEM, session.get_one(type(account), account.id), kind="formal_warning",
            currency="GBP", now=NOON,
        )  # fmt: skip
        assert letter_paper(session, SYSTEM, later.ref).previous == [date(2026, 11, 16)]


def test_a_letter_is_taken_out_with_a_reason(store: Store) -> None:
    _, letter = queued(store)
    with store.write() as session:
        own = queueing.letter_of(session, letter.ref)
        with pytest.raises(Refused, match="reason_missing"):
            queueing.withdraw(session, SYSTEM, own, reason=" \u202e", now=NOON)
        queueing.withdraw(session, SYSTEM, own, reason="agreed by telephone", now=NOON)
        assert (own.status, own.facts["withdrawn"]) == (PostStatus.WITHDRAWN, "agreed by telephone")
        with pytest.raises(Refused, match="letter_gone"):
            queueing.withdraw(session, SYSTEM, own, reason="again", now=NOON)


def test_an_address_is_kept_clean(store: Store) -> None:
    """No control or direction characters; empty lines go; an empty address is none."""
    with store.write() as session:
        account = an_addressed_account(session)
        queueing.set_address(session, SYSTEM, account, " 1 Quay \u202e\r\n\n Hull ", now=NOON)
        assert account.postal_address == "1 Quay\nHull"
        with pytest.raises(Refused, match="address_lines"):
            queueing.set_address(session, SYSTEM, account, "\n".join("abcdefg"), now=NOON)
        queueing.set_address(session, SYSTEM, account, "", now=NOON)
        assert account.postal_address is None


def test_a_link_holder_queues_no_letter(store: Store) -> None:
    with store.write() as session:
        account = an_addressed_account(session)
        with pytest.raises(NotAllowed):
            queueing.queue_letter(
                session, make.holder_actor(account), account, kind="official_letter", currency="GBP", now=NOON
            )
