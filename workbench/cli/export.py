"""`workbench export`: a labelled subset, or the adapter of a round, into a new folder or to the hub."""

import getpass
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engine.errors import DataError
from engine.store import queries
from engine.store.database import Store
from engine.store.summaries import StudyDetail
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show

MARKS = {"ok": "holds", "warn": "to note", "bad": "DOES NOT HOLD"}


@plainly
def export(
    name: Annotated[str, typer.Argument(help="Id of the study, or its name.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write; it must be new or empty.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Only this strategy's picks.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed's runs.")] = None,
    upto_round: Annotated[int | None, typer.Option("--round", min=1, help="Only rounds up to this one.")] = None,
    from_round: Annotated[int | None, typer.Option(min=1, help="Only rounds from this one.")] = None,
    selection: Annotated[str, typer.Option(help="Only pairs of this saved selection.")] = "",
    score_at_least: Annotated[float | None, typer.Option(help="Only pairs with this score or more.")] = None,
    score_at_most: Annotated[float | None, typer.Option(help="Only pairs with this score or less.")] = None,
    labeller: Annotated[str, typer.Option(help="Only the answers of this labeller, or oracle.")] = "",
    agreement: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Only pairs on which this share of answers agrees.")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            help="trl, trl_implicit, plain, kto, llamafactory, axolotl, openai, argilla, label_studio or audit."
        ),
    ] = "trl",
    container: Annotated[str, typer.Option("--format", help="jsonl, parquet, datasets or csv.")] = "jsonl",
    names: Annotated[bool, typer.Option("--names", help="Real names and notes of labellers.")] = False,
    licence: Annotated[str, typer.Option(help="Licence of the data, for the card: cc-by-4.0, say.")] = "",
    dry_parse: Annotated[bool, typer.Option("--dry-parse", help="Also let TRL's DPOTrainer parse it.")] = False,
    push: Annotated[str, typer.Option(metavar="OWNER/NAME", help="Push to the hub; token: $HF_TOKEN, or asked.")] = "",
    public: Annotated[bool, typer.Option("--public", help="With --push: make the repository public.")] = False,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="The adapter after --round of --strategy and --seed instead of pairs.")
    ] = False,
    merged: Annotated[bool, typer.Option("--merged", help="With --adapter: merged into the model's weights.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the labelled subset with a card and a sidecar, once every tick of its contract holds."""
    from engine.data.answers import Subset
    from engine.data.export.checked import refuse_full, refuse_strategy
    from engine.data.export.checked import written as write_all

    if out is None and not push:
        raise DataError("Nothing says where to write.", "Name a folder with --out, or a repository with --push.")
    if out is not None:
        refuse_full(out)
    where = opened(store)
    detail = queries.study(where, name)
    refuse_strategy(detail, strategy)
    if adapter:
        with tempfile.TemporaryDirectory() as scratch:
            sent, message = _adapter(where, detail, strategy, seed, upto_round, out or Path(scratch), merged=merged)
            written: dict[str, Any] = {"files": sorted(sent)}
            if push:
                written["pushed"] = _push(sent, push, private=not public, kind="model", message=message)
        line = f"{len(sent):,} files"
    else:
        subset = Subset(
            study_id=detail.summary.id, strategy=strategy, seed=seed, upto_round=upto_round, from_round=from_round,
            selection=selection, score_at_least=score_at_least, score_at_most=score_at_most, labeller=labeller,
            agreement_at_least=agreement,
        )  # fmt: skip
        form = {"profile": profile, "container": container, "names": names, "licence": licence}
        found, written = _subset(where, detail, subset, form, dry_parse=dry_parse, as_json=as_json)
        if out is not None:
            write_all(found, out)
        if push:
            written["pushed"] = _push(found, push, private=not public)
        line = ", ".join(f"{n:,} {what}" for what, n in written["counts"].items() if n)
    line += f"; {written['pushed']}" if push else ""
    show({"out": str(out or ""), **written.pop("counts", {}), **written}, as_json, lambda: f"{out or push}: {line}")


def _subset(
    store: Store, detail: StudyDetail, subset: Any, form: Mapping[str, Any], *, dry_parse: bool, as_json: bool
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Its files and what is said of them; DataError where a tick does not hold."""
    from engine.data.export.checked import checked
    from engine.data.export.contract import as_rows
    from engine.tasks.check_export import parsed_by_trl
    from engine.verdict_words import verdict_words

    parser = parsed_by_trl(store, subset.study_id) if dry_parse else None
    ready = checked(store, subset, form, verdict_words(store, detail), parser)
    if not as_json:
        for tick in ready.ticks:
            print(printable(f"{MARKS[tick.tone]:>13}  {tick.what}: {tick.finding}"), file=sys.stderr)
    ready.refuse_failed()
    return dict(ready.files), {"counts": dict(ready.made.counts), "ticks": as_rows(ready.ticks)}


def _adapter(
    store: Store,
    detail: StudyDetail,
    strategy: str | None,
    seed: int | None,
    number: int | None,
    out: Path,
    *,
    merged: bool,
) -> tuple[dict[str, bytes | Path], str]:
    """Write one run's adapter into the folder, its last round's if none is named; what a hub gets of it, and a word.

    It is written where it stays and sent from there: a model may be larger than memory.
    """
    from engine.tasks.adapter import TakeAdapter, files_for_a_hub

    runs = [run for run in detail.runs if run.strategy.name == strategy and run.seed == seed]
    if len(runs) != 1:
        known = ", ".join(map(str, detail.summary.seeds))
        raise DataError("An adapter belongs to one run.", f"Name its --strategy and its --seed (one of {known}).")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    task = TakeAdapter(run_id=runs[0].id, round=number or runs[0].round or 1, merged=merged)
    try:
        out.mkdir(parents=True, exist_ok=True)
        task.write(store, out, lambda word: print(word, file=sys.stderr))
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}.", "Name another folder.") from error
    kind = "Merged weights" if merged else "Adapter"
    return files_for_a_hub(out), f"{kind} of run {task.run_id} after round {task.round}"


def _push(
    files: Mapping[str, bytes | Path],
    repository: str,
    *,
    private: bool,
    kind: Literal["dataset", "model"] = "dataset",
    message: str = "Labelled subset",
) -> str:
    from engine.data.export.push import push_to_hub, token_of_environment

    token = token_of_environment()
    if not token and sys.stdin.isatty():
        token = getpass.getpass("Token for the hub (not shown, not kept): ").strip()
    return push_to_hub(
        files, repository, token, kind=kind, message=message, private=private,
        say=lambda word: print(word, file=sys.stderr),
    )  # fmt: skip
