"""What requests can be told apart by, and which of it is about the person's equipment. Pure."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from .._schema import FIELDS
from ._floor import by_day, by_detail, by_value

#: Dimensions of what the application did: no floor.
APPLICATION: Final = ("feature", "method", "status", "error", "failed")
#: Dimensions of the sender's equipment: each has the floor. Addresses are told in one answer only, and in no cell.
PERSONAL: Final = ("browser", "os", "device", "language", "referrer", "zone")
#: What a value of a personal dimension is told with, where a question wants more of it.
DETAILS: Final = {"browser": "version", "zone": "zone_from"}

#: A referrer that is the host's own route, or none that can be told, says nothing of a person.
_PUBLIC: Final = {"referrer": "(value is null or value not like '%://%')"}


@frozen
class Seen:
    """A personal dimension as the floor wants it.

    Args:
        name: The dimension.
        detail: The column that is told with it, if any.
    """

    name: str
    detail: str | None = None

    @property
    def rows(self) -> str:
        """The query for ``day, value, detail, network, n``."""
        relation = "origins" if self.name == "referrer" else "equipment"
        detail = "cast(null as bigint)" if self.detail is None else self.detail
        return f"select day, {self.name} as value, {detail} as detail, network, n from @{relation}"

    @property
    def public(self) -> str:
        """The condition under which a value needs no floor."""
        return _PUBLIC.get(self.name, "false")

    def by_value(self, k: int) -> str:
        """Return the query for ``value, n``, with the cells of expired days."""
        return _together(by_value(self.rows, k, self.public), "value", self._cells("value, n"))

    def by_detail(self, k: int) -> str:
        """Return the query for ``value, detail, n``, with the cells of expired days."""
        kind = {one.name: one.kind for one in FIELDS}[self.detail or ""]
        detail = "cast(detail as bigint)" if kind == "int" else "detail"
        cells = f"select value, {detail} as detail, n from @cells where kind = '{self.name} {self.detail}'"
        return _together(by_detail(self.rows, k, self.public), "value, detail", cells)

    def by_day(self, k: int, cell_day: str) -> str:
        """Return the query for ``day, value, n``, with the cells of expired days."""
        return _together(by_day(self.rows, k, self.public), "day, value", self._cells(f"{cell_day} as day, value, n"))

    def _cells(self, columns: str) -> str:
        return f"select {columns} from @cells where kind = '{self.name}'"


def _together(floored: str, keys: str, cells: str) -> str:
    return f"select {keys}, sum(n) as n from (select {keys}, n from ({floored}) as a union all {cells}) as b group by {keys}"
