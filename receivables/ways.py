"""Ways to pay by currency and amount: card, transfer, a code for the bank's app, a cheque announced.

A cheque is not money until it is paid in, and a post-dated one mostly lies beyond the horizon of a
promise: so it is told to a person as a task with its date, and reminders wait as long as for "I have
paid". Source: policy section `ways`; stack.md section 8 (QR); decision 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import segno
from segno import helpers
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.links import Link, LinkInvoice
from models.money import Money
from models.pauses import PauseReason
from models.work import Task, TaskKind
from receivables import outbox, pauses
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.invoices import BankDetails
from receivables.links import digest, new_token
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words, one_line

#: The European Payments Council's guideline for the code (EPC069-12): currency and amounts it takes.
EPC_CURRENCY = "EUR"
EPC_MOST_MINOR = 99_999_999_999
#: Longest name of the receiver in it, characters.
EPC_NAME = 70
#: Longest number and bank name, characters.
CHEQUE_NUMBER, CHEQUE_BANK = 30, 80


class WayKind(StrEnum):
    CARD = "card"
    TRANSFER = "transfer"
    CHEQUE = "cheque"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay, in the order in which they are shown.

    Attributes:
        bank: where a transfer goes; None tells the debtor to ring.
        code: SVG of the code that the debtor's bank app reads, or None.
    """

    kind: WayKind
    bank: BankDetails | None = None
    code: str | None = None


def ways(
    account_country: str, amount: Money, policy: Policy, *, bank: BankDetails | None, by_card: bool
) -> list[Way]:
    """Return the ways to pay an amount, the one to suggest first.

    Args:
        account_country: where the payer is; cheques are usual in some countries only.
        amount: what is to be paid, in the currency of the way.
        bank: the creditor's account in that currency (`invoices.bank_details`), if any.
        by_card: whether card payments are set up (decision 24).
    Source: policy keys ways.transfer_first_above, ways.cheques.
    """
    card = [Way(WayKind.CARD)] if by_card else []
    transfer = [Way(WayKind.TRANSFER, bank, epc_code(bank, amount) if bank else None)]
    limit = policy.units(policy.ways.transfer_first_above, amount.currency)
    large = bank is not None and limit is not None and amount >= limit
    found = [*transfer, *card] if large else [*card, *transfer]
    if account_country in policy.ways.cheques:
        found.append(Way(WayKind.CHEQUE))
    return found


def epc_code(bank: BankDetails, amount: Money) -> str | None:
    """Return the code that fills a transfer in a bank's app, as SVG for a page; None where it can't.

    Source: EPC069-12: euro, an IBAN, 0.01 to 999,999,999.99.
    """
    if amount.currency != EPC_CURRENCY or not bank.iban or not 0 < amount.minor <= EPC_MOST_MINOR:
        return None
    made = helpers.make_epc_qr(
        name=bank.holder[:EPC_NAME],
        iban=bank.iban.replace(" ", ""),
        amount=amount.decimal,
        text=bank.reference,
        bic=bank.bic if bank.bic and len(bank.bic) in (8, 11) else None,
        encoding="utf-8",
    )
    return _svg(made)


def link_code(address: str) -> str:
    """Return an address as a code for another device's camera, as SVG for a page."""
    return _svg(segno.make(address, error="m", micro=False))


def _svg(code: segno.QRCode) -> str:
    """Write a code with attributes only, so that the page's policy lets it be; white also in the dark."""
    return code.svg_inline(svgclass="qr", lineclass="", light="#fff", omitsize=True)


# --------------------------------------------------------------------------- another device


def continue_elsewhere(session: Session, actor: Actor, *, now: datetime) -> tuple[Link, str]:
    """Make a short-lived link of the same contact and scope, to go on with on another device.

    It lives as long as a one-time code, which is carried from one device to the other as it is.
    What was proved in this session is not carried over.

    Returns:
        The link and its clear token, which is known only now (L-02).
    Raises:
        NotAllowed, NotFound: the actor holds no link.
        Refused: link_over: the link of this session has expired, and a new one never outlives it.
    Source: policy key step_up.valid_minutes.
    """
    require(actor, Permission.PAYMENT_START, account_id=actor.account_id)
    held = session.get_one(Link, actor.id)
    if held.expires_at <= now:
        raise Refused("link_over")
    policy = current_policy(session, now)
    token = new_token(policy.mail_bits)
    link = Link(
        token_digest=digest(token),
        account_id=held.account_id,
        contact_id=held.contact_id,
        channel=held.channel,
        scope=held.scope,
        held_by_staff_id=held.held_by_staff_id,
        message_id=held.message_id,
        parent_id=held.id,
        issued_at=now,
        expires_at=min(now + timedelta(minutes=policy.step_up.valid_minutes), held.expires_at),
        redeemed_count=0,
    )
    session.add(link)
    session.flush()
    shown = session.scalar(select(LinkInvoice.invoice_id).where(LinkInvoice.link_id == held.id))
    if shown is not None:
        session.add(LinkInvoice(link_id=link.id, invoice_id=shown))
    facts = {"from": held.id, "scope": link.scope.value, "expires_at": link.expires_at}
    record(session, actor, "link.issued", link, account_id=link.account_id, now=now, facts=facts)
    return link, token


