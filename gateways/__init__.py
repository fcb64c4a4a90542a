"""The only rooms that speak to the outside; each keeps a port's promise."""
