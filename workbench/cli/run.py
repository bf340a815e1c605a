"""`workbench run …`: look again at what one run did, let it go on, or go back to before labels that were corrected."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from engine.errors import EngineError
from engine.replay import Record, from_record, record_of
from engine.store import corrected, edits
from engine.store.database import Store
from engine.store.edits import LEAD
from engine.store.reviews import Review
from workbench.campaign_words import before_words, changed_words
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, show, table
from workbench.cli.why import why

run = typer.Typer(
    help="Look again at what one run did, let it go on after a review, or back to before corrected labels.",
    no_args_is_help=True,
)
run.command(epilog="Example: workbench run why r1a2b3c4d5-activedpo-1 3 --json")(why)
OTHER = 1
"""Exit code of a replay whose picks differ."""


@run.command(epilog="Example: workbench run replay r1a2b3c4d5-activedpo-1 3")
@plainly
def replay(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, see `workbench study show`.")],
    round_number: Annotated[int, typer.Argument(metavar="ROUND", min=1, help="Which round.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pick the batch of a round again from the record, and compare. Exit code 1 if the picks differ."""
    where = opened(store)
    record = record_of(where, run_id, round_number)
    kept = bool(record.config.strategy.version)  # its source is run beside, as a worker does
    found = _beside(where, record) if kept or record.missing() else asdict(from_record(record))
    show(found, as_json, lambda: _said(found))
    if not found["same"]:
        raise typer.Exit(OTHER)


@run.command(epilog="Example: workbench run release r1a2b3c4d5-activedpo-1")
@plainly
def release(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs, see `workbench study show`.")],
    by: Annotated[str, typer.Option(help="Who releases them.")] = LEAD,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let runs that wait for review go on, each with its batch as it stands: labels are then bought for it."""
    where = opened(store)
    left = [edits.release(where, run_id, by) for run_id in run_ids]
    value = [
        {
            "run": one.run_id,
            "round": one.round,
            "pairs": len(one.picks),
            "changes": len(one.changes),
            "edited": one.changed,
        }
        for one in left
    ]
    show(value, as_json, lambda: "\n".join(_released(one) for one in left))


@run.command("go-back", epilog="Example: workbench run go-back r1a2b3c4d5-activedpo-1 --show")
@plainly
def go_back(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a campaign's run, see `workbench study show`.")],
    only: Annotated[bool, typer.Option("--show", help="Only say which labels changed; change nothing.")] = False,
    by: Annotated[str, typer.Option(help="Who takes it back.")] = LEAD,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on from before the first labels that the run used and that people have changed since.

    Later rounds are computed again; what people have answered is kept and not asked again.
    """
    where = opened(store)
    changed = corrected.changed_since(where, run_id)
    first = min((one.round for one in changed), default=None)
    if first is not None and not only:
        corrected.go_back(where, run_id, first, by)
    value = {
        "run": run_id,
        "changed": [asdict(one) for one in changed],
        "before_round": first,
        "goes_on": first is not None and not only,
    }
    show(value, as_json, lambda: _changed(run_id, changed, first, only))


def _changed(run_id: str, changed: list[corrected.Changed], first: int | None, only: bool) -> str:
    if first is None:
        return f"{run_id}: no label that it used was changed since."
    rows = [[one.round, one.pair_id, one.was, one.now or "none"] for one in changed]
    listed = table(["round", "pair", "was", "is"], rows)
    then = (
        "To go on from before them, leave --show out."
        if only
        else f"It goes on from before {before_words(first)}; a worker takes it from there."
    )
    return f"{run_id}: {changed_words(changed)}\n{listed}\n{then}"


def _released(one: Review) -> str:
    how = (
        "changed by hand: the run is marked, and takes no part in verdicts" if one.changed else "as the strategy picked"
    )
    return f"{one.run_id}, round {one.round}: {len(one.picks):,} of {len(one.own):,} pairs released, {how}."


def _beside(store: Store, record: Record) -> dict[str, Any]:
    """In a process that loads torch, with as many threads as the run had."""
    threads = record.provenance.get("threads")
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    environment |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
    command = [sys.executable, "-m", "engine.replay", str(store.folder), record.run_id, str(record.round)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise EngineError(f"The replay ended with code {done.returncode}: {done.stderr.strip()[-2000:]}") from error
    if "error" in found:
        raise EngineError(found["error"], found["next_step"])
    return found


def _said(found: dict[str, Any]) -> str:
    kind = "warm-up batch" if found["warm_up"] else f"batch of {found['strategy']}"
    n, differ = found["picks"], len(found["differences"])
    verdict = f"the same {n:,} picks in the same order" if found["same"] else f"{differ:,} of {n:,} picks differ"
    lines = [f"{found['run_id']}, round {found['round']}, {kind}, seed {found['seed']}: {verdict}."]
    lines += [f"  {name}: {where}" for name, where in found["signals"].items()]
    gap = found["score_gap"]
    if gap is not None:
        lines.append(f"  scores: differ by at most {gap:.2g}" if gap else "  scores: the same to the bit")
    lines += [f"  {note}" for note in found["notes"]]
    if found["differences"]:
        head = ["rank", "recorded", "replayed"]
        rows = [[d["rank"], d["recorded"] or "none", d["replayed"] or "none"] for d in found["differences"]]
        lines.append(table(head, rows))
    return "\n".join(lines)
