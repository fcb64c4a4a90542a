"""Whether a recording of a call may be kept: on which basis, by country (data beside this file).

Nothing here says what the law is: rows name their source, and those that nobody has checked for this
house say so on the page. Source: issue D, part 3; C-09; policy [talks].
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from models.messages import CallAttempt, CallFile, CallFileKind, Spoken
from receivables.audit import record
from receivables.errors import Refused
from receivables.files import ReceivedFile, bare_name, keep
from receivables.permissions import Actor
from receivables.policy import Policy
from receivables.ports import FileStore

_RULES = Path(__file__).parent / "recording_rules.toml"
_EVERYWHERE = "*"
#: Retention of recordings and of photos (C-09).
RECORDING, PHOTO = "call_recording", "visit_photo"
_MEBIBYTE = 1024 * 1024
#: First bytes of what telephones and telephone systems make -> its type and ending.
_SOUNDS: tuple[tuple[int, bytes, str, str], ...] = (
    (8, b"WAVE", "audio/wav", ".wav"),
    (4, b"ftypM4A", "audio/mp4", ".m4a"),
    (4, b"ftypmp42", "audio/mp4", ".m4a"),
    (4, b"ftypisom", "audio/mp4", ".m4a"),
    (0, b"OggS", "audio/ogg", ".ogg"),
    (0, b"#!AMR", "audio/amr", ".amr"),
    (0, b"ID3", "audio/mpeg", ".mp3"),
    (0, b"\xff\xfb", "audio/mpeg", ".mp3"),
    (0, b"\xff\xf3", "audio/mpeg", ".mp3"),
)


class Needs(StrEnum):
    """What has to be given before a recording is kept, in order of strictness."""

    ONE_PARTY = "one_party"
    ANNOUNCED = "announced"
    ALL_PARTY = "all_party"
    NONE = "none"


#: What a collector can state, mildest first.
BASES = (Needs.ONE_PARTY, Needs.ANNOUNCED, Needs.ALL_PARTY)
_ORDER = tuple(Needs)


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """One row: what a country needs, and where that is written.

    Attributes:
        where: the country's code, or "*".
        to_check: nobody of law has read the source for this house yet.
    """

    where: str
    needs: Needs
    source: str
    to_check: bool

    @property
    def bases(self) -> tuple[Needs, ...]:
        """What may be stated here; empty where no recording is kept."""
        return tuple(basis for basis in BASES if _ORDER.index(basis) >= _ORDER.index(self.needs))


@cache
def rules() -> dict[str, RecordingRule]:
    """Return every row by its country.

    Raises: KeyError, ValueError: the data is not whole.
    """
    rows = tomllib.loads(_RULES.read_text(encoding="utf-8"))["row"]
    return {
        r["where"]: RecordingRule(r["where"], Needs(r["needs"]), r["source"], r["to_check"]) for r in rows
    }


def rule_of(country: str) -> RecordingRule:
    """Return the row of a country, or what holds where there is none.

    >>> rule_of("GB").bases, rule_of("ZZ").needs, rule_of("TR").bases
    ((<Needs.ANNOUNCED: 'announced'>, <Needs.ALL_PARTY: 'all_party'>), <Needs.ALL_PARTY: 'all_party'>, ())
    """
    return rules().get(country) or rules()[_EVERYWHERE]


def check_basis(country: str, basis: str) -> RecordingRule:
    """Refuse a recording without a basis that serves in the country.

    Raises:
        Refused: recording_none (no recording is kept there), recording_basis_missing,
            recording_basis_short (facts: needs).
    """
    rule = rule_of(country)
    if rule.needs is Needs.NONE:
        raise Refused("recording_none")
    if not basis:
        raise Refused("recording_basis_missing")
    if basis not in rule.bases:
        raise Refused("recording_basis_short", needs=rule.needs.value)
    return rule


def receive(files: FileStore, name: str, data: bytes, policy: Policy) -> ReceivedFile:
    """Look at a recording and write its bytes; no database.

    Raises:
        Refused: file_empty, file_size (facts: most, mebibytes), sound_kind.
    Source: policy talks.recording_mebibytes.
    """
    shown = bare_name(name)
    if not data:
        raise Refused("file_empty", name=shown)
    most = policy.talks.recording_mebibytes
    if len(data) > most * _MEBIBYTE:
        raise Refused("file_size", name=shown, most=most)
    for start, mark, media_type, ending in _SOUNDS:
        if data[start : start + len(mark)] == mark:
            kept = files.keep(data)
            stem = shown.rpartition(".")[0] or shown
            return ReceivedFile(stem[:70] + ending, media_type, len(data), kept, files.has_scanner)
    raise Refused("sound_kind", name=shown)


def attach(
    session: Session,
    actor: Actor,
    call: CallAttempt,
    recording: ReceivedFile,
    *,
    country: str,
    basis: str,
    policy: Policy,
    now: datetime,
) -> CallFile:
    """Keep the recording of a call with the basis that was stated.

    Raises:
        NotAllowed.
        Refused: as `check_basis`; recording_not_a_call (of a visit or a messenger); files_full.
    """
    if call.channel != Spoken.PHONE:
        raise Refused("recording_not_a_call")
    rule = check_basis(country, basis)
    return _attach(session, actor, call, recording, CallFileKind.RECORDING, policy, now, basis, rule.where)


def attach_photo(
    session: Session, actor: Actor, call: CallAttempt, photo: ReceivedFile, *, policy: Policy, now: datetime
) -> CallFile:
    """Keep a photo of a visit.

    Raises:
        NotAllowed.
        Refused: photo_not_a_visit; files_full.
    """
    if call.channel != Spoken.VISIT:
        raise Refused("photo_not_a_visit")
    return _attach(session, actor, call, photo, CallFileKind.PHOTO, policy, now)


def _attach(
    session: Session,
    actor: Actor,
    call: CallAttempt,
    received: ReceivedFile,
    kind: CallFileKind,
    policy: Policy,
    now: datetime,
    basis: str | None = None,
    rule: str | None = None,
) -> CallFile:
    stored = keep(
        session, actor, received, account_id=call.account_id, policy=policy, now=now,
        retention_class=RECORDING if kind is CallFileKind.RECORDING else PHOTO,
    )  # fmt: skip
    row = CallFile(file_id=stored.id, call_id=call.id, kind=kind, basis=basis, rule=rule)
    session.add(row)
    session.flush()
    record(
        session, actor, "call.file_kept", call, account_id=call.account_id, now=now,
        facts={"kind": kind.value, "basis": basis, "rule": rule, "file": stored.id},
    )  # fmt: skip
    return row
