"""The rules of contact as data: rows by place, kind of debtor and role of the collector.

`rules.toml` beside this file is version 1; later versions are rows of PolicyVersion. Every row that
matches an account binds it, and the strictest wins: the narrowest window, every cap, every consent.
Rules are whole or refused by name; so are rules under which somebody could never be contacted.
Source: C-04; requirements.md 5, "Policy table".
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import DebtorType
from models.base import UTCDateTime
from models.links import Channel
from models.store import fetch
from models.work import PolicyKind, PolicyVersion
from receivables.audit import record
from receivables.errors import Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy

DEFAULT_RULES = (Path(__file__).parent / "rules.toml").read_text(encoding="utf-8")
ROLES = ("first_party", "third_party", "debt_buyer")
#: What is counted: one channel, calls, or all of them together.
COUNTED = ("email", "sms", "calls", "all")
#: Of a source: it was read; or it is known text that nobody checked, and such a row stays off.
READ, KNOWN = "S", "K"
_REQUIRED = frozenset({"id", "title", "where", "debtors", "roles", "source", "grade", "on"})
_ASKS = frozenset({"window", "quiet_after_talk_days", "opt_in", "opt_out", *COUNTED})
_MAY = _REQUIRED | _ASKS | {"zones", "from_on", "held_by", "why_off"}
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_CAP = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,2})d")

Window = tuple[time, time]


class BadContactRules(ValueError):
    """Rules of contact that cannot be used; `code` says why, `facts` where.

    Codes: not_toml, unknown_key, missing_key, bad_value, twice, unsourced (a row whose source was not
    read is on), no_reason (a row is off and does not say why), asks_nothing, never (somebody could never
    be contacted).
    """

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(f"{code}: {facts}")
        self.code, self.facts = code, facts


@dataclass(frozen=True, slots=True, order=True)
class Cap:
    """At most `most` of what is counted in `days` local days, today among them."""

    what: str
    most: int
    days: int

    def __str__(self) -> str:
        return f"{self.what}:{self.most}/{self.days}d"


@dataclass(frozen=True, slots=True)
class Row:
    """One rule; what it does not name it does not ask for.

    zones: of a region, since accounts say no region: where the region may be meant.
    from_on: first day on which it binds; None since ever.
    opt_out: how far one no reaches: its "channel" or "all" of them.
    """

    id: str
    title: str
    where: tuple[str, ...]
    zones: frozenset[str]
    debtors: frozenset[DebtorType]
    roles: frozenset[str]
    window: Window | None
    caps: tuple[Cap, ...]
    quiet_after_talk_days: int
    opt_in: frozenset[str]
    opt_out: str | None
    from_on: date | None
    source: str
    grade: str
    on: bool
    why_off: str | None
    held_by: str | None

    def binds(self, *, country: str, zone: str | None, debtor: DebtorType, role: str, on: date) -> bool:
        """Whether it binds an account on a local day; a region that is not known is taken as meant."""
        return (
            self.on
            and debtor in self.debtors
            and role in self.roles
            and (self.from_on is None or self.from_on <= on)
            and any(place in ("*", country) or place[:2] == country for place in self.where)
            and (not self.zones or zone is None or zone in self.zones)
        )

    @property
    def is_regional(self) -> bool:
        """Whether it is a region's, so that it may bind an account that is not there."""
        return all("-" in place for place in self.where)


@dataclass(frozen=True, slots=True)
class Binding:
    """What binds one account on one day: the strictest of all rows that match."""

    rows: tuple[str, ...] = ()
    window: Window | None = None
    caps: tuple[Cap, ...] = ()
    quiet_after_talk_days: int = 0
    opt_in: frozenset[str] = frozenset()
    opt_out_of_all: bool = False
    #: Rows of a region that bind because nobody knows the region.
    unsure: tuple[str, ...] = ()

    def caps_on(self, channel: str) -> tuple[Cap, ...]:
        """The caps that a message on a channel, or a call ("calls"), counts against."""
        return tuple(cap for cap in self.caps if cap.what in (channel, "all"))


@dataclass(frozen=True, slots=True)
class ContactRules:
    """One version of the rules; `role` is what this house is to its debtors."""

    role: str
    rows: tuple[Row, ...]
    digest: str
    version_id: int | None = None

    def binding(self, *, country: str, zone: str | None, debtor: DebtorType, on: date) -> Binding:
        """Return what binds an account.

        Args:
            country: ISO 3166 code of the account.
            zone: its IANA zone; None when it is not known, then rows of every region match.
            on: local day.
        """
        found = [
            row
            for row in self.rows
            if row.binds(country=country, zone=zone, debtor=debtor, role=self.role, on=on)
        ]
        return strictest(found)


