"""Where gateway and books differ: rows that stay until both agree again, or a person explains them.

Looking twice changes nothing. Source: P-17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.ledger import LedgerEntry
from models.reconciliation import (
    UNREAD_MOVEMENT,
    FindingList,
    GatewayMovement,
    Payout,
    ReconciliationFinding,
)
from models.staff import Staff
from models.states import FindingStatus, advance
from receivables import payouts
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.ports import UnreadMovement
from receivables.reconciling import ties
from receivables.texts import clean_words

F = ReconciliationFinding
#: What a finding is about besides a kind of movement: a payout's own sum, an entry of ours, and a movement
#: that our money cannot say.
PAYOUT_SUM, ENTRY = "payout_sum", "entry"
UNREAD = UNREAD_MOVEMENT
#: ISO 4217's code for no currency: what the gateway said stands in the facts.
NO_CURRENCY = "XXX"
#: Longest explanation, characters.
REASON_MOST = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference as it stands now; amounts are signed minor units of `currency`."""

    listed: FindingList
    about: str
    object_id: str
    currency: str
    here_minor: int | None
    there_minor: int | None
    arose_on: date
    facts: dict[str, str]


def of_tie(tie: ties.Tie, zone: str) -> Difference:
    """The difference that an untied movement is."""
    one = tie.movement
    listed = FindingList.MISSING_HERE if tie.here_minor is None else FindingList.DIFFERENT
    facts = {"source": one.source_id} if one.source_id else {}
    return Difference(
        listed, one.kind, one.movement_id, one.currency, tie.here_minor, one.net_minor,
        business_date(one.made_at, zone), facts,
    )  # fmt: skip


def of_unchanged(tie: ties.Tie, zone: str) -> Difference:
    """The difference that a sum is whose currency the gateway changed and our books did not."""
    one = tie.movement
    return Difference(
        FindingList.DIFFERENT, "exchange", one.movement_id, one.original_currency or "", tie.here_minor, 0,
        business_date(one.made_at, zone), {"source": one.source_id} if one.source_id else {},
    )  # fmt: skip


def of_lone(lone: ties.Lone) -> Difference:
    """The difference that an entry is which the gateway knows nothing of."""
    facts = {"kind": lone.kind} | ({"source": lone.object_id} if lone.object_id else {})
    return Difference(
        FindingList.MISSING_THERE, ENTRY, lone.reference, lone.currency, lone.minor, None, lone.effective_on,
        facts,
    )  # fmt: skip


def of_payout(payout: Payout) -> Difference:
    """The difference that a payout is whose movements do not sum to it."""
    return Difference(
        FindingList.DIFFERENT, PAYOUT_SUM, payout.payout_id, payout.currency, payout.listed_minor,
        payout.amount_minor, payout.arrives_on, {},
    )  # fmt: skip


def of_unread(one: UnreadMovement, zone: str) -> Difference:
    """The difference that a movement is whose currency or fraction we do not know."""
    facts = {"said": one.said, "moved": one.kind.value} | ({"source": one.source_id} if one.source_id else {})
    return Difference(
        FindingList.MISSING_HERE, UNREAD, one.movement_id, NO_CURRENCY, None, None,
        business_date(one.created_at, zone), facts,
    )  # fmt: skip


def keep_unread(
    session: Session, gateway_account: str, unread: Sequence[UnreadMovement], *, now: datetime
) -> int:
    """Write down movements that our money cannot say; returns as `keep`."""
    zone = zone_of(session, gateway_account)
    return keep(session, gateway_account, [of_unread(one, zone) for one in unread], now=now)


