"""Replies to our texts and statuses of them, as a provider's adapter posts them: signed JSON.

One neutral form, so that no provider's habits reach the rules:
    {"id": "…", "kind": "message", "from": "+44…", "text": "…", "answers": "<our id>" or absent}
    {"id": "…", "kind": "status", "to": "+44…", "message": "<our id>", "status": "delivered", "code": "…"}
Header `Amicable-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`; several v1 may stand there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from receivables.ports import DeliveryWord, Fate, Incoming, NotReadable, NotSignedByCarrier

#: How far a signature's moment may be from ours, seconds in either direction (as P-08).
TOLERANCE = 300
_LONGEST_TEXT = 5_000
_FATES = {
    "delivered": Fate.DELIVERED,
    "delayed": Fate.DELAYED,
    "failed": Fate.RETURNED,
    "unreachable": Fate.RETURNED,
    #: No such number, or it takes no texts.
    "invalid": Fate.DEAD,
}
_CODE = re.compile(r"[\w.:-]{1,40}")


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the header that an adapter sends with a body."""
    return f"t={at},v1={_mac(body, secret, at)}"


def _mac(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


class SignedSms:
    """SmsDesk for signed JSON.

    Args:
        secrets: one, or several while they are rotated.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not all(secrets) or not secrets:
            raise ValueError("a secret is needed")
        self._secrets = tuple(secrets)

    def read(self, body: bytes, signature: str | None, now: datetime) -> Incoming:
        """Verify and read a text message or a status.

        Raises:
            NotSignedByCarrier: signature missing, wrong, or more than 300 s from `now`.
            NotReadable: signed, but it does not say what it must.
        """
        self._verify(body, signature, now)
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotReadable("not JSON") from error
        if not isinstance(said, dict):
            raise NotReadable("not an object")
        kind = said.get("kind")
        if kind == "message":
            return _message(said)
        if kind == "status":
            return _status(said)
        raise NotReadable("kind")

    def _verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        parts = [part.strip().partition("=") for part in (signature or "")[:2000].split(",")]
        moments = [value for name, _, value in parts if name == "t"]
        if len(moments) != 1 or not re.fullmatch(r"[0-9]{1,12}", moments[0]):
            raise NotSignedByCarrier("no signature")
        at = int(moments[0])
        if abs(now.timestamp() - at) > TOLERANCE:
            raise NotSignedByCarrier("too old or too new")
        expected = [_mac(body, secret, at).encode() for secret in self._secrets]
        given = [value.encode() for name, _, value in parts if name == "v1"]
        if not any(hmac.compare_digest(mac, one) for mac in expected for one in given):
            raise NotSignedByCarrier("wrong signature")


def _message(said: dict[str, Any]) -> Incoming:
    answers = said.get("answers")
    return Incoming(
        channel="sms",
        external_id=f"sms:{_name(said)}",
        sender=number(_text(said, "from")),
        subject=None,
        text=_text(said, "text", empty=True)[:_LONGEST_TEXT],
        answers=(answers,) if isinstance(answers, str) and answers else (),
    )


def _status(said: dict[str, Any]) -> Incoming:
    status = _text(said, "status")
    if status not in _FATES:
        raise NotReadable("status")
    code = said.get("code")
    told = code if isinstance(code, str) and _CODE.fullmatch(code) else status
    to = number(_text(said, "to"))
    return Incoming(
        channel="sms",
        external_id=f"sms:{_name(said)}:{status}",
        sender=to,
        subject=None,
        text="",
        words=(DeliveryWord(_FATES[status], _text(said, "message"), to, told),),
    )


def _name(said: dict[str, Any]) -> str:
    """The provider's name for it; a long one by its digest, so that two never become one."""
    name = _text(said, "id")
    return name if len(name) <= 200 else hashlib.sha256(name.encode()).hexdigest()


def _text(said: dict[str, Any], name: str, *, empty: bool = False) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not (value or empty) or "\x00" in value:
        raise NotReadable(name)
    return value


def number(written: str) -> str:
    """Return a number as contacts have it (E.164), as far as it can be told.

    >>> number("0044 113 496-0142"), number("441134960142"), number("NORTHGATE")
    ('+441134960142', '+441134960142', 'NORTHGATE')
    """
    bare = re.sub(r"[\s().\-\u2010-\u2015/]", "", written)
    if re.fullmatch(r"\+[0-9]{6,15}", bare):
        return bare
    if re.fullmatch(r"00[1-9][0-9]{6,14}", bare):
        return f"+{bare[2:]}"
    return f"+{bare}" if re.fullmatch(r"[1-9][0-9]{7,14}", bare) else written.strip()
