"""Mails to people of the house on their way out: the text and the clear token are made here (P-25)."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from jobs.house import House
from models.staff import Staff
from receivables.desk import invitations
from receivables.errors import NotFound
from receivables.policy import current_policy
from receivables.ports import GatewayUnreachable, Mail, SendDeferred, SendRefused, SendUnknown
from receivables.staff_mail import sender_of_house


def send(house: House, payload: Any, now: datetime) -> None:
    """Write and send one mail to a person of the house; what is over by now is left unsent.

    Raises:
        NotFound: no such person, or no carrier; GatewayUnreachable: the relay did not take it.
    """
    if house.mail is None:
        raise NotFound("no_mail")
    with house.store.read() as session:
        person = session.scalar(select(Staff).where(Staff.ref == payload["staff"]))
        if person is None:
            raise NotFound("not_found")
        name, address, language, is_active = person.name, person.email, person.language, person.is_active
        sender = sender_of_house(session)
        policy = current_policy(session, now)
    to = payload.get("to") or address
    if not is_active or not house.may_deliver_to(to, False):
        return
    base = house.settings.base_url
    values = {"name": name, "house": sender[0], "desk": f"{base}/desk/", "at": f"{now:%Y-%m-%d %H:%M} UTC"}
    values |= {key: str(value) for key, value in payload["values"].items()}
    if payload["token"] is not None:
        minted = house.store.run(
            lambda s: invitations.mint(s, payload["token"], policy=policy, now=now)
        )
        if minted is None:
            return
        token, until = minted
        values |= {"link": f"{base}/desk/in/{token}", "until": f"{until:%Y-%m-%d %H:%M} UTC"}
    subject, text = house.presenter.staff_mail(payload["kind"], language, values)
    named = sha256(f"{payload['kind']}:{payload['staff']}:{now.isoformat()}".encode()).hexdigest()[:32]
    mail = Mail(
        to=to, to_name=name, from_name=sender[0], from_address=sender[1], reply_to=None, subject=subject,
        text=text, html=None, message_id=f"<{named}@{sender[1].rpartition('@')[2]}>", sent_at=now,
        headers={"Content-Language": language, "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    try:
        house.mail.send(mail)
    except SendRefused:
        return  # the address does not exist: nobody to tell
    except (SendDeferred, SendUnknown) as error:
        raise GatewayUnreachable(str(error)) from error
