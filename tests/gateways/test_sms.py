"""Text messages by the local sink: its four outcomes, and that it reaches no other machine."""

from __future__ import annotations

import pytest

from gateways.sms import SinkSms
from receivables.ports import SendDeferred, SendRefused, SendUnknown, Sms
from tests.mailboxes import MailboxProcess

TEXT = Sms(
    "+441134960142",
    "Northgate",
    "Northgate: £576.00 overdue. https://pay.example/l/abcdef",
    "<k1@northgate.example>",
)


def test_a_text_arrives_once_for_its_key(mailbox: MailboxProcess) -> None:
    """P-26: a receipt sent again with its key is one text."""
    carrier = SinkSms(mailbox.sms_url)
    carrier.send(TEXT)
    carrier.send(TEXT)
    [kept] = mailbox.messages(channel="sms")
    assert (kept["recipient"], kept["sender"], kept["text"]) == (TEXT.to, TEXT.sender, TEXT.text)


def test_a_server_error_is_unknown(mailbox: MailboxProcess) -> None:
    mailbox.arm("sms_500")
    with pytest.raises(SendUnknown, match="http_500"):
        SinkSms(mailbox.sms_url).send(TEXT)


def test_a_cut_line_is_unknown(mailbox: MailboxProcess) -> None:
    """The text was taken, the answer was not heard."""
    mailbox.arm("sms_drop")
    with pytest.raises(SendUnknown):
        SinkSms(mailbox.sms_url).send(TEXT)
    assert len(mailbox.messages()) == 1


def test_an_answer_that_comes_too_late_is_unknown(mailbox: MailboxProcess) -> None:
    mailbox.arm("slow", ms=1500)
    with pytest.raises(SendUnknown):
        SinkSms(mailbox.sms_url, timeout=(1.0, 0.3)).send(TEXT)


def test_nobody_there_is_deferred() -> None:
    with pytest.raises(SendDeferred):
        SinkSms("sink://127.0.0.1:9").send(TEXT)


def test_a_text_that_the_carrier_does_not_take_is_refused(mailbox: MailboxProcess) -> None:
    with pytest.raises(SendRefused, match="http_422"):
        SinkSms(mailbox.sms_url).send(Sms("", "Northgate", "x", "k"))


@pytest.mark.parametrize(
    "url", ["sink://sms.example:80", "https://127.0.0.1:80", "sink://", "sink://10.0.0.1:80"]
)
def test_the_sink_lives_on_this_machine_only(url: str) -> None:
    """Decision 21: the stand-in can't be pointed elsewhere."""
    with pytest.raises(ValueError, match="SMS_URL"):
        SinkSms(url)
