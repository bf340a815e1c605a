"""The lines about the workers: who answers, and who has fallen silent."""

from collections.abc import Sequence

from engine.store.summaries import WorkerSummary
from workbench.components.markup import escaped, foreign, show
from workbench.wording import ago, count

START = "Start one in a terminal: <code>workbench worker</code>. Nothing is lost while none runs."
START_TOOLS = "The app starts another, or in a terminal: <code>workbench worker --tools</code>."
MOURNED_S = 3600.0
"""A worker that fell silent longer ago than this is no news while others answer."""


def worker_line(workers: Sequence[WorkerSummary]) -> None:
    """ "2 workers answer · last word 2 s ago", each that fell silent, or what to do when none answers."""
    _runs_line([w for w in workers if w.kind == "device"])  # one that only does tasks takes up no run
    _tools_line([w for w in workers if w.kind == "tools"])


def _tools_line(tools: Sequence[WorkerSummary]) -> None:
    """Nothing while a tools worker answers, or where there was none: pages say so when they ask for something."""
    if not tools or any(w.alive for w in tools):
        return
    last = ago(min(w.seconds_since_word for w in tools))
    more = f"Its last word was {escaped(last)}. What pages ask for waits. {START_TOOLS}"
    _warn("The tools worker does not answer.", more)


def _runs_line(runs: Sequence[WorkerSummary]) -> None:
    alive = [w for w in runs if w.alive]
    silent = sorted((w for w in runs if not w.alive), key=lambda w: w.seconds_since_word)
    if alive:
        who = "Worker answers" if len(alive) == 1 else f"{count(len(alive), 'worker')} answer"
        last = ago(min(w.seconds_since_word for w in alive))
        show(f'<small><span class="dot" style="background:var(--ok)"></span>{who} · last word {escaped(last)}</small>')
        for worker in silent:
            if worker.seconds_since_word < MOURNED_S:
                words = f"Its last word was {ago(worker.seconds_since_word)}. Its run is taken over by another."
                _warn(f"A worker ({worker.device}) does not answer.", escaped(words))
    elif silent:
        last = f"Its last word was {ago(silent[0].seconds_since_word)}."
        _warn("The worker does not answer.", f"{escaped(last)} {START}")
    else:
        _warn("No worker is here.", START)


def _warn(word: str, more: str) -> None:
    show(
        f'<div class="note warn" role="status"><b class="word">! {escaped(word)}</b><p><small>{more}</small></p></div>'
    )


def who_is_here(name: str) -> str:
    """Who a labeller's link belongs to."""
    return f'<div class="looking">Labelling as</div><p>{foreign(name)}</p>'
