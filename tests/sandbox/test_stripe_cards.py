"""The page that keeps a card, its words, and the lever that changes a kept card's mind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.stripe import cards
from sandbox.stripe.events import new_id
from sandbox.stripe.texts import LANGUAGES
from tests.standins import LeverRefused, StandIn, call_api, get_page, pay_on_page, post_form, start_stripe


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    running = start_stripe(tmp_path_factory.mktemp("stripe"), business="Harbour Supplies")
    yield running
    running.stop()


def setup_page(standin: StandIn, **more: str) -> dict[str, Any]:
    customer = call_api(standin, "POST", "/v1/customers")[1]["id"]
    status, session = call_api(
        standin, "POST", "/v1/checkout/sessions",
        **{
            "mode": "setup", "currency": "gbp", "customer": customer,
            "success_url": "http://portal.example/s/1", "cancel_url": "http://portal.example/s/1?left=1",
        } | more,
    )  # fmt: skip
    assert status == 200, session
    return dict(session)


def kept(standin: StandIn, session: dict[str, Any]) -> str:
    intent = call_api(standin, "GET", f"/v1/setup_intents/{session['setup_intent']}")[1]
    return str(intent["payment_method"])


@pytest.mark.parametrize(
    ("locale", "button", "nothing"),
    [
        ("en", "Save the card", "Nothing is charged now."),
        ("ru", "Сохранить карту", "Сейчас ничего не списывается."),
        ("hu", "Kártya mentése", "Most nem történik terhelés."),
    ],
)
def test_the_page_says_that_nothing_is_charged(
    standin: StandIn, locale: str, button: str, nothing: str
) -> None:
    status, page = get_page(setup_page(standin, locale=locale)["url"])
    assert status == 200
    for words in (f'<button class="main">{button}</button>', nothing, "Harbour Supplies", "•••• 0341"):
        assert words in page
    assert "GBP" not in page


def test_the_languages_have_the_same_words() -> None:
    assert [set(words) for words in LANGUAGES.values()] == [set(LANGUAGES["en"])] * 3


def test_the_challenge_names_no_sum(standin: StandIn) -> None:
    session = setup_page(standin)
    status, place = post_form(session["url"], pick="challenge")
    assert status == 303
    challenge = get_page(place)[1]
    assert "Your bank asks you to confirm" in challenge
    assert "None" not in challenge
    assert post_form(place, answer="pass")[1] == "http://portal.example/s/1"
    assert "The card is saved" in get_page(session["url"])[1]


def test_no_number_is_kept(standin: StandIn) -> None:
    """Only brand, last four and expiry: the file never holds what was typed."""
    pay_on_page(setup_page(standin)["url"], "4000000000000341")
    assert b"4000000000000341" not in standin.db_path.read_bytes()
    wal = Path(f"{standin.db_path}-wal")
    assert not wal.exists() or b"4000000000000341" not in wal.read_bytes()


NUMBER, CODE, ACCOUNT = "4111111111111111", "7391", "GB33BUKB20201555555555"
SPACED = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/payment_methods", {"type": "card", "card[number]": NUMBER, "card[cvc]": CODE}),
        ("/v1/payment_methods", {"type": "sepa_debit", "sepa_debit[iban]": ACCOUNT}),
        ("/v1/payment_methods", {"type": "sepa_debit", "sepa_debit[iban]": SPACED}),
        (
            "/v1/payment_intents",
            {
                "amount": "500", "currency": "gbp", "payment_method_data[type]": "card",
                "payment_method_data[card][number]": NUMBER, "payment_method_data[card][cvc]": CODE,
            },
        ),
        ("/v1/payment_intents", {"amount": NUMBER, "currency": "gbp", "payment_method": NUMBER}),
        ("/v1/customers", {"number": NUMBER, "cvc[0]": CODE, "card[number": NUMBER}),
        (f"/v1/payment_methods/{NUMBER}/attach", {"customer": NUMBER}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("with_key", [False, True])
def test_no_number_that_the_api_is_sent_is_kept(
    standin: StandIn, path: str, asked: dict[str, str], with_key: bool
) -> None:
    """Neither what was asked nor what was answered, a key's first answer included, keeps the number."""
    call_api(standin, "POST", path, once=new_id("key_") if with_key else None, **asked)
    call_api(standin, "GET", f"/v1/payment_methods/{NUMBER}")
    files = [file for file in standin.db_path.parent.iterdir() if file.is_file()]
    assert standin.db_path in files
    for file in files:
        for said in (NUMBER, ACCOUNT, SPACED, SPACED.replace(" ", ""), f'"{CODE}"'):
            assert said.encode() not in file.read_bytes(), file.name


