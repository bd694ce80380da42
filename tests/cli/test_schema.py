# SPDX-License-Identifier: GPL-2.0-or-later
"""conf/lhguard.schema.json is a schema, knows each verb, and has the members of the interface's types."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from conftest import ROOT, Cli
from interface import Interface
from schema import SCHEMA, complaints
from test_golden import verbs

DEFINITIONS = SCHEMA["$defs"]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_verb_has_a_definition() -> None:
    found = {name for name in DEFINITIONS if name[0].islower()}
    assert found == set(verbs()) - {"help"}
    assert {entry["$ref"] for entry in SCHEMA["anyOf"]} == {f"#/$defs/{name}" for name in found}


def test_its_number_is_that_of_the_program() -> None:
    number = re.search(r"define OUTPUT_SCHEMA (\d+)", (ROOT / "cli/output.h").read_text())[1]
    for name in (name for name in DEFINITIONS if name[0].islower() and name != "watch"):
        assert DEFINITIONS[name]["properties"]["schema"] == {"const": int(number)}
        assert "schema" in DEFINITIONS[name]["required"]


@pytest.mark.parametrize("name", Interface().types)
def test_types_have_the_members_of_the_interface(name: str) -> None:
    fields = Interface().types[name]
    definition = DEFINITIONS[name]
    needed = {field for field, kind in fields.items() if not (isinstance(kind, tuple) and kind[0] == "?")}
    assert set(definition["properties"]) - {"schema"} == set(fields)
    assert set(definition["required"]) - {"schema"} == needed


def test_a_line_of_watch_is_an_event_or_tells_of_lost_ones(cli: Cli) -> None:
    lines = [json.loads(line) for line in cli.run("watch", "--past", "20", "--json").output.splitlines()]
    assert {line["type"] for line in lines} == {"attempt", "listener", "lost"}
    for line in lines:
        assert complaints("watch", line) == []
        assert complaints("Lost" if line["type"] == "lost" else "Event", line) == []
        assert complaints("watch", {**line, "type": "perhaps"})
        assert complaints("watch", {**line, "schema": 2})
    assert complaints("watch", {"schema": 1, "type": "lost"})  # how many?


@pytest.mark.parametrize("change", [
    lambda d: d.update(schema=2),
    lambda d: d.update(more=1),
    lambda d: d.pop("schema"),
    lambda d: d["exceptions"][0].update(more=1),
    lambda d: d["exceptions"][0].pop("id"),
    lambda d: d["exceptions"][0].update(id="1"),
    lambda d: d["exceptions"][0].update(action="perhaps"),
])
def test_what_is_wrong_is_found(cli: Cli, change) -> None:
    document = json.loads(cli.run("list", "--json").output)
    assert complaints("list", document) == []
    change(document)
    assert complaints("list", document)


def test_doctor_of_this_machine(cli: Cli) -> None:
    """What it finds is of this machine; how it says so is not."""
    ran = cli.run("doctor", "--json")
    assert ran.status in (0, 1)  # 1: it found a problem, as it does where nobody holds the queues
    document = json.loads(ran.output)
    assert complaints("doctor", document) == []
    assert all(told["advice"].isprintable() for told in document["checks"] + document["blindSpots"])
