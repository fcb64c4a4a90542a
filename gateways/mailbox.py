"""Replies and bounces by IMAP: unseen mail is read carefully, handed over, and only then marked as seen."""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from gateways.bounces import delivery_words, is_report, named_in_report
from receivables.ports import Incoming, MailboxDown

#: So much of one mail is read, bytes: words and reports stand at its beginning, files behind them.
LARGEST = 256 * 1024
#: Mails that are tried in one look, kept or not.
_TRIED = 500
_LONGEST_TEXT = 50_000
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_WIRE_ID = re.compile(r"<[^<>\s]{3,200}>")
_LITERAL = re.compile(rb"BODY\[\]")
#: Subjects of programs that do not say otherwise that nobody wrote.
_AUTOMATIC = re.compile(
    r"^\s*(?:automatic reply|auto(?:matic)?[ -]?(?:reply|response)|(?:out of|away from) (?:the )?office"
    r"|תשובה אוטומטית|מענה אוטומטי|מחוץ למשרד|автоответ|автоматический ответ|вне офиса"
    r"|automatikus válasz|házon kívül|irodán kívül|abwesenheit|réponse automatique)",
    re.IGNORECASE,
)


class ImapMailbox:
    """Mailbox by IMAP.

    Args:
        url: imaps://user:password@host[:port][/FOLDER] (TLS from the first byte), or imap://…
            (STARTTLS, left out on loopback only).
        timeout: seconds for each step of the conversation.
    """

    def __init__(self, url: str, *, timeout: float = 15.0) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "imaps"
        self._port = parts.port or (993 if self._tls else 143)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._folder = unquote(parts.path.strip("/")) or "INBOX"
        self._timeout = timeout

    def take(self, keep: Callable[[Incoming], bool], *, most: int) -> int:
        """Hand each unseen mail to `keep`, and mark it as seen once that says it is kept.

        Raises: MailboxDown: no connection, refused, or the line dropped; what was kept stays kept.
        """
        kept = 0
        try:
            server = self._connect()
            try:
                for number in _unseen(server)[:_TRIED]:
                    raw = _fetch(server, number)
                    if raw is not None and keep(read_mail(raw)):
                        _answered(server.uid("STORE", number, "+FLAGS.SILENT", r"(\Seen)"))
                        kept += 1
                    if kept >= most:
                        break
            finally:
                _hang_up(server)
        except (OSError, imaplib.IMAP4.error) as error:
            # The text of a refused log-in may name the account: the kind is enough.
            raise MailboxDown(type(error).__name__) from error
        return kept

    def _connect(self) -> imaplib.IMAP4:
        secure = self._tls or self._host not in _LOOPBACK
        context = ssl.create_default_context() if secure else None
        server: imaplib.IMAP4
        if self._tls:
            server = imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=self._timeout)
        else:
            server = imaplib.IMAP4(self._host, self._port, timeout=self._timeout)
        try:
            if context is not None and not self._tls:
                server.starttls(context)
            server.login(self._user, self._password)
            _answered(server.select(f'"{self._folder}"'))
        except (OSError, imaplib.IMAP4.error):
            server.shutdown()
            raise
        return server


def _hang_up(server: imaplib.IMAP4) -> None:
    try:
        server.logout()
    except (OSError, imaplib.IMAP4.error):
        with contextlib.suppress(OSError):
            server.shutdown()


def _answered(answer: tuple[str, Sequence[object]]) -> list[object]:
    status, lines = answer
    if status != "OK":
        raise imaplib.IMAP4.error(status)
    return list(lines)


def _unseen(server: imaplib.IMAP4) -> list[str]:
    lines = _answered(server.uid("SEARCH", "UNSEEN"))
    return [number.decode("ascii") for line in lines if isinstance(line, bytes) for number in line.split()]


def _fetch(server: imaplib.IMAP4, number: str) -> bytes | None:
    """The beginning of one mail, without marking it as seen; None when it is gone."""
    for line in _answered(server.uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST}>)")):
        if isinstance(line, tuple) and _LITERAL.search(line[0]):
            return bytes(line[1][:LARGEST])
    return None


