"""Staff pages: the Flask-Admin shell and our own desks."""
