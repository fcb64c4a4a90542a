"""Whom to work first, and why: ranking, claims, skips, who stands in for whom, acts on many accounts."""
