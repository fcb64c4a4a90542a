"""Mail by SMTP: one message, four outcomes (P-26)."""

from __future__ import annotations

import smtplib
import ssl
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from receivables.ports import Mail, SendDeferred, SendRefused, SendUnknown

#: Headers stay on one line: folding writes an address longer than 78 characters as an encoded word,
#: which no mail program opens (RFC 8058 needs List-Unsubscribe whole).
_WIRE = SMTP.clone(max_line_length=998)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class SmtpMail:
    """MailCarrier by SMTP.

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

    def send(self, mail: Mail) -> None:
        """Hand one mail over.

        Raises:
            SendRefused: the address or the mail is refused for good (5xx).
            SendDeferred: surely not taken: no connection, or 4xx before the text was sent.
            SendUnknown: the line dropped after the text was sent.
        """
        message = compose(mail)
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise SendDeferred(type(error).__name__) from error
        try:
            self._hand_over(server, mail, message)
        finally:
            _hang_up(server)

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

    def _hand_over(self, server: smtplib.SMTP, mail: Mail, message: EmailMessage) -> None:
        try:
            server.ehlo_or_helo_if_needed()
            code, text = server.mail(mail.from_address)
            if code == 250:
                code, text = server.rcpt(mail.to)
        except (OSError, smtplib.SMTPException) as error:
            raise SendDeferred(type(error).__name__) from error
        _judge(code, text)
        try:
            code, text = server.data(message.as_bytes(policy=_WIRE))
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


def compose(mail: Mail) -> EmailMessage:
    """Build the MIME message: text first, HTML as its alternative, files behind both.

    Raises:
        SendRefused: a header would carry a line break or an address is malformed (X-04).
    """
    message = EmailMessage()
    if not (mail.to + mail.from_address).isascii():
        # Few relays take SMTPUTF8, and half-encoded an address names somebody else.
        raise SendRefused("address: only ASCII addresses can be written to")
    try:
        message["From"] = Address(mail.from_name, addr_spec=mail.from_address)
        message["To"] = Address(mail.to_name, addr_spec=mail.to)
        if mail.reply_to:
            message["Reply-To"] = mail.reply_to
        message["Subject"] = mail.subject
        message["Message-ID"] = mail.message_id
        message["Date"] = format_datetime(mail.sent_at)
        message["Auto-Submitted"] = "auto-generated"
        for name, value in mail.headers.items():
            message[name] = value
    except (ValueError, IndexError, HeaderParseError) as error:
        raise SendRefused(f"header: {error}"[:200]) from error
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for file in mail.attachments:
        maintype, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.data, maintype=maintype, subtype=subtype, filename=file.name)
    return message
