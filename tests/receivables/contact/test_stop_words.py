"""Words of opting out, heard in four languages and as thumbs type them (C-07, tone.md section 8)."""

from __future__ import annotations

import doctest
import random
import time

import pytest

from models.links import Channel
from receivables.contact import stop_words
from receivables.contact.stop_words import Asked, hear

EMAIL, SMS = Channel.EMAIL, Channel.SMS

ALONE = """
STOP; STOPALL; STOP ALL; UNSUBSCRIBE; END; QUIT; REVOKE; OPT OUT; OPTOUT; REMOVE ME; NO MORE
הסר; הסרה; הסירו; הסירו אותי; תסירו אותי; להסיר; עצור; עצרו; די; מספיק; הפסק; הפסיקו; תפסיקו
אל תשלחו; לא מעוניין; לא מעוניינת
СТОП; ОТПИСКА; ОТПИСАТЬСЯ; ОТПИШИТЕ; ХВАТИТ; ПРЕКРАТИТЕ; НЕ ПИШИТЕ; НЕ БЕСПОКОИТЬ; УДАЛИТЕ МЕНЯ
LEIRATKOZÁS; LEIRATKOZOM; ELÉG; NE KÜLDJENEK; NE ÍRJANAK; TÖRÖLJENEK; NEM KÉREM; ÁLLJ
LEIRATKOZAS; ELEG; NE KULDJENEK; NE IRJANAK; TOROLJENEK; NEM KEREM; ALLJ
דאםפ; ЫЕЩЗ; CTOП; СTOП; SТОР; STОP
"""
WORDS = [word.strip() for line in ALONE.split("\n") for word in line.split(";") if word.strip()]
ORDERS = ["CANCEL", "ביטול", "ОТКАЗ", "ОТКАЗЫВАЮСЬ", "LEMONDÁS", "LEMONDOM", "lemondas"]
DRESSES = [
    "{}", "{}.", " {} ", "“{}”", "„{}”", "«{}»", '"{}"', "'{}'", "{}!!!", "\n{}\n\n", "*{}*", "-{}-",
    "\u200f{}\u200e", "{}\ufeff", "please {}", "{} please", "{}, בבקשה", "{}, спасибо",
]  # fmt: skip

FREE = [
    ("stop texting me", (SMS,), False),
    ("Please stop texting me.", (SMS,), False),
    ("Hi Maya, please stop emailing me!", (EMAIL,), False),
    ("Stop sending me these messages", (), False),
    ("I asked you to stop calling", (), True),
    ("Don't call me again", (), True),
    ("do not contact me", (), False),
    ("DON’T TEXT ME ANYMORE", (SMS,), False),
    ("I do not want to receive any more e-mails", (EMAIL,), False),
    ("We would like to unsubscribe", (), False),
    ("Take me off your list", (), False),
    ("Good morning, could you please stop calling and texting us", (SMS,), True),
    ("no more reminders please", (), False),
    ("Good day. STOP. Helen", (), False),
    ("STOP\n\nHelen Marsh\nTidewater Café", (), False),
    ("תפסיקו להציק", (), False),
    ("תפסיקו לשלוח לי הודעות", (), False),
    ("נא להפסיק לשלוח מיילים", (EMAIL,), False),
    ("אל תשלחו לי יותר סמסים", (SMS,), False),
    ("תורידו אותי מהרשימה", (), False),
    ("אל תתקשרו אליי יותר", (), True),
    ("אני לא רוצה לקבל הודעות", (), False),
    ("תפסיקו לשלוח לי דוא״ל", (EMAIL,), False),
    ("не звоните мне", (), True),
    ("Пожалуйста, не пишите мне больше", (), False),
    ("больше не присылайте мне смс", (SMS,), False),
    ("хватит слать сообщения", (), False),
    ("Перестаньте мне звонить!", (), True),
    ("Прошу вас не беспокоить", (), False),
    ("удалите мой номер", (), False),
    ("не хочу получать рассылку", (), False),
    ("ne hívjanak többet", (), True),
    ("Kérem, ne küldjenek több SMS-t", (SMS,), False),
    ("NE ZAKLASSANAK", (), False),
    ("ne irjanak nekem tobbet", (), False),
    ("Hagyjanak békén!", (), False),
    ("töröljenek a listáról", (), False),
    ("Nem kérek több e-mailt", (EMAIL,), False),
]

