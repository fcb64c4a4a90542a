"""`python -m checker`: proves the books again, from the database and the logs of others, without our code."""
