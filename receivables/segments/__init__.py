"""Six kinds of debtor: what the books show, what the rules propose, what people decide, what sales do."""
