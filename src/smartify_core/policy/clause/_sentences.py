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
        "Purposes: service provisioning, billing, identification and authorization, service improvement, research.",
        (
            "`policy.Purpose` is a closed list in DPV 2.3 terms. Each opening of personal fields names one, and a grant"
            " is for one; research and improvement see pseudonyms. Another purpose, a wider or a narrower one, is"
            " denied."
        ),
        (
            "tests/unit/policy/gate/test_gate.py::test_other_purposes_open_nothing",
            "tests/unit/policy/gate/test_gate.py::test_a_grant_is_for_one_purpose_tenant_and_person",
            "tests/unit/policy/gate/test_gate.py::test_research_sees_pseudonyms",
            "tests/properties/test_policy_machine.py::test_the_gate_opens_what_the_model_allows_and_nothing_else",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C9",
        "A record of a customer's communication may be kept to help solve issues.",
        (
            "`policy.communications` keeps what was said only where the host switches it on, sealed under the person's"
            " own key, with an end that is fixed when it is kept; it opens for helping the customer and for nothing"
            " else."
        ),
        (
            "tests/unit/policy/communications/test_communications.py::test_off_means_off",
            "tests/unit/policy/communications/test_communications.py::test_nobody_reads_for_another_purpose",
            "tests/unit/policy/communications/test_communications.py::test_a_text_ends_at_its_instant",
            "tests/unit/policy/communications/test_communications.py::test_texts_go_with_the_person",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C10",
        "We protect against unauthorised access, alteration, disclosure and destruction.",
        (
            "Sealing (AES-256-GCM, a key for each account, keys that rotate); one gate, which records before it opens;"
            " an audit trail as a Merkle tree whose checkpoints are kept elsewhere; endings that leave no byte, have a"
            " receipt and stay ended after a restore, unless a legal hold forbids them; verified copies of the store."
        ),
        (
            "tests/unit/sealing/test_sealer.py::test_any_flipped_bit_breaks_the_seal",
            "tests/architecture/test_who_opens.py::test_sealed_fields_open_where_they_may",
            "tests/unit/policy/gate/test_gate.py::test_no_record_no_access",
            "tests/unit/policy/audit/test_verifying.py::test_what_is_noticed_and_what_is_not",
            "tests/unit/policy/audit/test_checkpoints.py::test_no_checkpoint_is_made_over_a_broken_chain",
            "tests/unit/policy/shredding/test_bytes.py::test_no_byte_of_somebody_who_was_deleted_is_left",
            "tests/unit/policy/shredding/test_restoring.py::test_an_older_store_is_refused",
            "tests/unit/policy/rotation/test_rotation.py::test_a_store_moves_to_a_new_key_and_the_old_one_is_retired",
            "src/smartify_core/testing/conformance/_storage_life.py::test_ST30_an_erased_account_leaves_no_byte",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C11",
        "Vendors give similar commitments.",
        (
            "`policy.vendors.Exports` is the one way out. It opens only to a registered vendor that keeps all seven"
            " commitments now, with evidence, as does everybody it passes data on to, and that the customer was told"
            " of."
        ),
        (
            "tests/unit/policy/vendors/test_export_decision.py::test_dropping_any_one_commitment_closes",
            "tests/unit/policy/vendors/test_export_decision.py::test_a_contract_ends_at_its_midnight",
            "tests/unit/policy/vendors/test_export_decision.py::test_who_passes_data_on_needs_flow_down",
            "tests/architecture/test_one_way_out.py::test_there_is_one_way_out_to_a_vendor",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C12",
        "The customer has notice as soon as reasonably practical after a breach that may impact its data.",
        (
            "A suspicion opens an incident; the store and the audit trail say who may be affected; notices go out in"
            " phases, in time or with an alarm and a reason, to every contact until somebody has heard, and every"
            " attempt is evidence."
        ),
        (
            "tests/unit/policy/breach/impacts/test_truth.py::test_no_world_hides_anybody_from_a_stolen_account",
            "tests/unit/policy/breach/notices/test_own_data_only.py::test_no_notice_holds_what_is_another_tenants",
            "tests/unit/policy/breach/delivery/test_crashes.py::test_a_worker_may_die_in_any_attempt",
            "tests/unit/policy/breach/delivery/test_courier.py::test_the_last_failure_is_visible_and_somebody_calls",
            "tests/unit/policy/breach/incidents/test_watch.py::test_a_deadline_is_warned_of_and_then_missed",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C13",
        "Names and emails are seen only by employees who need to know.",
        (
            "`policy.Gate` opens a field only for an employee on record with a live grant of it, for this tenant and"
            " purpose, that somebody else approved; the record of it is durable first. Nothing else opens an account."
        ),
        (
            "tests/unit/policy/gate/test_gate.py::test_nobody_sees_without_a_grant",
            "tests/unit/policy/access/test_decide.py::test_each_missing_fact_denies_alone_and_is_named",
            "tests/unit/policy/records/test_grants.py::test_only_another_who_may_approves",
            "tests/architecture/test_who_opens.py::test_sealed_fields_open_where_they_may",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C14",
        "Those employees are bound by confidentiality.",
        (
            "An agreement that binds now is a fact which every permit needs; where nobody knows of one, it is missing."
            " When it ends, what opens to them ends at once."
        ),
        (
            "tests/unit/policy/access/test_decide.py::test_every_boundary_is_exact",
            "tests/unit/policy/access/test_decide.py::test_each_missing_fact_denies_alone_and_is_named",
            "tests/properties/test_policy_cedar.py::test_ours_denies_in_each_of_those",
            "tests/properties/test_policy_machine.py::test_a_gate_that_forgets_the_agreement_is_noticed",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C15",
        "The data is never sold.",
        (
            "`SellDataToThirdParties` and `SellInsightsFromData` are purposes that no configuration grants, and an"
            " export for which something is given is denied in every form."
        ),
        (
            "tests/properties/test_vendors.py::test_no_register_makes_a_sale_pass",
            "tests/unit/policy/records/test_grants.py::test_what_cannot_be_granted_cannot_be_asked_for",
            "tests/properties/test_policy_mutants.py::test_a_forgotten_prohibition_is_noticed",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C16",
        "The data is not shared for third-party advertising.",
        "`Advertising` is a purpose that no configuration grants and no register of vendors allows, in whatever form.",
        (
            "tests/properties/test_vendors.py::test_no_register_makes_a_prohibited_purpose_pass",
            "tests/unit/policy/vendors/test_export_decision.py::test_a_register_that_allows_advertising_changes_nothing",
            "tests/unit/policy/records/test_grants.py::test_what_cannot_be_granted_cannot_be_asked_for",
        ),
        Keeping.KEPT,
    ),
    Sentence(
        "C17",
        "On conflict the confidentiality provisions prevail.",
        (
            "Provisions are ranked by the document that they come from, and within a rank a prohibition wins. What was"
            " overridden by what stands in the decision and in the audit trail."
        ),
        (
            "tests/unit/policy/access/test_provisions.py::test_the_confidentiality_side_prevails",
            "tests/unit/policy/access/test_provisions.py::test_an_override_is_told",
            "tests/properties/test_policy_mutants.py::test_turned_ranks_are_noticed",
        ),
        Keeping.KEPT,
    ),
)
