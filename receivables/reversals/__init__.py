"""Money of a payment that goes back: refunds at the gateway, chargebacks, returned debits, and their ends."""
