# SPDX-License-Identifier: GPL-2.0-or-later
"""What lhguard prints, to the letter: golden/CASE.txt and golden/CASE.json.

After a change on purpose: pytest tests/cli --update-golden, and read the diff.
"""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata

import pytest
from cases import DOCUMENTS, TABLES, WORDS, Case, all_cases
from conftest import HERE, LHGUARD, Cli, Ran
from daemon import ANSWERS
from interface import Interface
from schema import complaints

GOLDEN = HERE / "golden"
# What these print is of the machine that they run on: no golden file, but test_schema.py looks at it.
OF_THIS_MACHINE = {"doctor"}


def verbs() -> list[str]:
    """Those that help knows."""
    said = subprocess.run([LHGUARD, "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  lhguard (\S+)", said, re.MULTILINE)


CASES = all_cases(verbs())


def run(cli: Cli, case: Case) -> Ran:
    return cli.run(*case.argv, columns=case.columns, variant=case.variant, **case.environment)


def visible(data: bytes) -> str:
    """Escape sequences can be read; what is no UTF-8 can be, too."""
    return data.decode("utf-8", "backslashreplace").replace("\x1b", "\u241b")


def told(case: Case, ran: Ran) -> str:
    """The golden file of @case. What was printed last: a golden file shows it as it is."""
    words = [f"{name}={value}" for name, value in case.environment.items()]
    words += ["lhguard", *(repr(word)[1:-1] if word else "''" for word in case.argv)]
    text = f"$ {' '.join(words)}\n"
    text += "".join(f"asks {call}\n" for call in ran.calls)
    text += f"exit {ran.status}\n"
    if ran.error:
        text += f"--- stderr\n{visible(ran.error)}"
    return text + f"--- stdout\n{visible(ran.output)}"


def document(ran: Ran) -> str:
    """JSON for a person who reads a diff: one member a line."""
    assert ran.status == 0, ran.error
    assert ran.output.isascii() and ran.output.endswith(b"\n")
    lines = [json.loads(line) for line in ran.output.splitlines()]
    return "".join(json.dumps(line, indent=1) + "\n" for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_golden(cli: Cli, name: str, request: pytest.FixtureRequest) -> None:
    path, case = GOLDEN / name, CASES[name]
    ran = run(cli, case)
    text = document(ran) if name.endswith(".json") else told(case, ran)
    if request.config.getoption("update_golden"):
        path.write_text(text)
    assert text == (path.read_text() if path.exists() else "there is no golden file"), \
        f"{path.name}: if that is meant, pytest tests/cli --update-golden, and read the diff"


def test_golden_files_are_those_of_the_cases() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)


def test_every_verb_has_its_cases() -> None:
    """A table or words, and help."""
    shown = {case.argv[0] for case in (*TABLES.values(), *WORDS.values()) if case.argv}
    assert set(verbs()) - shown == OF_THIS_MACHINE


def test_every_verb_with_a_document_has_a_golden_one() -> None:
    assert set(verbs()) - {case.argv[0] for case in DOCUMENTS.values()} == OF_THIS_MACHINE | {"help"}


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("*.json")), ids=lambda path: path.name)
def test_fixed_answers_are_those_of_the_interface(path) -> None:
    """The daemon could have given them: else the golden files would prove nothing."""
    interface, method = Interface(), path.name.split(".")[0]
    answers = json.loads(path.read_text())
    for answer in answers if isinstance(answers, list) else [answers]:
        error = answer.get("error")
        kind = interface.errors[error.removeprefix("org.lhguard.")] if error else interface.methods[method]
        assert interface.complaints(kind, answer["parameters"], method) == []


def places(text: str) -> int:
    """Of a terminal that a text takes."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("columns", (80, 100, 132, 200))
@pytest.mark.parametrize("verb", ("guests", "list", "connections"))
def test_tables_fit(cli: Cli, verb: str, columns: int) -> None:
    """No line is wider than the terminal, whatever is in it."""
    ran = cli.run(verb, columns=columns, NO_COLOR="1")
    lines = ran.output.decode().splitlines()
    assert len(lines) > 3
    assert max(map(places, lines)) <= columns, ran.output.decode()
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("name", [n for n in CASES if n.endswith(".txt")])
def test_in_c_nothing_but_ascii(cli: Cli, name: str) -> None:
    case = CASES[name]
    ran = cli.run(*case.argv, columns=case.columns, variant=case.variant,
                  **{**case.environment, "LC_ALL": "C"})
    if case.argv[:1] == ("export",):  # a file, the same wherever it is written
        assert ran.output == run(cli, case).output
    else:
        assert ran.output.isascii()
    assert ran.error.isascii()


@pytest.mark.parametrize("name", [n for n in CASES if ".colour" not in n])
def test_no_colour_but_on_a_terminal(cli: Cli, name: str) -> None:
    """Neither on a pipe, nor with NO_COLOR: no escape sequence of ours, and none of a guest's name."""
    ran = run(cli, CASES[name])
    assert b"\x1b" not in ran.output + ran.error


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_keep_to_the_schema(cli: Cli, name: str) -> None:
    for line in run(cli, DOCUMENTS[name]).output.splitlines():
        assert complaints(DOCUMENTS[name].argv[0], json.loads(line)) == []


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A locale of one byte a character, which most machines have not built."""
    folder = tmp_path_factory.mktemp("locales")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / "de_DE.ISO-8859-1"], check=True,
                   capture_output=True)
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.ISO-8859-1"}


@pytest.mark.parametrize("name", TABLES)
def test_in_a_locale_of_one_byte_nothing_but_ascii(cli: Cli, latin: dict[str, str], name: str) -> None:
    ran = cli.run(*TABLES[name].argv, columns=80, variant=TABLES[name].variant, NO_COLOR="1", **latin)
    assert ran.status == 0 and ran.output.isascii() and ran.error.isascii()
