"""Text messages: the local sink now; a provider's adapter stands beside it when one is chosen."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from receivables.ports import SendDeferred, SendRefused, SendUnknown, Sms


class SinkSms:
    """SmsCarrier that posts JSON to the mailbox stand-in; refuses any other place than loopback.

    Args:
        url: sink://127.0.0.1:PORT.
    """

    def __init__(self, url: str, *, timeout: tuple[float, float] = (3.0, 15.0)) -> None:
        parts = urlsplit(url)
        if parts.scheme != "sink" or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("SMS_URL: the sink lives on this machine only (sink://127.0.0.1:PORT)")
        self._address = f"http://{parts.netloc}/sms"
        self._timeout = timeout

    def send(self, sms: Sms) -> None:
        """Hand one text over.

        Raises:
            SendRefused: 4xx. SendDeferred: no connection. SendUnknown: 5xx or no answer.
        """
        try:
            answer = requests.post(
                self._address,
                json={"to": sms.to, "from": sms.sender, "text": sms.text, "id": sms.idempotency_key},
                timeout=self._timeout,
            )
        except requests.ConnectTimeout as error:
            raise SendDeferred("connect_timeout") from error
        except requests.ConnectionError as error:
            if "refused" in str(error).lower():
                raise SendDeferred("connection_refused") from error
            raise SendUnknown("no_answer") from error
        except requests.RequestException as error:
            raise SendUnknown(type(error).__name__) from error
        if answer.status_code >= 500:
            raise SendUnknown(f"http_{answer.status_code}")
        if answer.status_code >= 400:
            raise SendRefused(f"http_{answer.status_code}")
