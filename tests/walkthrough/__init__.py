"""Six debtors live through 120 days; what the books and the sink say of it is docs/ladder-walkthrough.md."""
