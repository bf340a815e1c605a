"""`workbench run why`: what each pick of a round got its score by, and what would have been picked instead."""

from typing import Annotated, Any

import typer

from engine.errors import EngineError
from engine.store import queries
from engine.tasks.why_batch import AT_MOST, WhyBatch
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show
from workbench.wording import number


@plainly
def why(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, see `workbench study show`.")],
    round_number: Annotated[int, typer.Argument(metavar="ROUND", min=1, help="Which round.")],
    pairs: Annotated[int, typer.Option(min=1, max=AT_MOST, help="Of so many picks, the first ones.")] = AT_MOST,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why each pair of a batch was picked: the terms of its score, and the pair that would stand in its place."""
    where = opened(store)
    picks = queries.batch(where, run_id, round_number)
    if not picks:
        raise EngineError(
            f"Run {run_id} has no picks in round {round_number}.", "See `workbench study show` for its runs and rounds."
        )
    task = WhyBatch(run_id=run_id, round=round_number, picks=tuple(pick.pair_id for pick in picks[:pairs]))
    missing = task.missing(where)
    if missing is not None:  # a pass of the model, in a process of its own: the command line loads no torch
        from engine.api.scored import score_beside

        score_beside(where, missing)
    answer = task.do(where, lambda _: None)
    own = {pick.pair_id: pick for pick in picks}
    of_pick = [
        {"pair": pair_id, "rank": own[pair_id].rank, "score": own[pair_id].score, "gain": own[pair_id].gain, **entry}
        for pair_id, entry in answer["picks"].items()
    ]
    found = {
        "run": run_id,
        "round": round_number,
        "pairs": answer["pairs"],
        "says": answer["says"],
        "why_not": answer["why_not"],
        "left_out": len(picks) - len(task.picks),
        "picks": of_pick,
    }
    show(found, as_json, lambda: _said(found))


def _said(found: dict[str, Any]) -> str:
    lines = [f"Round {found['round']} of {found['run']}: {len(found['picks']):,} picks of {found['pairs']:,} pairs."]
    lines += [line for line in (found["says"], found["why_not"]) if line]
    for pick in found["picks"]:
        score = "" if pick["score"] is None else f", score {number(pick['score'])}"
        lines.append(f"{pick['rank']:,}. {pick['pair']}{score}")
        lines += [f"   {_part(part)}" for part in pick["parts"]]
        if pick["instead"]:
            lines.append(f"   instead, were it not there: {pick['instead']['pair_id']}")
    if found["left_out"]:
        lines.append(f"{found['left_out']:,} more picks are left out.")
    return "\n".join(printable(line) for line in lines)


def _part(part: dict[str, Any]) -> str:
    symbol = f", {part['symbol']}" if part["symbol"] else ""
    value = f"{part['value']:,}" if isinstance(part["value"], int) else number(part["value"])
    above = "" if part["percentile"] is None else f"above {number(part['percentile'], 1)} % of the pool"
    aside = ", ".join(filter(None, [above, part["note"]]))
    return f"{part['name']}{symbol}: {value} {part['unit']}".rstrip() + (f" ({aside})" if aside else "")
