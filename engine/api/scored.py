"""`engine.score`: what strategies would pick from a pool and how far they agree, without a label or a training step."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.api.pairs import Pairs, ShownPair
from engine.api.study import Study
from engine.data.pool import PreferenceData
from engine.data.read import Reading, refusal_sentence
from engine.data.take_in import take_in
from engine.errors import ConfigError, DataError, EngineError
from engine.findings import findings
from engine.registry import Registry
from engine.signals.base import SIGNALS, Signal
from engine.store import queries
from engine.store.browse import has_dataset, pair_texts
from engine.store.cache import FileCache
from engine.store.database import Store, open_store, usual_folder
from engine.store.texts import add_dataset, id_of
from engine.strategies.base import STRATEGIES, Strategy
from engine.tasks._laboratory import kept_pool, signals_for
from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool

if TYPE_CHECKING:
    from engine.api.table import Table

PICKS = {
    "strategy": "the strategy as it was asked for, with what of it is not the default",
    "rank": "place in the batch, 1 is picked first",
    "pair_id": "id of the pair",
    "prompt": "the last turn of the prompt",
    "response_a": "text of side a; sides are drawn by hash",
    "response_b": "text of side b",
}
AGREEMENT = {
    "first": "a strategy",
    "second": "another",
    "shared": "pairs that both pick",
    "chance": "pairs that two random batches of these sizes share on average",
    "most": "and at most, in 95 of 100 cases",
    "jaccard": "shared picks over all picks of both, a share",
    "spearman": "rank correlation of their scores over the pool, −1 to 1; none where one gives no scores",
    "kendall": "Kendall's τ of the same",
}
STRATEGIES_SAID = {
    "strategy": PICKS["strategy"],
    "picks": "pairs it picks",
    "near_duplicates": "share of its picks whose prompt is nearly another pick's",
    "seconds": "seconds that choosing took, without the signals",
    "note": "what it remarks, or why it could not choose",
}


@dataclass(frozen=True, eq=False)
class Scored:
    """What came of a dry run. `strategies`, `agreement`, `picks` and `scores` are tables, `pairs` are to be read."""

    store: Store
    task: DryRun
    answer: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The strategies as they were asked for: a name, with what of it is not the default."""
        said = [" ".join([row["name"], *(f"{k}={v}" for k, v in row["changed"].items())])
                for row in self.answer["strategies"]]  # fmt: skip
        return [name if said.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(said, start=1)]

    @property
    def strategies(self) -> "Table":
        """A row a strategy."""
        from engine.api.table import table

        rows = self.answer["strategies"]
        pool = self.answer["pool"]
        whole = f"{pool['pairs']:,} pairs of {pool['prompts']:,} prompts, scored by {pool['stamp']['adapter']}."
        return table(
            {
                "strategy": self.names,
                "picks": [len(row["picks"]) for row in rows],
                "near_duplicates": [row["near_duplicates"] for row in self.answer["redundancy"]],
                "seconds": [row["seconds"] for row in rows],
                "note": [row["error"] or row["note"] for row in rows],
            },
            STRATEGIES_SAID,
            whole,
        )

    @property
    def agreement(self) -> "Table":
        """A row two strategies that both pick."""
        from engine.api.table import table

        names = self.names
        ranks = {(row["first"], row["second"]): row for row in self.answer["ranks"]}
        rows = [
            {**row, **ranks.get((row["first"], row["second"]), {"spearman": None, "kendall": None}),
             "first": names[row["first"]], "second": names[row["second"]]}
            for row in self.answer["shared"]
        ]  # fmt: skip
        return table({name: [row[name] for row in rows] for name in AGREEMENT}, AGREEMENT)

    @property
    def picks(self) -> "Table":
        """A row a pick, with its texts."""
        from engine.api.table import table

        rows = [
            (name, n, pair.pair_id, pair.messages[-1][1], pair.response_a, pair.response_b)
            for name in self.names
            for n, pair in enumerate(self.pairs(name), start=1)
        ]
        return table({name: [row[n] for row in rows] for n, name in enumerate(PICKS)}, PICKS)

    @property
    def scores(self) -> "Table":
        """A row a pair of the pool, a column a strategy, NaN where it gives none; EngineError if the cache lost it."""
        from engine.api.table import table

        files = FileCache(self.store.folder / "cache")
        pool, matrix = kept_pool(files, self.task.pool_key()), files.get(str(self.answer["scores"]))
        if pool is None or matrix is None:
            raise EngineError("The cache does not hold these scores any more.", "Score the pool again.")
        columns = {name: matrix[:, n] for n, name in enumerate(self.names)}
        said = {"pair_id": "id of the pair", **dict.fromkeys(columns, "score in the strategy's own unit")}
        return table({"pair_id": [pair.id for pair in pool.pairs], **columns}, said)

    def pairs(self, strategy: str) -> Pairs:
        """What that strategy (one of `names`) would pick, best first; EngineError if it was not asked."""
        if strategy not in self.names:
            raise EngineError(f"Nobody asked {strategy!r}.", f"There are: {', '.join(self.names)}.")
        picks = self.answer["strategies"][self.names.index(strategy)]["picks"]
        texts = pair_texts(self.store, picks)
        return Pairs(strategy, [
            ShownPair(pair.pair_id, pair.messages, pair.response_a, pair.response_b, None, f"rank {n}", {"rank": n})
            for n, pair in enumerate(texts, start=1)
        ])  # fmt: skip

    def _repr_html_(self) -> str:
        return self.strategies._repr_html_() + (self.agreement._repr_html_() if len(self.names) > 1 else "")

    def __repr__(self) -> str:
        return f"{self.strategies.note}\n{self.strategies}\n\n{self.agreement}"


