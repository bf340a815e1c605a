"""What the page Dry run reads and asks for: the request behind its choices, its price, the newest answer."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.config import StudyConfig
from engine.cost import Sizes, round_pool
from engine.settings import ModelSettings
from engine.signals.base import SIGNALS, Signal, as_known
from engine.store.cache import FileCache
from engine.store.pace import sizes_of
from engine.store.scoring_price import Price, price, to_draw
from engine.store.summaries import StrategyRef, StudyDetail
from engine.strategies.base import STRATEGIES, Strategy
from engine.tasks._laboratory import kept_pool, signals_for
from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool
from workbench import asking, browsing, cache, margins, session
from workbench.components import lab_choice, lab_pairs
from workbench.components.lab_choice import HERE, NEXT, OWN, SFT, Where
from workbench.components.lab_pairs import Batch
from workbench.components.lab_tables import refs_of
from workbench.components.markup import empty
from workbench.lab_words import as_words, batch_words, read_words, title_of
from workbench.session import Looking

DATA = Path(__file__).resolve().parent.parent / "pages" / "data.py"
SOON_S = 1.6
"""How long the page itself waits for an answer, which a worker with the signals at hand gives within a second."""
FIRST = ("random", "activedpo", "apl", "real")
"""What is compared where no study names its own."""


@dataclass(frozen=True)
class Scored:
    """What lies behind an answer: the pool's pair ids in order with their rows, and a batch a strategy."""

    ids: tuple[str, ...]
    rows: dict[str, int]
    batches: tuple[Batch, ...]


def installed() -> dict[str, type[Strategy]]:
    """The strategies that choose, by name; one that buys all is none of them."""
    return {cls.name: cls for cls in STRATEGIES if not cls.whole_pool}


def first_choice(looking: Looking) -> str:
    """The study's own strategies, random first, as words."""
    known = installed()
    names = [s.name for s in looking.study.strategies] if looking.study else []
    names = [name for name in dict.fromkeys(["random", *names]) if name in known]
    return "; ".join(names if len(names) > 1 else [name for name in FIRST if name in known])


def models_of(looking: Looking) -> list[str]:
    """The states of the model that can be chosen for the run looked at."""
    if looking.study is None:
        return []
    found = [HERE] if looking.run is not None and looking.round is not None else []
    if looking.run is not None and margins.measured(looking.run):
        found.append(NEXT)
    return [*found, SFT]


def subject(looking: Looking, where: Where) -> dict[str, Any] | None:
    """The fields that both tasks share; None while no model is named."""
    fields: dict[str, Any] = {"prompts": where.prompts}
    if where.pool != OWN:
        fields["dataset_id"] = next(d.id for d in cache.datasets() if label_of(d.name, d.id) == where.pool)
    if looking.study is None:
        return {**fields, "model": where.model, "adapter": where.adapter} if where.model else None
    fields["study_id"] = looking.study.id
    if looking.run is not None and where.model in (HERE, NEXT):
        number = looking.round if where.model == HERE else margins.measured(looking.run) + 1
        return {**fields, "run_id": looking.run.id, "round": number}
    return {**fields, "adapter": where.adapter, "seed": looking.run.seed if looking.run else 1}


def label_of(name: str, dataset_id: str) -> str:
    """A data set in the list of pools."""
    return f"{name} ({dataset_id[-6:]})"


def pools(looking: Looking) -> list[str]:
    """The study's own pool, and every imported data set."""
    return [*([OWN] if looking.study else []), *(label_of(d.name, d.id) for d in cache.datasets())]


def detail_of(looking: Looking) -> StudyDetail | None:
    """The study with its config, if there is one."""
    return cache.study(looking.study.id) if looking.study else None


def known_signals(detail: StudyDetail | None) -> list[Signal]:
    """The signals whose parameters the study sets."""
    return [SIGNALS.build(spec) for spec in (detail.config.get("signals") or [])] if detail else []


def signals_read(strategies: Sequence[Strategy], known: Sequence[Signal]) -> list[Signal]:
    """The signals that these strategies read, each once, without what a strategy fixes of them itself."""
    names = sorted({name for strategy in strategies for name in strategy.needs})
    return [as_known(name, known) for name in names]


def tasks_of(
    fields: Mapping[str, Any], strategies: Sequence[Strategy], signals: Sequence[Signal], k: int | None
) -> tuple[ScorePool, DryRun]:
    """The scoring that these strategies need, and the dry run itself."""
    wanted = signals_for(strategies, signals)
    score = ScorePool.model_validate({**fields, "signals": wanted})
    return score, DryRun.model_validate({**fields, "signals": tuple(signals), "strategies": tuple(strategies), "k": k})


