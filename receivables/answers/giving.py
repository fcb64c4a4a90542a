"""What is stopping you from paying now? Each honest answer is kept, and does at once what it says.

The answer is the reason for non-payment in the debtor's own choice of words; it stands for ever. What
follows from it (a promise, a request, a pause) is written in the same transaction. No answer worsens
anything. Source: domain.md, "Six kinds of debtor"; issue of the portal, part 1; policy [pauses].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import Answer, AnswerFile, AnswerKind, Request, RequestKind
from models.files import StoredFile
from models.invoices import OWED_KINDS, Invoice
from models.money import Money
from models.pauses import Pause, PauseReason
from models.states import InvoiceStatus, RequestStatus
from receivables import files, outbox, pauses, pausing
from receivables.answers import hardship, requests
from receivables.arrangements import promises
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.files import ReceivedFile
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words

#: Longest text of each field, characters.
_MOST = {"words": 1000, "reference": 120, "name": 120, "email": 254, "phone": 40}
#: The same form sent again within this is the same answer.
SAME_ACT = timedelta(hours=12)


class DocumentKind(StrEnum):
    """What is missing."""

    INVOICE_COPY = "invoice_copy"
    ORDER_NUMBER = "order_number"
    DELIVERY_NOTE = "delivery_note"
    BANK_DETAILS = "bank_details"
    OTHER = "other"


class PaidBy(StrEnum):
    """How the debtor says that he has paid."""

    TRANSFER = "transfer"
    CARD = "card"
    CHEQUE = "cheque"
    CASH = "cash"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Facts:
    """What came with an answer; each kind reads its own.

    Attributes:
        amount: promised, withheld, or what somebody in difficulty could pay.
        on: promised day, day of payment, or day until which an approval is waited for.
        invoices: refs of the documents it is about.
        what: the remedy chosen (plan, offer), a DocumentKind, or a PaidBy.
        words: free text.
        reference: of the transfer, or of the certificate.
        name, email, phone: of the right person; of who approves, the name.
        received: proofs, already looked at.
        staged: refs of proofs that came with an earlier try of the same form.
    """

    amount: Money | None = None
    on: date | None = None
    invoices: tuple[str, ...] = ()
    what: str = ""
    words: str = ""
    reference: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    received: tuple[ReceivedFile, ...] = ()
    staged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Given:
    """Everything that a remedy works on."""

    session: Session
    actor: Actor
    account: Account
    facts: Facts
    documents: list[Invoice]
    policy: Policy
    today: date
    now: datetime
    proofs: list[StoredFile]


def give(session: Session, actor: Actor, kind: AnswerKind, facts: Facts, *, now: datetime) -> Answer:
    """Keep an answer and do what it says; the same form sent twice is one answer.

    Returns:
        The answer. What it opened is found by `requests.of_answer` or `promises.open_promise`.
    Raises:
        NotAllowed: the link does not bind the debtor (decision 6).
        Refused: what, words, name, certificate, amount, day or invoice missing (`<what>_missing`,
            none_chosen), words_too_long with `field` and `most`, invoice_not_open, day_ahead, day_past,
            day_too_old, claimed_already or claimed_before with `number` and `ref`, amounts as in
            promises, and those of promises and files.
    """
    require(actor, Permission.ANSWER_GIVE)
    account = session.get_one(Account, actor.account_id or 0, with_for_update=True)
    if kind is AnswerKind.HARDSHIP:
        return _tell(session, actor, account, facts, now=now)
    given = _Given(
        session, actor, account, facts, _documents(session, account, facts.invoices),
        current_policy(session, now), business_date(now, account.zone), now,
        files.own_files(session, actor, facts.staged),
    )  # fmt: skip
    most = given.policy.disputes.files
    if len(facts.received) + len(given.proofs) > most:
        raise Refused("too_many_files", most=most)
    stored = _stored(given, kind)
    known = _same(session, actor, account, kind, stored, since=now - SAME_ACT)
    if known is not None:
        return known
    check, remedy = _WAYS[kind]
    check(given)
    answer = _keep(session, actor, account, kind, stored, now=now)
    outbox.note(session, account.id, "answer.given", contact_id=actor.contact_id, now=now,
                facts={"answer": kind.value})  # fmt: skip
    for received in facts.received:
        kept = files.keep(session, actor, received, account_id=account.id, policy=given.policy, now=now)
        session.add(AnswerFile(file_id=kept.id, answer_id=answer.id))
    for proof in _staged(given):
        files.attach(proof)
        session.add(AnswerFile(file_id=proof.id, answer_id=answer.id))
    remedy(given, answer, stored)
    return answer


def _keep(
    session: Session,
    actor: Actor,
    account: Account,
    kind: AnswerKind,
    stored: Mapping[str, Any],
    *,
    now: datetime,
) -> Answer:
    answer = _write(session, actor, account, kind, stored, now=now)
    record(session, actor, "answer.given", answer, account_id=account.id, now=now,
           facts={"kind": kind.value})  # fmt: skip
    return answer


def _write(
    session: Session,
    actor: Actor,
    account: Account,
    kind: AnswerKind,
    stored: Mapping[str, Any],
    *,
    now: datetime,
) -> Answer:
    answer = Answer(
        account_id=account.id, contact_id=actor.contact_id, kind=kind, facts=dict(stored), given_at=now
    )
    session.add(answer)
    session.flush()
    return answer


def _tell(session: Session, actor: Actor, account: Account, facts: Facts, *, now: datetime) -> Answer:
    """Of difficulty the answer holds that it was given; the words go to the case, nothing to the timeline.

    In the audit it is `hardship.told`, which only its own readers see.
    """
    case = hardship.tell(session, actor, account, facts.words, facts.amount, now=now)
    known = session.scalar(
        select(Answer).where(
            Answer.account_id == account.id,
            Answer.contact_id == actor.contact_id,
            Answer.kind == AnswerKind.HARDSHIP,
            Answer.given_at >= case.told_at,
        )
    )
    return known or _write(session, actor, account, AnswerKind.HARDSHIP, {}, now=now)


def _documents(session: Session, account: Account, refs: tuple[str, ...]) -> list[Invoice]:
    """Return the open documents of the account that are named; any other is refused alike (L-15)."""
    if not refs:
        return []
    rows = session.scalars(
        select(Invoice)
        .where(
            Invoice.account_id == account.id,
            Invoice.ref.in_(refs),
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
        )
        .order_by(Invoice.id)
    ).all()
    if len(rows) != len(set(refs)):
        raise Refused("invoice_not_open")
    return list(rows)


def _staged(given: _Given) -> list[StoredFile]:
    """The proofs of earlier tries that belong to no answer yet; what does is not taken from it."""
    return [proof for proof in given.proofs if proof.retention_class == files.DRAFT]


def _stored(given: _Given, kind: AnswerKind) -> dict[str, Any]:
    """Return what is kept of the facts: cleaned, and only what there is."""
    facts = given.facts
    values: dict[str, Any] = {
        "invoices": [row.number for row in given.documents],
        "invoice_ids": [row.id for row in given.documents],
        "what": facts.what,
        "on": facts.on.isoformat() if facts.on else "",
        "files": sorted(
            [
                *(received.content_digest for received in facts.received),
                *(proof.content_digest for proof in given.proofs),
            ]
        ),
    }
    for name, most in _MOST.items():
        try:
            values[name] = clean_words(getattr(facts, name), most=most)
        except Refused as error:
            raise Refused(error.code, field=name, **error.facts) from None
    if facts.amount is not None:
        values |= {"amount_minor": facts.amount.minor, "currency": facts.amount.currency}
    return {name: value for name, value in values.items() if value not in ("", [])}


def _same(
    session: Session,
    actor: Actor,
    account: Account,
    kind: AnswerKind,
    stored: Mapping[str, Any],
    *,
    since: datetime,
) -> Answer | None:
    """Return the answer that this form has already given; one that was taken back is given anew."""
    last = session.scalar(
        select(Answer)
        .where(Answer.account_id == account.id, Answer.kind == kind, Answer.given_at >= since)
        .order_by(Answer.id.desc())
        .limit(1)
    )
    if last is None or last.contact_id != actor.contact_id or last.facts != stored:
        return None
    if kind is AnswerKind.ON_A_DATE:
        promised = promises.open_promise(session, account.id, stored.get("currency", ""))
        return last if promised is not None and promised.made_at == last.given_at else None
    opened = requests.of_answer(session, last.id)
    return None if opened is not None and opened.answered_at is not None else last


# --------------------------------------------------------------------------- what each answer needs


def _nothing(given: _Given) -> None:
    """An answer that needs no more than itself."""


def _need(value: object, code: str) -> None:
    if not value:
        raise Refused(code)


def _member(given: _Given, kind: type[StrEnum]) -> None:
    if given.facts.what not in {member.value for member in kind}:
        raise Refused("what_missing")


def _check_promise(given: _Given) -> None:
    _need(given.facts.on, "day_missing")
    _need(given.facts.amount is not None, "empty")


def _check_part(given: _Given) -> None:
    _need(given.facts.what in ("plan", "offer"), "what_missing")


def _check_one(given: _Given) -> None:
    _need(len(given.documents) == 1, "none_chosen")


def _check_document(given: _Given) -> None:
    _member(given, DocumentKind)
    if given.facts.what == DocumentKind.OTHER:
        _need(given.facts.words.strip(), "words_missing")


def _check_paid(given: _Given) -> None:
    _need(given.documents, "none_chosen")
    _need(given.facts.on, "day_missing")
    _check_past(given)
    _member(given, PaidBy)
    for earlier in given.session.scalars(
        select(Request)
        .where(Request.account_id == given.account.id, Request.kind == RequestKind.PAYMENT_CLAIM)
        .order_by(Request.id)
    ):
        for row in given.documents:
            if row.id in earlier.facts["invoice_ids"]:
                # Once for each invoice (domain.md); only of an open claim a person has it in hand.
                code = "claimed_already" if earlier.status is RequestStatus.OPEN else "claimed_before"
                raise Refused(code, number=row.number, ref=earlier.ref)


def _check_past(given: _Given) -> None:
    if given.facts.on is not None and given.facts.on > given.today:
        raise Refused("day_ahead")
    oldest = given.today - timedelta(days=given.policy.pauses.paid_within_days)
    if given.facts.on is not None and given.facts.on < oldest:
        raise Refused("day_too_old")


def _check_withheld(given: _Given) -> None:
    _check_one(given)
    amount, row = given.facts.amount, given.documents[0]
    if amount is None:
        raise Refused("empty")
    if amount.currency != row.currency:
        raise Refused("not_a_number")
    if amount.minor <= 0:
        raise Refused("amount_zero" if amount.minor == 0 else "amount_negative")
    if amount.minor > row.balance_minor:
        raise Refused("amount_above_balance", asked=Money(row.balance_minor, row.currency))
    _need(given.facts.reference.strip() or given.facts.received or _staged(given), "certificate_missing")
    for earlier in given.session.scalars(
        select(Request).where(Request.invoice_id == row.id, Request.kind == RequestKind.WITHHOLDING)
    ):
        if earlier.answered_at is None:
            raise Refused("claimed_already", number=row.number, ref=earlier.ref)


def _check_approval(given: _Given) -> None:
    _need(given.facts.name.strip(), "name_missing")
    _need(given.facts.on, "day_missing")
    if given.facts.on is not None and given.facts.on <= given.today:
        raise Refused("day_past", first=given.today + timedelta(days=1))


def _check_person(given: _Given) -> None:
    _need(given.facts.name.strip(), "name_missing")
    _check_reachable(given)
    _need(given.facts.email.strip() or given.facts.phone.strip(), "address_missing")


def _check_reachable(given: _Given) -> None:
    email = given.facts.email.strip()
    local, _at, host = email.rpartition("@")
    if email and not (local and "." in host and " " not in email):
        raise Refused("email_unreadable")
    phone = given.facts.phone.strip()
    if phone and not 6 <= sum(letter.isdigit() for letter in phone) <= 15:
        raise Refused("phone_unreadable")


# --------------------------------------------------------------------------- what each answer does

_Stored = Mapping[str, Any]


def _only_kept(given: _Given, answer: Answer, stored: _Stored) -> None:
    """The remedy is a page of its own: pay, plan, offer, dispute."""


def _promise(given: _Given, answer: Answer, stored: _Stored) -> None:
    amount, on = given.facts.amount, given.facts.on
    if amount is not None and on is not None:
        promises.promise(given.session, given.actor, given.account, amount, on, now=given.now)


def _open(
    given: _Given, answer: Answer, kind: RequestKind, stored: _Stored, invoice: Invoice | None
) -> Request:
    return requests.open_request(
        given.session, given.actor, given.account, kind, answer_id=answer.id, facts=stored,
        invoice_id=invoice.id if invoice else None, now=given.now,
    )  # fmt: skip


def _ask_document(given: _Given, answer: Answer, stored: _Stored) -> None:
    invoice = given.documents[0] if len(given.documents) == 1 else None
    row = _open(given, answer, RequestKind.DOCUMENT, stored, invoice)
    requests.stand_still(
        given.session, given.actor, given.account, row, PauseReason.DOCUMENT_REQUESTED, now=given.now,
        invoice_ids=[document.id for document in given.documents],
    )  # fmt: skip


def _claim(given: _Given, answer: Answer, stored: _Stored) -> None:
    one = given.documents[0] if len(given.documents) == 1 else None
    row = _open(given, answer, RequestKind.PAYMENT_CLAIM, stored, one)
    days = given.policy.pauses.says_paid_business_days
    requests.stand_still(
        given.session, given.actor, given.account, row, PauseReason.SAYS_PAID, now=given.now,
        to_on=add_business_days(given.today, days, given.account.country),
        invoice_ids=[document.id for document in given.documents],
    )  # fmt: skip


def _withheld(given: _Given, answer: Answer, stored: _Stored) -> None:
    row = _open(given, answer, RequestKind.WITHHOLDING, stored, given.documents[0])
    requests.stand_still(
        given.session, given.actor, given.account, row, PauseReason.WITHHOLDING, now=given.now,
        invoice_ids=[given.documents[0].id],
    )  # fmt: skip


def approval_cap(session: Session, account: Account, today: date, policy: Policy) -> date:
    """Return the first day on which waiting for their approval no longer holds, whatever day is named.

    It is counted from the first such answer of late, so that naming a new day again and again does
    not stretch it. Source: policy pauses.their_approval_business_days, their_approval_anew_days.
    """
    return pausing.cap(session, account, PauseReason.THEIR_APPROVAL, today, policy)


def _wait_for_approval(given: _Given, answer: Answer, stored: _Stored) -> None:
    cap = approval_cap(given.session, given.account, given.today, given.policy)
    until = min(given.facts.on or given.today, cap - timedelta(days=1)) + timedelta(days=1)
    if until <= given.today:
        return
    for held in given.session.scalars(
        select(Pause).where(
            Pause.account_id == given.account.id,
            Pause.reason == PauseReason.THEIR_APPROVAL,
            Pause.ended_at.is_(None),
        )
    ).all():
        pauses.resume(given.session, given.actor, given.account, held.key, now=given.now)
    pauses.pause(
        given.session, given.actor, given.account, PauseReason.THEIR_APPROVAL, key=f"approval:{answer.id}",
        to_on=until, now=given.now,
    )  # fmt: skip


def _other_contact(given: _Given, answer: Answer, stored: _Stored) -> None:
    """Somebody else is the right person: only the one who says so is not written to any more."""
    row = _open(given, answer, RequestKind.OTHER_CONTACT, stored, None)
    if given.actor.contact_id is None:
        raise NotFound("not_found")
    contact = given.session.get_one(Contact, given.actor.contact_id)
    requests.stand_still(
        given.session, given.actor, given.account, row, PauseReason.WRONG_CONTACT, now=given.now,
        contact_id=contact.id,
    )  # fmt: skip


_K = AnswerKind
_WAYS: dict[AnswerKind, tuple[Callable[[_Given], None], Callable[[_Given, Answer, _Stored], None]]] = {
    _K.FORGOT: (_nothing, _only_kept),
    _K.ON_A_DATE: (_check_promise, _promise),
    _K.NOT_ALL: (_check_part, _only_kept),
    _K.WRONG_INVOICE: (_check_one, _only_kept),
    _K.MISSING_DOCUMENT: (_check_document, _ask_document),
    _K.HAVE_PAID: (_check_paid, _claim),
    _K.TAX_WITHHELD: (_check_withheld, _withheld),
    _K.NEEDS_APPROVAL: (_check_approval, _wait_for_approval),
    _K.NOT_ME: (_check_reachable, _other_contact),
    _K.SOMEONE_ELSE: (_check_person, _other_contact),
}
