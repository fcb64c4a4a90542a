"""Play the demo's stories through the real actions: reminders sent, payments made and left.

The scenes of the ways out (disputes, plans, offers, answers) stand in demo_ways_out.py and
demo_outcomes.py, those of the ladder in demo_ladder.py. Source: decision 27.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import demo_desk_calls, demo_ladder, demo_outcomes, demo_stage, demo_ways_out
from jobs import outbox as postbox
from jobs.demo_payers import PAYERS
from jobs.demo_players import (
    GATEWAY,
    Player,
    find_player,
    pay_by_card,
    post,
    pull,
    queue_reminder,
    send_all,
    settle,
    start,
)
from jobs.demo_seed import PLAYED, working_moment
from jobs.house import House
from models.accounts import Contact
from models.invoices import Invoice
from models.links import Channel
from models.money import Money
from receivables import credit_notes
from receivables.contact import consents
from receivables.payments import attempts
from receivables.permissions import SYSTEM
from receivables.policy import current_policy


def play(house: House, stripe_url: str, *, base_url: str, now: datetime) -> None:
    """Play what is past, send the reminders, then let some debtors pay, wait, leave or opt out."""
    demo_ladder.open_house(house, now)
    scenes = (*demo_ways_out.SCENES, *demo_outcomes.SCENES, *demo_ladder.SCENES, *demo_desk_calls.SCENES)
    demo_stage.play(house, PLAYED, scenes, base_url=base_url, now=now)
    with house.store.read() as session:
        cast = {customer.case: find_player(session, customer) for customer in PAYERS if customer.papers}
    for player in cast.values():
        at = working_moment(now, player.account.zone)
        queue_reminder(house, player, at)
        send_all(house, at)
    pay_by_card(house, cast["paid"], start(house, cast["paid"], base_url, now), now)
    debit = start(house, cast["bank debit on its way"], base_url, now)
    post(f"{debit.url}", debit="debit_settles")
    settle(house, debit, now)
    left = start(house, cast["left the card page"], base_url, now)
    with house.store.read() as session:
        attempt = attempts.find_attempt(session, left.ref)
    house.gateways[GATEWAY].expire(attempt.remote_id or "")
    settle(house, left, now)
    pull(stripe_url, "faults", op="checkout.sessions.create", kind="timeout_after", count=3)
    start(house, cast["payment being checked"], base_url, now)
    _opt_out(house, cast["left the card page"], now)
    # He had the card page open while the credit note came: what is too much waits for a person.
    juniper = start(house, cast["credit note, credit in favour"], base_url, now)
    _credit(house, cast["credit note, credit in favour"], now)
    pay_by_card(house, cast["credit note, credit in favour"], juniper, now)
    postbox.send_due(house, worker="demo", now=now)
    demo_ladder.close_day(house, now)


def _opt_out(house: House, player: Player, now: datetime) -> None:
    """This contact wants no e-mail; the next reminder to it is suppressed by name."""

    def unit(session: Session) -> str:
        contact = session.get_one(Contact, player.contact.id)
        return consents.issue_opt_out(
            session, contact, Channel.EMAIL, policy=current_policy(session, now), now=now
        )

    token = house.store.run(unit)
    shown = consents.Shown("No more e-mails of this kind", "demo", "portal")
    house.store.run(lambda s: consents.choose_by_link(s, token, wanted=False, shown=shown, now=now))


def _credit(house: House, player: Player, now: datetime) -> None:
    with house.store.read() as session:
        ref = session.scalars(
            select(Invoice.ref).where(Invoice.account_id == player.account.id, Invoice.number == "2026-1107")
        ).one()
    house.store.run(
        lambda s: credit_notes.record_credit_note(
            s,
            SYSTEM,
            ref,
            number="CN-2026-051",
            amount=Money(2600, player.currency),
            reason="200 labels came torn",
            now=now,
        )
    )
