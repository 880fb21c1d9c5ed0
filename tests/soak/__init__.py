"""Hours of nonsense against a running server: not part of the suites, run by hand."""
