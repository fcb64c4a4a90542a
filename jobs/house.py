"""What jobs are handed: the House by its promise, so that no job imports a gateway."""

from __future__ import annotations

from typing import Any, Protocol

from models.store import Store
from receivables.ports import MailCarrier, PaymentGateway, Presenter, SmsCarrier


class House(Protocol):
    """Store, carriers, gateways and presenter, as assembly.py puts them together."""

    store: Store
    presenter: Presenter
    settings: Any
    gateways: dict[str, PaymentGateway]
    mail: MailCarrier | None
    sms: SmsCarrier | None

    def may_deliver_to(self, address: str, sms: bool) -> bool:
        """Whether this environment may write to an address at all (decision 21)."""