def strictest(rows: Iterable[Row]) -> Binding:
    """Return the rows as one: the narrowest window, the smallest of each cap, every consent."""
    rows = tuple(rows)
    caps: dict[tuple[str, int], int] = {}
    for cap in (cap for row in rows for cap in row.caps):
        key = (cap.what, cap.days)
        caps[key] = min(cap.most, caps.get(key, cap.most))
    return Binding(
        rows=tuple(row.id for row in rows),
        window=narrowest(row.window for row in rows),
        caps=tuple(sorted(Cap(what, most, days) for (what, days), most in caps.items())),
        quiet_after_talk_days=max((row.quiet_after_talk_days for row in rows), default=0),
        opt_in=frozenset[str]().union(*(row.opt_in for row in rows)),
        opt_out_of_all=any(row.opt_out == "all" for row in rows),
        unsure=tuple(row.id for row in rows if row.is_regional),
    )


def narrowest(windows: Iterable[Window | None]) -> Window | None:
    """Return the hours that lie in all windows; None is no window. It may be empty: start >= end."""
    given = [window for window in windows if window is not None]
    return (max(start for start, _ in given), min(end for _, end in given)) if given else None


# --------------------------------------------------------------------------- reading


def read_rules(body: str, version_id: int | None = None) -> ContactRules:
    """Read rules from TOML.

    Raises:
        BadContactRules: by name, see its codes.
    """
    try:
        data = tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        raise BadContactRules("not_toml", what=str(error)) from error
    if strangers := sorted(set(data) - {"role", "row"}):
        raise BadContactRules("unknown_key", key=strangers[0])
    if missing := sorted({"role", "row"} - set(data)):
        raise BadContactRules("missing_key", key=missing[0])
    if data["role"] not in ROLES:
        raise BadContactRules("bad_value", key="role", value=data["role"])
    if not isinstance(data["row"], list) or not all(isinstance(row, dict) for row in data["row"]):
        raise BadContactRules("bad_value", key="row")
    rows = tuple(_row(row) for row in data["row"])
    for row in rows:
        if sum(other.id == row.id for other in rows) > 1:
            raise BadContactRules("twice", row=row.id)
    rules = ContactRules(data["role"], rows, hashlib.sha256(body.encode()).hexdigest(), version_id)
    refuse_never(rules, None)
    return rules


def refuse_never(rules: ContactRules, house: Window | None) -> None:
    """Refuse rules under which a kind of debtor somewhere could never be contacted.

    Args:
        house: the house's own hours, which bind as well; None leaves them out.
    Raises:
        BadContactRules: `never`, with the place, the kind of debtor, the role and the rows.
    """
    places = sorted({place for row in rules.rows for place in row.where})
    for place in places:
        for debtor in DebtorType:
            for role in ROLES:
                met = [
                    row
                    for row in rules.rows
                    if row.binds(country=place[:2], zone=None, debtor=debtor, role=role, on=date.max)
                ]
                window = narrowest([strictest(met).window, house])
                if window is not None and window[0] >= window[1]:
                    raise BadContactRules(
                        "never", where=place, debtor=debtor.value, role=role, rows=[row.id for row in met]
                    )


def _row(data: Mapping[str, Any]) -> Row:
    known = str(data.get("id", "?"))
    if strangers := sorted(set(data) - _MAY):
        raise BadContactRules("unknown_key", row=known, key=strangers[0])
    if missing := sorted(_REQUIRED - set(data)):
        raise BadContactRules("missing_key", row=known, key=missing[0])

    def text(key: str) -> str | None:
        value = data.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise BadContactRules("bad_value", row=known, key=key, value=value)
        return value

    def some_of(key: str, choices: Iterable[str]) -> tuple[str, ...]:
        value = data.get(key, [])
        if not isinstance(value, list) or any(choice not in choices for choice in value):
            raise BadContactRules("bad_value", row=known, key=key, value=value)
        if key in _REQUIRED and not value:
            raise BadContactRules("bad_value", row=known, key=key, value=value)
        return tuple(value)

    def one_of(key: str, kind: type, *choices: object) -> Any:
        value = data.get(key)
        if value is not None and (type(value) is not kind or (choices and value not in choices)):
            raise BadContactRules("bad_value", row=known, key=key, value=value)
        return value

    places = data["where"] if isinstance(data["where"], list) else []
    row = Row(
        id=text("id") or "",
        title=text("title") or "",
        where=some_of("where", [p for p in places if p == "*" or _PLACE.fullmatch(str(p))]),
        zones=frozenset(some_of("zones", available_timezones())),
        debtors=frozenset(DebtorType(d) for d in some_of("debtors", list(DebtorType))),
        roles=frozenset(some_of("roles", ROLES)),
        window=_window(known, data.get("window")),
        caps=tuple(cap for what in COUNTED for cap in _caps(known, what, data.get(what))),
        quiet_after_talk_days=one_of("quiet_after_talk_days", int, *range(366)) or 0,
        opt_in=frozenset(some_of("opt_in", (Channel.EMAIL, Channel.SMS))),
        opt_out=one_of("opt_out", str, "channel", "all"),
        from_on=one_of("from_on", date),
        source=text("source") or "",
        grade=one_of("grade", str, READ, KNOWN),
        on=one_of("on", bool),
        why_off=text("why_off"),
        held_by=text("held_by"),
    )
    if row.on and row.grade == KNOWN:
        raise BadContactRules("unsourced", row=known)
    if row.on is (row.why_off is not None):
        raise BadContactRules("no_reason", row=known)
    if not _ASKS & set(data) and row.held_by is None:
        raise BadContactRules("asks_nothing", row=known)
    return row


