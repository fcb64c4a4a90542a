"""Customers and invoices from files into the books."""