# --------------------------------------------------------------------------- cheques


@dataclass(frozen=True, slots=True)
class Cheque:
    """A cheque as its drawer announces it."""

    number: str
    bank: str
    amount: Money
    dated_on: date


def announce_cheque(
    session: Session, actor: Actor, account: Account, cheque: Cheque, *, asked: Money, now: datetime
) -> Task:
    """Tell a person that a cheque is on its way, and let reminders wait for it.

    Args:
        asked: what is open in the cheque's currency; the cheque may not be above it.
    Returns:
        The task; the one that is there when the same number was announced before.
    Raises:
        NotAllowed, NotFound: not this actor's account.
        Refused: cheques_not_here, number_missing, bank_missing, number_too_long, bank_too_long (facts:
            most), amount_zero, amount_above_balance (facts: asked), date_past, date_too_far (facts: last).
    """
    require(actor, Permission.PROMISE_MAKE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    policy = current_policy(session, now)
    if account.country not in policy.ways.cheques:
        raise Refused("cheques_not_here")
    today = business_date(now, account.zone)
    number = _short("number", cheque.number, CHEQUE_NUMBER)
    bank = _short("bank", cheque.bank, CHEQUE_BANK)
    _refuse_unless_sound(Cheque(number, bank, cheque.amount, cheque.dated_on), asked, today, policy)
    facts = {
        "kind": "cheque",
        "number": number,
        "bank": bank,
        "amount_minor": cheque.amount.minor,
        "currency": cheque.amount.currency,
        "dated_on": cheque.dated_on.isoformat(),
    }
    key = f"cheque:{account.id}:{digest(f'{number}|{bank}'.casefold())[:24]}"
    known = session.scalar(select(Task).where(Task.key == key))
    if known is not None:
        return known
    task = outbox.ask_person(session, TaskKind.REQUEST, key, account_id=account.id, facts=facts, now=now)
    until = add_business_days(today, policy.pauses.says_paid_business_days, account.country)
    pauses.pause(
        session, actor, account, PauseReason.SAYS_PAID, key=f"cheque:{task.id}", now=now,
        to_on=until,
    )  # fmt: skip
    money = {"amount_minor": cheque.amount.minor, "currency": cheque.amount.currency}
    record(
        session, actor, "cheque.announced", task, account_id=account.id, now=now,
        facts={**money, "dated_on": facts["dated_on"]}, personal={"number": number, "bank": bank},
    )  # fmt: skip
    outbox.note(
        session, account.id, "cheque.announced", contact_id=actor.contact_id, now=now,
        facts={**money, "number": number, "dated_on": facts["dated_on"]},
    )  # fmt: skip
    return task


def _short(name: str, text: str, most: int) -> str:
    try:
        return clean_words(one_line(text), most=most)
    except Refused:
        raise Refused(f"{name}_too_long", most=most) from None


def _refuse_unless_sound(cheque: Cheque, asked: Money, today: date, policy: Policy) -> None:
    if not cheque.number:
        raise Refused("number_missing")
    if not cheque.bank:
        raise Refused("bank_missing")
    if cheque.amount.minor <= 0:
        raise Refused("amount_zero")
    if cheque.amount > asked:
        raise Refused("amount_above_balance", asked=asked)
    if cheque.dated_on < today:
        raise Refused("date_past")
    # Dated further ahead it is a slip of the pen.
    if cheque.dated_on > (last := today + timedelta(days=policy.ways.cheque_days)):
        raise Refused("date_too_far", last=last)


def announced(session: Session, actor: Actor, *, account_id: int, now: datetime) -> Sequence[Cheque]:
    """Return the cheques that were announced and that nobody has dealt with yet, oldest first.

    Raises:
        NotAllowed: the link may not announce one.
        NotFound: not this actor's account, or cheques are not usual where it is.
    """
    require(actor, Permission.PROMISE_MAKE, account_id=account_id)
    country = session.execute(select(Account.country).where(Account.id == account_id)).scalar_one()
    if country not in current_policy(session, now).ways.cheques:
        raise NotFound("not_found")
    tasks = session.scalars(
        select(Task)
        .where(Task.account_id == account_id, Task.kind == TaskKind.REQUEST, Task.done_at.is_(None))
        .order_by(Task.id)
    )
    return [
        Cheque(
            task.facts["number"],
            task.facts["bank"],
            Money(task.facts["amount_minor"], task.facts["currency"]),
            date.fromisoformat(task.facts["dated_on"]),
        )
        for task in tasks
        if task.facts.get("kind") == "cheque"
    ]
