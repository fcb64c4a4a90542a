"""Speaking with debtors: what may be offered and said, what came of it, what goes wrong again and again."""
