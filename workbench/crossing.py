"""A view of the app as a notebook that loads the same study and draws the same again: plain values in, an .ipynb out.

What it writes into cells is Python by `repr`; no name or text of a study stands in a cell of markdown.
"""

import json
from collections.abc import Sequence
from typing import Any

from engine.tasks.dry_run import DryRun
from workbench import redrawing, rereading
from workbench.redrawing import CODE, WORDS, Cell
from workbench.views import ToExport, View

DRAWN = {
    "": redrawing.of_study,
    "curves": redrawing.of_curves,
    "explore": redrawing.of_explore,
    "map": redrawing.of_map,
    "batch": redrawing.of_batch,
    "data": rereading.of_data,
    "label-quality": rereading.of_label_quality,
}
"""Page, as links call it → its cells. Dry run and Export have a notebook of their own. Label, Guideline and Help have
none: they are no view of a study but a place to answer, to write, and to look words up."""
PAGES = tuple(DRAWN)
OF_A_ROUND = ("explore", "batch")
FROM = """# The store of the app; on another machine name its folder there.
study = engine.Study.open({study!r}, {store!r})
study"""
STORE = """# The store of the app; on another machine name its folder there.
store = engine.open_store({store!r}, create=False)"""


def notebook_of(view: View) -> bytes:
    """The notebook of a view on one of `PAGES`; without outputs, so that it says nothing it has not read itself."""
    if view.page not in PAGES:
        raise ValueError(f"no notebook draws the page {view.page!r}")
    draw = DRAWN[view.page]
    if view.page in OF_A_ROUND and view.round is None:
        draw = redrawing.of_study  # nothing is picked yet
    start = STORE if view.page == "data" else FROM
    return _written([_opened(start, view.study_id, view.store), *draw(view)])


def notebook_of_export(to: ToExport, store: str) -> bytes:
    """The notebook that writes the same files as the page Export."""
    return _written([_opened(FROM, to.study_id, store), *rereading.of_export(to)])


def notebook_of_dry_run(dry: DryRun, store: str) -> bytes:
    """The notebook that makes a dry run again, over the same pool with the same model."""
    fields = {
        "model": dry.model, "adapter": dry.adapter, "run": dry.run_id, "round": dry.round if dry.run_id else 1,
        "k": dry.k, "prompts": dry.prompts, "seed": dry.seed, "signals": [signal.spec() for signal in dry.signals],
        "one_per_prompt": dry.one_per_prompt,
    }  # fmt: skip
    lines = [f"    {name}={value!r}," for name, value in fields.items() if value not in ("", None, [])]
    if dry.study_id:
        pool = f"engine.Study.open({dry.study_id!r}, {store!r})"
        lines += [f"    dataset={dry.dataset_id!r},"] if dry.dataset_id else []
    else:
        pool = repr(dry.dataset_id)
        lines.append(f"    store={store!r},")
    strategies = [strategy.spec() for strategy in dry.strategies]
    call = "\n".join([f"scored = engine.score(\n    {pool},\n    {strategies!r},", *lines, ")", "scored"])
    begin = "import engine\n\n# What is scored already costs nothing; the rest a process of its own scores."
    return _written([
        (CODE, f"{begin}\n{call}"),
        (WORDS, "What two of them share, and what they pick:"),
        (CODE, "scored.agreement"),
        (CODE, "scored.picks"),
    ])  # fmt: skip


def _opened(start: str, study_id: str, store: str) -> Cell:
    return CODE, "\n".join(["import engine", "", start.format(study=study_id, store=store)])


def _written(cells: Sequence[Cell]) -> bytes:
    """Format 4.5 of Jupyter, with the same bytes for the same cells."""
    made = [_cell(n, kind, text) for n, (kind, text) in enumerate(cells)]
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
    cell["source"] = text.splitlines(keepends=True)
    return cell if kind == WORDS else {**cell, "execution_count": None, "outputs": []}
