"""Where a running study stands, drawn again in place: bars in a notebook, a line in a terminal."""

import sys
from collections.abc import Callable
from typing import Any

from engine.api.markup import block, escaped, foreign, printable
from engine.store import queries
from engine.store.database import Store
from engine.store.summaries import StudyDetail

WIDTH = 100
"""Characters of the line."""


class Shown:
    """Something that a notebook draws from its own markup."""

    def __init__(self, markup: str, text: str) -> None:
        self.markup, self.text = markup, text

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text


def bars(detail: StudyDetail) -> Shown:
    """A bar a run: its rounds done, and what it does now."""
    rows = "".join(
        f'<tr><td style="text-align:left">{escaped(run.strategy.title)}</td><td>seed {run.seed}</td>'
        f'<td><progress max="{max(run.rounds_total, 1)}" value="{run.rounds_done}"></progress></td>'
        f"<td>{run.rounds_done} of {run.rounds_total} rounds</td>"
        f'<td style="text-align:left">{escaped(run.state)} {foreign(run.error or run.progress)}</td></tr>'
        for run in detail.runs
    )
    return Shown(block(f"<p>{foreign(detail.summary.name)}: {escaped(line(detail))}</p><table>{rows}</table>"),
                 line(detail))  # fmt: skip


def line(detail: StudyDetail) -> str:
    """ "running, 3 of 12 rounds, 180 labels; ActiveDPO, seed 1: round 2, trained"."""
    s = detail.summary
    now = f"; {printable(s.now)}" if s.now else ""
    return f"{s.state}, {s.rounds_done} of {s.rounds_total} rounds, {s.labels_bought:,} labels{now}"


def progress(store: Store, study_id: str) -> Callable[[], None]:
    """A function that reads the study and draws it where it has changed."""
    draw, last = (_in_a_notebook() if _notebook() else _in_a_terminal()), [-1]

    def look() -> None:
        if (revision := queries.revision(store, study_id)) != last[0]:
            last[0] = revision
            draw(queries.study(store, study_id))

    return look


def _notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    interactive: Any = sys.modules.get("IPython")
    return interactive is not None and type(interactive.get_ipython()).__name__ == "ZMQInteractiveShell"


def _in_a_notebook() -> Callable[[StudyDetail], None]:
    display: Any = sys.modules["IPython"].display.display
    handle = display(Shown("", ""), display_id=True)

    def draw(detail: StudyDetail) -> None:
        handle.update(bars(detail))

    return draw


def _in_a_terminal() -> Callable[[StudyDetail], None]:
    """One line that is written over, or a line a change where the output goes into a file."""
    end, last = "\r" if sys.stderr.isatty() else "\n", [""]

    def draw(detail: StudyDetail) -> None:
        if line(detail) == last[0]:
            return
        last[0] = line(detail)
        over = detail.summary.state in ("done", "failed", "cancelled")
        words = line(detail)[:WIDTH].ljust(WIDTH) if end == "\r" else line(detail)
        sys.stderr.write(words + ("\n" if over else end))
        sys.stderr.flush()

    return draw
