"""The web pages, as their HTML: escaping, policies, direction, narrowing."""

from email.message import Message
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.mailboxes import MailboxProcess
from tests.sandbox_mailbox.letters import HEBREW_SUBJECT, LINK, mail, page, post_mail, post_sms

ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def headers(mailbox: MailboxProcess, path: str) -> Message:
    with urlopen(mailbox.http_url + path, timeout=20) as answer:  # noqa: S310 loopback
        return answer.headers


def newest(mailbox: MailboxProcess) -> int:
    return mailbox.messages()[-1]["id"]


def test_the_empty_mailbox_says_where_to_send(mailbox: MailboxProcess) -> None:
    shown = page(mailbox, "/")
    assert "nothing leaves this machine" in shown
    assert "No messages yet" in shown
    assert mailbox.smtp_url in shown
    assert mailbox.sms_url in shown


def test_markup_in_subject_text_and_names_stays_text(mailbox: MailboxProcess) -> None:
    """X-04: a name or subject with markup is shown, never run, on the list and on the message."""
    post_mail(mailbox, mail(subject=ATTACK, text=f"{ATTACK} javascript:alert(3) https://a.example/{ATTACK}"))
    post_sms(mailbox, ATTACK)
    for path in ("/", f"/m/{newest(mailbox) - 1}", f"/m/{newest(mailbox)}", f"/?q={quote('<script>')}"):
        shown = page(mailbox, path)
        assert "<script" not in shown
        assert "<img" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert 'href="javascript' not in shown


def test_every_page_has_the_strict_policy(mailbox: MailboxProcess) -> None:
    post_mail(mailbox, mail(html="<p>x</p>"))
    for path in ("/", f"/m/{newest(mailbox)}", "/api/messages", "/static/mailbox.css"):
        answered = headers(mailbox, path)
        assert answered["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in answered["Content-Security-Policy"]
        assert answered["X-Content-Type-Options"] == "nosniff"


def test_the_html_of_a_mail_is_served_in_a_sandbox_of_its_own(mailbox: MailboxProcess) -> None:
    """X-04: no script, image, form or top navigation; a link opens a new tab that is a normal page."""
    post_mail(
        mailbox, mail(html=f"<!doctype html><html><head><title>t</title></head><body>{ATTACK}</body></html>")
    )
    address = f"/m/{newest(mailbox)}/html"
    policy = headers(mailbox, address)["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
    assert "img-src" not in policy
    assert "script" not in policy
    assert headers(mailbox, address)["Referrer-Policy"] == "no-referrer"
    assert '<head><base target="_blank"><title>' in page(mailbox, address)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page(mailbox, f"/m/{newest(mailbox)}")


def test_hebrew_runs_from_right_to_left_and_its_link_does_not(mailbox: MailboxProcess) -> None:
    post_mail(mailbox, mail())
    shown = page(mailbox, f"/m/{newest(mailbox)}")
    assert f'<h1 dir="auto">{HEBREW_SUBJECT}</h1>' in shown
    assert f'target="_blank" rel="noopener noreferrer"><bdi dir="ltr">{LINK}</bdi></a>.' in shown
    assert f'dir="auto">{HEBREW_SUBJECT}</a>' in page(mailbox, "/")


def test_an_sms_shows_its_cost_and_why(mailbox: MailboxProcess) -> None:
    """Decision 20: the writer of a text sees what made it dear."""
    post_sms(mailbox, "Your bill is ready — read it: https://ngp.example/l/abc")
    shown = page(mailbox, f"/m/{newest(mailbox)}")
    assert "1 of at most 70 units" in shown
    assert "UCS-2, 55 units" in shown
    assert "(U+2014)" in shown
    assert 'href="https://ngp.example/l/abc" target="_blank"' in shown


def test_the_list_is_newest_first_and_narrows_by_part_of_the_recipient(mailbox: MailboxProcess) -> None:
    post_mail(mailbox, mail(subject="First", to="ann@x.example"))
    post_mail(mailbox, mail(subject="Second", to="bob@x.example"))
    post_sms(mailbox, "Third")
    shown = page(mailbox, "/")
    assert shown.index("Third") < shown.index("Second") < shown.index("First")
    assert "Second" not in page(mailbox, "/?to=ANN")
    assert "Third" not in page(mailbox, "/?channel=mail")
    assert "Nothing matches" in page(mailbox, "/?q=nowhere")


def test_a_long_list_goes_on_with_older_messages(mailbox: MailboxProcess) -> None:
    for number in range(51):
        post_sms(mailbox, f"text-{number:03}", key=f"k{number}")
    oldest = mailbox.messages()[0]["id"]
    assert "text-000" not in page(mailbox, "/?channel=sms")
    assert f'href="/?before={oldest + 1}&amp;channel=sms"' in page(mailbox, "/?channel=sms")
    assert "text-000" in page(mailbox, f"/?channel=sms&before={oldest + 1}")


def test_watching_is_asked_for_and_needs_no_script(mailbox: MailboxProcess) -> None:
    """X-10: the page reloads itself only for somebody who asked for it, and can be stopped."""
    assert headers(mailbox, "/")["Refresh"] is None
    assert headers(mailbox, "/?watch=1")["Refresh"] == "5"
    assert "Stop watching" in page(mailbox, "/?watch=1")


def test_raw_and_attachment_are_downloads(mailbox: MailboxProcess) -> None:
    message = mail()
    message.add_attachment(b"<script>", maintype="text", subtype="html", filename="קבלה.html")
    post_mail(mailbox, message)
    raw, attached = f"/m/{newest(mailbox)}/raw", f"/m/{newest(mailbox)}/attachment/0"
    assert "Message-ID: <reminder-1@hashachar-print.example>" in page(mailbox, raw)
    assert headers(mailbox, raw)["Content-Disposition"].startswith("attachment;")
    assert page(mailbox, attached) == "<script>"
    assert headers(mailbox, attached)["Content-Type"] == "application/octet-stream"
    assert headers(mailbox, attached)["Content-Disposition"].startswith("attachment;")


def test_a_mail_delivered_twice_points_at_its_twin(mailbox: MailboxProcess) -> None:
    """P-26: a retry after an unknown outcome is visible to whoever looks."""
    post_mail(mailbox, mail())
    post_mail(mailbox, mail())
    first, second = (one["id"] for one in mailbox.messages())
    assert f'<a href="/m/{second}">as message {second}</a>' in page(mailbox, f"/m/{first}")


@pytest.mark.parametrize("path", ["/m/999999", "/m/999999/html", "/m/999999/raw", "/nowhere"])
def test_what_is_not_there_is_a_kind_404(mailbox: MailboxProcess, path: str) -> None:
    with pytest.raises(HTTPError) as refusal:
        page(mailbox, path)
    with refusal.value as answer:
        assert answer.code == 404
        assert "All messages" in answer.read().decode()
