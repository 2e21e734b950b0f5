"""Keep the promises of a privacy clause: who works at a customer, and nothing more.

The rooms, from the bottom up. Each public name has one home; this module imports nothing.

- :mod:`smartify_core.errors`: every error, on one page.
- :mod:`smartify_core.model`: the values that are stored or passed between rooms.
- :mod:`smartify_core.extensions`: backends and directory sources of other packages, found by their entry points.
- :mod:`smartify_core.directory`: where identities come from (the ``DirectorySource`` port and its adapters).
- :mod:`smartify_core.sealing`: keys, and personal fields sealed under them.
- :mod:`smartify_core.storage`: where sealed accounts live (the ``Storage`` port and its adapters).
- :mod:`smartify_core.lifecycle`: joiner, mover, leaver (plan, then apply).
- :mod:`smartify_core.requestlog`: a log of requests that can hold what a header says and nothing else; its analysis.
- :mod:`smartify_core.testing`: the fake directory, the wire-level Google server, the conformance kit.
- :mod:`smartify_core.cli`: the ``smartify`` command.
"""
