"""Any request that the OpenAPI document allows, and some that it does not: nothing fails, and every answer is one that
the document knows.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from twisted.internet import reactor
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from tests.unit.web.api_case import TOKEN, ApiCase
from tests.unit.web.fakes import MAC, level

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
"""Not that everything is taken which has the right shape: a password may be too short, a name taken."""

ENDLESS, ITSELF = ("GET", "/api/v1/events/stream"), ("GET", "/api/v1/openapi.json")
"""Not tried: what never ends, and where the document is from."""
EACH = settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class SchemaTests(ApiCase):
    """Schemathesis against the API, operation by operation."""

    timeout = 300

    async def test_every_operation(self) -> None:
        """No fault of ours, no answer of a status, type or shape that the document does not name."""
        await self.terminal(MAC)
        await self.publish(level())
        await self.accounts.add("somebody", "x")
        pool = ThreadPool(1, 1, "schemathesis")
        pool.start()
        self.addCleanup(pool.stop)
        tried = await deferToThreadPool(reactor, pool, self.try_all)  # type: ignore[arg-type]  # the module is the reactor
        self.assertEqual(tried, {(route.method, route.template) for route in self.api.routes} - {ENDLESS, ITSELF})

    def try_all(self) -> set[tuple[str, str]]:
        """Runs in a thread: its requests wait for the reactor. Which operations were tried."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        schema = schemathesis.openapi.from_url(f"{self.url}/api/v1/openapi.json")
        tried = set()
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            if (operation.method.upper(), operation.path) == ENDLESS:
                continue

            @EACH
            @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
            def try_one(case: Case[Any]) -> None:
                case.call_and_validate(headers=headers, checks=CHECKS)

            try_one()
            tried.add((operation.method.upper(), operation.path))
        return tried
