"""The published form of an event."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, cast


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every `Event.to_json` keeps to: a new dictionary at each call."""
    text = files(__package__).joinpath("event.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
