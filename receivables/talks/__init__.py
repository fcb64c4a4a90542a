"""Speaking with debtors: what may be offered and said, what came of it, and what goes wrong again and again."""