def test_a_key_that_was_sent_an_account_knows_it_again(standin: StandIn) -> None:
    """The same account is replayed and another is refused, though neither is kept."""
    asked = {
        "type": "sepa_debit", "billing_details[name]": "Ada", "billing_details[email]": "ada@alder.example",
    }  # fmt: skip
    first, again, other = (
        call_api(standin, "POST", "/v1/payment_methods", once="account", **asked | {"sepa_debit[iban]": iban})
        for iban in ("DE89370400440532013000", "DE89370400440532013000", "DE62370400440532013001")
    )
    assert first[0] == 200
    assert first == again
    assert (other[0], other[1]["error"]["type"]) == (400, "idempotency_error")


def test_the_overview_shows_pages_without_a_sum(standin: StandIn) -> None:
    setup_page(standin)
    status, page = get_page(f"{standin.url}/_sandbox/")
    assert status == 200
    assert "saves a card" in page


def test_a_kept_card_becomes_another(standin: StandIn) -> None:
    session = setup_page(standin)
    pay_on_page(session["url"])
    method = kept(standin, session)
    assert standin.control("card", payment_method=method, becomes="lost")["becomes"] == "lost"
    status, answer = call_api(
        standin, "POST", "/v1/payment_intents", amount="500", currency="gbp", payment_method=method,
        customer=session["customer"], confirm="true", off_session="true",
    )  # fmt: skip
    assert (status, answer["error"]["decline_code"]) == (402, "lost_card")


@pytest.mark.parametrize("wish", [{"payment_method": "pm_nobody", "becomes": "ok"}, {"becomes": "nobody"}])
def test_the_lever_names_what_it_does_not_know(standin: StandIn, wish: dict[str, str]) -> None:
    if "payment_method" not in wish:
        session = setup_page(standin)
        pay_on_page(session["url"])
        wish = wish | {"payment_method": kept(standin, session)}
    with pytest.raises(LeverRefused, match="No such"):
        standin.control("card", **wish)


def test_an_account_has_no_expiry_date(standin: StandIn) -> None:
    session = setup_page(standin, currency="eur")
    post_form(session["url"], debit="debit_settles")
    with pytest.raises(LeverRefused, match="expiry"):
        standin.control("card", payment_method=kept(standin, session), exp_year=2040)


def test_the_overview_has_a_saved_cards_buttons(standin: StandIn) -> None:
    """The card is declined from now on, its permission withdrawn, and it is detached: by plain forms."""
    session = setup_page(standin)
    pay_on_page(session["url"])
    method = kept(standin, session)

    def charged() -> tuple[int, str]:
        status, answer = call_api(
            standin, "POST", "/v1/payment_intents", amount="500", currency="gbp", payment_method=method,
            customer=session["customer"], confirm="true", off_session="true",
        )  # fmt: skip
        return status, str(answer.get("error", {}).get("code"))

    assert get_page(f"{standin.url}/_sandbox/")[1].count(f'value="{method}"') == 4
    assert charged() == (200, "None")
    for form, said in (
        ({"becomes": "insufficient_funds"}, (402, "card_declined")),
        ({"becomes": "ok"}, (200, "None")),
        ({"status": "inactive"}, (400, "payment_intent_mandate_invalid")),
    ):
        lever = "mandate" if "status" in form else "card"
        assert post_form(f"{standin.url}/_sandbox/{lever}", payment_method=method, **form)[0] == 303
        assert charged() == said
    assert post_form(f"{standin.url}/_sandbox/card", payment_method=method, detach="1")[0] == 303
    assert f'value="{method}"' not in get_page(f"{standin.url}/_sandbox/")[1]


def test_every_pick_is_a_known_card() -> None:
    assert {*cards.QUICK_PICKS, *cards.SAVE_PICKS} <= set(cards.BY_NAME)
    assert {*cards.QUICK_PICKS, *cards.SAVE_PICKS} <= set(LANGUAGES["en"])
