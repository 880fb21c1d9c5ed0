"""A version on its way to the terminals: sent, watched, tried again, and ended one way or the other."""