def price_of(task: ScorePool, missing: Sequence[Signal], looking: Looking) -> Price:
    """What the missing signals will take over the pool, a subset of it in proportion."""
    dataset = task.dataset_id
    if not dataset:
        _, (whole, *_) = sizes_of(cache.store(), task.study_id)
        dataset = browsing.datasets_of(task.study_id)["pool"]
    else:
        found = next(d for d in cache.datasets() if d.id == dataset)
        whole = Sizes(found.prompts, found.responses, found.pairs)
    detail = detail_of(looking)
    draws = to_draw(
        cache.store(), whole, study_id="" if task.dataset_id else task.study_id, run_id=task.run_id, number=task.round,
        prompts=task.prompts,
    )  # fmt: skip
    of = _pool_size(detail, whole, own=not task.dataset_id)
    if task.prompts is not None and of.prompts > task.prompts:
        share = task.prompts / of.prompts
        of = Sizes(task.prompts, round(of.responses * share), round(of.pairs * share))
    own = {"path": task.model} if task.model or not detail else detail.config["model"]
    model = ModelSettings.model_validate(own)
    rounds = task.round - 1 if task.run_id else 0
    return price(cache.store(), model, dataset, of, missing, study_id=task.study_id, rounds=rounds,
                 trained=bool(task.adapter), to_draw=draws)  # fmt: skip


def _pool_size(detail: StudyDetail | None, whole: Sizes, *, own: bool) -> Sizes:
    """The pool of a round: of a study its own subset of prompts; all pairs of the responses where no pair is given."""
    if detail is not None and own:
        return round_pool(StudyConfig.from_dict(detail.config), whole)
    each = whole.responses / whole.prompts if whole.prompts else 0
    return whole if whole.pairs else Sizes(whole.prompts, whole.responses, round(whole.prompts * each * (each - 1) / 2))


def there(task: ScorePool) -> list[Signal]:
    """The signals that lie in the cache already, or could not be made there and say why."""
    return list(task.there(cache.store(), task.signals))


def soon(task: DryRun) -> Mapping[str, Any] | None:
    """Its answer, asked for if nobody has; None if it takes longer than a reader waits without a word."""
    found = asking.asked(task)
    if (
        found is None
        or found.state == "cancelled"
        or (found.answer is not None and not asking.holds(task, found.answer))
    ):
        asking.ask_task(task)
    until = time.monotonic() + (SOON_S if asking.alive("tools") else 0.0)
    while (answer := asking.answered(task)) is None and time.monotonic() < until:
        found = asking.asked(task)
        if found is not None and found.state == "failed":
            return None
        time.sleep(0.03)
    return answer


def scored(task: DryRun, answer: Mapping[str, Any]) -> Scored | None:
    """The pool's ids and the scores behind an answer; None if the cache has lost them."""
    titles = tuple(title_of(strategy) for strategy in task.strategies)
    return _scored(str(cache.store_folder()), task.pool_key(), str(answer["scores"]), titles, dict(answer))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={dict: lambda _: 0})
def _scored(
    folder: str, pool_key: str, scores_key: str, titles: tuple[str, ...], answer: dict[str, Any]
) -> Scored | None:
    files = FileCache(cache.store().folder / "cache")
    pool, matrix = kept_pool(files, pool_key), files.get(scores_key)
    if pool is None or matrix is None:
        return None
    ids = tuple(pair.id for pair in pool.pairs)
    refs = refs_of(answer["strategies"], titles)
    batches = [
        Batch(ref, tuple(found["picks"]), matrix[:, n])
        for n, (ref, found) in enumerate(zip(refs, answer["strategies"], strict=True))
    ]
    return Scored(ids, {pair_id: n for n, pair_id in enumerate(ids)}, tuple(batches))


def is_scored(task: ScorePool) -> bool:
    """Whether all that it names is kept; a random batch needs the pool's ids, though no signal."""
    return task.is_kept(cache.store(), task.signals)


def stamp(looking: Looking, where: Where, fields: Mapping[str, Any] | None) -> list[str]:
    """Which pool and which model, in words."""
    if fields is None:
        return []
    whose = looking.study.name if looking.study else where.model
    if "run_id" in fields and looking.run is not None:
        state = f"{looking.run.strategy.title}, seed {looking.run.seed}, before the picks of round {fields['round']}"
    else:
        state = f"the adapter {Path(where.adapter).name}" if where.adapter else "the SFT model"
    pool = where.pool if where.pool != OWN else "its own pool"
    spread = ["one pair a prompt"] if _of_run(looking, "run_id" in fields, "one_per_prompt") else []
    return [f"{whose} · {pool}", f"scored by {state}", *spread]


