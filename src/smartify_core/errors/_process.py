"""What concerns the process around it, and what must be installed."""

from __future__ import annotations

from ._root import SmartifyError


class Stopped(SmartifyError):
    """Somebody asked the process to stop; what was committed stays."""

    code = "SC700"
    retryable = True


class OutputFailed(SmartifyError):
    """Standard output takes nothing more: a full disk, or a device that is gone."""

    code = "SC701"


class MissingExtra(SmartifyError, ImportError):
    """An optional dependency is needed and not installed; ``cure`` is the command that installs it."""

    code = "SC600"

    @classmethod
    def named(cls, extra: str, *, needed_for: str) -> MissingExtra:
        """Return the error for ``extra``, with the command to install it.

        Args:
            extra: The extra's name, as in ``smartify-core[extra]``.
            needed_for: What the caller wanted, for the message.
        """
        return cls(
            f"the optional dependencies {extra!r} are not installed",
            where=needed_for,
            cure=f"Install them with: python -m pip install 'smartify-core[{extra}]'",
        )
