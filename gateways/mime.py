"""A mail as it goes over the wire: headers on one line, text first, HTML as its alternative, files behind.

Written out here because the standard library parses every header that it is given and once more what it
writes: that took longer than rendering the mail. What comes out is read with that library in the tests.
Source: RFC 5322, 2045 to 2047, 2231; X-04.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from receivables.ports import Attachment, Mail, SendRefused

#: What stands in a header as it is: printable ASCII that is no encoded word.
_PLAIN = re.compile(r"(?!.*=\?)[ -~]{0,900}")
#: Names of people that need no quotes.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LINE_END = re.compile(r"\r\n|\r|\n")
#: Bytes of one encoded word before base64: the word stays under 75 characters (RFC 2047).
_WORD = 45
_LONGEST_LINE = 900
_ASCII = bytes(range(128))


def compose(mail: Mail) -> bytes:
    """Write the mail out.

    Raises:
        SendRefused: a header would carry a line break or an address is malformed (X-04).
    """
    body = _content("plain", mail.text)
    if mail.html:
        body = _multipart("alternative", [body, _content("html", mail.html)])
    if mail.attachments:
        body = _multipart("mixed", [body, *map(_file, mail.attachments)])
    headers = "".join(f"{name}: {value}\r\n" for name, value in _headers(mail))
    return headers.encode("ascii") + b"MIME-Version: 1.0\r\n" + body


# --------------------------------------------------------------------------- headers


def _headers(mail: Mail) -> Iterator[tuple[str, str]]:
    yield "From", _person(mail.from_name, mail.from_address)
    yield "To", _person(mail.to_name, mail.to)
    if mail.reply_to:
        yield "Reply-To", _address(mail.reply_to)
    yield "Subject", _words(mail.subject)
    yield "Message-ID", _words(mail.message_id)
    yield "Date", format_datetime(mail.sent_at)
    yield "Auto-Submitted", "auto-generated"
    for name, value in mail.headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise SendRefused(f"header: {name!r} is no name")
        yield name, _words(value)


def _words(text: str) -> str:
    """Write a text for a header: as it is, or in encoded words where it is more than ASCII."""
    if _CONTROL.search(text):
        raise SendRefused("header: a line break or another control character")
    text = text.replace("\t", " ")
    if _PLAIN.fullmatch(text):
        return text
    words, word = [], b""
    for letter in text:
        data = letter.encode()
        if len(word) + len(data) > _WORD:
            words.append(word)
            word = b""
        word += data
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in (*words, word))


def _person(name: str, address: str) -> str:
    written = _words(name)
    if written == name and not _ATOMS.fullmatch(name):
        written = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{written} <{_address(address)}>" if name else _address(address)


@lru_cache(maxsize=512)
def _address(address: str) -> str:
    if not address.isascii():
        # Few relays take SMTPUTF8, and half-encoded an address names somebody else.
        raise SendRefused("address: only ASCII addresses can be written to")
    try:
        return Address(addr_spec=address).addr_spec
    except (ValueError, IndexError, HeaderParseError) as error:
        raise SendRefused(f"header: {error}"[:200]) from error


# --------------------------------------------------------------------------- parts


def _content(kind: str, text: str) -> bytes:
    """Write a part of text, with a line end at its end: in ASCII, or encoded as is shorter."""
    data = _LINE_END.sub("\r\n", text if text.endswith("\n") else f"{text}\n").encode()
    if data.isascii() and max(map(len, data.split(b"\r\n"))) <= _LONGEST_LINE:
        return _part(f'text/{kind}; charset="utf-8"', "7bit", data)
    if len(data.translate(None, delete=_ASCII)) * 6 < len(data):
        return _part(f'text/{kind}; charset="utf-8"', "quoted-printable", binascii.b2a_qp(data, istext=True))
    return _part(f'text/{kind}; charset="utf-8"', "base64", _base64(data))


def _file(file: Attachment) -> bytes:
    """Write a file, under its name in whatever script that is (RFC 2231)."""
    media_type = _words(file.media_type)
    disposition = f"attachment; filename*=utf-8''{quote(file.name, safe='')}"
    return _part(media_type, "base64", _base64(file.data), f"Content-Disposition: {disposition}\r\n")


def _part(media_type: str, encoding: str, data: bytes, more: str = "") -> bytes:
    head = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n{more}\r\n"
    return head.encode("ascii") + data


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _multipart(kind: str, parts: list[bytes]) -> bytes:
    # "=_" stands in no encoded text, and nobody can guess the rest.
    boundary = f"=_{secrets.token_hex(16)}".encode()
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode(), boundary)
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
    return head + body + b"--%s--\r\n" % boundary
