"""A directory file keeps the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from smartify_core.directory import DirectorySource
from smartify_core.directory.jsonl import JsonLinesDirectory
from smartify_core.testing.conformance import DirectoryConformance, DirectoryWorld


class FileWorld(DirectoryWorld):
    """Lines of a file, written anew after every change."""

    unsupported: ClassVar = {
        "refuse": "a file refuses by its mode alone, which an administrator passes",
        "silence_after_listing": "a file is read whole before anybody is confirmed",
        "miss": "a listing of a file misses nobody",
        "doubt": "a file that was read has no unclear answer",
    }

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = JsonLinesDirectory(path)
        self._lines: dict[str, dict[str, Any]] = {}
        self._made = 0
        self._write()

    @property
    def source(self) -> DirectorySource:
        """Return the source under test."""
        return self._source

    def add_person(self, *, email: str, given_name: str, family_name: str) -> str:
        """Add an identity line."""
        return self._add("identity", email=email, given_name=given_name, family_name=family_name)

    def rename_person(
        self,
        source_id: str,
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Change an identity line."""
        changes = {"email": email, "given_name": given_name, "family_name": family_name}
        self._lines[source_id] |= {key: value for key, value in changes.items() if value is not None}
        self._write()

    def delete(self, source_id: str) -> None:
        """Replace an identity line by a deleted line."""
        self._lines[source_id] = {"kind": "deleted", "id": source_id}
        for line in self._lines.values():
            if source_id in line.get("members", ()):
                line["members"].remove(source_id)
        self._write()

    def suspend(self, source_id: str) -> None:
        """Mark an identity line as suspended."""
        self._lines[source_id]["suspended"] = True
        self._write()

    def archive(self, source_id: str) -> None:
        """Mark an identity line as archived."""
        self._lines[source_id]["archived"] = True
        self._write()

    def restore(self, source_id: str) -> None:
        """Take both marks away."""
        self._lines[source_id] |= {"suspended": False, "archived": False}
        self._write()

    def add_group(self, *, email: str, name: str) -> str:
        """Add a group line."""
        return self._add("group", email=email, name=name, members=[])

    def rename_group(self, group_id: str, *, email: str, name: str) -> None:
        """Change a group line."""
        self._lines[group_id] |= {"email": email, "name": name}
        self._write()

    def delete_group(self, group_id: str) -> None:
        """Drop a group line; other groups may go on naming it."""
        del self._lines[group_id]
        self._write()

    def add_member(self, group_id: str, source_id: str) -> None:
        """Name a member."""
        self._lines[group_id]["members"].append(source_id)
        self._write()

    def remove_member(self, group_id: str, source_id: str) -> None:
        """Name a member no longer."""
        self._lines[group_id]["members"].remove(source_id)
        self._write()

    def nest(self, group_id: str, into: str) -> None:
        """Name a group as a member."""
        self.add_member(into, group_id)

    def nest_in_circle(self, first: str, second: str) -> None:
        """Name two groups as each other's members."""
        self.add_member(first, second)
        self.add_member(second, first)

    def admit_everyone(self, group_id: str) -> None:
        """Mark a group as everybody's."""
        self._lines[group_id]["everyone"] = True
        self._write()

    def add_outsider(self, group_id: str, email: str) -> None:
        """Name a member whom no line is about, by an id as the format wants it: without the address."""
        self.add_member(group_id, f"outsider-{len(email)}")

    def cut_people(self) -> None:
        """Lose identity lines from the middle, as a bad merge does; the end line stays."""
        people = [line for line in self._lines.values() if line["kind"] == "identity"]
        self._write(without=people[3:6])

    def cut_groups(self) -> None:
        """Lose the last group lines and all that follows, at a line's end: the file looks whole."""
        text = self._path.read_text(encoding="utf-8")
        self._path.write_text("".join(text.splitlines(keepends=True)[:-3]), encoding="utf-8")

    def silence(self) -> None:
        """Take the file away."""
        self._path.unlink()

    def garble(self) -> None:
        """Break a line in the middle."""
        text = self._path.read_text(encoding="utf-8")
        self._path.write_text(text[: len(text) // 2] + text[len(text) // 2 + 9 :], encoding="utf-8")

    def spoil(self, source_id: str) -> None:
        """Take the email away from an identity line."""
        self._write(instead={source_id: {"kind": "identity", "id": source_id}})

    def heal(self) -> None:
        """Write the file as it should be."""
        self._write()

    def _add(self, kind: str, **fields: Any) -> str:
        self._made += 1
        # Ids grow out of step with their order in the file, so that order is seen to be the source's doing.
        made = f"{kind[0]}{self._made * 7 % 100:02}-{self._made}"
        self._lines[made] = {"kind": kind, "id": made, **fields}
        self._write()
        return made

    def _write(
        self, *, without: list[dict[str, Any]] | None = None, instead: dict[str, dict[str, Any]] | None = None
    ) -> None:
        counts = [line["kind"] for line in self._lines.values()]
        lines = [line for line in (self._lines | (instead or {})).values() if line not in (without or [])]
        lines.append({"kind": "end", "identities": counts.count("identity"), "groups": counts.count("group")})
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        self._path.write_text(text, encoding="utf-8")


class TestJsonLinesDirectory(DirectoryConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> FileWorld:
        """Return the world of a directory file."""
        return FileWorld(tmp_path / "people.jsonl")
