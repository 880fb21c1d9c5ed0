"""Tests that hold the OpenAPI document to the routes."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tests.unit.web.api_case import ApiCase
from voi import __version__
from voi.errors import Unauthorized

_CONVERTER = re.compile(r"<\w+:(\w+)>")


def references(value: Any) -> set[str]:
    """Every $ref below a value."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(references(one) for one in value))
    return set()


class DocumentTests(ApiCase):
    """The document, as a client gets it."""

    async def document(self) -> dict[str, Any]:
        """Without a token."""
        found: dict[str, Any] = (await self.ask("GET", "/api/v1/openapi.json", token=None)).json
        return found

    async def test_head(self) -> None:
        """It is OpenAPI 3.1 of this version, and a bearer token or a session is the rule."""
        document = await self.document()
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertEqual(document["info"]["version"], __version__)
        self.assertEqual(document["security"], [{"bearer": []}, {"session": []}])
        self.assertEqual(document["components"]["securitySchemes"]["bearer"], {"type": "http", "scheme": "bearer"})

    async def test_says_what_the_server_answers(self) -> None:
        """Paths and methods are those of the URL map, neither more nor fewer."""
        answered = {
            (_CONVERTER.sub(r"{\1}", rule.rule), method.lower())
            for rule in self.api.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        document = await self.document()
        self.assertEqual(answered, {(path, method) for path, item in document["paths"].items() for method in item})

    async def test_parameters(self) -> None:
        """Each variable of a path is described."""
        for path, item in (await self.document())["paths"].items():
            for operation in item.values():
                parameters = operation.get("parameters", ())
                named = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
                self.assertEqual(named, set(re.findall(r"{(\w+)}", path)))

    async def test_references(self) -> None:
        """Every reference leads somewhere, and every schema is used."""
        document = await self.document()
        schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        self.assertEqual(references(document), schemas)

    async def test_operation_ids(self) -> None:
        """Each operation has a name of its own that is an identifier."""
        names = [op["operationId"] for item in (await self.document())["paths"].values() for op in item.values()]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(name.isidentifier() for name in names))

    async def test_security(self) -> None:
        """Operations that need no token say so, and the others tell of 401."""
        document = await self.document()
        for route in self.api.routes:
            operation = document["paths"][route.template][route.method.lower()]
            self.assertEqual(operation.get("security") == [], not route.token)
            self.assertEqual("401" in operation["responses"], route.token or Unauthorized in route.errors)

    async def test_examples_are_taken(self) -> None:
        """Each example is a body that its route reads."""
        document = await self.document()
        for route in self.api.routes:
            operation = document["paths"][route.template][route.method.lower()]
            self.assertEqual("requestBody" in operation, route.body is not None)
            if route.body is not None:
                example = operation["requestBody"]["content"]["application/json"]["example"]
                msgspec.convert(example, route.body)

    async def test_errors_share_a_shape(self) -> None:
        """Every answer of 400 and more that is no health report is the one error shape."""
        shape = {"$ref": "#/components/schemas/ErrorBody"}
        for path, item in (await self.document())["paths"].items():
            for operation in item.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and (path, status) != ("/healthz", "503"):
                        self.assertEqual(response["content"]["application/json"]["schema"], shape)
