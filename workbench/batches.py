"""What the page Batch reads and asks for: meters, the parts of each score, tokens, ranks under the other strategies."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.analysis.meters import Meter, coverage
from engine.arms import strategy_of
from engine.store.summaries import SCORE, PairTexts, PickedPair, RoundScores, RunSummary, StrategyRef
from engine.store.topics import topics_of_round
from engine.strategies.base import STRATEGIES, Strategy
from engine.tasks.base import Task
from engine.tasks.batch_meters import BatchMeters
from engine.tasks.projection import Projection
from engine.tasks.token_ratios import AT_MOST, Strip, TokenRatios, strips_of
from engine.tasks.why_batch import AT_MOST as EXPLAINED_AT_ONCE
from engine.tasks.why_batch import WhyBatch
from workbench import asking, browsing, cache
from workbench.components.batch_meters import Shown, covered, no_clusters
from workbench.components.foreign_text import first_line
from workbench.components.neighbours import Neighbour
from workbench.components.why_pair import Other, Rank, Why, near_words, why_sentence
from workbench.session import Looking
from workbench.wording import count, number

EXPLAINED = (
    "Asks workers, once a batch, for the meters beside random batches, the terms of each score, what would be picked "
    "instead, and both responses token by token. It takes a pass of the model over the batch."
)
EXPLAIN = "Its terms, what it is most like and what would be picked instead: switch on “explain” above."


@dataclass(frozen=True)
class Batch:
    """A round's picks and what they are a part of; `asks` says whether the reader wants what only workers can say."""

    looking: Looking
    picks: tuple[PickedPair, ...]
    asks: bool

    @property
    def run_id(self) -> str:
        """The run that picked them."""
        return self.looking.run.id if self.looking.run else ""

    @property
    def round(self) -> int:
        """In which round."""
        return self.looking.round or 0

    @property
    def strategy(self) -> StrategyRef:
        """Whose batch it is."""
        assert self.looking.strategy is not None  # noqa: S101 - a batch belongs to a strategy's run
        return self.looking.strategy

    @property
    def ids(self) -> tuple[str, ...]:
        """The pairs, best first."""
        return tuple(pick.pair_id for pick in self.picks)

    def meters(self) -> BatchMeters:
        """The task that measures the batch as a whole."""
        return BatchMeters(run_id=self.run_id, round=self.round, picks=self.ids[:512])

    def reasons(self) -> WhyBatch:
        """The task that takes the scores of its first picks apart, the others standing beside them."""
        first, beside = self.ids[:EXPLAINED_AT_ONCE], self.ids[EXPLAINED_AT_ONCE:]
        return WhyBatch(run_id=self.run_id, round=self.round, picks=first, beside=beside)

    def tokens(self, at: int) -> TokenRatios:
        """The task that reads the picks around this one token by token, as the policy stood that scored the round."""
        first = at // AT_MOST * AT_MOST
        return TokenRatios(run_id=self.run_id, after=self.round - 1, pair_ids=self.ids[first : first + AT_MOST])


def answer_of(batch: Batch, task: Task, what: str) -> Mapping[str, Any] | None:
    """The answer if there is one; else, where the reader asks for it, it is asked for and its state stands here."""
    found = asking.answered(task)
    if found is not None or not batch.asks:
        return found
    known = asking.asked(task)
    if known is None or known.answer is not None:  # one that does not hold any more is asked for anew
        asking.ask_task(task)
    before = (f"{what} was stopped.", "Ask again, or switch off “explain”.")
    asking.wait_for(task, what, before, "Ask again", primary=False)
    return None


def _meters(batch: Batch) -> Mapping[str, Any] | None:
    """The answer of the meters if there is one; whoever draws the meters asks for it."""
    return asking.answered(batch.meters())


def nothing_yet(looking: Looking) -> tuple[str, str]:
    """Why there is no batch to look at, and what comes next."""
    if looking.study is None or looking.run is None:
        return "No study is here yet.", "Start one on the page Studies; its first picks appear here."
    what = f"{looking.run.strategy.title}, seed {looking.run.seed} has picked nothing yet."
    if looking.run.state == "failed":
        return what, "The run failed before its first pick; the page Studies says why."
    return what, "The first picks come in round 1, after the evaluation of round 0."


def strips(answer: Mapping[str, Any]) -> Mapping[str, tuple[Strip, Strip]]:
    """Pair id → its two strips of tokens."""
    return strips_of(cache.store(), answer)


def policy_words(number_: int) -> str:
    """Which policy scored that round."""
    return "policy before any label, as the reference" if number_ <= 1 else f"policy after round {number_ - 1}"


