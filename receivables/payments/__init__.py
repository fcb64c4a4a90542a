"""Money on its way to us: quotes, attempts, the truth about them, and where it went."""
