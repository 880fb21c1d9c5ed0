"""Tests that hold the OpenAPI document to the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
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


def schemas_in(value: Any, at: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object below a value that says of which type something is, with its place."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str | list):  # else a property that is called so
            yield at, value
        for name, part in value.items():
            if name not in ("example", "examples"):
                yield from schemas_in(part, f"{at}/{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from schemas_in(part, f"{at}/{index}")


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

    async def test_arrays(self) -> None:
        """Every array in the whole document says what it has: programs that make clients of it need a type."""
        found = [
            (place, schema)
            for place, schema in schemas_in(await self.document())
            if schema["type"] == "array" or "array" in schema["type"] or "prefixItems" in schema
        ]
        self.assertGreater(len(found), 30)
        bare = [place for place, schema in found if not (isinstance(schema.get("items"), dict) and schema["items"])]
        self.assertEqual(bare, [])

    async def test_points_have_three_numbers(self) -> None:
        """A tuple takes as many values as it has, of its kinds, and no more."""
        rates = (await self.document())["components"]["schemas"]["RolloutView"]["properties"]["rates"]
        for value, right in (([[1.5, 2, 3]], True), ([[1.5, 2]], False), ([[1.5, 2, 3, 4]], False), ([["x"]], False)):
            self.assertEqual(jsonschema_rs.is_valid(rates, value), right, value)

    async def test_schemas(self) -> None:
        """Every schema, of components, parameters, headers and bodies, is one by JSON Schema's own rules."""
        document = await self.document()
        places = [place for place, _ in schemas_in(document)]
        self.assertGreater(len(places), 100)
        for place, schema in schemas_in(document):
            if "/securitySchemes/" not in place:
                jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})

    async def test_servers(self) -> None:
        """A program that was given this document alone knows where to ask: where it comes from."""
        (one,) = (await self.document())["servers"]
        self.assertEqual(one["url"], "/")

    async def test_tags(self) -> None:
        """Each operation is in one group; each group has a name, a description, and an operation."""
        document = await self.document()
        described = {tag["name"]: tag["description"] for tag in document["tags"]}
        self.assertEqual(len(described), len(document["tags"]))
        self.assertTrue(all(described.values()))
        used = [operation["tags"] for item in document["paths"].values() for operation in item.values()]
        self.assertEqual({len(tags) for tags in used}, {1})
        self.assertEqual({tag for tags in used for tag in tags}, set(described))

    async def test_nothing_is_in_the_last_group_by_mistake(self) -> None:
        """A new kind of thing gets a group of its own, and is not hidden among those of the server itself."""
        found = {
            path
            for path, item in (await self.document())["paths"].items()
            for operation in item.values()
            if operation["tags"] == ["server"]
        }
        own = {"/api/v1", "/api/v1/openapi.json", "/api/v1/health", "/healthz", "/api/v1/lag", "/metrics"}
        self.assertEqual(found - own, set())

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
