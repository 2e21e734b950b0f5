"""Doubles and samples for the tests of whoever uses this library. Needs nothing but the base install.

The wire-level Google server is in ``smartify_core.testing.google``, the conformance kits for authors of sources
and storage backends in ``smartify_core.testing.conformance``.
"""

from __future__ import annotations

from ._clock import ManualClock
from ._fake_directory import FakeDirectory
from ._memory_notifier import MemoryNotifier, parcel_digest
from ._opened_accounts import opened_accounts
from ._sample import Sample, SampleGroup, SamplePerson
from ._sample_maker import make_sample
from ._sample_values import group, identity

__all__ = [
    "FakeDirectory",
    "ManualClock",
    "MemoryNotifier",
    "Sample",
    "SampleGroup",
    "SamplePerson",
    "group",
    "identity",
    "make_sample",
    "opened_accounts",
    "parcel_digest",
]
