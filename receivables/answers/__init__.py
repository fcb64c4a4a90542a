"""What debtors say and ask, and what we answered."""
