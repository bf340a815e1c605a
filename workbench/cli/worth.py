"""`workbench label quality|trace|relabel`: what labels are worth, every answer as a row, doubtful ones asked again"""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import DataError
from engine.store import queries
from engine.store.database import Store
from engine.store.labelled import salt_of
from engine.store.relabel import send_back
from engine.store.traced import as_shown, trace
from workbench.cli.label import label
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, show, table
from workbench.spreadsheet import as_csv
from workbench.wording import between, number
from workbench.worth import worth

StudyArgument = Annotated[str, typer.Argument(help="Id of the study, or its name.")]
KINDS = (".csv", ".jsonl")


@label.command(epilog="Example: workbench label quality helpful")
@plainly
def quality(study: StudyArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Agreement, labellers' skill, noise, position, pace, and how many labels are doubtful."""
    where = opened(store)
    found = worth(where, queries.study(where, study).summary.id)
    alphas = {"all pairs": found.alpha, **dict(found.by_strategy)}
    rows = [[name, number(a.alpha), between(a.low, a.high), a.pairs, a.answers] for name, a in alphas.items()]
    first = found.first
    value: dict[str, Any] = {
        "answers": len(found.votes),
        "alpha": {name: vars(one) for name, one in alphas.items()},
        "labellers": len(found.labellers),
        "differ_from_oneself": vars(found.noise.itself),
        "two_answers_differ": vars(found.noise.others),
        "shown_first": vars(first),
        "strategies_noise": {name: vars(one) for name, one in found.bought},
        "answers_an_hour": found.pace.an_hour if found.pace else None,
        "answers_left": found.left.answers if found.left else None,
        "seconds_left": found.left.seconds if found.left else None,
        "suspects": found.suspects.head(found.again.n)[["pair_id", "answer", "chance"]].to_dict("records"),
    }

    def text() -> str:
        lines = [table(["agreement (alpha) of", "alpha", "95 %", "pairs", "answers"], rows)]
        said = {"differ from oneself": found.noise.itself, "two answers differ": found.noise.others,
                "took the side shown first": first}  # fmt: skip
        lines += [
            f"{name}: {number(one.share)} ({between(one.low, one.high)}), {one.n:,}"
            for name, one in said.items()
            if one.share is not None
        ]
        if found.again.n:
            lines.append(f"first {found.again.n} suspects: about {number(found.again.wrong, 1)} wrong labels")
        return "\n".join(lines)

    show(value, as_json, text)


@label.command("trace", epilog="Example: workbench label trace helpful --out answers.jsonl")
@plainly
def trace_(
    study: StudyArgument,
    out: Annotated[Path, typer.Option(help="The file to write: .csv or .jsonl.")],
    names: Annotated[bool, typer.Option("--names", help="Names and notes of people; else they are numbered.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every answer as a row: who, when, which side was shown first, which guideline, and what it corrects."""
    where = opened(store)
    if out.suffix not in KINDS:
        raise DataError(f"{out.name} is neither {' nor '.join(KINDS)}.", "Name the file so.")
    if out.exists():
        raise DataError(f"{out} is there already.", "Take another name: nothing is written over.")
    study_id = queries.study(where, study).summary.id
    rows = as_shown(trace(where, study_id), study_id, salt_of(where), names=names)
    lines = rows.to_json(orient="records", lines=True, force_ascii=False).encode("utf-8")
    out.write_bytes(as_csv(rows) if out.suffix == ".csv" else lines)
    show({"rows": len(rows), "file": str(out)}, as_json, lambda: f"{len(rows):,} answers in {out}.")


@label.command(epilog="Example: workbench label relabel helpful --first 20")
@plainly
def relabel(
    study: StudyArgument,
    pairs: Annotated[list[str] | None, typer.Option("--pair", help="A pair; may be named again. Or --first.")] = None,
    first: Annotated[int, typer.Option(min=0, help="So many of the most suspicious labels.")] = 0,
    answers: Annotated[int, typer.Option(min=1, max=9, help="More people to ask about each.")] = 2,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send labels back to the queue: other people answer the pairs once more."""
    where = opened(store)
    study_id = queries.study(where, study).summary.id
    ids = list(pairs or ()) or _suspects(where, study_id, first)
    sent = send_back(where, study_id, ids, answers)
    words = f"{sent.pairs:,} pairs are back in the queue, {sent.answers:,} answers asked; {sent.waiting:,} were out."
    show({**vars(sent), "ids": ids}, as_json, lambda: words)


def _suspects(store: Store, study_id: str, first: int) -> list[str]:
    found = worth(store, study_id).suspects["pair_id"].head(first).tolist() if first else []
    if not found:
        raise DataError("No pair is named, and there is no suspect to take.", "Name pairs with --pair, or --first 20.")
    return found
