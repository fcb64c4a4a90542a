"""What stands in statements, receipts and agreements, before it is set in type."""
