"""Mails to people of the house on their way out: the text and the clear token are made here (P-25).

The second door of all that leaves (decision record 016): whom it writes to is always a row of `staff`,
and debtors are written to by jobs/outbox.py alone, through the gate.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from jobs.house import House
from models.accounts import Account
from models.staff import Staff
from receivables import task_links, text_samples
from receivables.calendar_days import business_date
from receivables.desk import invitations
from receivables.errors import NotFound
from receivables.policy import current_policy
from receivables.ports import (
    GatewayUnreachable,
    Mail,
    MessageIncomplete,
    SendDeferred,
    SendRefused,
    SendUnknown,
)
from receivables.staff_mail import sender_of_house

#: Kind of mail -> what makes its clear token, and the page that it opens; every other lets somebody in.
WAYS = {"task_asked": (task_links.mint, "answer")}


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
        mint, path = WAYS.get(payload["kind"], (invitations.mint, "in"))
        minted = house.store.run(lambda s: mint(s, payload["token"], policy=policy, now=now))
        if minted is None:
            return
        token, until = minted
        values |= {"link": f"{base}/desk/{path}/{token}", "until": f"{until:%Y-%m-%d %H:%M} UTC"}
    subject, text = house.presenter.staff_mail(payload["kind"], language, values)
    named = f"{payload['kind']}:{payload['staff']}:{payload['key']}"
    _hand_over(house, to, name, sender, (subject, text, None), named, language, now)


def send_trial(house: House, payload: Any, now: datetime) -> None:
    """Send a text to who writes it, as a debtor would get it, marked as a trial; no link in it opens.

    Raises: NotFound; GatewayUnreachable.
    """
    if house.mail is None:
        raise NotFound("no_mail")
    with house.store.read() as session:
        person = session.scalar(select(Staff).where(Staff.ref == payload["staff"]))
        account = session.scalar(select(Account).where(Account.ref == payload["account"]))
        if person is None or account is None:
            raise NotFound("not_found")
        examples = house.presenter.text_samples(
            payload["kind"], payload["currency"], business_date(now, account.zone)
        )
        letter = text_samples.letter_of(
            session, account, payload["kind"], payload["texts"], examples, channel="email",
            language=payload["language"], now=now,
        )  # fmt: skip
        name = person.name
        to = person.email
        sender = sender_of_house(session)
    if not house.may_deliver_to(to, False):
        return
    try:
        made = house.presenter.render_message(letter)
    except MessageIncomplete:
        return  # the page said what is wrong with it
    _hand_over(
        house, to, name, sender, (f"[{payload['mark']}] {made.subject}", made.kept_text, made.html),
        f"trial:{payload['key']}", payload["language"], now,
    )  # fmt: skip


def _hand_over(
    house: House,
    to: str,
    name: str,
    sender: tuple[str, str],
    written: tuple[str, str, str | None],
    named: str,
    language: str,
    now: datetime,
) -> None:
    """Give one mail to the carrier; one that was given twice has one Message-ID, so that it is read once.

    Args:
        sender: name and address of the house.
        written: subject, text and, where there is one, HTML.
        named: the fact that the mail tells.
    """
    assert house.mail is not None
    subject, text, html = written
    digest = sha256(named.encode()).hexdigest()[:32]
    mail = Mail(
        to=to, to_name=name, from_name=sender[0], from_address=sender[1], reply_to=None, subject=subject,
        text=text, html=html, message_id=f"<{digest}@{sender[1].rpartition('@')[2]}>", sent_at=now,
        headers={"Content-Language": language, "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    try:
        house.mail.send(mail)
    except SendRefused:
        return  # the address does not exist: nobody to tell
    except (SendDeferred, SendUnknown) as error:
        raise GatewayUnreachable(str(error)) from error