def usual_batch(looking: Looking, model: str) -> str:
    """What a batch is where the reader names no number, in words: the study's own, as the run has it."""
    return batch_words(partial(_of_run, looking, model in (HERE, NEXT)))


def _of_run(looking: Looking, of_run: bool, name: str) -> Any:
    """A field of the study, as the run looked at has it if that one's state is; None without a study."""
    detail = detail_of(looking)
    key = looking.run.strategy.name if of_run and looking.run is not None else ""
    return detail.seen_by(key, name) if detail is not None else None


def choice(looking: Looking, known: Sequence[Signal]) -> tuple[list[Strategy], list[Signal]]:
    """Strategies and signals of the link, as the reader now sets them; signals are first as they are `known`."""
    text = session.text_of("with") or first_choice(looking)
    chosen, wrong = read_words(text, STRATEGIES)
    said = session.text_of("signals")
    own, mistaken = read_words(said, SIGNALS)
    lab_choice.mistakes([*wrong, *mistaken])
    drawn = [as_words(chosen)]
    signals: list[Signal] = []

    def change(how: Callable[[list[str]], list[str]]) -> None:
        session.change_words("with", drawn[-1], how)

    def keep(now: Sequence[Strategy]) -> None:
        drawn.append(as_words(now))
        session.keep_words("with", drawn[-1])

    def behind(now: Sequence[Strategy]) -> None:
        usual = signals_read(now, known)
        there = signals_read(now, [*known, *(x for x in own if isinstance(x, Signal))])
        signals[:] = lab_choice.signal_row(
            there,
            f"lab-{session.version_of('signals', said)}",
            lambda found: session.keep_words("signals", as_words([x for x in found if x not in usual])),
        )

    found = lab_choice.strategy_row(
        [x for x in chosen if isinstance(x, Strategy)],
        installed(),
        f"lab-{session.version_of('with', text)}",
        on_add=lambda key: change(lambda parts: [*parts, str(session.value_of(key))]),
        on_remove=lambda n: change(lambda parts: parts[:n] + parts[n + 1 :]),
        on_double=lambda n: change(lambda parts: [*parts[: n + 1], *parts[n:]]),
        on_words=keep,
        behind=behind,
    )
    return found, signals


def look_at_two(clicked: Mapping[str, Any], refs: Sequence[StrategyRef]) -> None:
    """A cell of a matrix was clicked: its two strategies are those to read, once for every click."""
    titles = {ref.name: f"{ref.name} {ref.title}" for ref in refs}
    for point in clicked["points"]:
        one, other = (str(name) for name in point.get("customdata", ("", ""))[:2])
        if one in titles and other in titles and session.is_news(clicked["chart"], f"{one} {other}"):
            session.choose("one", titles[one])
            session.choose("other", titles[other])


def pairs(scored: Scored) -> None:
    """Picks of one, of both, of neither, side by side."""
    picked = {batch.strategy.name: batch for batch in scored.batches if batch.picks}
    if len(picked) < 2:
        empty("There is nothing to read side by side.", "It takes two strategies that pick.")
        return
    first, second, third = lab_pairs.choose_two([batch.strategy for batch in picked.values()])
    two = [picked[first], picked[second]]
    only, both, also, neither = lab_pairs.parts_of(two[0], two[1], scored.ids)
    shown, chosen = [only, both, also if third == lab_pairs.OTHER else neither], session.text_of("pair")
    for column, part in zip(st.columns(3, gap="medium"), shown, strict=True):
        with column:
            key = f"lab-{first}-{second}-{part.title}-{part.n}-{part.ids[0] if part.ids else ''}"
            texts = browsing.pair_texts(part.ids)
            choose = partial(session.show_chosen, "pair", key, part.ids)
            lab_pairs.part_list(part, two, scored.rows, texts, key, choose)
            for pair in [p for p in texts if p.pair_id == chosen] or texts[:1]:
                with st.container(border=True):
                    lab_pairs.lab_pair(pair, scored.batches, scored.rows[pair.pair_id])
                    st.page_link(DATA, label="Its prompt, on the page Data", icon=":material/list:",
                                 query_params={"prompt": pair.prompt_id})  # fmt: skip
