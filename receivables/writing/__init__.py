"""Messages that a person writes himself, and the snippets that they are begun from."""
