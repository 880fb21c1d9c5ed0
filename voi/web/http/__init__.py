"""How a request is answered: routing, authentication, errors, queries, idempotency, OpenAPI."""
