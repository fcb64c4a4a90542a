"""What the worker and the page for notifications ask of the house, around a bank in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from models.store import Store
from portal import webhooks


@dataclass
class Workshop:
    """Store and gateways; enough for notifications, jobs and sweeps."""

    store: Store
    gateways: dict[str, Any]
    #: Nothing is sent to staff.
    mail: None = None

    def gateway(self, name: str) -> Any:
        """The gateway of a creditor's gateway account."""
        return self.gateways.get(name)


def site_of(workshop: Workshop, clock: Callable[[], datetime]) -> FlaskClient:
    """Return a client of the product's own page for notifications."""
    site = Flask(__name__)
    site.testing = True  # an error is raised to whoever knocks, as a dead process answers nothing
    site.register_blueprint(webhooks.blueprint)
    site.extensions["amicable"] = workshop
    site.config["CLOCK"] = clock
    return site.test_client()
