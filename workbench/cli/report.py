"""`workbench study report`: what a study has shown, for people, for machines, or as one file to hand on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import StoreError
from engine.store import queries
from engine.store.database import Store
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show, table
from workbench.wording import size

StudyName = Annotated[str, typer.Argument(help="Id of the study, or its name if only one has it.")]


@plainly
def report(
    name: StudyName,
    metric: Annotated[str, typer.Option(help="Which figure; by default the one that decides.")] = "",
    html: Annotated[
        Path | None, typer.Option(help="Write the whole report to this file: it opens offline and prints.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=0, help="With --html: picked pairs shown of each strategy.")] = 10,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mean and 95 % t-interval over seeds of a figure, a line a strategy and round, and the verdicts in words."""
    from engine.analysis.levels import levels
    from engine.verdict_words import verdict_lines, verdict_rows
    from workbench.campaign_words import sentences
    from workbench.report.gather import gather
    from workbench.report.machine import machine

    where = opened(store)
    if html is not None:
        _write(where, name, html, pairs, as_json=as_json)
        return
    found = gather(where, name, 0)
    refs, summary = {ref.name: ref for ref in found.metrics}, found.detail.summary
    metric = metric or found.figure
    said = sentences(found.campaign) if found.campaign else []
    if said and not refs:  # a campaign asks people before its first round
        show(machine(found), as_json, lambda: "\n".join(map(printable, said)))
        return
    if metric not in refs:
        known = ", ".join(refs) or "none yet: no round is done"
        raise StoreError(f"Study {summary.name!r} has no figure {metric!r}.", f"Known: {known}.")
    rows: list[dict[str, Any]] = []
    for split in refs[metric].splits:
        frame = levels(queries.curve(where, summary.id, metric, split))
        rows += [{"held-out set": split or "none", **row} for row in frame.to_dict("records")]
    verdicts = verdict_rows(found.evidence, found.refs) if metric == found.figure else []
    head = ["held-out set", "strategy", "labels", "mean", "low", "high", "seeds"]
    text = [[_cell(row[h]) for h in head] for row in rows]
    title = f"{summary.name}: {metric} ({refs[metric].unit or 'no unit'}), 95 % t-interval over seeds"
    of_metric = {"metric": metric, "unit": refs[metric].unit, "rows": rows, "verdicts": verdicts}
    show(
        {**machine(found), **of_metric},
        as_json,
        lambda: "\n".join([printable(title), table(head, text), *map(printable, said or verdict_lines(verdicts))]),
    )


def _write(where: Store, name: str, file: Path, pairs: int, *, as_json: bool) -> None:
    from workbench.report.gather import gather
    from workbench.report.html import write_html

    if not file.absolute().parent.is_dir():
        raise StoreError(f"There is no folder {file.absolute().parent}.", "Make it, or name another place with --html.")
    found = gather(where, name, pairs)
    n_bytes = write_html(found, file)
    value = {"study": found.detail.summary.id, "file": str(file), "bytes": n_bytes}
    show(value, as_json, lambda: f"{file}: {size(n_bytes)}. It opens in any browser and fetches nothing.")


def _cell(value: Any) -> Any:
    missing = value is None or value != value
    return "–" if missing else f"{value:.3f}" if isinstance(value, float) else value
