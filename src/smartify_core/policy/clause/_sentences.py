"""The sentences of the clause. Pure."""

from __future__ import annotations

import enum
from typing import Final

from attrs import frozen


@enum.unique
class Keeping(enum.Enum):
    """How far a sentence is kept by this library."""

    KEPT = "kept"
    IN_PART = "in part"
    NOT_BUILT = "not built yet"


@frozen(order=False)
class Sentence:
    """One sentence of the clause.

    Args:
        id: Its number, ``C1`` to ``C17``.
        text: What is promised.
        mechanism: What keeps it.
        tests: The tests that would fail if it were not kept, as ``file::test``.
        keeping: How far it is kept.
        missing: What is missing, where it is kept in part.
    """

    id: str
    text: str
    mechanism: str
    tests: tuple[str, ...] = ()
    keeping: Keeping = Keeping.KEPT
    missing: str = ""


#: Every sentence, in order.
SENTENCES: Final = (
    Sentence(
        "C1",
        "We collect from Google the first name, last name, email id and email groups.",
        (
            "`directory.google` asks with a field mask for these, an opaque id and the active state, under two "
            "read-only scopes. `Identity` has no field for anything else."
        ),
        (
            "tests/unit/directory/google/test_reading.py::test_nothing_but_the_clauses_fields_is_asked_for",
            "tests/architecture/test_clause_page.py::test_a_person_is_these_fields_and_no_others",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C2",
        "They are synchronised periodically.",
        (
            "`Scheduler` and `smartify run` bring every tenant in step when it is due; the store is the schedule,"
            " so that any number of hosts share the work."
        ),
        ("tests/e2e/test_acceptance.py::test_accounts_follow_the_directory_day_by_day",),
        Keeping.KEPT,
    ),
    Sentence(
        "C3",
        "Who is deleted there is deleted here; who is inactive there is deactivated here.",
        (
            "`Reconciler` plans from a certified complete read and confirms each absent person with the directory"
            " before deleting."
        ),
        (
            "tests/unit/lifecycle/test_reconciler.py::test_deleted_person_leaves_a_tombstone_and_nothing_personal",
            "tests/unit/lifecycle/test_reconciler.py::test_suspended_and_archived_people_are_deactivated",
            "tests/unit/lifecycle/test_reconciler.py::test_uncertain_absence_is_held",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C4",
        "We hold no passwords and no documents.",
        "No value that is stored has a field for them, and the scopes asked for give no access to them.",
        (
            "tests/architecture/test_clause_page.py::test_a_person_is_these_fields_and_no_others",
            "tests/unit/directory/google/test_reading.py::test_nothing_but_the_clauses_fields_is_asked_for",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C5",
        (
            "Logs hold ip, browser type and language, referring URL, features accessed, errors, time zone and "
            "operating system, from the request header."
        ),
        (
            "`requestlog` makes an event of each request whose type has these fields and no others; adapters tell"
            " a feature by its route's template."
        ),
        (
            "tests/unit/requestlog/test_event.py::test_the_type_has_no_place_for_anything_else",
            "tests/unit/requestlog/test_manifest.py::test_each_field_serves_words_of_the_clause",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C6",
        "Logs are used to analyse trends, administer and improve.",
        (
            "`requestlog.analysis` and `smartify logs` answer questions about trends, features and errors, with a"
            " floor under what tells of a person's equipment."
        ),
        (
            "tests/properties/test_requestlog_analysis.py::test_answers_are_those_of_loops",
            "tests/properties/test_requestlog_analysis.py::test_no_number_of_what_is_hidden_follows_from_several_answers",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C7",
        "Logs hold no application data and no user-specific data.",
        (
            "A request-log event without a field for them, and a kit that looks for planted secrets in every byte"
            " written. The library's own plans and messages show ids only."
        ),
        (
            "tests/properties/test_requestlog_laws.py::test_no_asgi_request_is_told_or_changed",
            "tests/properties/test_requestlog_laws.py::test_no_wsgi_request_is_told_or_changed",
            "tests/unit/requestlog/test_mutants.py::test_the_canary_catches",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C8",
        ("Purposes: service provisioning, billing, identification and authorization, service improvement, research."),
        "Purposes as values that each opening of personal fields must name.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C9",
        "A record of a customer's communication may be kept to help solve issues.",
        "A purpose of its own, with an end.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C10",
        "We protect against unauthorised access, alteration, disclosure and destruction.",
        (
            "`sealing`: AES-256-GCM under a data key for each account, bound to tenant and account; a storage "
            "backend never sees a name, and an erased account leaves no key, field, fingerprint or index."
        ),
        (
            "tests/unit/sealing/test_sealer.py::test_any_flipped_bit_breaks_the_seal",
            "tests/unit/sealing/test_sealer.py::test_no_personal_field_shows_in_a_sealed_account",
            "src/smartify_core/testing/conformance/_storage_life.py::test_ST30_an_erased_account_leaves_no_byte",
        ),
        Keeping.IN_PART,
        "no audit trail, no checkpoints",
    ),
    Sentence(
        "C11",
        "Vendors give similar commitments.",
        "Exports that need a vendor's live, evidenced commitment.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C12",
        "The customer has notice as soon as reasonably practical after a breach that may impact its data.",
        "Incidents, impact and notices with clocks.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C13",
        "Names and emails are seen only by employees who need to know.",
        "A gate before sealed fields open. Today whoever holds the key file can open them.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C14",
        "Those employees are bound by confidentiality.",
        "A required fact of every permit.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C15",
        "The data is never sold.",
        "A purpose that cannot be granted.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C16",
        "The data is not shared for third-party advertising.",
        "A purpose that cannot be granted.",
        (),
        Keeping.NOT_BUILT,
    ),
    Sentence(
        "C17",
        "On conflict the confidentiality provisions prevail.",
        "Rules ranked by their source document.",
        (),
        Keeping.NOT_BUILT,
    ),
)
