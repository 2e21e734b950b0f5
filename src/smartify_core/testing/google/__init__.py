"""The Google Admin SDK Directory API on loopback: a server whose users, groups and members any test can read.

A :class:`Workspace` is the world of one customer: change it as an administrator would. A :class:`GoogleServer` puts
it on the wire: the token endpoint with its signed assertions, paging, field masks, quotas, the error shapes, and
faults on demand.
"""

from __future__ import annotations

from ._answered import AnsweredRequests, Recorded
from ._calls import Call
from ._faults import Fault, Faults, Rule
from ._named_errors import NamedErrors
from ._quirks import Quirks
from ._quota import Quota
from ._records import AS_GOOGLE
from ._server import GoogleServer
from ._tokens import GROUP_SCOPE, MEMBER_SCOPE, READ_ONLY, USER_SCOPE
from ._workspace import Workspace

__all__ = [
    "AS_GOOGLE",
    "GROUP_SCOPE",
    "MEMBER_SCOPE",
    "READ_ONLY",
    "USER_SCOPE",
    "AnsweredRequests",
    "Call",
    "Fault",
    "Faults",
    "GoogleServer",
    "NamedErrors",
    "Quirks",
    "Quota",
    "Recorded",
    "Rule",
    "Workspace",
]
