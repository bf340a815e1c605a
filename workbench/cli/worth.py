"""`workbench label quality|trace|relabel`: what labels are worth, every answer as a row, doubtful ones asked again"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.analysis.alpha import Alpha
from engine.errors import DataError
from engine.store import queries
from engine.store.database import Store
from engine.store.labelled import salt_of
from engine.store.relabel import send_back
from engine.store.traced import as_shown, trace
from workbench.cli.label import label
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, show, table
from workbench.spreadsheet import as_csv
from workbench.wording import between, duration, number, signed
from workbench.worth import MEASURES, Source, Worth, called, worth

StudyArgument = Annotated[str, typer.Argument(help="Id of the study, or its name.")]
KINDS = (".csv", ".jsonl")


@label.command(epilog="Example: workbench label quality helpful --pay 30")
@plainly
def quality(
    study: StudyArgument,
    source: Annotated[
        Source, typer.Option(help="bought: by this study; file: recorded in its pool's file.")
    ] = "bought",
    pay: Annotated[float, typer.Option(min=0, help="What an hour of labelling costs, in any money.")] = 0.0,
    names: Annotated[bool, typer.Option("--names", help="Names of people; else they are numbered.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Agreement, labellers' skill, noise, position, pace, what is left, and how many labels are doubtful."""
    where = opened(store)
    study_id = queries.study(where, study).summary.id
    found, who = worth(where, study_id, source), called(where, study_id, names=names)
    show(_numbers(found, who, pay), as_json, lambda: "\n".join(_words(found, who, pay)))


def _alphas(found: Worth) -> dict[str, Alpha]:
    clusters = {f"cluster: {name}": one for name, one in found.by_cluster}
    return {"all pairs": found.alpha, **dict(found.by_strategy), **dict(found.by_topic), **clusters}


def _numbers(found: Worth, who: Mapping[str, str], pay: float) -> dict[str, Any]:
    """For machines."""
    left, slot, same = found.left, found.judged.first_slot, found.judged.consistency
    return {
        "answers": len(found.votes),
        "alpha": {name: vars(one) for name, one in _alphas(found).items()},
        "labellers": len(found.labellers),
        "by_labeller": [{**asdict(one), "name": who.get(one.name, one.name)} for one in found.labellers],
        "differ_from_oneself": vars(found.noise.itself),
        "two_answers_differ": vars(found.noise.others),
        "shown_first": vars(found.first),
        "judge_first_slot": vars(slot) if slot else None,
        "judge_consistency": vars(same) if same else None,
        "noise_measure": MEASURES.get(found.measure, ""),
        "strategies_noise": {name: vars(one) for name, one in found.bought},
        "answers_an_hour": found.pace.an_hour if found.pace else None,
        "seconds_by_length": [vars(part) for part in found.by_length],
        "answers_left": left.answers if left else None,
        "seconds_left": left.seconds if left else None,
        "cost_left": left.cost(pay) if left else None,
        "suspects": found.suspects.head(found.again.n)[["pair_id", "answer", "chance"]].to_dict("records"),
    }


def _words(found: Worth, who: Mapping[str, str], pay: float) -> list[str]:
    """For a terminal."""
    rows = [[name, number(a.alpha), between(a.low, a.high), a.pairs, a.answers] for name, a in _alphas(found).items()]
    lines = [table(["agreement (alpha) of", "alpha", "95 %", "pairs", "answers"], rows)]
    people = [[who.get(one.name, one.name), one.answers, number(one.skill), between(one.low, one.high), one.pairs,
               *(number(share.share) for share in (one.others, one.itself, one.first)), number(one.seconds, 1)]
              for one in found.labellers]  # fmt: skip
    if people:
        head = ["labeller", "answers", "skill", "95 %", "pairs", "as others", "as oneself", "first shown", "median s"]
        lines += ["", table(head, people)]
    noisy = [[name, signed(one.difference), between(one.low, one.high), one.n, one.n_random]
             for name, one in found.bought if one.difference is not None]  # fmt: skip
    if noisy:
        head = ["noise minus that of random pairs", "difference", "95 %", "pairs", "random"]
        lines += ["", f"noise: {MEASURES[found.measure]}", table(head, noisy)]
    shares = {"differ from oneself": found.noise.itself, "two answers differ": found.noise.others,
              "took the side shown first": found.first}  # fmt: skip
    said = [(name, one.share, one.low, one.high, one.n) for name, one in shares.items() if one.share is not None]
    spans = {"judge took the first slot": found.judged.first_slot, "judge's consistency": found.judged.consistency,
             "people agree with models": found.judged.checked}  # fmt: skip
    said += [(name, one.mean, one.low, one.high, one.n) for name, one in spans.items() if one is not None]
    lines += ["", *(f"{name}: {number(mean)} ({between(low, high)}), {n:,}" for name, mean, low, high, n in said)]
    if found.pace:
        lines.append(f"answers an hour of work: {number(found.pace.an_hour, 0)}, {found.pace.n:,} timed")
    if found.left:
        at_most, money = " at most" if found.left.at_most else "", found.left.cost(pay)
        time = f", about {duration(found.left.seconds)} of work" if found.left.seconds is not None else ""
        cost = f", cost {number(money, 2)}{at_most}" if money is not None else ""
        lines.append(f"left to the budget: {found.left.answers:,} of {found.left.target:,}{at_most}{time}{cost}")
    if found.again.n:
        lines.append(f"first {found.again.n} suspects: about {number(found.again.wrong, 1)} wrong labels")
    return lines


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
