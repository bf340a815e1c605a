"""What became of a task that a page asked for: waits, runs, failed. Where it is done, the page shows the answer."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from engine.store.summaries import TaskSummary
from workbench.components.markup import empty, escaped, show

START = "Start one in a terminal: <code>workbench worker{}</code>. Nothing is lost while none runs."
KINDS = {"tools": ("tools worker", " --tools"), "device": ("worker", "")}
"""Kind of worker → what it is called, and what its command ends with."""


def task_card(
    task: TaskSummary | None,
    *,
    what: str,
    before: tuple[str, str],
    button: str,
    alive: bool,
    on_ask: Callable[[], None],
    on_stop: Callable[[int], None],
    kind: Literal["tools", "device"] = "tools",
    primary: bool = True,
) -> None:
    """`before` is what stands there while nobody has asked: a sentence and the reason; `button` asks.

    `on_ask` is called before the page is drawn again, from the button or from "Try again"; `on_stop` with the task's
    number. `kind` of worker does it, and `alive` says whether one is here. `primary`: it is the page's step forward, of
    which there is one at a time.
    """
    who, option = KINDS[kind]
    if task is None or task.state == "cancelled":
        empty(*before)
        with st.container(horizontal=True, horizontal_alignment="center"):
            # With keys: a page may hold several such cards in the same state.
            st.button(button, key=f"ask-{what}", type="primary" if primary else "secondary",
                      icon=":material/play_arrow:", on_click=on_ask)  # fmt: skip
    elif task.state == "failed":
        show(
            f'<div class="note bad" role="alert"><b class="word">✕ {escaped(what)} could not be made.</b> '
            f"{escaped(task.error)}</div>"
        )
        st.button("Try again", key=f"again-task-{task.id}", icon=":material/refresh:", on_click=on_ask)
    elif task.state in ("queued", "running"):
        word = f"waits for the {who}" if task.state == "queued" else "is being made"
        doing = f"<p>{escaped(task.progress)}</p>" if task.state == "running" and task.progress else ""
        done, of = _share(task.progress)
        bar = f'<div class="bar"><i style="width:{100 * done / of:.0f}%"></i></div>' if of else ""
        show(
            f'<div class="note" role="status"><b class="word">● {escaped(what)} {word}.</b>{doing}{bar}'
            "<p><small>Closing this tab changes nothing: the worker goes on.</small></p></div>"
        )
        st.button("Stop", key=f"stop-task-{task.id}", icon=":material/stop_circle:", on_click=on_stop, args=(task.id,))
    if not alive and (task is None or task.state in ("queued", "running")):
        show(
            f'<div class="note warn" role="status"><b class="word">! No {who} is here.</b>'
            f"<p><small>{START.format(option)}</small></p></div>"
        )


def _share(progress: str) -> tuple[int, int]:
    """ "reading responses, 512 of 4,000" → (512, 4000); (0, 0) where no such numbers stand."""
    words = progress.replace(",", "").split()
    for n in range(1, len(words) - 1):
        if words[n] == "of" and words[n - 1].isdigit() and words[n + 1].isdigit():
            return int(words[n - 1]), int(words[n + 1])
    return 0, 0
