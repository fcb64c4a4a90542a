"""What may happen and what follows: the rules, without web, gateway or wall clock."""
