"""What requests can be told apart by, and which of it is about the person's equipment. Pure."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from smartify_core.requestlog._event._schema import FIELDS

from ._floor import by_day, by_detail, by_value
from ._sql import filled

#: Dimensions of what the application did: no floor.
APPLICATION: Final = ("feature", "method", "status", "error", "failed")
#: Dimensions of the sender's equipment: each has the floor. Addresses are told in one answer only, and in no cell.
PERSONAL: Final = ("browser", "os", "device", "language", "referrer", "zone")
#: What a value of a personal dimension is told with, where a question wants more of it.
DETAILS: Final = {"browser": "version", "zone": "zone_from"}

#: A referrer that is the host's own route, or none that can be told, says nothing of a person.
_PUBLIC: Final = {"referrer": "value is null or value not like '%://%'"}
_KINDS: Final = {one.name: one.kind for one in FIELDS}

_SEEN: Final = "select day, $name as value, $detail as detail, network, n from @$relation"
_CELLS: Final = "select $columns from @cells where kind = '$kind'"
_TOGETHER: Final = """
select $keys, sum(n) as n from (select $keys, n from ($floored) as a union all $cells) as b group by $keys"""


@frozen
class Seen:
    """A dimension of the sender's equipment, as the floor wants it.

    Args:
        name: The dimension.
        detail: The column that is told with it, if any.
    """

    name: str
    detail: str | None = None

    @property
    def kind(self) -> str:
        """The kind of its cells."""
        return self.name if self.detail is None else f"{self.name} {self.detail}"

    @property
    def rows(self) -> str:
        """The query for ``day, value, detail, network, n``."""
        return filled(
            _SEEN,
            name=self.name,
            detail=self.detail or "cast(null as bigint)",
            relation="origins" if self.name == "referrer" else "equipment",
        )

    @property
    def public(self) -> str:
        """The condition under which a value needs no floor."""
        return _PUBLIC.get(self.name, "false")

    def floored(self, k: int) -> str:
        """Return the query for ``value, detail, n`` of what events tell, without cells."""
        if self.detail is not None:
            return by_detail(self.rows, k, self.public)
        return filled("select value, null as detail, n from ($a) as f", a=by_value(self.rows, k, self.public))

    def by_value(self, k: int) -> str:
        """Return the query for ``value, n``, with the cells of expired days."""
        return self._together(by_value(self.rows, k, self.public), "value", "value, n")

    def by_detail(self, k: int) -> str:
        """Return the query for ``value, detail, n``, with the cells of expired days."""
        detail = "cast(detail as bigint)" if _KINDS[self.detail or ""] == "int" else "detail"
        columns = f"value, {detail} as detail, n"
        return self._together(by_detail(self.rows, k, self.public), "value, detail", columns)

    def by_day(self, k: int, cell_day: str) -> str:
        """Return the query for ``day, value, n``, with the cells of expired days."""
        return self._together(by_day(self.rows, k, self.public), "day, value", f"{cell_day} as day, value, n")

    def _together(self, floored: str, keys: str, columns: str) -> str:
        cells = filled(_CELLS, columns=columns, kind=self.kind)
        return filled(_TOGETHER, keys=keys, floored=floored, cells=cells)
