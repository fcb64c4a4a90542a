"""A page of the gateway that saves a card and takes no money: opened, followed to its end, looked after.

The row is committed before the first call, with the exact request (P-01, decision 13). The return page,
the notification and the sweeper all call `settle_setup`; whoever comes second finds the work done (P-09).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CardSetup, SavedCard
from models.base import new_ref
from models.creditors import Creditor
from models.staff import Staff
from models.states import UNSETTLED_ATTEMPTS, AttemptStatus
from models.store import Store
from receivables import links, outbox
from receivables.arrangements import cards
from receivables.arrangements.cards import Consent
from receivables.errors import NotFound
from receivables.payments.attempts import STATUS_OF
from receivables.payments.hosted import open_page, truth_of_page
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.ports import (
    GatewayRefused,
    OpenedCheckout,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
    RemotePayment,
    Sender,
    SetupOrder,
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A begun saving; `url` is the hosted page, or None while its outcome is unknown."""

    ref: str
    url: str | None


@dataclass(frozen=True, slots=True)
class SetupView:
    """What the return page of a saving may show without a session: status and creditor (decision 10)."""

    ref: str
    status: AttemptStatus
    url: str | None
    language: str
    languages: tuple[str, ...]
    zone: str
    gateway_account: str
    sender: Sender


# --------------------------------------------------------------------------- opening


def begin_saving(
    store: Store,
    gateway: PaymentGateway,
    actor: Actor,
    consent: Consent,
    *,
    account_id: int,
    currency: str,
    language: str,
    note: str | None,
    base_url: str,
    now: datetime,
) -> Begun:
    """Begin to save a card on a page of its own: consent and request committed, then the page opened.

    Speaks to the gateway between units of work. The same consent given again leads to the same page
    while it is open.

    Args:
        currency: ISO code of what will be charged later.
        base_url: where the gateway sends the debtor back (a constant of ours, L-17).
    Raises:
        Refused: plan_gone; gateway_refused.
        GatewayDown: the gateway can't be reached; nothing was made.
        NotAllowed, NotFound.
    """
    require(actor, Permission.CARD_KEEP, account_id=account_id)

    def reserve(session: Session) -> tuple[CardSetup, bool]:
        session.get_one(Account, account_id, with_for_update=True)
        same = _same_open(session, actor, consent, account_id=account_id, now=now)
        if same is not None:
            return same, False
        return _write(
            session, gateway, actor, consent, account_id=account_id, currency=currency, language=language,
            note=note, base_url=base_url, now=now,
        ), True  # fmt: skip

    setup, fresh = store.run(reserve)
    if not fresh:
        return Begun(setup.ref, setup.url)
    url = open_page(
        store,
        gateway,
        _stored_call(setup),
        opened=lambda s, page: _opened(s, setup.id, page, now=now),
        ended=lambda s, to, code: _end(s, setup.id, to, code, now=now),
    )
    return Begun(setup.ref, url)


def _same_open(
    session: Session, actor: Actor, consent: Consent, *, account_id: int, now: datetime
) -> CardSetup | None:
    """Return the open page of the same consent of the same person, if there is one."""
    plan = cards.carried_plan(session, actor, consent.plan_ref) if consent.plan_ref else None
    return session.scalar(
        select(CardSetup)
        .join(SavedCard, SavedCard.id == CardSetup.saved_card_id)
        .where(
            SavedCard.account_id == account_id,
            SavedCard.contact_id == actor.contact_id,
            SavedCard.consent_text == consent.text,
            CardSetup.attempt_id.is_(None),
            CardSetup.plan_id == (plan.id if plan else None),
            CardSetup.status.in_([AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.UNKNOWN]),
            CardSetup.expires_at > now + timedelta(minutes=2),
        )
        .order_by(CardSetup.id.desc())
        .limit(1)
    )