def _window(row: str, value: object) -> Window | None:
    if value is None:
        return None
    try:
        start, end = (time.fromisoformat(part) for part in str(value).split("-"))
    except ValueError as error:
        raise BadContactRules("bad_value", row=row, key="window", value=value) from error
    return start, end


def _caps(row: str, what: str, value: object) -> list[Cap]:
    if value is None:
        return []
    found = [_CAP.fullmatch(part.strip()) for part in str(value).split(",")]
    caps = [Cap(what, int(match[1]), int(match[2])) for match in found if match]
    if len(caps) != len(found):
        raise BadContactRules("bad_value", row=row, key=what, value=value)
    return caps


# --------------------------------------------------------------------------- versions


@cache
def _read(body: str, version_id: int | None) -> ContactRules:
    return read_rules(body, version_id)


def default_rules() -> ContactRules:
    """The rules that ship with the product."""
    return _read(DEFAULT_RULES, None)


_IN_FORCE = (
    select(PolicyVersion.body, PolicyVersion.id)
    .where(
        PolicyVersion.kind == PolicyKind.CONTACT,
        PolicyVersion.effective_at <= bindparam("now", type_=UTCDateTime()),
    )
    .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    .limit(1)
)


def current_rules(session: Session, now: datetime) -> ContactRules:
    """Return the version in force at a moment; the shipped rules while none was published."""
    row = fetch(session, _IN_FORCE, {"now": now}).first()
    return _read(row.body, row.id) if row else default_rules()


def rules_of(session: Session, version_id: int | None) -> ContactRules:
    """Return one version by its id; None is the shipped one."""
    if version_id is None:
        return default_rules()
    version = session.get_one(PolicyVersion, version_id)
    return _read(version.body, version.id)


def publish_rules(
    session: Session,
    actor: Actor,
    body: str,
    *,
    author_id: int | None = None,
    reason: str,
    policy: Policy,
    effective_at: datetime | None = None,
    is_alone: bool = False,
    now: datetime,
) -> PolicyVersion:
    """Put rules of contact in force: proposed by one person, published by another.

    Args:
        actor: who publishes; a person never publishes his own (A-02).
        body: TOML, as in rules.toml.
        author_id: who proposed them; None for the actor.
        policy: whose hours must leave something of every window.
        effective_at: from when, not before `now`; None is `now`.
        is_alone: the author may publish his own, as `four_eyes` found.
    Raises:
        NotAllowed: the actor may not publish rules.
        Refused: `own_proposal`, `reason_missing`, `effective_past`.
        BadContactRules: they cannot be used, or would leave somebody never to be contacted.
    """
    require(actor, Permission.CONTACT_RULES_PUBLISH)
    if actor.kind is ActorKind.STAFF and author_id in (None, actor.id) and not is_alone:
        raise Refused("own_proposal")
    if not reason.strip():
        raise Refused("reason_missing")
    rules = read_rules(body)
    refuse_never(rules, (policy.contact_from, policy.contact_to))
    if effective_at is not None and effective_at < now:
        raise Refused("effective_past")
    version = PolicyVersion(
        kind=PolicyKind.CONTACT, effective_at=effective_at or now, author_id=author_id or actor.id,
        reason=reason.strip(), body=body, body_digest=rules.digest,
    )  # fmt: skip
    session.add(version)
    session.flush()
    record(
        session, actor, "contact_rules.published", version, account_id=None, now=now, reason=version.reason,
        facts={"on": [row.id for row in rules.rows if row.on], "role": rules.role,
               **({"is_alone": True} if is_alone else {})},
    )  # fmt: skip
    return version
