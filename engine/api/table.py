"""A pandas frame that says what its columns are and in which unit, and shows foreign text as text."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from engine.api.markup import block, escaped

NO_COLUMNS: Mapping[str, str] = {}


class Table(pd.DataFrame):  # type: ignore[misc]
    """A frame like any other. `legend` says what each column is; `note` what to know of the whole, "" for nothing.

    Both stay with what is cut from it. A notebook shows them below the rows.
    """

    @property
    def _constructor(self) -> Any:
        return Table

    @property
    def legend(self) -> Mapping[str, str]:
        """Column → its meaning and unit."""
        said: Mapping[str, str] = self.attrs.get("legend", NO_COLUMNS)
        return {name: words for name, words in said.items() if name in self.columns}

    @property
    def note(self) -> str:
        """What to know of the whole table."""
        return str(self.attrs.get("note", ""))

    def _repr_html_(self) -> str:
        rows = super()._repr_html_() if len(self) else ""
        note = f"<p>{escaped(self.note)}</p>" if self.note else ""
        lines = "".join(f"<li><b>{escaped(name)}</b>: {escaped(said)}</li>" for name, said in self.legend.items())
        legend = f"<details><summary>What the columns are</summary><ul>{lines}</ul></details>" if lines else ""
        return block(f"{rows or '<p>No rows.</p>'}{note}{legend}")


def table(frame: Any, legend: Mapping[str, str], note: str = "") -> Table:
    """The frame with the columns that the legend names, in its order; a KeyError if one is not there."""
    found = Table(pd.DataFrame(frame)[list(legend)])
    found.attrs = {"legend": dict(legend), "note": note}
    return found
