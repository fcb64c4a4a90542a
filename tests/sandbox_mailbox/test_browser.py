"""In a real browser: a mail's script stays dead, its link is alive."""

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.mailboxes import MailboxProcess
from tests.sandbox_mailbox.letters import mail, post_mail, post_sms

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),  # without one, the driver's own
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield browser.new_page()
        browser.close()


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A web address that notices whether anybody calls."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def test_a_script_in_a_mail_never_runs_and_its_link_opens_a_normal_tab(
    mailbox: MailboxProcess, tab: Page, elsewhere: socket.socket
) -> None:
    """X-04: sandbox and policy hold in the frame, alone, and in the subject; the link still works."""
    target = f"{mailbox.http_url}/?q=reached"
    pixel = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/pixel"
    attack = "<script>document.title = 'owned'; top.document.title = 'owned'</script>"
    post_mail(
        mailbox,
        mail(
            subject=f'"><b id=hurt>{attack}',
            html=f'{attack}<p id="bait">text</p><img src="{pixel}">'
            f"<style>p {{ background: url({pixel}) }}</style>"
            f'<a href="{target}" onclick="document.title=\'owned\'">See and pay</a>',
        ),
    )
    [kept] = mailbox.messages()

    tab.goto(f"{mailbox.http_url}/m/{kept['id']}/html")
    assert tab.locator("#bait").is_visible()
    assert tab.title() != "owned"
    tab.goto(f"{mailbox.http_url}/m/{kept['id']}")
    frame = tab.frame_locator("iframe")
    assert frame.locator("#bait").is_visible()
    assert tab.locator("#hurt").count() == 0
    assert "owned'" in tab.title()  # the subject itself, as text
    with tab.context.expect_page() as opened:
        frame.get_by_role("link", name="See and pay").click()
    opened.value.wait_for_load_state()
    assert opened.value.url == target
    assert opened.value.evaluate("origin") == mailbox.http_url  # not the opaque origin of a sandbox
    assert opened.value.evaluate("opener") is None
    opened.value.close()

    with pytest.raises(BlockingIOError):
        elsewhere.accept()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(mailbox: MailboxProcess, tab: Page, width: int) -> None:
    """X-10: pages reflow down to 320 px."""
    post_mail(mailbox, mail(to=f"{'long' * 15}@{'very' * 10}.example", subject="W" * 150, html="<p>x</p>"))
    post_sms(mailbox, "https://ngp.example/l/" + "x" * 120)
    tab.set_viewport_size({"width": width, "height": 800})
    for path in ["/", *(f"/m/{one['id']}" for one in mailbox.messages())]:
        tab.goto(mailbox.http_url + path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_opens_a_message(mailbox: MailboxProcess, tab: Page) -> None:
    """X-10: from the top of the list to the message with Tab and Enter."""
    post_sms(mailbox, "hello")
    tab.goto(mailbox.http_url)
    for _ in range(12):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('.row') !== null"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/m/*")
    assert tab.get_by_role("heading", level=1).inner_text() == "SMS to +972555550142"
