"""YAML text -> the tree of its nodes with their places; refused when it is hostile or no YAML.

Nothing is constructed and nothing run: tags, anchors and aliases are refused where they stand, size and depth
are bounded before memory is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16

_YAML_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {
    f"{_YAML_TAG}{name}"
    for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge")
}

Node = yaml.nodes.Node

# What YAML's own errors mean to somebody who writes a file: part of its message -> what to say.
_MENDS: Final = {
    "'\\t'": "found a tab, expected spaces",
    "mapping values are not allowed here": "found a second colon, expected one key in a line: "
    "put a text with a colon in quotes, or look at how far this line is indented",
    "expected <block end>": "found what does not fit the lines before, expected the same indentation, a dash "
    "where they have one, and quotes around a whole text that begins with {, [ or a quote",
    "expected ',' or '}'": "found something else, expected a comma or the } of a mapping: "
    "put a text with special characters in quotes",
    "expected ',' or ']'": "found something else, expected a comma or the ] of a list: "
    "put a text with special characters in quotes",
    "could not find expected ':'": "found a line without a colon before this, expected key: value",
    "that cannot start any token": "found a character that cannot begin a text, expected the text in quotes",
    "found unexpected end of stream": "found a quote that is never closed, expected one at the text's end",
}


class RefusedError(Exception):
    """The text as a whole cannot be read; args: line, column (from 1), what."""


class _PlainLoader(yaml.SafeLoader):
    """Composes plain data only: refuses aliases, tags and depth before it goes into them."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.events.AliasEvent):
            name = quoted(f"*{event.anchor}")
            raise RefusedError(*place, f"found the alias {name}, expected the thing itself")
        if event.anchor is not None:
            raise RefusedError(*place, f"found the anchor {quoted(f'&{event.anchor}')}, expected none")
        if event.tag is not None and event.tag not in _PLAIN_TAGS and event.tag != "!":
            tag = quoted(str(event.tag).replace(_YAML_TAG, "!!"))
            raise RefusedError(*place, f"found the tag {tag}, expected plain data without tags")
        if self.depth >= MAX_DEPTH:
            raise RefusedError(*place, f"found nesting deeper than {MAX_DEPTH}, expected less")
        self.depth += 1
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(text: str, expected: str = "a mapping") -> Node:
    """The tree of nodes. Raises RefusedError when the text is no plain YAML of bounded depth."""
    if len(text) > MAX_BYTES:
        raise RefusedError(1, 1, f"found more than {MAX_BYTES // 1024} KB, expected a few")
    loader = None
    try:
        loader = _PlainLoader(text)
        root: Node | None = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if "unexpected end of stream" in (error.problem or "") and error.context_mark:
            mark = error.context_mark  # where the quote was opened, not the end of the file
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = (error.problem or error.context or "this cannot be read").replace("\n", " ")
        mend = next((mend for part, mend in _MENDS.items() if part in reason), f"this is not YAML: {reason}")
        raise RefusedError(line, column, mend) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RefusedError(line, 1, "found a character that is no text, expected YAML in UTF-8") from None
    except ValueError as error:
        raise RefusedError(1, 1, f"this cannot be read: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        raise RefusedError(1, 1, f"found an empty file, expected {expected}")
    return root


def text_of(path: Path) -> str:
    """The file's text. Raises RefusedError when it is no file, no text, or too large."""
    try:
        if path.exists() and not path.is_file():  # a pipe would block, and /dev/zero never end
            raise RefusedError(1, 1, "this cannot be opened: not a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RefusedError(1, 1, f"this cannot be opened: {reason}") from None
    if len(data) > MAX_BYTES:
        raise RefusedError(1, 1, f"found more than {MAX_BYTES // 1024} KB, expected a few")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedError(line, 1, "found bytes that are no text, expected YAML in UTF-8") from None


def quoted(value: str) -> str:
    """At most 40 characters of it in quotes, with nothing in them that a terminal would act on."""
    short = value if len(value) <= 40 else value[:37] + "..."
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short) + '"'
