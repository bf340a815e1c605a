"""`workbench strategy score`: a dry run without the app. It scores in a process of its own; only that loads torch."""

from typing import Annotated, Any

import typer

from engine.errors import ConfigError, EngineError
from engine.settings import ModelSettings
from engine.signals.base import SIGNALS, Signal
from engine.store import browse, pace, queries, scoring_price
from engine.store.database import Store
from engine.strategies.base import STRATEGIES, Strategy
from engine.tasks._laboratory import signals_for
from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, show, table
from workbench.lab_words import read_words, title_of
from workbench.wording import count, duration, integer, number, percent


@plainly
def score(
    strategies: Annotated[list[str], typer.Argument(help='Each with its parameters: activedpo "activedpo ridge=1".')],
    study: Annotated[str, typer.Option(help="Study, by id or name: its pool, model and signals.")] = "",
    run: Annotated[str, typer.Option(help="A run of the study: its adapter, picks and labels.")] = "",
    round_number: Annotated[int, typer.Option("--round", min=1, help="The run before its picks of this round.")] = 1,
    dataset: Annotated[str, typer.Option(help="An imported data set as the pool.")] = "",
    model: Annotated[str, typer.Option(help="Folder or hub id of a model, where no study is named.")] = "",
    adapter: Annotated[str, typer.Option(help="PEFT folder of an adapter, where no run is named.")] = "",
    k: Annotated[int | None, typer.Option("--pairs", min=1, help="Pairs in a batch; as the study has it.")] = None,
    prompts: Annotated[int | None, typer.Option(min=1, help="A seeded subset of so many prompts.")] = None,
    seed: Annotated[int, typer.Option(help="Of the subset and of ties; a run brings its own.")] = 1,
    signals: Annotated[
        list[str] | None, typer.Option("--signal", help='Parameters of a signal: "prompt_entropy samples=16".')
    ] = None,
    one_per_prompt: Annotated[
        bool | None,
        typer.Option("--one-per-prompt/--any-pairs", help="At most one pair of a prompt, or any; as the study has it."),
    ] = None,
    price: Annotated[bool, typer.Option("--price", help="Only say what scoring will take.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What strategies would pick from a pool, and how far they agree. Buys no label and trains nothing."""
    from engine.api.scored import score_beside

    where = opened(store)
    detail = queries.study(where, study) if study else None
    chosen = _read("strategies", "; ".join(strategies), STRATEGIES)
    known = {spec["name"]: SIGNALS.build(spec) for spec in (detail.config.get("signals") or [])} if detail else {}
    known |= {signal.name: signal for signal in _read("--signal", "; ".join(signals or []), SIGNALS)}
    fields: dict[str, Any] = {
        "study_id": detail.summary.id if detail else "", "run_id": run, "round": round_number, "dataset_id": dataset,
        "model": model, "adapter": adapter, "prompts": prompts, "seed": seed,
    }  # fmt: skip
    wanted = signals_for(chosen, list(known.values()))
    task = ScorePool.read({**fields, "signals": wanted})
    asked = {"strategies": chosen, "k": k, "one_per_prompt": one_per_prompt}
    dry = DryRun.read({**fields, "signals": tuple(known.values()), **asked})
    missing = [signal for signal in wanted if signal not in task.there(where, wanted)]
    own = {"path": model} if model or not detail else detail.config["model"]
    takes = _price(where, task, missing, ModelSettings.model_validate(own))
    if not as_json or price:
        show(takes, as_json, lambda: _takes(takes))
    else:  # what it will take is said before it is spent, beside the JSON that comes after
        typer.echo(_takes(takes), err=True)
    if price:
        return
    scored = {} if task.is_kept(where, wanted) else score_beside(where, task)
    answer = dry.do(where, lambda _: None)
    value = {"price": takes, "scored": scored, **answer}
    show(value, as_json, lambda: _table(answer, chosen))


def _read(where: str, text: str, registry: Any) -> list[Any]:
    found, wrong = read_words(text, registry)
    if wrong:
        raise ConfigError(where, wrong, "Nothing was scored.")
    return found


def _price(store: Store, task: ScorePool, missing: list[Signal], model: ModelSettings) -> dict[str, Any]:
    """What the missing signals take, as plain numbers; the whole data set is counted, which is the most."""
    if task.dataset_id:
        found = next((d for d in queries.datasets(store) if d.id == task.dataset_id), None)
        if found is None:
            raise EngineError(f"There is no data set {task.dataset_id!r}.", "See `workbench data list`.")
        of = pace.Sizes(found.prompts, found.responses, found.pairs)
        dataset = found.id
    else:
        of = pace.sizes_of(store, task.study_id)[1][0]
        dataset = browse.datasets_of(store, task.study_id)["pool"]
    draws = scoring_price.to_draw(
        store, of, study_id="" if task.dataset_id else task.study_id, run_id=task.run_id, number=task.round,
        prompts=task.prompts,
    )  # fmt: skip
    if task.prompts is not None and task.prompts < of.prompts:
        share = task.prompts / of.prompts
        of = pace.Sizes(task.prompts, round(of.responses * share), round(of.pairs * share))
    rounds = task.round - 1 if task.run_id else 0
    found_price = scoring_price.price(store, model, dataset, of, missing, study_id=task.study_id, rounds=rounds,
                                      trained=bool(task.adapter), to_draw=draws)  # fmt: skip
    work = found_price.work
    return {
        "signals": [signal.name for signal in missing], "forwards": work.forwards, "backwards": work.backwards,
        "generations": work.generations, "tokens": round(found_price.tokens), "bytes": round(found_price.bytes),
        "seconds": found_price.seconds,
    }  # fmt: skip


def _takes(price: dict[str, Any]) -> str:
    if not price["signals"]:
        return "All signals lie in the cache: scoring costs nothing."
    time = "not known yet" if price["seconds"] is None else f"about {duration(price['seconds'])}"
    return (
        f"Scoring {', '.join(price['signals'])}: at most {integer(price['forwards'])} forwards, "
        f"{integer(price['backwards'])} backwards, {integer(price['generations'])} draws, about "
        f"{integer(price['tokens'])} tokens, time {time}."
    )


def _table(answer: dict[str, Any], chosen: list[Strategy]) -> str:
    pool = answer["pool"]
    past = f"; {count(pool['past'], 'earlier pick')} and {count(pool['labels'], 'label')} known" if pool["past"] else ""
    past += "; one pick a prompt" if answer["one_per_prompt"] else ""
    lines = [
        f"{count(pool['pairs'], 'pair')} of {count(pool['prompts'], 'prompt')}, {pool['stamp']['adapter']}{past}.",
        "",
        table(["", "strategy", "picks", "near-duplicate prompts", "effective number, words", "note"], [
            [str(n), title_of(strategy), len(found["picks"]), _share(row["near_duplicates"]),
             number(row["spaces"].get("words", {}).get("effective"), 1), found["error"] or found["note"]]
            for n, (strategy, found, row) in enumerate(
                zip(chosen, answer["strategies"], answer["redundancy"], strict=True), start=1)
        ]),
    ]  # fmt: skip
    ranks = {(row["first"], row["second"]): row for row in answer["ranks"]}
    pairs = []
    for row in answer["shared"]:
        rank = ranks.get((row["first"], row["second"]), {"spearman": None, "kendall": None})
        pairs.append([
            f"{row['first'] + 1} and {row['second'] + 1}", row["shared"], number(row["chance"], 1), str(row["most"]),
            number(row["jaccard"], 2), number(rank["spearman"], 2), number(rank["kendall"], 2),
        ])  # fmt: skip
    head = ["two", "shared picks", "by chance", "at most (95 %)", "Jaccard", "Spearman", "Kendall"]
    return "\n".join([*lines, "", table(head, pairs)]) if pairs else "\n".join(lines)


def _share(share: float | None) -> str:
    return "–" if share is None else percent(share)
