"""What the gate looks at before a message leaves or a call is made, gathered once and kept (C-04).

No address, no name and no words of anybody: an answer can be given again from it years later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.core import get_global
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, DebtorType, FlagKind
from models.links import Channel
from models.messages import CallAttempt, ContactLedger, Direction, Spoken
from models.store import fetch
from receivables.calendar_days import at_local, business_date
from receivables.contact.rule_rows import Binding, Cap, ContactRules

#: How a call is written down beside the channels and purposes of messages.
CALL = "call"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything one decision depends on, beside the version of the rules.

    Attributes:
        channel, purpose: of the message; "call" for a call.
        zones: where the clock is read; several when the account's own is not known.
        house_window: the house's hours; quiet: the contact's own. "HH:MM" pairs, local.
        addressed: whether there is an address; unfiled: it is not the contact's own on file.
        pauses: those that cover what is acted upon; beside: those of single invoices, for a caller.
        opted_out: on this channel; opted_out_elsewhere: on another of the contact's addresses.
        counts: cap -> how often already, in its days.
        asked_for: the debtor asked to be rung; no_calls: he asked us not to.
    """

    channel: str
    purpose: str
    at: datetime
    country: str
    debtor: str
    zones: tuple[str, ...]
    house_window: tuple[str, str]
    zone_known: bool = True
    currency: str | None = None
    quiet: tuple[str, str] | None = None
    addressed: bool = True
    unfiled: bool = False
    active: bool = True
    forwarded: bool = False
    flags: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    opted_out: bool = False
    opted_out_elsewhere: bool = False
    opted_in: bool = False
    prefers_other: bool = False
    claimed_today: bool = False
    dead: bool = False
    stopped: bool = False
    counts: Mapping[str, int] | None = None
    talked_on: date | None = None
    asked_for: bool = False
    no_calls: bool = False

    @property
    def today(self) -> date:
        """The account-local day."""
        return business_date(self.at, self.zones[0])

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored; what is as usual is left out."""
        usual = {field.name: field.default for field in fields(self)}
        return {key: _plain(value) for key, value in asdict(self).items() if value != usual[key]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Inputs:
        """Return what `as_json` stored; other keys are left alone."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in data.items()
            if key in known
        }
        values["at"] = datetime.fromisoformat(values["at"])
        if values.get("talked_on"):
            values["talked_on"] = date.fromisoformat(values["talked_on"])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # datetime too
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


# --------------------------------------------------------------------------- where the clock is read


@cache
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # no such name, a folder of names, no name at all
        return False
    return True


@cache
def zones_of(zone: str, country: str) -> tuple[str, ...]:
    """Return where an account's clock may stand: its zone, else every zone of its country, else the
    two ends of the world, so that only hours that suit everybody are left (C-03).

    >>> zones_of("America/Phoenix", "US"), zones_of("Mars/Olympus", "IL"), zones_of("", "ZZ")
    (('America/Phoenix',), ('Asia/Jerusalem',), ('Etc/GMT+12', 'Etc/GMT-14'))
    """
    if zone and _is_zone(zone):
        return (zone,)
    found = tuple(name for name in get_global("territory_zones").get(country, []) if _is_zone(name))
    return found or ("Etc/GMT+12", "Etc/GMT-14")


def place_of(account: Account) -> dict[str, Any]:
    """The part of the inputs that says where and who the account is."""
    zones = zones_of(account.zone, account.country)
    return {
        "country": account.country,
        "debtor": account.debtor_type.value,
        "zones": zones,
        "zone_known": zones == (account.zone,),
    }


def binding_of(rules: ContactRules, inputs: Inputs) -> Binding:
    """Return the rules that bind the account of a decision on its day."""
    zone = inputs.zones[0] if inputs.zone_known else None
    return rules.binding(country=inputs.country, zone=zone, debtor=DebtorType(inputs.debtor), on=inputs.today)


# --------------------------------------------------------------------------- what stands in the books

_FLAGS = select(AccountFlag.kind).where(
    AccountFlag.account_id == bindparam("account_id"),
    AccountFlag.from_on <= bindparam("today"),
    or_(AccountFlag.to_on.is_(None), AccountFlag.to_on > bindparam("today")),
).order_by(AccountFlag.id)  # fmt: skip


def flags_of(session: Session, account_id: int, today: date) -> list[FlagKind]:
    """Return the facts that hold about an account on a day, each once, oldest first."""
    rows = fetch(session, _FLAGS, {"account_id": account_id, "today": today}).scalars()
    return list(dict.fromkeys(rows))


_CLAIMED = select(func.count()).where(
    ContactLedger.account_id == bindparam("account_id"),
    # Also a claim of tomorrow, by the clock of a place that the debtor has left since.
    ContactLedger.business_on > bindparam("since"),
    ContactLedger.message_id != bindparam("message_id"),
)
_CLAIMED_ON = _CLAIMED.where(ContactLedger.channel == bindparam("channel", type_=ContactLedger.channel.type))
#: Calls that we began: what the debtor begins himself counts against nobody.
_CALLED = select(func.count()).where(
    CallAttempt.account_id == bindparam("account_id"),
    CallAttempt.channel == Spoken.PHONE,
    CallAttempt.direction == Direction.OUT,
    CallAttempt.made_at >= bindparam("since", type_=CallAttempt.made_at.type),
)


def counts_of(
    session: Session, account: Account, caps: tuple[Cap, ...], *, today: date, zone: str, message_id: int = 0
) -> dict[str, int]:
    """Return how often each cap was used already in its days: reminders claimed and calls tried, of
    all people and documents of the account together, which is the strictest way to count."""
    found = {}
    for cap in caps:
        first = today - timedelta(days=cap.days - 1)
        used = 0
        if cap.what != "calls":
            before = first - timedelta(days=1)
            asked = {"account_id": account.id, "since": before, "message_id": message_id}
            if cap.what == "all":
                used += fetch(session, _CLAIMED, asked).scalar_one()
            else:
                used += fetch(session, _CLAIMED_ON, asked | {"channel": Channel(cap.what)}).scalar_one()
        if cap.what in ("calls", "all"):
            since = at_local(first, datetime.min.time(), zone)
            used += fetch(session, _CALLED, {"account_id": account.id, "since": since}).scalar_one()
        found[str(cap)] = used
    return found


def talked_on(session: Session, account: Account, zone: str) -> date | None:
    """Return the local day on which somebody of the account was last spoken to."""
    last = session.scalar(
        select(func.max(CallAttempt.made_at)).where(
            CallAttempt.account_id == account.id, CallAttempt.talked.is_(True)
        )
    )
    return business_date(last, zone) if last is not None else None
