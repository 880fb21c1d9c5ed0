"""The reference terminal: the same wire and the same seeding as the server's, from the other side."""