ORDINARY = [
    "", " ", "?", "👍", "ok", "Thanks, paid today.", "I will stop by on Monday with a cheque",
    "We had to stop calling the courier and sent it ourselves", "Please send the invoice again",
    "The end of the month suits us", "We will pay at the end of May.", "We did not receive your email",
    "We do not have the email with the invoice", "Please don't send the goods before Friday",
    "Do not call before 10, after that I am in", "Don't call me before ten, please",
    "Can you cancel line 3 of the order and send the rest?", "I cannot opt for the plan in four parts",
    "No more than two pallets arrived", "There is more to say about this", "enough paper for a year arrived",
    "Stop 4 of the delivery was missed", "When does the bus stop?", "Call me after six",
    "Please remove line 4 from the invoice", "You never sent me the papers",
    "My number is 0113 496 0142, text me there", "We quit the lease in March, so send it to Leeds",
    "שילמתי אתמול", "לא קיבלתי את החשבונית", "אל תשלחו את הסחורה לפני יום ראשון", "אשלם בסוף החודש",
    "די בטוח ששילמנו", "מספיק לנו משטח אחד", "לא להתקשר אחרי שמונה בערב", "תשלחו לי שוב את החשבונית",
    "הסרת הפגם עלתה לנו כסף", "לא מעוניין בהנחה, רק בחשבונית מתוקנת", "תתקשרו אליי מחר",
    "Оплатили вчера", "Мы не писали вам о скидке", "Пришлите счёт ещё раз, не могу найти",
    "Не отправляйте товар до пятницы", "Не звоните после 18, я на смене", "хватит ли товара до мая?",
    "остановка отгрузки была вашей ошибкой", "Отказ от третьей позиции мы уже прислали",
    "Позвоните мне завтра",
    "Tegnap fizettünk", "Ne küldjenek árut péntek előtt", "Nem kértem ezt a tételt",
    "Elég lesz a hónap végén?", "Kérem, hívjanak holnap", "Töröljék a harmadik tételt",
    "Lemondtuk a rendelést",
    "Ne hívjanak 10 előtt", "Álljunk meg egy szóra",
]  # fmt: skip


def test_doctests() -> None:
    assert doctest.testmod(stop_words).failed == 0


@pytest.mark.parametrize("word", WORDS)
def test_a_word_alone_stops(word: str) -> None:
    """C-07: any case, points, accents, quotation marks, invisible marks, politeness, said twice."""
    cases = (word, word.lower(), word.title(), word.swapcase())
    wrong = [d.format(w) for d in DRESSES for w in cases if hear(d.format(w)).asked is not Asked.STOP]
    assert wrong == []
    assert hear(f"{word.lower()}").channels == ()


@pytest.mark.parametrize("word", ["STOP", "Стоп", "הסר"])
def test_said_more_than_once(word: str) -> None:
    assert hear(f"{word} {word}! {word}").asked is Asked.STOP


@pytest.mark.parametrize("word", ORDERS)
def test_what_may_mean_an_order_stops_and_asks(word: str) -> None:
    assert {hear(d.format(w)).asked for d in DRESSES for w in (word, word.lower())} == {Asked.STOP_AND_ASK}


@pytest.mark.parametrize("typed", ["ЫЕЩЗ", "דאםפ", "CNJG", "JNGBIBNT", "vxhru"])
def test_the_wrong_keyboard(typed: str) -> None:
    """STOP typed on a Russian and a Hebrew keyboard; СТОП, ОТПИШИТЕ and הסירו on a Latin one."""
    assert hear(typed).asked is Asked.STOP
    assert hear(typed.lower()).asked is Asked.STOP


@pytest.mark.parametrize(("text", "channels", "calls"), FREE, ids=[text[:30] for text, *_ in FREE])
def test_free_text_stops_what_it_names(text: str, channels: tuple[Channel, ...], calls: bool) -> None:
    heard = hear(text)
    assert heard.asked is Asked.STOP_AND_ASK
    assert (set(heard.channels), heard.calls) == (set(channels), calls)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_ask_for_nothing(text: str) -> None:
    assert hear(text).asked is Asked.NOTHING


@pytest.mark.parametrize("word", ["START", "unstop", "“Start.”"])
def test_only_two_words_take_reminders_up_again(word: str) -> None:
    assert hear(word).asked is Asked.START
    assert hear("we start on Monday").asked is Asked.NOTHING
    assert hear("да").asked is hear("YES").asked is Asked.NOTHING


def test_no_text_takes_long() -> None:
    """Whatever a stranger sends is read within the blink of an eye."""
    chance = random.Random(7)  # noqa: S311
    pieces = ["hi", "please", "stop", "not", "не", "мне", "אל", "ne", "tobbet", "dont", "can you", "\n", "'"]
    texts = [" ".join(chance.choices(pieces, k=400)) for _ in range(20)]
    texts += [f"{piece} " * 2000 for piece in pieces] + ["hi " * 600 + "stop"]
    begun = time.process_time()
    for text in texts:
        hear(text)
    assert time.process_time() - begun < 3
