"""Live news for open pages: server-sent events and what they tell of."""
