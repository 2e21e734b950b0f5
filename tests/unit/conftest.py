"""What unit tests of several rooms share: packages that are installed for one test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

#: Installs a distribution: its name, its modules' texts by name, and its entry points, by group and name.
Install = Callable[[str, Mapping[str, str], Mapping[str, Mapping[str, str]]], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a distribution as an installer does, where this process finds it."""
    modules: list[str] = []

    def installed(name: str, sources: Mapping[str, str], groups: Mapping[str, Mapping[str, str]]) -> Path:
        site = tmp_path / f"site of {name}"
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [
            line
            for group, points in groups.items()
            for line in (f"[{group}]", *(f"{point} = {place}" for point, place in points.items()), "")
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        for module, text in sources.items():
            (site / f"{module}.py").write_text(text)
            modules.append(module)
        monkeypatch.syspath_prepend(site)
        return site

    yield installed
    for module in modules:
        sys.modules.pop(module, None)
