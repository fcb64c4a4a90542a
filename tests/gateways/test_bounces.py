"""Delivery status notifications of RFC 3464, as servers write them."""

from __future__ import annotations

import pytest

from gateways.mailbox import read_mail
from receivables.ports import DeliveryWord, Fate

OURS = "<aa11@northgate.example>"
REPORT = """From: Mail Delivery System <MAILER-DAEMON@relay.example>
To: accounts@northgate.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <bounce-7@relay.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind};
	boundary="xx/relay"

--xx/relay
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered. stop

--xx/relay
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Arrival-Date: Thu, 19 Nov 2026 10:00:00 +0000

{fields}

--xx/relay
Content-Type: {returned}

From: Maya Thornton <accounts@northgate.example>
To: Helen Marsh <helen@tidewater.example>
Subject: Invoice 2026-1131
Message-ID: {ours}

Dear Helen
--xx/relay--
"""


def words(
    action: str, status: str, *, returned: str = "message/rfc822", ours: str = OURS, more: str = "",
    kind: str = "delivery-status",
) -> tuple[DeliveryWord, ...]:  # fmt: skip
    fields = f"Final-Recipient: rfc822; forwarded@elsewhere.example\nAction: {action}\nStatus: {status}{more}"
    text = REPORT.format(fields=fields, returned=returned, ours=ours, kind=kind)
    return tuple(read_mail(text.replace("\n", "\r\n").encode()).words)


@pytest.mark.parametrize(
    ("action", "status", "fate"),
    [
        ("failed", "5.1.1", Fate.DEAD), ("Failed", "5.1.10", Fate.DEAD), ("failed", "5.2.1", Fate.DEAD),
        ("failed", "5.4.4", Fate.DEAD), ("failed", "5.1.8", Fate.RETURNED), ("failed", "5.0.0", Fate.DEAD),
        ("failed", "5.2.2", Fate.RETURNED),
        ("failed", "5.7.1", Fate.RETURNED), ("failed", "5.3.4", Fate.RETURNED),
        ("failed", "4.4.7", Fate.RETURNED), ("delayed", "4.4.1", Fate.DELAYED),
        ("delivered", "2.0.0", Fate.DELIVERED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_what_a_report_says(action: str, status: str, fate: Fate, returned: str) -> None:
    """The address is the one we wrote to, not where it was forwarded; the name is ours."""
    assert words(action, status, returned=returned) == (
        DeliveryWord(fate, OURS, "helen@tidewater.example", status),
    )


def test_a_code_that_only_the_diagnosis_names() -> None:
    [word] = words("failed", "", more="\nDiagnostic-Code: smtp; 550 5.1.1 <x>: user unknown")
    assert (word.fate, word.code) == (Fate.DEAD, "5.1.1")


def test_relayed_is_no_word_and_other_reports_are_none() -> None:
    assert words("relayed", "2.0.0") == ()
    assert words("failed", "5.1.1", kind="disposition-notification") == ()


def test_without_our_mail_nothing_is_named() -> None:
    """Then nobody is believed: the recipient alone can be guessed."""
    [word] = words("failed", "5.1.1", ours="", returned="text/plain")
    assert (word.wire_id, word.recipient) == (None, "forwarded@elsewhere.example")
    [word] = words("failed", "5.1.1", ours="not a name")
    assert word.wire_id is None


def test_a_receipt_of_reading_is_automatic() -> None:
    text = REPORT.format(fields="Action: displayed", returned="text/rfc822-headers", ours=OURS,
                         kind="disposition-notification")  # fmt: skip
    incoming = read_mail(text.replace("\n", "\r\n").replace("Auto-Submitted: auto-replied\r\n", "").encode())
    assert (incoming.automatic, incoming.words, incoming.answers) == (True, (), (OURS,))


@pytest.mark.parametrize("cut", range(0, 1400, 90))
def test_a_report_that_is_cut_off_breaks_nothing(cut: int) -> None:
    text = REPORT.format(fields="Action: failed\nStatus: 5.1.1", returned="message/rfc822", ours=OURS,
                         kind="delivery-status")  # fmt: skip
    read_mail(text.encode()[:cut])
