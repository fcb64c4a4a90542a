"""After the case: what worked, and what a month teaches."""