def score(
    pool: "Study | PreferenceData | Reading | Path | str",
    strategies: Sequence[str | Mapping[str, Any] | Strategy],
    *,
    dataset: str = "",
    model: str = "",
    adapter: str = "",
    run: str = "",
    round: int = 1,
    k: int | None = None,
    prompts: int | None = None,
    seed: int = 1,
    signals: Sequence[str | Mapping[str, Any] | Signal] = (),
    one_per_prompt: bool | None = None,
    store: Store | Path | str | None = None,
) -> Scored:
    """Score a pool once and let each strategy pick `k` pairs of it, by default as many as the study's own round would.

    Buys no label and trains nothing.

    `pool`: a study of a store (its pool and model, or another imported `dataset` with that model; with `run` and
    `round` as that run stood before its picks), else data, a file or the id of an imported data set, scored by `model`
    (folder or hub id), with the `adapter` (PEFT folder) or without. Strategies and signals are names,
    {"name": …, parameters} or instances. `prompts` takes a seeded subset; `one_per_prompt` says whether a batch has at
    most one pair of a prompt, by default as the study has it. `store` is where signals are kept for the next time; a
    study brings its own. ConfigError, DataError, ModelError.
    """
    where = pool.store if isinstance(pool, Study) else (
        store if isinstance(store, Store) else open_store(usual_folder(store))
    )  # fmt: skip
    chosen = _built("The strategies", STRATEGIES, strategies)  # a store that is open has told of those it keeps
    given = _built("The signals", SIGNALS, signals)
    fields: dict[str, Any] = {"run_id": run, "round": round, "adapter": adapter, "model": model, "prompts": prompts,
                              "seed": seed}  # fmt: skip
    if isinstance(pool, Study):
        detail = pool.detail
        fields |= {"study_id": detail.summary.id, "dataset_id": dataset}
        known = {spec["name"]: SIGNALS.build(spec) for spec in detail.config.get("signals") or []}
        known |= {signal.name: signal for signal in given}
    else:
        fields["dataset_id"] = _taken_in(where, pool)
        known = {signal.name: signal for signal in given}
    wanted = signals_for(chosen, list(known.values()))
    task = ScorePool.read({**fields, "signals": wanted})
    asked = {"strategies": tuple(chosen), "k": k, "one_per_prompt": one_per_prompt}
    dry = DryRun.read({**fields, "signals": tuple(known.values()), **asked})
    if not task.is_kept(where, wanted):
        score_beside(where, task)
    return Scored(where, dry, dry.do(where, lambda _: None))


def score_beside(store: Store, task: ScorePool) -> dict[str, Any]:
    """Score in a process of its own, which loads torch; its error is ours."""
    command = [sys.executable, "-m", "engine.laboratory", str(store.folder)]
    done = subprocess.run(command, input=task.model_dump_json(), capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if "error" in found:
        raise EngineError(found["error"], found["next_step"])
    if done.returncode or not found:
        raise EngineError(f"Scoring ended with code {done.returncode}: {done.stderr[-300:]}", "Its words say why.")
    return found


def _built(where: str, registry: Registry[Any], given: Sequence[Any]) -> list[Any]:
    """The plugins of names, mappings or instances; one ConfigError with all that is wrong."""
    found, wrong = [], []
    for value in given:
        try:
            found.append(registry.build(dict(value) if isinstance(value, Mapping) else value))
        except ValidationError as error:
            wrong += [f"{value!r}: {finding}" for finding in findings(error)]
        except (EngineError, ValueError) as error:
            wrong.append(f"{value!r}: {error}")
    if wrong:
        raise ConfigError(where, wrong, "Nothing was scored.")
    return found


def _taken_in(store: Store, pool: "PreferenceData | Reading | Path | str") -> str:
    """The id of the data in the store; a data set that is there already is not written again."""
    if isinstance(pool, str) and any(pool == there.id for there in queries.datasets(store)):
        return pool
    if isinstance(pool, Path | str):
        taken = take_in(store, str(pool))
        if not taken.dataset_id:
            raise DataError(refusal_sentence(taken.report), "Mend them, or read the file with skip_refused=True first.")
        return taken.dataset_id
    data = pool.data if isinstance(pool, Reading) else pool
    answers = [repr((c.pair_id, c.answer, c.strength, c.labeller, c.share)) for c in data.comparisons]
    known = [*data.responses, *data.pairs, *answers, repr(data.scores), repr(data.aspects)]
    whole = hashlib.sha256("\n".join(known).encode()).hexdigest()
    dataset_id = id_of(whole, "python", "")
    if not has_dataset(store, dataset_id):
        name = pool.report.name if isinstance(pool, Reading) else "from Python"
        add_dataset(store, name=name, path="", format_name="python", sha256=whole, data=data,
                    rows=len(data.pairs) or len(data.responses), refused={}, dropped={}, part="")  # fmt: skip
    return dataset_id