def plugin_of(strategy: StrategyRef) -> type[Strategy] | None:
    """Its class, None where it is not installed."""
    name = strategy_of(strategy.name)
    return STRATEGIES.get(name) if name in STRATEGIES.names() else None


def why(batch: Batch, pick: PickedPair, reasons: Mapping[str, Any] | None) -> Why:
    """All that is known of a pick: from the round's record at once, from the tasks once they have answered."""
    looking = batch.looking
    assert looking.study is not None and looking.run is not None  # noqa: S101, PT018
    plugin = plugin_of(batch.strategy)
    sentence = why_sentence(
        pick, batch.strategy, plugin.summary() if plugin else "",
        ties_at_reference=bool(plugin and plugin.ties_at_reference),
    )  # fmt: skip
    own = browsing.round_scores(looking.study.id, looking.run.id, batch.round)
    candidates, percentile = 0, None
    if own is not None and own.quantity(SCORE) and pick.score is not None:
        rising = browsing.ordered(own, SCORE)
        candidates = len(rising)
        percentile = 50 * (bisect_left(rising, pick.score) + bisect_right(rising, pick.score)) / max(candidates, 1)
    found = (reasons or {}).get("picks", {}).get(pick.pair_id)
    notes = []
    if reasons is None:
        notes = [EXPLAIN] if not batch.asks else []
    elif reasons["why_not"]:
        notes = [reasons["why_not"]]
    elif found is None:
        notes = [f"Only the first {len(reasons['picks']):,} picks of a batch are taken apart."]
    return Why(
        sentence, candidates, percentile, None if found is None else found["parts"],
        [*_nearest(batch, pick), *_instead(found)], ranks(batch, pick.pair_id), notes,
        str((reasons or {}).get("says", "")),
    )  # fmt: skip


def _nearest(batch: Batch, pick: PickedPair) -> list[Other]:
    """The labelled pair that it is most like: by what its strategy went by, or else by its words."""
    found, kept = [], pick.why.get("nearest_pair")
    by_words = (_meters(batch) or {}).get("near", {}).get(pick.pair_id, {})
    if isinstance(kept, str) and kept:
        cosine, distance = pick.why.get("nearest_cosine"), pick.why.get("nearest_distance")
        about = [near_words(float(cosine), "", "")] if isinstance(cosine, int | float) else []
        about += [f"distance {number(float(distance))}"] if isinstance(distance, int | float) else []
        found.append(_named("Nearest labelled pair", kept, [*about, _when(batch, kept)]))
    elif near := by_words.get("labelled"):
        about = [near_words(near[0]["cosine"], "by words", f"round {near[0]['round']}")]
        found.append(_named("Nearest labelled pair", near[0]["pair"], about))
    return found


def neighbours(batch: Batch, pick: PickedPair) -> list[Neighbour]:
    """The labelled pairs and the other picks of its batch that say most of the same words; [] while nobody asked."""
    near = (_meters(batch) or {}).get("near", {}).get(pick.pair_id)
    if near is None:
        return []
    mine = {one.pair_id: one for one in batch.picks}
    known = {text.pair_id: text for text in browsing.pair_texts(tuple(x["pair"] for x in near["labelled"]))}
    answers = _answers(batch, {x["round"] for x in near["labelled"]})
    found = [
        Neighbour("labelled", first_line(known[x["pair"]].messages), x["cosine"], x["round"], answers.get(x["pair"]))
        for x in near["labelled"]
        if x["pair"] in known
    ]
    for x in near["picks"]:
        other = mine[x["pair"]]
        found.append(
            Neighbour(f"pick {other.rank}", first_line(other.messages), x["cosine"], batch.round, other.answer)
        )
    return found


def _answers(batch: Batch, numbers: Collection[int]) -> dict[str, str | None]:
    """Pair id → the answer that this run got for it, of these rounds."""
    assert batch.looking.study is not None  # noqa: S101 - a batch belongs to a study
    study_id = batch.looking.study.id
    return {pick.pair_id: pick.answer for n in numbers for pick in cache.batch(study_id, batch.run_id, n)}


def _instead(found: Mapping[str, Any] | None) -> list[Other]:
    other = (found or {}).get("instead")
    if other is None:
        return []
    worth = [] if other["worth"] is None else [f"worth {number(float(other['worth']))} there"]
    return [_named("Picked instead, were it not there", other["pair_id"], worth)]


def _named(title: str, pair_id: str, about: Sequence[str]) -> Other:
    texts: list[PairTexts] = browsing.pair_texts((pair_id,))
    prompt = first_line(texts[0].messages) if texts else ""
    return Other(title, prompt or f"Pair {pair_id[:9]}", " · ".join(filter(None, [*about, pair_id[:9]])))


