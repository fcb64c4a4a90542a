"""Promises, instalment plans, settlement offers and saved cards: their rules and moves."""
