"""Debtors' pages: thin views over receivables."""