def _when(batch: Batch, pair_id: str) -> str:
    """ "round 2" for a pick of this run, or ""."""
    before = _before(batch, batch.run_id)
    return f"round {before[pair_id]}" if pair_id in before else ""


def _before(batch: Batch, run_id: str) -> dict[str, int]:
    """Pair id → the round of that run that picked it, before this one."""
    assert batch.looking.study is not None  # noqa: S101 - a batch belongs to a study
    study_id = batch.looking.study.id
    numbers = [n for n in cache.rounds(study_id, run_id) if n < batch.round]
    kept = [(n, browsing.round_scores(study_id, run_id, n)) for n in numbers]
    return {pair_id: n for n, scored in kept if scored is not None for pair_id in scored.picks}


def ranks(batch: Batch, pair_id: str) -> list[Rank]:
    """Where the other strategies of the seed put the pair in this round, each among the candidates of its own run."""
    looking = batch.looking
    assert looking.study is not None and looking.run is not None  # noqa: S101, PT018
    runs = {run.strategy.name: run for run in cache.study(looking.study.id).runs if run.seed == looking.run.seed}
    there = browsing.round_of_seed(looking.study.id, looking.run.seed, batch.round)
    found = []
    for strategy in looking.study.strategies:
        if strategy.name != batch.strategy.name:
            found.append(_rank(batch, strategy, runs.get(strategy.name), there.get(strategy.name), pair_id))
    return found


def _rank(
    batch: Batch, strategy: StrategyRef, run: RunSummary | None, scored: RoundScores | None, pair_id: str
) -> Rank:
    if run is None:
        return Rank(strategy, None, 0, "no run with this seed")
    if scored is None:
        ended = {"failed": "its run failed before this round", "cancelled": "its run was cancelled before this round"}
        return Rank(strategy, None, 0, ended.get(run.state, "nothing picked in this round yet"))
    place = scored.picks.index(pair_id) + 1 if pair_id in scored.picks else 0
    picked = f"its pick {place}" if place else ""
    if scored.warm_up:
        return Rank(strategy, None, 0, "warm-up batch, nothing was scored")
    if scored.quantity(SCORE) is None:
        return Rank(strategy, None, 0, f"no scores{', but picked too' if place else ''}")
    score = browsing.scores_of(batch.ids, scored).get(pair_id)
    if score is None:
        before = _before(batch, run.id).get(pair_id)
        why_not = f"picked in round {before}" if before else "not among the candidates of this round"
        return Rank(strategy, None, 0, why_not)
    rising = browsing.ordered(scored, SCORE)
    return Rank(strategy, len(rising) - bisect_right(rising, score) + 1, len(rising), picked)


def clusters(batch: Batch) -> Shown:
    """How many topics of the study's map the batch touches, beside random batches of its size."""
    looking = batch.looking
    assert looking.study is not None and looking.run is not None  # noqa: S101, PT018
    own = cache.study(looking.study.id).config.get("sampler", {}).get("name")
    drawn = own == "policy"
    task = Projection(
        study_id=looking.study.id, run_id=looking.run.id if drawn else "", round=batch.round if drawn else 0
    )
    answer = asking.answered(task)
    scored = browsing.round_scores(looking.study.id, looking.run.id, batch.round)
    names = (answer or {}).get("clusters", {}).get("responses")
    if answer is None or not names or scored is None:
        return no_clusters("no map of this pool yet: make one on the page Map")
    file = answer["files"]["pairs"]
    every, picked = _topics(str(cache.store_folder()), file["path"], str(scored.table), batch.ids)
    size = sum(picked.values())
    if not size:
        return no_clusters("the map of this pool has none of these pairs")
    meter: Meter = coverage(
        [every[topic] for topic in sorted(every)], len(picked), size, seed=looking.run.seed, round_number=batch.round
    )
    missing = [", ".join(names[topic]["words"]) for topic in sorted(every) if topic not in picked]
    return covered(asdict(meter), len(every), [words for words in missing if words])


@st.cache_data(max_entries=64, show_spinner=False)
def _topics(folder: str, points: str, table: str, picks: tuple[str, ...]) -> tuple[dict[int, int], dict[int, int]]:
    return topics_of_round(cache.store(), {"path": points}, Path(table), picks)


def drawn_from(answer: Mapping[str, Any] | None) -> str:
    """What the random batches were drawn from, in words."""
    if answer is None:
        return ""
    some = "" if answer["drawn_from"] >= answer["candidates"] else f"a keyed sample of {answer['drawn_from']:,} of "
    return f"{answer['draws']:,} random batches, from {some}{count(answer['candidates'], 'candidate')}."
