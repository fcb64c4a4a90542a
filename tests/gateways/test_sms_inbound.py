"""What the SMS provider's adapter posts: believed when signed, refused when it says too little."""

from __future__ import annotations

import doctest
import json
from typing import Any

import pytest

from gateways import sms_inbound
from gateways.sms_inbound import SignedSms, sign
from receivables.ports import DeliveryWord, Fate, Incoming, NotReadable, NotSignedByCarrier
from tests.conftest import NOON

SECRET, NEXT = "s" * 32, "n" * 32
AT = int(NOON.timestamp())
MESSAGE = {"id": "SM1", "kind": "message", "from": "+44 113 496 0142", "text": "Stop"}
STATUS = {
    "id": "SM2",
    "kind": "status",
    "to": "+441134960142",
    "message": "<a@n.example>",
    "status": "invalid",
}


def read(said: Any, *, secret: str = SECRET, at: int = AT, header: str | None = None) -> Incoming:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return SignedSms([SECRET, NEXT]).read(body, header or sign(body, secret, at), NOON)


def test_doctests() -> None:
    assert doctest.testmod(sms_inbound).failed == 0


def test_a_text_and_a_status() -> None:
    assert read(MESSAGE) == Incoming("sms", "sms:SM1", "+441134960142", None, "Stop")
    assert read({**MESSAGE, "answers": "<a@n.example>"}).answers == ("<a@n.example>",)
    assert read({**STATUS, "code": "21614"}).words == (
        DeliveryWord(Fate.DEAD, "<a@n.example>", "+441134960142", "21614"),
    )
    assert read(STATUS).external_id == "sms:SM2:invalid"
    assert read({**STATUS, "status": "unreachable", "code": "\n"}).words[0].code == "unreachable"


@pytest.mark.parametrize("secret", [SECRET, NEXT])
@pytest.mark.parametrize("age", [-300, 0, 300])
def test_either_secret_signs_while_they_are_rotated(secret: str, age: int) -> None:
    assert read(MESSAGE, secret=secret, at=AT + age).text == "Stop"


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "x" * 32}, {"at": AT - 301}, {"at": AT + 301}, {"header": " "}, {"header": "t=1"},
        {"header": f"t={AT},v1="}, {"header": f"t={AT},v1=é"}, {"header": f"t={AT},t={AT},v1=00"},
        {"header": sign(b"other", SECRET, AT)}, {"header": "t=99999999999999999999,v1=0"},
    ],
)  # fmt: skip
def test_unsigned_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotSignedByCarrier):
        read(MESSAGE, **change)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"{", b"[" * 50_000, b"[]", b"\xff", {}, {**MESSAGE, "kind": "call"}, {**MESSAGE, "id": ""},
        {**MESSAGE, "id": 7}, {**MESSAGE, "from": None}, {**MESSAGE, "text": "a\x00b"},
        {**STATUS, "status": "sent"}, {**STATUS, "message": ""}, {**STATUS, "to": []},
    ],
)  # fmt: skip
def test_signed_but_unreadable(said: Any) -> None:
    with pytest.raises(NotReadable):
        read(said)


def test_long_names_stay_apart() -> None:
    one, two = (read({**MESSAGE, "id": "x" * 300 + end}).external_id for end in "ab")
    assert one != two
    assert len(one) < 100


def test_without_a_secret_there_is_no_desk() -> None:
    for secrets in ([], [""], [SECRET, ""]):
        with pytest.raises(ValueError, match="secret"):
            SignedSms(secrets)
