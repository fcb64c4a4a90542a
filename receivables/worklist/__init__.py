"""Whom to work first, and why: ranking, claims, skips, assignments between colleagues, acts on many accounts."""
