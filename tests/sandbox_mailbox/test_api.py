"""The JSON side: narrowing, paging, faults, clear, health, and who may change anything."""

from urllib.error import HTTPError

import pytest

from tests.mailboxes import MailboxProcess
from tests.sandbox_mailbox.letters import mail, post_mail, post_sms


def refused(mailbox: MailboxProcess, method: str, path: str, body: object = None, **headers: str) -> int:
    with pytest.raises(HTTPError) as refusal:
        mailbox.ask(method, path, body, headers)
    refusal.value.close()
    return refusal.value.code


def test_messages_are_narrowed_by_whole_recipient_channel_words_and_cursor(mailbox: MailboxProcess) -> None:
    post_mail(mailbox, mail(to="ann@x.example", subject="Ваш счёт", message_id="<1@x>"))
    post_mail(mailbox, mail(to="joann@x.example", message_id="<2@x>"))
    post_sms(mailbox)
    first, second, third = (one["id"] for one in mailbox.messages())

    def ids(**narrow: str | int) -> list[int]:
        return [one["id"] for one in mailbox.messages(**narrow)]

    assert ids(to="ANN@x.example") == [first]
    assert ids(channel="sms") == [third]
    assert ids(q="СЧЁТ ann") == [first]
    assert ids(after=first) == [second, third]
    assert mailbox.ask("GET", f"/api/messages/{second}")["recipient"] == "joann@x.example"
    assert refused(mailbox, "GET", f"/api/messages/{third + 1}") == 404


def test_clear_forgets_messages_and_keys_and_never_reuses_an_id(mailbox: MailboxProcess) -> None:
    post_sms(mailbox)
    [before] = mailbox.messages()
    assert mailbox.ask("POST", "/api/clear") == {"cleared": 1}
    assert mailbox.messages() == []
    post_sms(mailbox)
    assert mailbox.messages()[0]["id"] > before["id"]


def test_health_counts_and_names_the_mail_port(mailbox: MailboxProcess) -> None:
    post_sms(mailbox)
    assert mailbox.ask("GET", "/api/health") == {
        "status": "ok",
        "messages": 1,
        "smtp_port": mailbox.smtp_address[1],
    }


def test_faults_are_listed_until_spent_and_can_be_disarmed(mailbox: MailboxProcess) -> None:
    mailbox.arm("sms_500", 2)
    mailbox.arm("slow", ms=1)
    assert mailbox.ask("GET", "/api/faults")["armed"] == [
        {"fault": "sms_500", "count": 2, "ms": 0},
        {"fault": "slow", "count": 1, "ms": 1},
    ]
    assert mailbox.ask("DELETE", "/api/faults")["armed"] == []
    post_sms(mailbox)
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"fault": "no_such"},
        {"fault": ["slow"]},
        {"fault": "slow"},
        {"fault": "sms_500", "ms": 5},
        {"fault": "sms_500", "count": -1},
        {"fault": "sms_500", "count": True},
        {"fault": "slow", "ms": 999_999},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(mailbox: MailboxProcess, asked: dict) -> None:
    assert refused(mailbox, "POST", "/api/faults", asked) == 422
    assert mailbox.ask("GET", "/api/faults")["armed"] == []


def test_a_page_from_elsewhere_cannot_read_or_change_the_mailbox(mailbox: MailboxProcess) -> None:
    """Another site's script may reach loopback: its origin and its host name are both refused."""
    post_sms(mailbox)
    assert refused(mailbox, "POST", "/api/clear", Origin="https://elsewhere.example") == 403
    assert refused(mailbox, "POST", "/api/clear", Origin="null") == 403
    assert refused(mailbox, "GET", "/api/messages", Host="elsewhere.example") == 400
    assert refused(mailbox, "POST", "/sms", ["not", "an", "object"]) == 400
    assert len(mailbox.messages()) == 1
    assert mailbox.ask("POST", "/api/clear", headers={"Origin": mailbox.http_url}) == {"cleared": 1}
