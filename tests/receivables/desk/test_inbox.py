"""What did not leave is found by its reason on both databases: the codes stand in a list of JSON."""

from __future__ import annotations

from sqlalchemy import select

from models.messages import Message
from models.states import MessageStatus, advance
from models.store import Store
from receivables.contact import reminders
from receivables.desk import inbox
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON


def test_a_reason_is_found_whole_or_by_its_group(store: Store) -> None:
    """Issue C, "Bad input": a code is never found by a part of another one."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account)
        reminders.remind(s, SYSTEM, account, now=NOON)
        message = s.scalars(select(Message)).one()
        message.reasons = ["cap:all", "opted_out"]
        advance(message, MessageStatus.SUPPRESSED)
    with store.read() as s:
        found = {
            reason: len(inbox.not_sent(s, SYSTEM, zone="Europe/London", reason=reason))
            for reason in ("", "cap:all", "cap:", "opted_out", "cap", "opted", "flag:", '"', "%", "_")
        }
    assert found == {
        "": 1, "cap:all": 1, "cap:": 1, "opted_out": 1,
        "cap": 0, "opted": 0, "flag:": 0, '"': 0, "%": 0, "_": 0,
    }  # fmt: skip
