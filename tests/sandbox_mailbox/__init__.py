"""The mailbox stand-in, tried as the process it is."""
