"""Customers of the demo whose card payments went back, in part by us and in full by a bank.

Papers only: what becomes of them is played through the real actions (demo_gateway.py). Firms and people are
plainly fictional. Source: decision 27; issue E, part 5.
"""

from __future__ import annotations

from jobs.demo_cast import Customer, Paper

REFUND, CHARGEBACK = "refund to the card that paid", "chargeback, his bank took a payment back"

TAKEN_BACK = (
    Customer(
        REFUND, "northgate", "10718", "Pebble & Thyme Kitchens Ltd", "en", "Clara Nwosu",
        "clara@pebblethyme.example", None,
        (Paper("2026-1111", -12, "GBP", "Recipe cards and jar labels",
               (("RC-6", "Recipe cards, A6", "1200", "0.19"),
                ("JL-2", "Jar labels", "1500", "0.08")), "20"),),
    ),
    Customer(
        CHARGEBACK, "northgate", "10719", "Foxglove Soap Company Ltd", "en", "Martin Leigh",
        "martin@foxglove.example", None,
        (Paper("2026-1113", -13, "GBP", "Soap wrappers, two scents",
               (("SW-1", "Soap wrappers, lavender", "900", "0.16"),
                ("SW-2", "Soap wrappers, thyme", "900", "0.16")), "20"),),
    ),
)  # fmt: skip
