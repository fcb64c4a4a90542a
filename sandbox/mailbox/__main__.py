"""`python -m sandbox.mailbox --http-port P --smtp-port S --db PATH [--host 127.0.0.1]`"""

import argparse
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.mailbox import smtp_sink
from sandbox.mailbox.faults import Faults
from sandbox.mailbox.site import create_site
from sandbox.mailbox.store import Store


class QuietHandler(WSGIRequestHandler):
    """Answers without a line in the log for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the messages are the record."""


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; there is no other source of settings."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.mailbox",
        description="Demo mailbox: takes mail and SMS on this machine, shows them, sends nothing on.",
    )
    parser.add_argument("--http-port", type=int, required=True, metavar="P", help="page, API and SMS sink")
    parser.add_argument("--smtp-port", type=int, required=True, metavar="S", help="SMTP sink")
    parser.add_argument(
        "--db", type=Path, required=True, metavar="PATH", help="SQLite file; outlives restarts"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    return parser.parse_args(words)


def main() -> int:
    """Run both sinks until SIGTERM or SIGINT.

    Returns: exit code, 0 after a clean end, 1 when an address is taken or the file cannot be opened.
    """
    chosen = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    faults = Faults()
    try:
        chosen.db.parent.mkdir(parents=True, exist_ok=True)
        store = Store(chosen.db)
    except (OSError, sqlite3.Error) as error:
        print(f"The mailbox cannot open {chosen.db}: {error}", file=sys.stderr)
        return 1
    with closing(store):
        try:
            sink = smtp_sink.start(store, faults, chosen.host, chosen.smtp_port)
        except OSError as error:
            print(f"The mailbox cannot listen for mail: {error}", file=sys.stderr)
            return 1
        try:
            return _serve(chosen, store, faults)
        finally:
            sink.stop()


def _serve(chosen: argparse.Namespace, store: Store, faults: Faults) -> int:
    site = create_site(store, faults, host=chosen.host, smtp_port=chosen.smtp_port)
    try:
        server = make_server(chosen.host, chosen.http_port, site, threaded=True, request_handler=QuietHandler)
    except (OSError, SystemExit):
        print(f"The mailbox cannot listen on {chosen.host}:{chosen.http_port}", file=sys.stderr)
        return 1
    web, mail = f"http://{chosen.host}:{chosen.http_port}/", f"smtp://{chosen.host}:{chosen.smtp_port}"
    print(f"Demo mailbox: {web} takes {mail}", flush=True)
    server.serve_forever()  # returns on the KeyboardInterrupt that both signals raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
