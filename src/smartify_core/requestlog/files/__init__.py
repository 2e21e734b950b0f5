"""The request log in files: a sink that never blocks or breaks a request, and what else is done with its files.

- `JsonLinesFile` writes them, turns them over, compresses and expires them.
- `log_files` lists them in order, whoever wrote them.
- `expire` deletes what is too old and notes what that was; `overdue` tells what it would be, and `delete_and_note` does
  the same for files of other kinds.
"""

from __future__ import annotations

from ._expiring import Expired, delete_and_note, expire, overdue
from ._json_lines_file import JsonLinesFile
from ._names import LogFile, log_files

__all__ = ["Expired", "JsonLinesFile", "LogFile", "delete_and_note", "expire", "log_files", "overdue"]
