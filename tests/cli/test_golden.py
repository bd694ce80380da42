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
from conftest import HERE, LHGUARD, ROOT, Cli, Ran
from daemon import ANSWERS
from interface import Interface
from schema import complaints

GOLDEN = HERE / "golden"
# What these print is of the machine that they run on: test_doctor.py has golden files of the words alone.
OF_THIS_MACHINE = {"doctor"}
# Of Varlink itself: https://varlink.org/Service
VARLINKS_ERRORS = {"org.varlink.service.MethodNotFound": {"method": "string"},
                   "org.varlink.service.InvalidParameter": {"parameter": "string"}}


def verbs() -> list[str]:
    """Those that help knows."""
    said = subprocess.run([LHGUARD, "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  lhguard (\S+)", said, re.MULTILINE)


CASES = all_cases(verbs())


def run(cli: Cli, case: Case) -> Ran:
    return cli.run(*case.argv, columns=case.columns, variant=case.variant, without=case.without, **case.environment)


def visible(data: bytes) -> str:
    """Escape sequences can be read; what is no UTF-8 can be, too."""
    return data.decode("utf-8", "backslashreplace").replace("\x1b", "\u241b")


def told(case: Case, ran: Ran) -> str:
    """The golden file of @case. What was printed last: a golden file shows it as it is."""
    words = [f"{name}={value}" for name, value in case.environment.items()]
    words += ["lhguard", *(repr(word)[1:-1] if word else "''" for word in case.argv)]
    text = f"$ {' '.join(words)}\n"
    text += "asks a daemon that is too old to tell all that it is asked\n" if case.without else ""
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
    assert {path.name for path in GOLDEN.iterdir() if path.is_file()} == set(CASES)


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
        kind = (interface.errors | VARLINKS_ERRORS)[error.removeprefix("org.lhguard.")] if error \
            else interface.methods[method]
        assert interface.complaints(kind, answer["parameters"], method) == []


def places(text: str) -> int:
    """Of a terminal that a text takes."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# On a terminal these are to fit, whatever is in them.
FITTING = {**TABLES, "guests-container": WORDS["guests-container"], "explain-event": WORDS["explain-event"],
           "explain-many": WORDS["explain-many"], "explain-layers": WORDS["explain-layers"],
           **{name: WORDS[name] for name in WORDS if name.startswith(("status", "ports", "list"))
              and WORDS[name].argv[1:2] != ("--map",) and "quiet" not in name},
           **{f"help-{verb}": Case(("help", verb)) for verb in verbs()}, "help": Case(("help",)),
           "doctor": Case(("doctor",)), "doctor-alone": Case(("doctor", "--socket", "/nowhere/socket"))}
TERMINALS = (80, 100, 132, 200)


def is_command(line: str) -> bool:
    """A line that holds nothing but a command, to be copied as it stands."""
    return re.match(r" *(-> )?(lhguard|sysctl|VBoxManage) \S", line) is not None


def too_wide(text: str, columns: int) -> list[str]:
    """Lines that go on in the next one; a command or a word has no blank at which it may be divided."""
    return [line for line in text.splitlines()
            if places(line) > columns and not is_command(line) and len(line.split()) > 1]


def last_command(line: str) -> str:
    """What a person copies from the end of a line; "" where none is there."""
    found = re.search(r".*(?:, then|:) (lhguard .*)", line)
    return found[1] if found else ""


@pytest.mark.parametrize("columns", TERMINALS)
@pytest.mark.parametrize("name", FITTING)
def test_what_is_printed_fits(cli: Cli, name: str, columns: int) -> None:
    """No line is wider than the terminal, whatever is in it."""
    case = FITTING[name]
    ran = cli.run(*case.argv, columns=columns, variant=case.variant, error_too=True, NO_COLOR="1")
    text = ran.output.decode()
    assert text and too_wide(text, columns) == []
    assert text.replace("\n", "").isprintable()  # what holds a command together is gone
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("columns", TERMINALS)
@pytest.mark.parametrize("name", [name for name in FITTING if "doctor" not in name])
def test_nothing_is_lost_by_fitting(cli: Cli, name: str, columns: int) -> None:
    """The same characters as on a pipe, but for columns that the narrow terminal has no room for."""
    case = FITTING[name]
    narrow = cli.run(*case.argv, columns=columns, variant=case.variant, NO_COLOR="1").output.decode()
    whole = cli.run(*case.argv, variant=case.variant).output.decode()
    if case.argv[0] in ("guests", "list", "connections"):
        assert "\u2026" not in narrow
    else:
        assert sorted("".join(narrow.split())) == sorted("".join(whole.split()))
    for command in filter(None, map(last_command, whole.splitlines())):
        assert command in narrow, f"divided: {command}"


@pytest.mark.parametrize("name", ("status-wrong", "explain", "watch", "log", "doctor"))
def test_words_fit_a_narrow_terminal(cli: Cli, name: str) -> None:
    """Tables need more for their columns."""
    test_what_is_printed_fits(cli, name, 50)


@pytest.mark.parametrize("columns", TERMINALS)
def test_ports_have_their_numbers_and_programs(cli: Cli, columns: int) -> None:
    """Whatever a guest is called: each port stands in one piece, and its program with it."""
    text = cli.run("ports", columns=columns, NO_COLOR="1").output.decode()
    for port in json.loads(cli.run("ports", "--json").output)["ports"]:
        service = port["service"]
        shown = f"[{service['address']}]" if ":" in service["address"] else service["address"]
        assert f"{service['protocol']} {shown}:{service['port']}" in text
        assert service["program"] in text.split() or not service["program"].isalnum()


def test_comments_have_room(cli: Cli) -> None:
    """Below their rows they have as much as the terminal; where they are short, they are beside them."""
    long = [entry["comment"] for entry in json.loads(cli.run("list", "--json", variant="long").output)["exceptions"]]
    lines = cli.run("list", columns=80, variant="long", NO_COLOR="1").output.decode().splitlines()
    told = [line.strip() for line in lines if line.startswith(" " * 6) and not line.startswith(" " * 7)]
    assert " ".join(told[:4]) == f"COMMENT {long[0]}" and "".join(told[4:]) == long[1]
    short = cli.run("list", columns=80, variant="short", NO_COLOR="1").output.decode().splitlines()
    assert len(short) == 4 and short[0].endswith("  COMMENT") and short[1].endswith("  for the browser")
    plain = cli.run("list", columns=80, variant="plain", NO_COLOR="1").output.decode().splitlines()
    assert len(plain) == 3 and plain[0].endswith("  LAST USED  MADE BY")


def test_a_service_is_not_divided(cli: Cli) -> None:
    """Rather what stands behind it begins a new line."""
    lines = cli.run("connections", columns=80, NO_COLOR="1").output.decode().splitlines()
    assert any(line.endswith(" tcp [2001:db8:1234:5678:9abc:def0:1234:5678]:8080") for line in lines)


@pytest.mark.parametrize("name", [n for n in CASES if n.endswith(".txt")])
def test_in_c_nothing_but_ascii(cli: Cli, name: str) -> None:
    case = CASES[name]
    ran = cli.run(*case.argv, columns=case.columns, variant=case.variant, without=case.without,
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


SANITIZED = ROOT / "build/asan/lhguard"


@pytest.mark.parametrize("name", CASES)
def test_the_sanitizers_find_nothing(cli: Cli, name: str) -> None:
    """What is still there when it ends is given back by the kernel."""
    case = CASES[name]
    ran = cli.run(*case.argv, columns=case.columns, variant=case.variant, without=case.without, program=SANITIZED,
                  **{**case.environment, "ASAN_OPTIONS": "detect_leaks=0"})
    assert b"Sanitizer" not in ran.error and b"runtime error" not in ran.error, ran.error.decode()


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
