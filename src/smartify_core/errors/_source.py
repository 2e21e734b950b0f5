"""What the directory's side must act upon."""

from __future__ import annotations

from ._root import SmartifyError


class SourceError(SmartifyError):
    """The directory source could not be read. Never means that the directory is empty."""

    code = "SC200"


class SourceUnavailable(SourceError):
    """The source did not answer, or asked to be left alone for a while, until the retries ran out."""

    code = "SC201"
    retryable = True


class SourceRejected(SourceError):
    """The source refused the caller: credentials, delegated subject, scopes, or an API that is not enabled."""

    code = "SC202"


class SourceMalformed(SourceError):
    """The source answered something that is not its protocol, or a file that is not in its format."""

    code = "SC203"


class IncompleteSnapshot(SourceError):
    """A complete read was demanded and the source cannot vouch for one."""

    code = "SC204"
