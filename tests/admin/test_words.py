"""Every code that the house says has a word at the desk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin import words
from models.accounts import ContactRole, DebtorType, FlagKind
from models.invoices import InvoiceKind
from models.ledger import LedgerCode
from models.links import Channel, LinkScope
from models.messages import Purpose
from models.pauses import PauseReason
from models.payments import PaymentMethod
from models.staff import Role
from models.states import InboxStatus
from models.work import TaskKind
from receivables import audit, pauses
from receivables.contact import rule_rows
from receivables.permissions import ActorKind

ROOT = Path(__file__).resolve().parents[2]


def calls(name: str) -> Iterator[list[ast.expr]]:
    """Positional arguments of every call of a function in the rooms that say codes."""
    for room in ("receivables", "jobs"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = getattr(node, "func", None)
                if isinstance(node, ast.Call) and getattr(called, "attr", getattr(called, "id", "")) == name:
                    yield node.args


def constants(name: str, place: int) -> set[str]:
    found = (args[place] for args in calls(name) if len(args) > place)
    return {str(arg.value) for arg in found if isinstance(arg, ast.Constant)}


def test_alerts_are_worded_and_say_what_to_do() -> None:
    """INV-13: an alert without a sentence is an alert nobody understands."""
    raised = constants("raise_alert", 1) | constants("_alert", 1)
    assert {"attempt_unresolved", "amount_differs"} <= raised
    assert raised - set(words.ALERTS) == set()
    assert set(words.ALERTS) == set(words.ADVICE)


def test_timeline_is_worded() -> None:
    """What is noted for the timeline has a word and a place; messages are told by their own rows."""
    noted = {kind for kind in constants("note", 2) if not kind.startswith("message.")}
    assert {"portal.opened", "payment.succeeded"} <= noted
    assert noted - set(words.TIMELINE) == set()
    assert {kind.partition(".")[0] for kind in noted} - set(words.PLACES) == set()


def test_audit_codes_are_worded() -> None:
    assert audit.CODES - set(words.AUDIT) == set()


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.TASKS, TaskKind), (words.TASK_ADVICE, TaskKind), (words.ROLES, Role),
        (words.LEDGER, LedgerCode), (words.DEBTOR_TYPES, DebtorType), (words.CONTACT_ROLES, ContactRole),
        (words.CHANNELS, Channel),
        (words.FLAGS, FlagKind), (words.SCOPES, LinkScope), (words.INVOICE_KINDS, InvoiceKind),
        (words.METHODS, PaymentMethod), (words.INBOX, InboxStatus), (words.PURPOSES, Purpose),
        (words.ACTORS, ActorKind),
    ],
)  # fmt: skip
def test_enums_are_worded(table: dict[str, str], codes: type) -> None:
    """Each member has a word, and no word is left over for what is gone."""
    assert set(table) == {member.value for member in codes}  # type: ignore[attr-defined]


def test_reasons_of_messages_are_worded() -> None:
    """Why a message was not sent is said in words: the codes of the gate and of the outbox."""
    said = {"no_address", "contact_inactive", "opted_out", "already_today", "outside_hours", "nothing_due",
            "not_allowed_here", "given_up", "carrier_refused", "message_incomplete",
            "dead_address", "needs_opt_in", "quiet_after_talk", "sending_stopped", "unknown_zone",
            "no_calls"}  # fmt: skip
    said |= {f"cap:{what}" for what in rule_rows.COUNTED}
    said |= {f"flag:{kind.value}" for kind in FlagKind}
    # A dispute pauses no reminder: its contested part has left what is asked for.
    said |= {f"paused:{pauses.spoken(why).value}" for why in PauseReason if why is not PauseReason.DISPUTE}
    assert said <= set(words.REASONS)


def test_message_kinds_are_worded() -> None:
    """Every folder of message texts has its name on the timeline."""
    folders = {p.name for p in (ROOT / "templates" / "messages").iterdir() if p.is_dir()} - {"blocks"}
    assert folders - set(words.MESSAGE_KINDS) == set()
