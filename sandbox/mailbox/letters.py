"""Reading a raw mail: whatever came in is shown as well as it can be, and never refused."""

import email
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """The readable parts of a mail; a part it lacks is an empty string."""

    subject: str = ""
    author: str = ""  # name and address of the From header, which may differ from the envelope
    author_address: str = ""
    message_id: str = ""
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


def read(raw: bytes) -> Letter:
    """Read a mail's parts.

    Args:
        raw: the bytes after DATA, dots unstuffed.
    Returns: the letter; for bytes that no parser understands, one with the whole as its text.
    """
    try:
        message = email.message_from_bytes(raw, policy=default)
        author, author_address = parseaddr(_header(message, "From"))
        return Letter(
            subject=_header(message, "Subject"),
            author=author,
            author_address=author_address,
            message_id=_header(message, "Message-ID"),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            headers=tuple((clean(name), clean(str(value))) for name, value in message.items()),
            attachments=tuple(_attachment(part) for part in message.iter_attachments()),
        )
    except Exception:  # the parser fails in many ways on broken mail, and the bytes are kept in any case
        return Letter(text=raw.decode("utf-8", "replace"))


def clean(text: str) -> str:
    """Returns: the text with bytes that are no UTF-8 replaced, so that it can be stored and shown."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _header(message: EmailMessage, name: str) -> str:
    return clean(str(message.get(name, ""))).strip()


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return clean(part.get_content()).replace("\r\n", "\n") if part else ""


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        name=clean(part.get_filename() or "unnamed"),
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else part.as_bytes(),
    )
