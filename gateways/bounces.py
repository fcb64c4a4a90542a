"""What a mail server says about mail of ours: delivery status notifications of RFC 3464.

Only reports in this form count. What a server writes in words of its own is read by a person.
"""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr

from receivables.ports import DeliveryWord, Fate

#: Enhanced status codes (RFC 3463) that say "never" about this one mail or about us, not about the address:
#: full, too large, policy, content, our own address.
_NOT_THE_ADDRESS = re.compile(r"5\.(?:1\.[78]|2\.[234]|3\.|4\.[15-7]|5\.|6\.|7\.)")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_WIRE_ID = re.compile(r"<[^<>\s]{3,200}>")
#: Recipients of one report that are looked at.
_RECIPIENTS = 20


def is_report(message: Message, kind: str) -> bool:
    """Whether a mail is a multipart/report of a kind: delivery-status, disposition-notification."""
    return (
        message.get_content_type() == "multipart/report"
        and str(message.get_param("report-type", "")).casefold() == kind
    )


def delivery_words(message: Message) -> tuple[DeliveryWord, ...]:
    """Return what a report says, one word for each recipient; empty when the mail is none.

    Args:
        message: parsed by the standard library; may be cut off.
    """
    if not is_report(message, "delivery-status"):
        return ()
    returned = _returned_headers(message)
    wire_id = _wire_id(returned)
    to = parseaddr(str(returned.get("To", "")))[1] if returned is not None else ""
    words = []
    for block in _blocks(message)[:_RECIPIENTS]:
        fate = _fate(block)
        if fate is not None:
            words.append(DeliveryWord(fate, wire_id, to or _recipient(block), _status(block)))
    return tuple(words)


def named_in_report(message: Message) -> str | None:
    """The wire id of the mail that a report of any kind gives back, or None."""
    return _wire_id(_returned_headers(message))


def _blocks(message: Message) -> list[Message]:
    """The fields about each recipient; the first block is about the mail as a whole."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(part.get_payload(), list):
            return [
                block
                for block in part.get_payload()
                if isinstance(block, Message) and block.get("Action") is not None
            ]
    return []


def _fate(block: Message) -> Fate | None:
    action = str(block.get("Action", "")).strip().casefold()
    if action == "delivered":
        return Fate.DELIVERED
    if action == "delayed":
        return Fate.DELAYED
    if action != "failed":
        return None  # relayed, expanded: nobody knows yet
    status = _status(block)
    gone = status.startswith("5.") and not _NOT_THE_ADDRESS.match(status)
    return Fate.DEAD if gone else Fate.RETURNED


def _status(block: Message) -> str:
    found = _STATUS.search(str(block.get("Status", ""))) or _STATUS.search(
        str(block.get("Diagnostic-Code", ""))
    )
    return found[0] if found else "0.0.0"


def _recipient(block: Message) -> str | None:
    """The address as we wrote it, else where it ended up: "rfc822; helen@tidewater.example"."""
    for name in ("Original-Recipient", "Final-Recipient"):
        address = str(block.get(name, "")).rpartition(";")[2].strip().strip("<>")
        if "@" in address:
            return address
    return None


def _returned_headers(message: Message) -> Message | None:
    """The head of our mail, as the report brings it back."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            return inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], Message) else None
        if kind == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            return HeaderParser().parsestr(
                text.decode("utf-8", "replace") if isinstance(text, bytes) else str(part.get_payload())
            )
    return None


def _wire_id(returned: Message | None) -> str | None:
    if returned is None:
        return None
    found = _WIRE_ID.search(str(returned.get("Message-ID", "")))
    return found[0] if found else None
