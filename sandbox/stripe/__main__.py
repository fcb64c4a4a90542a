"""Starts the Stripe stand-in: `python -m sandbox.stripe --port 4242 --db var/stripe.sqlite`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from sandbox.stripe.api import KEY_PREFIX
from sandbox.stripe.server import LOOPBACK, Sandbox, Settings, quiet


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line, serves until stopped; returns the exit code."""
    parser = argparse.ArgumentParser("python -m sandbox.stripe", description="A local stand-in for Stripe.")
    parser.add_argument("--port", type=int, required=True, help="0 picks a free one and says which")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file; kept between runs")
    parser.add_argument("--host", default="127.0.0.1", choices=LOOPBACK)
    parser.add_argument("--webhook-url", help="where events are delivered")
    parser.add_argument("--webhook-secret", help="whsec_… shared with that receiver")
    parser.add_argument("--public-url", help="address under which browsers reach the hosted page")
    parser.add_argument("--api-key", help=f"the only key taken; default: any {KEY_PREFIX}…")
    parser.add_argument("--business", help="the payee's name on the hosted page")
    parser.add_argument("--log", type=Path, help="file for one JSON line for each API call")
    parser.add_argument(
        "--clock", type=int, help="Unix time at which a new file's clock starts; default: now"
    )
    wish = parser.parse_args(arguments)
    if bool(wish.webhook_url) != bool(wish.webhook_secret):
        parser.error("--webhook-url and --webhook-secret come together")
    if wish.api_key and not wish.api_key.startswith(KEY_PREFIX):
        parser.error(f"the sandbox takes {KEY_PREFIX}… keys only")
    quiet()
    sandbox = Sandbox(Settings(**vars(wish)))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sandbox.stop())
    print(f"Stripe stand-in listens on {sandbox.url}", flush=True)
    sandbox.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
