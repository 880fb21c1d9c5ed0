"""What every implementation of `voi.store.interfaces` must pass, written against the interfaces alone."""
