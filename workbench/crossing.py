"""A view of the app as a notebook that loads the same study and draws the same again: plain values in, an .ipynb out.

What it writes into cells is Python by `repr`; no name or text of a study stands in a cell of markdown.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.store.summaries import SCORE
from engine.tasks.dry_run import DryRun
from workbench.charts.across import Across

CODE, WORDS = "code", "markdown"
Cell = tuple[str, str]
PAGES = ("", "curves", "explore", "batch")
"""Pages of a study that a notebook draws again, as links call them."""
FROM = """# The store of the app; on another machine name its folder there.
study = engine.Study.open({study!r}, {store!r})
study"""


@dataclass(frozen=True)
class View:
    """What a reader looks at. `figure` is the name of a metric; `quantity` the title of what Explore shows.

    `across` is the axis of Curves; `every_seed` whether each seed is drawn; `shares` whether Explore shows shares.
    """

    page: str
    store: str
    study_id: str
    strategy: str = ""
    run_id: str = ""
    seed: int | None = None
    round: int | None = None
    pair: str = ""
    figure: str = ""
    across: Across = field(default_factory=Across)
    every_seed: bool = False
    quantity: str = SCORE
    shares: bool = False
    log: bool = False

    @property
    def file(self) -> str:
        """A name for it: "s1a2b3c4d5-curves.ipynb"."""
        parts = [self.study_id, self.page or "study", *([f"round{self.round}"] if self.round else [])]
        return f"{'-'.join(parts)}.ipynb"


def notebook_of(view: View) -> bytes:
    """The notebook of a view on one of `PAGES`; without outputs, so that it says nothing it has not read itself."""
    if view.page not in PAGES:
        raise ValueError(f"no notebook draws the page {view.page!r}")
    draw = {"": _study, "curves": _curves, "explore": _explore, "batch": _batch}[view.page]
    if view.page in ("explore", "batch") and view.round is None:
        draw = _study  # nothing is picked yet
    opened = "\n".join(["import engine", "", FROM.format(study=view.study_id, store=view.store)])
    return _written([(CODE, opened), *draw(view)])


def notebook_of_dry_run(dry: DryRun, store: str) -> bytes:
    """The notebook that makes a dry run again, over the same pool with the same model."""
    fields = {
        "model": dry.model, "adapter": dry.adapter, "run": dry.run_id, "round": dry.round if dry.run_id else 1,
        "k": dry.k, "prompts": dry.prompts, "seed": dry.seed, "signals": [signal.spec() for signal in dry.signals],
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


def _study(view: View) -> list[Cell]:
    return [
        (CODE, "study.runs()"),
        (CODE, "study.levels()"),
        (CODE, "study.verdicts()"),
        (WORDS, "Its file, as it was started:"),
        (CODE, "study.config"),
    ]


def _curves(view: View) -> list[Cell]:
    across = view.across
    draw = f"""from engine.evidence import arms_of
from engine.store.spent import spent
from workbench.charts.across import Across
from workbench.charts.curves import value_axis
from workbench.charts.metrics import words_of
from workbench.charts.strips import figure_of

metric = {view.figure!r}
across = Across({across.kind!r}, {across.device!r}, {across.label_price!r}, {across.hour_price!r})
arms, took = arms_of(study.detail), spent(study.store, study.id)
curves = arms.without_controls(study.curves(metric))
sets = {{name: across.along(part, took) for name, part in curves.groupby("held_out", sort=False)}}
drawn = {{"seeds": {view.every_seed!r}, "again": arms.again}}
axis = value_axis(*sets.values(), **drawn)
unit = next(ref.unit for ref in study.metrics() if ref.name == metric)
for name, part in sets.items():
    print(name or "all prompts")
    display(
        figure_of(
            part, y_title=f"{{words_of(metric).title}} ({{unit}})", mode="light", axis=axis, across=across,
            focus={view.strategy!r}, **drawn,
        )
    )"""
    return [
        (WORDS, "The learning curves, as the page Curves draws them: the mean over seeds with its 95 % band."),
        (CODE, draw),
        (WORDS, "The numbers behind them, and the verdicts."),
        (CODE, f"study.levels({view.figure!r})"),
        (CODE, "study.verdicts()"),
    ]


def _explore(view: View) -> list[Cell]:
    chart = "ecdf_figure([panel], mode=\"light\")" if view.shares else (
        f"histogram_figure([panel], mode=\"light\", log={view.log!r})"
    )  # fmt: skip
    draw = f"""from engine.store.browse import answered as answered_before, round_scores
from engine.store.round_table import ordered, values_of
from workbench.charts.scores import Panel, ecdf_figure, histogram_figure, known

found = round_scores(study.store, {view.run_id!r}, {view.round!r})
asked = [one for one in found.quantities if one.title == {view.quantity!r}] or list(found.quantities)
values = ordered(found.table, asked[0].key) if asked else []
if len(values):
    before = answered_before(study.store, study.id, {view.seed!r}, {view.round!r})
    picked = values_of(found.table, asked[0].key, found.picks).reindex(found.picks).to_numpy(dtype=float)
    answered = known(values_of(found.table, asked[0].key, sorted(before)).to_numpy(dtype=float))
    panel = Panel(found, asked[0], values, picked, answered)
    display({chart})
else:
    print("No candidate of this round has a score or a signal.")"""
    return [
        (WORDS, "How the candidates of the round lie, those answered before and those picked."),
        (CODE, draw),
        (WORDS, "Every candidate with its score and the signals that were kept."),
        (CODE, f"study.scores({view.strategy!r}, {view.round!r}, seed={view.seed!r})"),
        *_batch(view),
    ]


def _batch(view: View) -> list[Cell]:
    cells = [(CODE, f"picks = study.picks({view.strategy!r}, {view.round!r}, seed={view.seed!r})\npicks")]
    if view.pair:
        one = f"next((pair for pair in picks if pair.pair_id == {view.pair!r}), picks[0])"
        cells = [(CODE, f"{cells[0][1].removesuffix('picks')}{one}"), (CODE, "picks")]
    return [(WORDS, "The batch, side by side, best first."), *cells, (CODE, "picks.frame")]


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
