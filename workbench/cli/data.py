"""`workbench data …`: look at a file, import it, list what was read."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.store import queries
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show, table

data = typer.Typer(help="Check, import and list data sets.", no_args_is_help=True)
FileArgument = Annotated[str, typer.Argument(help="File, folder saved by `datasets`, or hub id.")]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Data format. Default: detected from the first rows.")
]


@data.command(epilog="Example: workbench data check pairs.jsonl.gz")
@plainly
def check(file: FileArgument, format_name: FormatOption = None, as_json: JsonOption = False) -> None:
    """Say what a file is understood as, and list every row that cannot be used with its reason."""
    from engine.data.read import examine

    reading = examine(file, format_name)
    report, found = reading.report, reading.data
    votes = Counter(c.answer for c in found.comparisons)
    value: dict[str, Any] = {
        "path": report.path,
        "format": report.format,
        "why": report.why_format,
        "sha256": report.sha256,
        "rows": report.rows,
        "prompts": len(found.prompts),
        "responses": len(found.responses),
        "pairs": len(found.pairs),
        "recorded_answers": dict(votes),
        "turns_of_prompts": dict(sorted(Counter(len(p.messages) for p in found.prompts.values()).items())),
        "dropped": {k: n for k, n in report.dropped.items() if n},
        "repeated_rows": report.repeated,
        "refused": [vars(item) for item in report.refused],
    }

    def text() -> str:
        lines = [
            f"{report.path}",
            f"  format   {report.format}: {report.why_format}",
            f"  rows     {report.rows:,}, of which {len(report.refused):,} cannot be used",
            f"  read     {value['prompts']:,} prompts, {value['responses']:,} responses, {value['pairs']:,} pairs",
            f"  answers  {', '.join(f'{n:,} × {a}' for a, n in votes.items()) or 'none recorded'}",
        ]
        lines += [f"  left out {n:,} × {what}" for what, n in value["dropped"].items()]
        lines += [f"  repeated {report.repeated:,} rows say what an earlier row says"] if report.repeated else []
        lines += [
            f"  row {r.row:,}: {r.reason}{f' ({printable(r.detail)})' if r.detail else ''}" for r in report.refused
        ]
        return "\n".join(lines)

    show(value, as_json, text)


@data.command("import", epilog="Example: workbench data import pairs.jsonl.gz --skip-refused")
@plainly
def import_(
    file: FileArgument,
    format_name: FormatOption = None,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Go on without the rows that cannot be used.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a file into the store. With refused rows only on your word."""
    from engine.data.read import read
    from engine.store.texts import add_dataset

    reading = read(file, format_name, skip_refused=skip_refused)
    report = reading.report
    dataset_id = add_dataset(
        opened(store, create=True),
        name=Path(report.path).name,
        path=report.path,
        format_name=report.format,
        sha256=report.sha256,
        data=reading.data,
        rows=report.rows,
        refused=report.reasons(),
        dropped=dict(report.dropped),
    )
    value = {"id": dataset_id, "rows": report.rows, "refused": report.reasons(), "pairs": len(reading.data.pairs)}
    left = f", {len(report.refused):,} refused" if report.refused else ""
    show(value, as_json, lambda: f"{dataset_id}  {report.path}: {report.rows:,} rows{left}, {value['pairs']:,} pairs")


@data.command("list", epilog="Example: workbench data list")
@plainly
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """The data sets in the store."""
    found = queries.datasets(opened(store))
    head = ["data set", "name", "format", "rows", "refused", "prompts", "pairs"]
    rows = [[d.id, d.name, d.format, d.rows, sum(d.refused.values()), d.prompts, d.pairs] for d in found]
    show([vars(d) for d in found], as_json, lambda: table(head, rows) if rows else "There is no data set yet.")
