"""The server put together: options, start, listeners, assembly, life."""
