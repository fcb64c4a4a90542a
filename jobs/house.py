"""What jobs are handed: the House by its promise, so that no job imports a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from models.store import Store
from receivables.documents.data import DocumentWriter
from receivables.ports import (
    DocumentPress,
    Exports,
    FileStore,
    Mailbox,
    MailCarrier,
    PaymentGateway,
    Presenter,
    SmsCarrier,
)


class House(Protocol):
    """Store, carriers, gateways and presenter, as assembly.py puts them together."""

    @property
    def store(self) -> Store: ...
    @property
    def presenter(self) -> Presenter: ...
    @property
    def settings(self) -> Any: ...
    @property
    def gateways(self) -> Mapping[str, PaymentGateway]: ...
    @property
    def mail(self) -> MailCarrier | None: ...
    @property
    def sms(self) -> SmsCarrier | None: ...
    @property
    def mailbox(self) -> Mailbox | None: ...
    @property
    def files(self) -> FileStore: ...
    @property
    def documents(self) -> DocumentWriter: ...
    @property
    def press(self) -> DocumentPress: ...
    @property
    def exports(self) -> Exports: ...

    def may_deliver_to(self, address: str, sms: bool) -> bool:
        """Whether this environment may write to an address at all (decision 21)."""
