"""How hard the tests try: `AMICABLE_TEST_LONG=1` (make test-long) repeats more (decision 25)."""

from __future__ import annotations

import os

LONG = os.environ.get("AMICABLE_TEST_LONG") == "1"
#: Repeats of a race.
REPEATS = 50 if LONG else 5
#: Examples of a property.
EXAMPLES = 500 if LONG else 100
