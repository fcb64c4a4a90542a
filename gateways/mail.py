"""Mail by SMTP: one message, four outcomes (P-26); one line for many messages."""

from __future__ import annotations

import select
import smtplib
import ssl
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from gateways.mime import compose
from receivables.ports import Mail, SendDeferred, SendRefused, SendUnknown

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
#: Seconds that a line is kept without a mail; relays hang up after minutes (RFC 5321, 4.5.3.2).
_KEPT = 20.0


@dataclass(slots=True)
class _Line:
    """A conversation with the relay that is between two mails."""

    server: smtplib.SMTP
    since: float

    @property
    def is_open(self) -> bool:
        """Whether the relay still waits for us: one that has hung up has said so already."""
        if self.server.sock is None or time.monotonic() - self.since > _KEPT:
            return False
        return not select.select([self.server.sock], [], [], 0)[0]


class SmtpMail:
    """MailCarrier by SMTP; a line that is still open is used again, by one thread at a time.

    Args:
        url: smtp://[user:password@]host[:port] (STARTTLS, left out on loopback only) or
            smtps://… (TLS from the first byte).
        timeout: seconds for each step of the conversation.
    """

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 587)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._timeout = timeout
        self._lines: deque[_Line] = deque()
        self._guard = threading.Lock()
        weakref.finalize(self, _hang_up_all, self._lines)

    def send(self, mail: Mail) -> None:
        """Hand one mail over.

        Raises:
            SendRefused: the address or the mail is refused for good (5xx).
            SendDeferred: surely not taken: no connection, or 4xx before the text was sent.
            SendUnknown: the line dropped after the text was sent.
        """
        data = compose(mail)
        server = self._kept_line()
        if server is not None and not _opens(server, mail):
            _hang_up(server)  # the relay is tired of this line, not of the mail
            server = None
        if server is None:
            server = self._new_line(mail)
        try:
            _hand_over(server, mail, data)
        except SendUnknown:
            server.close()
            raise
        except (SendRefused, SendDeferred):
            _hang_up(server)
            raise
        with self._guard:
            self._lines.append(_Line(server, time.monotonic()))

    def _kept_line(self) -> smtplib.SMTP | None:
        """Take a line that is still open, and hang up those that are not."""
        while True:
            with self._guard:
                line = self._lines.pop() if self._lines else None
            if line is None or line.is_open:
                return line.server if line is not None else None
            _hang_up(line.server)

    def _new_line(self, mail: Mail) -> smtplib.SMTP:
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise SendDeferred(type(error).__name__) from error
        try:
            server.ehlo_or_helo_if_needed()
            code, text = server.mail(mail.from_address)
        except (OSError, smtplib.SMTPException) as error:
            _hang_up(server)
            raise SendDeferred(type(error).__name__) from error
        if code != 250:
            _hang_up(server)
            raise _trouble(code, text)
        return server

    def _connect(self) -> smtplib.SMTP:
        # Reading the certificate bundle costs more than a mail: only where it is used.
        secure = self._tls or self._host not in _LOOPBACK
        context = ssl.create_default_context() if secure else None
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if not self._tls and self._host not in _LOOPBACK:
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server


def _opens(server: smtplib.SMTP, mail: Mail) -> bool:
    """Whether a line that was kept takes one more mail; what it says else is asked again on a new one."""
    try:
        return server.mail(mail.from_address)[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def _hand_over(server: smtplib.SMTP, mail: Mail, data: bytes) -> None:
    """Name the reader and send the text, on a line that took the sender."""
    try:
        code, text = server.rcpt(mail.to)
    except (OSError, smtplib.SMTPException) as error:
        raise SendDeferred(type(error).__name__) from error
    _judge(code, text)
    try:
        code, text = server.data(data)
    except smtplib.SMTPDataError as error:  # DATA itself was refused: nothing was sent
        raise _trouble(error.smtp_code, error.smtp_error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendUnknown(type(error).__name__) from error
    _judge(code, text)


def _judge(code: int, text: bytes | str) -> None:
    if code not in (250, 251):
        raise _trouble(code, text)


def _trouble(code: int, text: bytes | str) -> SendDeferred | SendRefused:
    """What a reply other than yes comes to: 4xx is for now, all else for good."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return (SendDeferred if 400 <= code < 500 else SendRefused)(f"{code} {words}"[:200])


def _hang_up(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _hang_up_all(lines: deque[_Line]) -> None:
    while lines:
        _hang_up(lines.pop().server)
