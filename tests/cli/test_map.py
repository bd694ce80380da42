# SPDX-License-Identifier: GPL-2.0-or-later
"""ports --map: a graph that the real dot draws, whatever a guest calls itself."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import Cli
from daemon import ANSWERS

SVG = "{http://www.w3.org/2000/svg}"
GREEN, RED, MONITOR = "#1a7f37", "#e5868c", "#cf222e"


def draw(graph: bytes) -> ElementTree.Element:
    done = subprocess.run(["dot", "-Tsvg"], input=graph, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return ElementTree.fromstring(done.stdout)


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text.replace("\u00a0", " ") for text in root.iter(f"{SVG}text")]


def titles(root: ElementTree.Element, kind: str) -> list[str]:
    return [group.findtext(f"{SVG}title") for group in root.iter(f"{SVG}g") if group.get("class") == kind]


def test_it_is_drawn_with_what_the_guests_are_called(cli: Cli) -> None:
    ran = cli.run("ports", "--map")
    assert ran.output.isascii() and b"\x1b" not in ran.output
    said = texts(draw(ran.output))
    hostile = "vm:\\\\\\x1b[31m<b>\"x\"&\u00fc\u4e2d"
    assert {"vm:devbox", "container:web", "chrome-devtools", hostile} <= set(said)
    assert "vm:devbox: exception 1" in said and "container:web: refused by exception 4" in said
    assert said.count("chrome-devtools") == 2 and said.count("LAN") == 5


def edges(cli: Cli, variant: str = "") -> dict[tuple[str, str], str]:
    """Colours of the lines, by the guests and the ports that they join."""
    root = draw(cli.run("ports", "--map", variant=variant).output)
    nodes = {group.findtext(f"{SVG}title"): texts(group) for group in root.iter(f"{SVG}g")
             if group.get("class") == "node"}
    found = {}
    for group in root.iter(f"{SVG}g"):
        if group.get("class") != "edge":
            continue
        guests, ports = (nodes[end.split(":")[0]] for end in group.findtext(f"{SVG}title").split("->"))
        for guest in guests:
            for port in ports:
                found[guest, port] = group.find(f"{SVG}path").get("stroke")
    return found


def test_each_answer_is_a_line(cli: Cli) -> None:
    """No answer of the daemon's is lost or changed by drawing what is alike as one."""
    found = edges(cli)
    pages = json.loads((ANSWERS / "ListPorts.json").read_text())
    for port in (port for page in pages for port in page["parameters"]["ports"]):
        service = port["service"]
        address = f"[{service['address']}]" if ":" in service["address"] else service["address"]
        where = f"{service['protocol']} {address}:{service['port']}"
        for reach in (reach for reach in port["guests"] if "\x1b" not in reach["label"]):
            assert found[reach["label"], where] == (GREEN if reach["allowed"] else RED), (reach, where)


def test_in_monitor_mode_no_line_ends_before_its_port(cli: Cli) -> None:
    found = edges(cli, "monitor")
    assert found["vm:ci-runner", "tcp 127.0.0.1:9222"] == MONITOR
    assert set(found.values()) == {GREEN, MONITOR}
    assert b"arrowhead=tee" not in cli.run("ports", "--map", variant="monitor").output


def test_what_is_alike_is_one(cli: Cli) -> None:
    nodes = titles(draw(cli.run("ports", "--map").output), "node")
    assert len([name for name in nodes if name.startswith("g")]) == 5  # each has something of its own
    assert len([name for name in nodes if name.startswith("p")]) == 7  # of 10 ports
    many = draw(cli.run("ports", "--map", variant="many").output)
    assert len(titles(many, "node")) == 2 and titles(many, "edge") == ["g0:e->p0:w"]


@pytest.mark.parametrize("name", ["ports.svg", "-Tpng.svg", "a b'\".svg", "ports.png", "ports.pdf"])
def test_a_file_is_drawn(cli: Cli, tmp_path: Path, name: str) -> None:
    ran = cli.run("ports", "--map", "--", name, folder=tmp_path)
    assert (ran.status, ran.output) == (0, b""), ran.error
    data = (tmp_path / name).read_bytes()
    if name.endswith(".svg"):
        assert "vm:devbox" in texts(ElementTree.fromstring(data))
    else:
        assert data.startswith({"png": b"\x89PNG", "pdf": b"%PDF"}[name[-3:]])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_dot_it_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    ran = cli.run("ports", "--map", str(tmp_path / "ports.svg"), PATH=str(tmp_path))
    assert ran.status == 1 and b"install graphviz" in ran.error
    assert not list(tmp_path.iterdir())


def test_what_dot_cannot_write_is_told(cli: Cli, tmp_path: Path) -> None:
    ran = cli.run("ports", "--map", str(tmp_path / "nowhere/ports.svg"))
    assert ran.status == 1 and b"was not drawn" in ran.error
