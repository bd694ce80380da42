# SPDX-License-Identifier: GPL-2.0-or-later
"""conf/lhguard.schema.json, and documents held against it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

PATH = Path(__file__).resolve().parents[2] / "conf/lhguard.schema.json"
SCHEMA = json.loads(PATH.read_text())


def closed(schema: object) -> object:
    """The same, but a member that it does not document is a mistake."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    # An object with the name "properties" for a member would be mistaken: there is none.
    if isinstance(result.get("properties"), dict) and result.get("type") == "object":
        result["additionalProperties"] = False
    return result


CLOSED = closed(SCHEMA)


def complaints(verb: str, document: object) -> list[str]:
    """What of a document of `lhguard VERB --json` the schema does not know."""
    schema = {**CLOSED, "$ref": f"#/$defs/{verb}"}
    schema.pop("anyOf")
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
