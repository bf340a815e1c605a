"""What the card says of the study behind a subset: read from the store, in words and numbers."""

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from engine.arms import arm_of, buys_all
from engine.data.answers import Subset
from engine.store import queries
from engine.store.database import Store
from engine.store.labelled import who_answers
from engine.store.reviews import edited_batches
from engine.store.summaries import StudyDetail
from engine.strategies.base import STRATEGIES

OWN_AFFAIRS = ("url", "key_variable", "extra")
"""Fields of a sampler that say where somebody's server is and how it is reached: on no card."""


def about_subset(store: Store, subset: Subset, verdict: Sequence[str] = ()) -> dict[str, Any]:
    """`about_study` with the subset's own words, the learning curve and the verdict's sentences."""
    detail = queries.study(store, subset.study_id)
    narrowed = {
        name: value for name, value in subset.model_dump(exclude={"study_id"}).items() if value not in (None, "")
    }
    if subset.labeller:
        narrowed["labeller"] = "one, or one oracle"  # a card names nobody
    found = about_study(detail, subset.strategy, subset.seed)
    found |= {"subset": narrowed or "all", "curve": curve_rows(store, detail, subset), "verdict": list(verdict)}
    edits = edited_rows(store, detail, subset)
    by_hand = [f"{row['strategy']}, seed {row['seed']}, round {row['round']}: {_edits(row)}" for row in edits]
    return found | ({"changed by hand, so in no verdict": by_hand, "edits": edits} if edits else {})


def about_study(detail: StudyDetail, strategy: str | None = None, seed: int | None = None) -> dict[str, Any]:
    """What the card says of the study: strategies with citations, regime, seeds, budget, oracle, data and model.

    `strategy` is the key of an arm, None for all. Sampler, regime and budget are those its runs were queued with; where
    arms differ in one, it is said by key.
    """
    config, keys = detail.config, [key for key in detail.arms if strategy in (None, key)]
    arms = [{**detail.arms[key]["strategy"], **({"arm": arm_of(key)} if arm_of(key) else {})} for key in keys]
    known = [STRATEGIES.get(name) for name in dict.fromkeys(a["name"] for a in arms) if name in STRATEGIES.names()]
    reference: Mapping[str, Any] = next((r for r in detail.provenance.get("runs", ()) if r), {})
    return {
        "study": detail.summary.name,
        "study id": detail.summary.id,
        "feedback": who_answers(config["oracle"]["name"]),
        "strategies": arms,
        "formulas": {cls.name: cls.formula for cls in known if cls.formula},
        "sources": {cls.name: cls.source for cls in known},
        "seeds": list(detail.summary.seeds) if seed is None else [seed],
        "budget per run": _one_or_each({key: _budget(detail, key) for key in keys}),
        "sampler": _one_or_each({key: _sampler(detail, key) for key in keys}),
        "oracle": config["oracle"],
        "regime": _one_or_each({key: detail.seen_by(key, "regime") for key in keys}),
        "model": config["model"]["path"].rstrip("/").rsplit("/", 1)[-1],
        "model sha256": reference.get("model_sha256", "no run has begun"),
        **({"model commit": reference["model_commit"]} if reference.get("model_commit") else {}),
        "reference": reference.get("reference", "the SFT model with the adapter off"),
        "tokenizer sha256": reference.get("tokenizer_sha256", "no run has begun"),
        "code version": reference.get("program", f"preference-workbench {version('preference-workbench')}"),
        "data": {
            role: {"file": file["path"].rsplit("/", 1)[-1], "sha256": file["sha256"], "refused": file["refused"]}
            for role, file in detail.provenance.get("data", {}).items()
        },
    }


def curve_rows(store: Store, detail: StudyDetail, subset: Subset) -> list[dict[str, Any]]:
    """Accuracy on the held-out set that decides, by strategy and round, the mean over seeds; random beside the subset's
    strategy."""
    found = next((m for m in queries.metric_names(store, detail.summary.id) if m.name == "accuracy"), None)
    if found is None:
        return []
    declared = (detail.config.get("referee") or {}).get("held_out")
    where = declared if declared in found.splits else found.splits[0]
    frame = queries.curve(store, detail.summary.id, found.name, where)
    if subset.strategy is not None:
        frame = frame[frame["strategy"].isin([subset.strategy, "random"])]
    means = frame.groupby(["strategy", "round"], sort=False).agg(
        labels=("labels", "mean"), accuracy=("value", "mean"), seeds=("seed", "nunique")
    )
    return [
        {
            "strategy": str(key),
            "round": int(number),
            "labels": int(row["labels"]),
            f"accuracy on {where}": float(row["accuracy"]),
            "seeds": int(row["seeds"]),
        }
        for (key, number), row in means.iterrows()
    ]


def edited_rows(store: Store, detail: StudyDetail, subset: Subset) -> list[dict[str, Any]]:
    """A row a batch of the subset's runs that people changed: run, round, the strategy's own list, and every edit."""
    runs = {
        run.id: run
        for run in detail.runs
        if run.edited and subset.strategy in (None, run.strategy.name) and subset.seed in (None, run.seed)
    }
    found = []
    first, last = subset.from_round or 1, subset.upto_round or math.inf
    for batch in edited_batches(store, detail.summary.id) if runs else ():
        if batch.run_id in runs and first <= batch.round <= last:
            run = runs[batch.run_id]
            rows = [
                {"what": edit.what, "pair_id": edit.pair_id, "other_id": edit.other_id, "who": edit.person,
                 "at": edit.at.isoformat(timespec="seconds"), "taken_back": edit.undone}
                for edit in batch.edits
            ]  # fmt: skip
            own, labelled = ([pick.pair_id for pick in picks] for picks in (batch.own, batch.picks))
            where = {"run_id": run.id, "strategy": run.strategy.name, "seed": run.seed, "round": batch.round}
            found.append({**where, "own": own, "labelled": labelled, "edits": rows})
    return found


def _edits(row: Mapping[str, Any]) -> str:
    gone, come = (set(row[one]) - set(row[other]) for one, other in (("own", "labelled"), ("labelled", "own")))
    return f"{len(gone)} of the strategy's {len(row['own'])} picks out, {len(come)} other pairs in"


def _budget(detail: StudyDetail, key: str) -> int | str:
    if buys_all(key):
        return "the whole pool, in one round"
    if share := detail.seen_by(key, "label_share"):
        whole = "prompts, one pair each," if detail.seen_by(key, "one_per_prompt") else "pool"
        return f"{share:.0%} of the {whole} a round, {detail.seen_by(key, 'rounds')} in all"
    return int(detail.seen_by(key, "rounds") * detail.seen_by(key, "labels_per_round"))


def _sampler(detail: StudyDetail, key: str) -> dict[str, Any]:
    spec = detail.seen_by(key, "sampler") or {}
    return {name: value for name, value in spec.items() if name not in OWN_AFFAIRS}


def _one_or_each(values: Mapping[str, Any]) -> Any:
    """What all arms have in common; else every arm's own, by key."""
    every = list(values.values())
    return every[0] if every and all(value == every[0] for value in every) else dict(values)