# --------------------------------------------------------------------------- reading


def read_mail(raw: bytes) -> Incoming:
    """Read a stranger's mail; whatever is wrong with it, something comes out.

    Args:
        raw: as the server gave it, perhaps cut off.
    """
    try:
        message: Message = message_from_bytes(raw)
        parts = list(_parts(message))
        words = delivery_words(message)
        returned = named_in_report(message) if message.get_content_type() == "multipart/report" else None
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        # Nested or malformed beyond reason: its head is enough for a person to find it.
        message, parts, words, returned = BytesHeaderParser().parsebytes(raw), [], (), None
    wire_ids = _WIRE_ID.findall(_header(message, "Message-ID"))
    answers = _WIRE_ID.findall(_header(message, "In-Reply-To"))
    answers += reversed(_WIRE_ID.findall(_header(message, "References")))
    subject = _header(message, "Subject")
    return Incoming(
        channel="email",
        external_id=wire_ids[0] if wire_ids else f"sha256:{hashlib.sha256(raw).hexdigest()}",
        sender=parseaddr(_header(message, "From"))[1].strip(),
        subject=subject or None,
        text=_text(parts),
        answers=tuple(dict.fromkeys([*answers, *([returned] if returned else [])])),
        automatic=_is_automatic(message, subject),
        words=words,
        files=sum(1 for part in parts if _is_file(part)),
    )


def _parts(message: Message) -> Iterator[Message]:
    """The leaves of a mail, without those of mails inside it."""
    if message.get_content_maintype() == "message":
        yield message
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield message


def _is_file(part: Message) -> bool:
    return bool(part.get_filename()) or part.get_content_disposition() == "attachment"


def _text(parts: list[Message]) -> str:
    """The first plain text, else the first HTML without its tags."""
    for kind, read in (("text/plain", str), ("text/html", _without_tags)):
        for part in parts:
            if part.get_content_type() == kind and not _is_file(part):
                text = read(_decoded(part)[:_LONGEST_TEXT])
                if text.strip():
                    return text
    return ""


def _decoded(part: Message) -> str:
    """The text of a part in its charset, or as well as can be."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = str(part.get_content_charset("utf-8"))
    # The endings -i and -e of Hebrew charsets say in which order letters stand, not which they are.
    for name in (charset, re.sub(r"-[ie]$", "", charset), "utf-8"):
        with contextlib.suppress(LookupError, ValueError):
            return payload.decode(name)
    return payload.decode("cp1252", "replace")


def _header(message: Message, name: str) -> str:
    """A header on one line, its encoded words read."""
    raw = message.get(name)
    if raw is None:
        return ""
    text = ""
    try:
        for piece, charset in decode_header(str(raw)):
            if isinstance(piece, bytes):
                with contextlib.suppress(LookupError):
                    text += piece.decode(charset or "utf-8", "replace")
            else:
                text += piece
    except (HeaderParseError, ValueError):
        text = str(raw)
    return " ".join(text.split())


def _is_automatic(message: Message, subject: str) -> bool:
    """Whether a program wrote it (RFC 3834, and what older programs say instead)."""
    submitted = _header(message, "Auto-Submitted").casefold()
    return (
        (bool(submitted) and submitted.split(";")[0].strip() != "no")
        or any(message.get(name) is not None for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
        or _header(message, "Precedence").casefold() in ("auto_reply", "bulk", "junk", "list")
        or is_report(message, "disposition-notification")
        or bool(_AUTOMATIC.match(subject))
    )


class _Text(HTMLParser):
    """Collects what a reader sees, without what is quoted."""

    _UNSEEN = frozenset({"script", "style", "head", "title", "blockquote", "template"})
    _LINES = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._UNSEEN:
            self._inside.append(tag)
        elif tag in self._LINES:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]
        elif tag in self._LINES:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.pieces.append(" ".join(data.split()) if data.strip() else " ")


def _without_tags(html: str) -> str:
    reader = _Text()
    with contextlib.suppress(AssertionError):  # raised by the parser for some broken declarations
        reader.feed(html)
        reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.pieces)).strip()
