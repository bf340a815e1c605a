"""What pages asked of the tools worker, the newest first: what waits, what runs, what failed and why."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from engine.store.summaries import TaskSummary
from workbench.components.markup import escaped, show
from workbench.wording import STATES, count, integer, moment

UNDER_WAY = ("queued", "running")


def task_table(tasks: Sequence[TaskSummary], titles: Mapping[str, str], on_stop: Callable[[int], None]) -> None:
    """A row a task, folded away; those under way can be stopped. `titles`: kind → what it makes, for people."""
    busy = [task for task in tasks if task.state in UNDER_WAY]
    aside = f", {integer(len(busy))} under way" if busy else ""
    with st.expander(f"Asked of the tools worker: {count(len(tasks), 'task')}{aside}"):
        for task in busy:
            with st.container(horizontal=True, vertical_alignment="center"):
                doing = task.progress or "waits for the tools worker"
                show(f"<b>{escaped(titles.get(task.kind, task.kind))}</b> <small>{escaped(doing)}</small>")
                st.button(
                    "Stop", key=f"stop-{task.id}", icon=":material/stop_circle:", on_click=on_stop, args=(task.id,)
                )
        frame = pd.DataFrame(
            {
                "#": [task.id for task in tasks],
                "what": [titles.get(task.kind, task.kind) for task in tasks],
                "state": [STATES.get(task.state, (task.state, ""))[0] for task in tasks],
                "of": [_of(task.request) for task in tasks],
                "why it failed": [task.error for task in tasks],
                "asked": [moment(task.created) for task in tasks],
            }
        )
        st.dataframe(
            frame,
            key="tasks",
            hide_index=True,
            row_height=30,
            height=min(len(frame), 8) * 30 + 38,
            column_config={
                "#": st.column_config.NumberColumn(width=44),
                "what": st.column_config.TextColumn(width="small"),
                "state": st.column_config.TextColumn(width="small"),
            },
            alt="Tasks with their states",
        )


def _of(request: Mapping[str, object]) -> str:
    """What the task is about: its request, but for what was left empty."""
    return ", ".join(f"{name} {value}" for name, value in request.items() if value not in ("", None, 0, False))