def keep(session: Session, gateway_account: str, differences: Sequence[Difference], *, now: datetime) -> int:
    """Write differences down; what is known and as it was is left alone.

    Returns:
        How many are new, or other than before.
    """
    ids = [one.object_id for one in differences]
    known = {
        (row.object_id, row.currency): row
        for row in session.scalars(
            select(F).where(F.gateway_account == gateway_account, F.object_id.in_(ids)).with_for_update()
        )
    }
    changed = 0
    for one in differences:
        row = known.get((one.object_id, one.currency))
        if row is None:
            row = F(
                gateway_account=gateway_account, listed=one.listed, about=one.about,
                object_id=one.object_id, currency=one.currency, here_minor=one.here_minor,
                there_minor=one.there_minor, arose_on=one.arose_on, facts=one.facts,
                status=FindingStatus.OPEN, found_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            known[one.object_id, one.currency] = row
        else:
            is_same = (row.listed, row.here_minor, row.there_minor) == (
                one.listed, one.here_minor, one.there_minor,
            )  # fmt: skip
            if is_same and row.status is not FindingStatus.GONE:
                continue
            row.listed, row.here_minor, row.there_minor = one.listed, one.here_minor, one.there_minor
            if row.status is not FindingStatus.OPEN:
                # Another difference than the one that was explained, or one that has come again.
                advance(row, FindingStatus.OPEN)
                row.gone_at = row.reason = row.explained_by_id = row.explained_at = None
        changed += 1
        record(
            session, SYSTEM, "reconciliation.found", row, account_id=None, now=now,
            facts={
                "list": one.listed.value, "about": one.about, "object": one.object_id,
                "currency": one.currency, "here_minor": one.here_minor, "there_minor": one.there_minor,
                **({"said": one.facts["said"]} if "said" in one.facts else {}),
            },
        )  # fmt: skip
    return changed


def let_go(
    session: Session, gateway_account: str, *, after: int, now: datetime, limit: int = 300
) -> tuple[int, int]:
    """Look again at a part of what stands, and end what both sides agree on by now.

    Args:
        after: id of the last finding that was looked at.
    Returns:
        Id of the last one looked at, 0 when there are no more; how many ended.
    """
    rows = session.scalars(
        select(F)
        .where(F.gateway_account == gateway_account, F.status != FindingStatus.GONE, F.id > after)
        .order_by(F.id)
        .limit(limit)
        .with_for_update()
    ).all()
    if not rows:
        return 0, 0
    standing = _still(session, gateway_account, rows)
    ended = 0
    for row in rows:
        if (row.object_id, row.currency) in standing:
            continue
        advance(row, FindingStatus.GONE)
        row.gone_at = now
        ended += 1
        record(
            session, SYSTEM, "reconciliation.gone", row, account_id=None, now=now,
            facts={"about": row.about, "object": row.object_id, "currency": row.currency},
        )  # fmt: skip
    return rows[-1].id, ended


def _still(
    session: Session, gateway_account: str, rows: Iterable[ReconciliationFinding]
) -> set[tuple[str, str]]:
    """Which of the findings hold still, by what they are about."""
    rows = list(rows)
    entries = [row.object_id for row in rows if row.about == ENTRY]
    sums = [row.object_id for row in rows if row.about == PAYOUT_SUM]
    unread = [row.object_id for row in rows if row.about == UNREAD]
    moved = [row.object_id for row in rows if row.about not in (ENTRY, PAYOUT_SUM, UNREAD)]
    found: set[tuple[str, str]] = set()
    if unread:
        # Read by now where its currency came into our table: then it is kept like any other.
        m = GatewayMovement
        read = session.scalars(
            select(m.movement_id).where(m.gateway_account == gateway_account, m.movement_id.in_(unread))
        )
        found |= {(object_id, NO_CURRENCY) for object_id in set(unread) - set(read)}
    if moved:
        theirs = (GatewayMovement.gateway_account == gateway_account) & GatewayMovement.movement_id.in_(moved)
        for tie in ties.untied(session, theirs, limit=len(moved)):
            found.add((tie.movement.movement_id, tie.movement.currency))
        for tie in ties.unchanged(session, theirs, limit=len(moved)):
            found.add((tie.movement.movement_id, tie.movement.original_currency or ""))
    if entries:
        lone = ties.lone_entries(
            session, gateway_account, LedgerEntry.reference.in_(entries), limit=len(entries)
        )
        found |= {(one.reference, one.currency) for _, one in lone}
    if sums:
        wrong = select(Payout.payout_id, Payout.currency).where(
            Payout.gateway_account == gateway_account, Payout.payout_id.in_(sums), wrong_sum()
        )
        found |= {(r.payout_id, r.currency) for r in session.execute(wrong)}
    return found


def wrong_sum() -> ColumnElement[bool]:
    """The condition that a payout's movements are listed and do not sum to it."""
    return Payout.listed_minor.is_not(None) & (Payout.listed_minor != Payout.amount_minor)


def explain(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> ReconciliationFinding:
    """Say why a difference is as it is; it stays on the list as explained until both sides agree.

    Args:
        reason: one sentence or more, at most REASON_MOST characters.
    Raises:
        NotAllowed. NotFound. Refused: finding_gone, reason_missing, words_too_long.
    """
    require(actor, Permission.RECONCILIATION_EXPLAIN)
    row = session.scalar(select(F).where(F.ref == ref).with_for_update())
    if row is None:
        raise NotFound("not_found")
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if row.status is FindingStatus.GONE:
        raise Refused("finding_gone")
    if row.status is FindingStatus.OPEN:
        advance(row, FindingStatus.EXPLAINED)
    row.reason, row.explained_by_id, row.explained_at = words, actor.id, now
    record(
        session, actor, "reconciliation.explained", row, account_id=None, reason=words, now=now,
        facts={"about": row.about, "object": row.object_id, "currency": row.currency},
    )  # fmt: skip
    return row


def zone_of(session: Session, gateway_account: str) -> str:
    """The zone in which a gateway account's days are counted."""
    creditor: Creditor | None = payouts.creditor_of(session, gateway_account)
    return creditor.zone if creditor else "UTC"


def name_of(session: Session, staff_id: int | None) -> str:
    """The name of who explained."""
    return session.scalar(select(Staff.name).where(Staff.id == staff_id)) or ""
