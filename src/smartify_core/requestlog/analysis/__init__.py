"""Asking a request log: one set of questions, on an embedded engine or a cluster, with a floor under what is personal.

The engines are in `smartify_core.requestlog.analysis.duckdb` (files of one host) and
`smartify_core.requestlog.analysis.spark` (whatever a Spark session reaches).
"""

from __future__ import annotations

from ._answers import FEW, Answer, Coverage
from ._csv import to_csv
from ._engine import Engine
from ._questions import QUESTIONS, Question

__all__ = ["FEW", "QUESTIONS", "Answer", "Coverage", "Engine", "Question", "to_csv"]
