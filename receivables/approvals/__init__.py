"""Deciding what one person asked another for: limits, effects, the one queue, deputies, ageing."""
