"""What leaves of a notice. Pure."""

from __future__ import annotations

import json
from datetime import datetime

from smartify_core.policy.breach._notice import Delivery, Notice
from smartify_core.policy.breach._notifier import Attachment, Parcel

#: The list of individuals: a CMS message in PEM (RFC 7468, section 9), which ``openssl cms -decrypt`` takes.
ANNEX_NAME = "individuals_list.pem"
ANNEX_TYPE = "application/x-pem-file"


def parcel(delivery: Delivery, notice: Notice, at: datetime) -> Parcel:
    """Return the message that takes a notice to a recipient.

    Args:
        delivery: The delivery, with the attempt on record that this is.
        notice: The notice.
        at: When it leaves.
    """
    annex = () if notice.annex is None else (Attachment(ANNEX_NAME, ANNEX_TYPE, notice.annex.encode()),)
    return Parcel(
        id=delivery.notice,
        attempt=len(delivery.attempts),
        at=at,
        address=delivery.address,
        kind=f"breach.notice.{notice.phase.value}",
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        locale=notice.locale,
        payload=json.loads(notice.payload),
        attachments=annex,
        key_id=delivery.key_id,
    )