def _write(
    session: Session,
    gateway: PaymentGateway,
    actor: Actor,
    consent: Consent,
    *,
    account_id: int,
    currency: str,
    language: str,
    note: str | None,
    base_url: str,
    now: datetime,
) -> CardSetup:
    account = session.get_one(Account, account_id)
    expires_at = now + current_policy(session, now).session_life
    ref = new_ref()
    prepared = gateway.prepare_setup(
        SetupOrder(
            setup_ref=ref,
            currency=currency,
            language=language,
            note=note,
            expires_at=expires_at,
            success_url=f"{base_url}/s/{ref}",
            cancel_url=f"{base_url}/s/{ref}?left=1",
            idempotency_key=f"setup:{ref}:1",
            saves_card=cards.card_saving(session, actor, account),
        )
    )
    setup = cards.write_consent(
        session, actor, account, consent, language=language, expires_at=expires_at, setup_ref=ref, now=now
    )
    setup.idempotency_key, setup.operation = prepared.idempotency_key, prepared.operation
    setup.request_body = prepared.body
    session.flush()
    return setup


def _stored_call(setup: CardSetup) -> PreparedRequest:
    return PreparedRequest(setup.operation or "", setup.request_body or "", setup.idempotency_key or "")


# --------------------------------------------------------------------------- the truth


