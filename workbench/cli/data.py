"""`workbench data …`: look at a file, import it, list what was read."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.data.formats.mapped import is_mapping
from engine.data.places import here
from engine.errors import DataError
from engine.store import queries
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show, table
from workbench.proof_words import leakage_words, proof_lines, token_lines

data = typer.Typer(help="Check, import and list data sets.", no_args_is_help=True)
FileArgument = Annotated[str, typer.Argument(help="File, folder saved by `datasets`, or hub id.")]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Data format. Default: detected from the first rows.")
]

MappingOption = Annotated[
    Path | None, typer.Option("--mapping", help="A YAML file that maps columns to parts, for a file no format fits.")
]


@data.command(epilog="Example: workbench data check pairs.jsonl.gz --model my-sft-model")
@plainly
def check(
    file: FileArgument,
    format_name: FormatOption = None,
    mapping: MappingOption = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates/--no-near-duplicates", help="Look for them: MinHash, the longest part.")
    ] = True,
    held_out: Annotated[str | None, typer.Option(help="A held-out file: how much of it is in FILE too.")] = None,
    model: Annotated[str | None, typer.Option(help="A model: rows as its tokens, and what does not fit.")] = None,
    context: Annotated[int | None, typer.Option(help="Its longest prompt + response; default: its own.")] = None,
    refused_csv: Annotated[Path | None, typer.Option("--refused", help="Write every refused row to this CSV.")] = None,
    store: Annotated[Path | None, typer.Option("--store", help="As everywhere; this command opens no store.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove what a file is understood as: format, first rows, every refused row, and all one should know of it."""
    from engine.data.proof.leakage import leakage
    from engine.data.proof.prove import prove

    proof = prove(file, _format(format_name, mapping), near=near_duplicates)
    value: dict[str, Any] = proof.summary()
    if held_out is not None:
        value["leakage"] = leakage(file, held_out, _format(format_name, mapping), near=near_duplicates)
    if model is not None:
        value["tokens"] = _tokens(file, _format(format_name, mapping), model, context)
    if refused_csv is not None:
        from engine.tasks.prove_data import refused_csv as as_csv

        refused_csv.write_bytes(as_csv(proof.report.refused))

    def text() -> str:
        lines = proof_lines(value)
        if held_out is not None:
            found = value["leakage"]
            lines.append(f"  held out {held_out}: {leakage_words(found['same'], found['near'], found['held_out'])}")
        lines += token_lines(value["tokens"]) if model is not None else []
        return "\n".join(printable(line) for line in lines)

    show(value, as_json, text)


def _tokens(file: str, format_name: str | None, model: str, context: int | None) -> dict[str, Any]:
    """The token proof, made by a tools worker of its own: only a worker loads a tokenizer."""
    from engine.store.database import open_store
    from engine.tasks.base import ask, asked
    from engine.tasks.prove_tokens import ProveTokens

    task = ProveTokens(
        path=str(here(file) or file),
        format=str(here(format_name) or format_name) if format_name and is_mapping(format_name) else format_name,
        model=str(here(model) or model),
        context_tokens=context,
    )
    with tempfile.TemporaryDirectory(prefix="workbench-proof-") as folder:
        store = open_store(Path(folder))
        ask(store, task)
        command = [sys.executable, "-m", "workbench", "worker", "--tools", "--until-idle", "--store", folder]
        subprocess.run(command, check=False, capture_output=True)
        found = asked(store, task)
        if found is None or found.answer is None:
            why = found.error if found is not None and found.error else "the worker ended without an answer"
            raise DataError(f"The tokens of {file} cannot be shown: {why}", "")
        return dict(found.answer)


def _format(format_name: str | None, mapping: Path | None) -> str | None:
    """The name of a format or the path of a mapping; both at once cannot be meant."""
    if format_name is not None and mapping is not None:
        raise DataError("--format and --mapping say two different things.", "Give one of them.")
    if mapping is not None and not is_mapping(str(mapping)):
        raise DataError(f"Mapping {mapping} does not end with .yaml.", "Give it that ending.")
    return format_name if mapping is None else str(mapping)


@data.command("import", epilog="Example: workbench data import pairs.jsonl.gz --skip-refused")
@plainly
def import_(
    file: FileArgument,
    format_name: FormatOption = None,
    mapping: MappingOption = None,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Go on without the rows that cannot be used.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a file into the store. With refused rows only on your word."""
    from engine.data.read import refusal_sentence
    from engine.data.take_in import take_in

    taken = take_in(opened(store, create=True), file, _format(format_name, mapping), skip_refused=skip_refused)
    report, pairs = taken.report, taken.report.counts.pairs
    if not taken.dataset_id:
        raise DataError(refusal_sentence(report), "Mend the rows, or go on without them (--skip-refused).")
    value = {"id": taken.dataset_id, "rows": report.rows, "refused": report.reasons(), "pairs": pairs}
    value["label_bank"] = report.label_bank
    left = f", {len(report.refused):,} refused" if report.refused else ""
    bank = "; every pair of each prompt is answered: a label bank" if report.label_bank else ""
    show(
        value, as_json, lambda: f"{taken.dataset_id}  {report.path}: {report.rows:,} rows{left}, {pairs:,} pairs{bank}"
    )


@data.command("list", epilog="Example: workbench data list")
@plainly
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """The data sets in the store."""
    found = queries.datasets(opened(store))
    head = ["data set", "name", "format", "rows", "refused", "prompts", "pairs", "label bank"]
    banks = {True: "yes", False: "no", None: "?"}
    rows = [
        [d.id, d.name, d.format, d.rows, sum(d.refused.values()), d.prompts, d.pairs, banks[d.label_bank]]
        for d in found
    ]
    show([vars(d) for d in found], as_json, lambda: table(head, rows) if rows else "There is no data set yet.")
