"""Hand-overs: a case put forward, approved by a second person, placed, and what came back of it."""
