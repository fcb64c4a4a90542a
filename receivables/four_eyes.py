"""Who may decide what another put forward: never his own, within his limit or that of whom he stands in for.

The one place that says so, for offers, plans, rules, charges and requests alike. A house of one person may
switch the second pair of eyes off (policy approvals.alone): he waits, proves himself again, the owner is
written to, and the row and the audit are marked. Source: A-02, A-03; INV-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.approvals import Deputy
from models.creditors import Creditor
from models.money import Money
from models.staff import Role, Staff
from receivables.calendar_days import business_date
from receivables.errors import NotAllowed, Refused
from receivables.permissions import GRANTS, Actor, ActorKind, Permission
from receivables.policy import Policy, current_policy
from receivables.staff_mail import queue_staff_mail


@dataclass(frozen=True, slots=True)
class Standing:
    """In which a person decides: in his own role, or in that of somebody whom he stands in for."""

    role: Role
    deputy_for_id: int | None = None


@dataclass(frozen=True, slots=True)
class Eyes:
    """How a decision was taken, as its row and the audit say it."""

    deputy_for_id: int | None = None
    is_alone: bool = False

    @property
    def facts(self) -> dict[str, object]:
        """What the audit adds to the facts of the decision; nothing for the usual two people."""
        found: dict[str, object] = {}
        if self.deputy_for_id is not None:
            found["deputy_for"] = self.deputy_for_id
        if self.is_alone:
            found["is_alone"] = True
        return found


def look(
    session: Session,
    actor: Actor,
    *,
    proposer_id: int | None,
    proposed_at: datetime,
    fits: Callable[[Standing], bool],
    beyond: Refused,
    proved_at: datetime | None,
    now: datetime,
) -> Eyes:
    """Let a person decide, or refuse him.

    Args:
        proposer_id: staff id of who put it forward; None for a debtor or a rule.
        proposed_at: since when it waits.
        fits: whether the limit of a standing is enough.
        beyond: what is raised when none is.
        proved_at: when the actor last gave password and code in this session.
    Returns:
        How it is decided: in his own limit where that is enough, else in that of one whom he stands in
        for; alone only in a house of one person.
    Raises:
        NotAllowed: no person; `own_proposal`.
        Refused: `beyond`; alone_too_soon (facts: at), alone_not_alone, alone_unproved.
    """
    if actor.kind is not ActorKind.STAFF or actor.id is None or actor.role is None:
        raise NotAllowed("not_allowed", permission=Permission.APPROVAL_DECIDE.value)
    is_alone = False
    if proposer_id is not None and proposer_id == actor.id:
        _refuse_unless_alone(session, actor, proposed_at, proved_at, now)
        is_alone = True
    for standing in standings(session, actor, proposer_id=proposer_id, now=now):
        if fits(standing):
            return Eyes(standing.deputy_for_id, is_alone)
    raise beyond


def refuse_own(
    session: Session,
    actor: Actor,
    *,
    proposer_id: int | None,
    proposed_at: datetime,
    proved_at: datetime | None,
    now: datetime,
) -> Eyes:
    """Let a person decide what has no limit, or refuse him.

    Raises: as `look`, but for `beyond`.
    """
    return look(
        session, actor, proposer_id=proposer_id, proposed_at=proposed_at, fits=lambda _: True,
        beyond=Refused("above_limit"), proved_at=proved_at, now=now,
    )  # fmt: skip


def may_look(
    session: Session,
    actor: Actor,
    *,
    proposer_id: int | None,
    proposed_at: datetime,
    fits: Callable[[Standing], bool],
    now: datetime,
) -> bool:
    """Whether the buttons are offered; one who is alone finds them after the wait, and proves himself."""
    try:
        look(
            session, actor, proposer_id=proposer_id, proposed_at=proposed_at, fits=fits,
            beyond=Refused("above_limit"), proved_at=now, now=now,
        )  # fmt: skip
    except (NotAllowed, Refused):
        return False
    return True


def standings(session: Session, actor: Actor, *, proposer_id: int | None, now: datetime) -> list[Standing]:
    """Return in which standings an actor may decide, his own first.

    Whoever stands in for the proposer himself does not get the proposer's limit for it: he would be
    deciding his own by another hand.
    """
    if actor.role is None:
        return []
    today = house_today(session, now)
    found = session.execute(
        select(Staff.role, Staff.id)
        .join(Deputy, Deputy.staff_id == Staff.id)
        .where(
            Deputy.deputy_id == actor.id,
            Deputy.from_on <= today,
            Deputy.to_on >= today,
            Deputy.ended_at.is_(None),
            Staff.is_active,
        )
        .order_by(Staff.id)
    )
    others = [Standing(r.role, r.id) for r in found if r.id != proposer_id]
    return [Standing(actor.role), *others]


def is_within_units(policy: Policy, limits: Mapping[str, int], standing: Standing, amount: Money) -> bool:
    """Whether an amount is within a role's limit, boundary included.

    An amount in a currency that the policy has no scale for cannot be measured: whoever has the
    highest limit decides it.

    Args:
        limits: role -> units, one of the tables of `policy.approvals`.
    """
    units = limits.get(standing.role.value, 0)
    if not units:
        return False
    limit = policy.units(units, amount.currency)
    return amount <= limit if limit is not None else units == max(limits.values())


@dataclass(frozen=True, slots=True)
class House:
    """Where the house keeps its calendar: as its first legal entity does."""

    zone: str
    country: str


def house(session: Session) -> House:
    """Return the zone and the country of the house."""
    found = session.execute(select(Creditor.zone, Creditor.country).order_by(Creditor.id).limit(1)).first()
    return House(found.zone, found.country) if found else House("UTC", "GB")


def house_today(session: Session, now: datetime) -> date:
    """Return the date of the house."""
    return business_date(now, house(session).zone)


def tell_owner(session: Session, actor: Actor, *, about: str, ref: str, now: datetime) -> None:
    """Write to who owns the house that somebody decided alone: every administrator but the actor.

    Where there is none, the mail goes to the house's own address.

    Args:
        about: the account's name, or that of the rules.
    """
    person = session.get_one(Staff, actor.id)
    owners = session.scalars(
        select(Staff)
        .where(Staff.role == Role.ADMIN, Staff.is_active, Staff.id != actor.id)
        .order_by(Staff.id)
    ).all()
    values = {"who": person.name, "what": about, "ref": ref}
    for owner in owners:
        queue_staff_mail(session, owner, "decided_alone", key=f"{ref}:{owner.id}", values=values, now=now)
    if not owners:
        house = session.scalar(select(Creditor.email_from).order_by(Creditor.id).limit(1))
        queue_staff_mail(
            session, person, "decided_alone", key=f"{ref}:house", values=values, to=house, now=now
        )


def deciders(session: Session, roles: Sequence[Role], *, but: int | None = None) -> list[Staff]:
    """Return the active people in some roles who may decide at all, by name."""
    able = [role for role in roles if Permission.APPROVAL_DECIDE in GRANTS[role]]
    query = select(Staff).where(Staff.role.in_(able), Staff.is_active).order_by(Staff.name, Staff.id)
    return [person for person in session.scalars(query) if person.id != but]


def others(session: Session, actor: Actor) -> bool:
    """Whether anybody else could decide: then nobody is alone, whatever the switch says."""
    return bool(deciders(session, list(Role), but=actor.id))


def _refuse_unless_alone(
    session: Session, actor: Actor, proposed_at: datetime, proved_at: datetime | None, now: datetime
) -> None:
    policy = current_policy(session, now)
    rules, lasts = policy.approvals, timedelta(minutes=policy.staff.fresh_minutes)
    if not rules.alone:
        raise NotAllowed("own_proposal")
    if others(session, actor):
        raise Refused("alone_not_alone")
    waits_until = proposed_at + timedelta(hours=rules.alone_hours)
    if now < waits_until:
        raise Refused("alone_too_soon", at=waits_until)
    if proved_at is None or now - proved_at > lasts:
        raise Refused("alone_unproved")
