"""The SMS sink: each key is kept once and answered alike (FT-23, decision 20)."""

from concurrent.futures import ThreadPoolExecutor
from http.client import RemoteDisconnected
from urllib.error import HTTPError

import pytest

from tests.mailboxes import MailboxProcess
from tests.sandbox_mailbox.letters import post_sms


def test_an_sms_is_kept_with_its_links_and_cost(mailbox: MailboxProcess) -> None:
    """Decision 20: Hebrew goes as UCS-2, 67 units a segment."""
    text = "הודעה עבור נועה. לקריאה: \u2068https://shr.example/l/7Kq2mXw9aB3dE5fG7hJ9kL\u2069"
    answer = post_sms(mailbox, text)

    [kept] = mailbox.messages(channel="sms")
    assert answer == {"id": f"sms-{kept['id']}"}
    assert (kept["sender"], kept["recipient"], kept["message_id"]) == ("Hashachar", "+972555550142", "k1")
    assert kept["text"] == text
    assert kept["links"] == ["https://shr.example/l/7Kq2mXw9aB3dE5fG7hJ9kL"]
    assert kept["sms"] == {"encoding": "UCS-2", "units": 71, "segments": 2}


def test_an_id_seen_twice_is_kept_once_and_answered_alike(mailbox: MailboxProcess) -> None:
    """A retry carries a new link (decision 19), so the text may differ; the first one stands."""
    first = post_sms(mailbox, "one")
    assert post_sms(mailbox, "two") == first
    assert [one["text"] for one in mailbox.messages()] == ["one"]
    assert post_sms(mailbox, "one", key="k2") != first


def test_the_idempotency_header_counts_as_the_id_does(mailbox: MailboxProcess) -> None:
    first = post_sms(mailbox, "one", key=None, **{"Idempotency-Key": "header-1"})
    assert post_sms(mailbox, "one", key=None, **{"Idempotency-Key": "header-1"}) == first
    assert post_sms(mailbox, "one", key="header-1") == first
    assert len(mailbox.messages()) == 1


def test_without_any_key_every_request_is_a_message(mailbox: MailboxProcess) -> None:
    assert post_sms(mailbox, key=None) != post_sms(mailbox, key=None)
    assert len(mailbox.messages()) == 2


def test_one_key_from_many_senders_at_once_is_kept_once(mailbox: MailboxProcess) -> None:
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: post_sms(mailbox)["id"], range(24)))
    assert len(set(answers)) == 1
    assert len(mailbox.messages()) == 1


def test_sms_500_keeps_nothing_and_the_retry_is_taken(mailbox: MailboxProcess) -> None:
    """FT-23: the provider answers 5xx."""
    mailbox.arm("sms_500")
    with pytest.raises(HTTPError) as failure:
        post_sms(mailbox)
    failure.value.close()
    assert failure.value.code == 500
    assert mailbox.messages() == []
    post_sms(mailbox)
    assert len(mailbox.messages()) == 1


def test_sms_drop_keeps_the_text_and_cuts_the_line(mailbox: MailboxProcess) -> None:
    """The sender cannot know; the retry under the same key is answered without a second SMS."""
    mailbox.arm("sms_drop")
    with pytest.raises((RemoteDisconnected, ConnectionError)):
        post_sms(mailbox)
    assert len(mailbox.messages()) == 1
    assert post_sms(mailbox) == {"id": f"sms-{mailbox.messages()[0]['id']}"}
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize("spoilt", [{"to": ""}, {"text": None}, {"from": 7}, {"text": "  "}])
def test_an_sms_without_its_parts_is_refused(mailbox: MailboxProcess, spoilt: dict) -> None:
    body = {"to": "+44", "from": "N", "text": "hello", "id": "k", **spoilt}
    with pytest.raises(HTTPError) as refusal:
        mailbox.ask("POST", "/sms", body)
    refusal.value.close()
    assert refusal.value.code == 422
    assert mailbox.messages() == []
