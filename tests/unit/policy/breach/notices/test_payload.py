"""What a machine is told of a notice: small, and without a person's name."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from smartify_core.policy.breach import (
    DeliveryState,
    Nature,
    NoticeField,
    Outcome,
    Phase,
    TenantImpact,
    known,
    notice_digest,
)
from smartify_core.policy.breach._notices._payload import LARGEST_PAYLOAD

from .conftest import ID, RULES, STATED, World, affected


def test_a_payload_says_what_the_notice_is_about(world: World) -> None:
    """Ids, codes, counts, instants, what is open, a summary and the digest of what people read."""
    world.assess(affected("acme"))
    world.notices.state(ID, {**STATED, NoticeField.RECOMMENDED_STEPS: known("a text for people")}, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    notice = world.notices.notice(ID, "acme")
    assert json.loads(notice.payload) == {
        "type": "breach.notice.first",
        "timestamp": "2030-01-01T08:00:00Z",
        "data": {
            "notice": notice.id,
            "incident": ID,
            "phase": "first",
            "phase_iri": "https://w3id.org/dpv/risk#IncidentPreliminaryReport",
            "tenant": "acme",
            "outcome": "affected",
            "correction": False,
            "natures": ["confidentiality"],
            "aware_at": "2030-01-01T07:00:00Z",
            "breach_period": {"from": "2029-12-30T00:00:00Z", "to": "2029-12-30T05:00:00Z"},
            "fields": ["email"],
            "subjects": 3,
            "open": [],
            "next_update_at": "2030-01-04T08:00:00Z",
            "link": f"https://initech.example/n/{notice.code}",
            "summary": "Somebody signed in as one of our people.",
            "sha256": notice_digest(notice.subject, notice.text, notice.html),
        },
    }


@pytest.mark.parametrize("letter", ["x", '"', "\\", "ß", "语", "👩", "\u202e", "\ud800", "\n\t"])
def test_a_payload_is_small_whatever_is_written(letter: str) -> None:
    """With the longest texts and ids in any script it has at most 20,000 bytes, written with escapes or without."""
    tenant = ("👩" if letter == "👩" else "t") * 220
    world = World(rules=evolve(RULES, link="https://initech.example/" + "p" * 1_500 + "{code}"))
    world.change(natures=tuple(Nature))
    fields = ("communication", "email", "family_name", "given_name", "groups")
    world.assess(TenantImpact(tenant, Outcome.AFFECTED, fields, 10**15, vendors=("v" * 64,) * 64))
    longest = (letter * 4_000)[:3_998]
    world.notices.state(ID, {NoticeField.WHAT_HAPPENED: known(f"a{longest}b")}, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    payload = world.notices.notice(ID, tenant).payload
    assert len(payload.encode()) <= LARGEST_PAYLOAD == 20_000
    assert len(json.dumps(json.loads(payload))) <= LARGEST_PAYLOAD
    assert json.loads(payload)["data"]["summary"].startswith("a")
    assert len(json.loads(payload)["data"]["summary"]) <= 2_000


def test_a_phase_has_its_name_in_the_whole_world() -> None:
    """Each phase is a report of DPV's risk extension 2.3, and each state of a delivery a status of DPV 2.3."""
    assert {one: one.iri.partition("/risk#")[2] for one in Phase} == {
        Phase.FIRST: "IncidentPreliminaryReport",
        Phase.UPDATE: "IncidentOngoingReport",
        Phase.FINAL: "IncidentConcludingReport",
    }
    assert {one.iri for one in DeliveryState} == {f"https://w3id.org/dpv#{one.value}" for one in DeliveryState}
