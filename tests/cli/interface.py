# SPDX-License-Identifier: GPL-2.0-or-later
"""conf/org.lhguard.varlink, read far enough to hold values against its types."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = re.compile(r"->|[A-Za-z_.][A-Za-z0-9_.]*|\[\]|\[string\]|[?():,]")
PLAIN = {"string": str, "int": int, "bool": bool, "float": float, "object": dict}


class Interface:
    """@types, @methods (what they answer) and @errors by name; a struct is a dict of its fields."""

    def __init__(self, path: Path = ROOT / "conf/org.lhguard.varlink") -> None:
        text = re.sub(r"#.*", "", path.read_text())
        self._words = WORDS.findall(text)
        self.types: dict[str, object] = {}
        self.methods: dict[str, object] = {}
        self.errors: dict[str, object] = {}
        while self._words:
            self._member()

    def _next(self) -> str:
        return self._words.pop(0)

    def _member(self) -> None:
        kind, name = self._next(), self._next()
        if kind == "type":
            self.types[name] = self._type()
        elif kind == "method":
            self._type()
            assert self._next() == "->"
            self.methods[name] = self._type()
        elif kind == "error":
            self.errors[name] = self._type()
        else:
            assert kind == "interface", kind

    def _type(self) -> object:
        """A dict is a struct, a tuple ("?" or "[]" or "[string]", type), a str a type's name."""
        word = self._next()
        if word in ("?", "[]", "[string]"):
            return word, self._type()
        if word != "(":
            return word
        fields = {}
        while (word := self._next()) != ")":
            if word != ",":
                assert self._next() == ":"
                fields[word] = self._type()
        return fields

    def complaints(self, kind: object, value: object, at: str) -> list[str]:
        """What of @value is not of type @kind."""
        if isinstance(kind, tuple) and kind[0] == "?":
            return [] if value is None else self.complaints(kind[1], value, at)
        if isinstance(kind, tuple):
            if not isinstance(value, list if kind[0] == "[]" else dict):
                return [f"{at}: not {kind[0]}"]
            items = enumerate(value) if kind[0] == "[]" else value.items()
            return [c for key, item in items for c in self.complaints(kind[1], item, f"{at}[{key}]")]
        if isinstance(kind, str) and kind in PLAIN:
            is_right = isinstance(value, PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))
            return [] if is_right else [f"{at}: no {kind}"]
        if isinstance(kind, str):
            return self.complaints(self.types[kind], value, at)
        if not isinstance(value, dict):
            return [f"{at}: no object"]
        found = [f"{at}.{name}: no such field" for name in value if name not in kind]
        for name, field in kind.items():
            if name in value:
                found += self.complaints(field, value[name], f"{at}.{name}")
            elif not (isinstance(field, tuple) and field[0] == "?"):
                found.append(f"{at}.{name}: missing")
        return found
