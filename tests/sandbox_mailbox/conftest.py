"""One mailbox process for each test file, emptied before each test."""

from collections.abc import Iterator

import pytest

from tests.mailboxes import MailboxProcess, start_mailbox


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxProcess]:
    mailbox = start_mailbox(tmp_path_factory.mktemp("mailbox"))
    yield mailbox
    mailbox.stop()


@pytest.fixture
def mailbox(running: MailboxProcess) -> MailboxProcess:
    running.clear()
    return running