def settle_setup(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> AttemptStatus:
    """Ask the gateway what became of a page that saves a card, and apply it; safe at any time.

    Speaks to the gateway between units of work. Without a known page the stored call is made again with
    its stored key, which creates nothing twice; once the key may be forgotten the gateway is searched.

    Returns: the try's status afterwards. One that rides on a payment follows that payment.
    Raises:
        NotFound: no such try.
        GatewayUnreachable: nothing was learned; ask again later.
        GatewayRefused: the gateway does not show us the page that we know of.
    """
    with store.read() as session:
        setup = find_setup(session, ref)
    if setup.attempt_id is not None or setup.status not in UNSETTLED_ATTEMPTS:
        return setup.status
    try:
        remote = _truth(store, gateway, setup, now=now)
    except OutcomeUnknown as error:
        why = str(error)
        return store.run(lambda s: _end(s, setup.id, AttemptStatus.UNKNOWN, why, now=now))
    except GatewayRefused as error:
        if setup.remote_id is not None:
            raise
        code = error.code  # the stored call was refused: nothing was created (decision 13)
        return store.run(lambda s: _end(s, setup.id, AttemptStatus.FAILED, code, now=now))
    if remote is None:
        return store.run(lambda s: _end(s, setup.id, AttemptStatus.FAILED, "never_created", now=now))
    return store.run(lambda s: _apply(s, setup.id, remote, now=now))


def _truth(store: Store, gateway: PaymentGateway, setup: CardSetup, *, now: datetime) -> RemotePayment | None:
    return truth_of_page(
        store,
        gateway,
        _stored_call(setup),
        ref=setup.ref,
        remote_id=setup.remote_id,
        started_at=setup.started_at,
        opened=lambda s, page: _opened(s, setup.id, page, now=now),
        now=now,
    )


def _locked(session: Session, setup_id: int) -> CardSetup:
    """Lock the account, then the try; the account comes first, as everywhere."""
    account_id = session.execute(
        select(SavedCard.account_id)
        .join(CardSetup, CardSetup.saved_card_id == SavedCard.id)
        .where(CardSetup.id == setup_id)
    ).scalar_one()
    session.get_one(Account, account_id, with_for_update=True)
    return session.get_one(CardSetup, setup_id, with_for_update=True, populate_existing=True)


def _opened(session: Session, setup_id: int, opened: OpenedCheckout, *, now: datetime) -> None:
    setup = _locked(session, setup_id)
    setup.remote_id, setup.url, setup.expires_at = opened.session_id, opened.url, opened.expires_at
    card = session.get_one(SavedCard, setup.saved_card_id)
    card.customer_id = card.customer_id or opened.customer_id
    if setup.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        cards.end_setup(session, setup, AttemptStatus.OPEN, None, now=now)


def _end(session: Session, setup_id: int, to: AttemptStatus, code: str, *, now: datetime) -> AttemptStatus:
    """Write down how the call ended, unless somebody else has found the page meanwhile."""
    setup = _locked(session, setup_id)
    if setup.remote_id is None:
        cards.end_setup(session, setup, to, None, now=now, code=code)
    return setup.status


def _apply(session: Session, setup_id: int, remote: RemotePayment, *, now: datetime) -> AttemptStatus:
    setup = _locked(session, setup_id)
    if remote.attempt_ref != setup.ref:
        facts = {"object": remote.session_id}
        outbox.raise_alert(session, "foreign_object", f"card_setup:{setup.id}", now=now, facts=facts)
        return setup.status
    setup.remote_id = setup.remote_id or remote.session_id
    setup.url = setup.url or remote.url
    if setup.status is AttemptStatus.CREATED:
        cards.end_setup(session, setup, AttemptStatus.OPEN, None, now=now)  # its page is there
    cards.end_setup(session, setup, STATUS_OF[remote.state], remote.card, now=now, code=remote.failure_code)
    return setup.status


def sweep_setups(
    store: Store, gateway: PaymentGateway, *, gateway_account: str, now: datetime, limit: int = 100
) -> int:
    """Re-read every page that should have ended, and raise an alert where it has not (P-16).

    Returns: how many were looked at.
    """
    with store.read() as session:
        policy = current_policy(session, now)
        due = session.execute(
            select(CardSetup.ref, CardSetup.id, CardSetup.status, CardSetup.started_at, CardSetup.expires_at)
            .join(SavedCard, SavedCard.id == CardSetup.saved_card_id)
            .where(
                CardSetup.status.in_(UNSETTLED_ATTEMPTS),
                CardSetup.attempt_id.is_(None),
                SavedCard.gateway_account == gateway_account,
            )
            .order_by(CardSetup.id)
            .limit(limit)
        ).all()
    looked = 0
    for row in due:
        unsure = row.status in (AttemptStatus.UNKNOWN, AttemptStatus.CREATED)
        if now - row.started_at < (timedelta(seconds=20) if unsure else policy.sweep_after):
            continue
        looked += 1
        try:
            status, trouble = settle_setup(store, gateway, row.ref, now=now), None
        except Exception as error:  # one bad page must not hold up the others
            status, trouble = row.status, type(error).__name__
        if trouble or (status in UNSETTLED_ATTEMPTS and now > row.expires_at + policy.alert_after):
            facts = {"status": status.value, "since": row.started_at.isoformat(), "error": trouble}
            key = f"card_setup:{row.id}"

            def alert(session: Session, key: str = key, facts: dict[str, str | None] = facts) -> object:
                return outbox.raise_alert(session, "attempt_unresolved", key, facts=facts, now=now)

            store.run(alert)
    return looked


# --------------------------------------------------------------------------- reading


def find_setup(session: Session, ref: str) -> CardSetup:
    """Return a try to save a card by its return id.

    Raises: NotFound.
    """
    setup = session.scalar(select(CardSetup).where(CardSetup.ref == ref))
    if setup is None:
        raise NotFound("not_found")
    return setup


def setup_view(session: Session, ref: str, *, now: datetime) -> SetupView:
    """Return the state of a try by its return id; reads our rows only.

    Raises: NotFound: no such return id.
    """
    r = session.execute(
        select(*links.SENDER_COLUMNS, CardSetup, Account.zone, SavedCard.gateway_account)
        .select_from(CardSetup)
        .join(SavedCard, SavedCard.id == CardSetup.saved_card_id)
        .join(Account, Account.id == SavedCard.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .outerjoin(Staff, Staff.id == Account.collector_id)
        .where(CardSetup.ref == ref)
    ).first()
    if r is None:
        raise NotFound("not_found")
    setup: CardSetup = r.CardSetup
    usable = setup.status is AttemptStatus.OPEN and setup.expires_at > now + timedelta(minutes=2)
    return SetupView(
        ref=setup.ref,
        status=setup.status,
        url=setup.url if usable else None,
        language=setup.language,
        languages=tuple(r.languages),
        zone=r.zone,
        gateway_account=r.gateway_account,
        sender=links.sender_of(r, setup.language, now=now),
    )
