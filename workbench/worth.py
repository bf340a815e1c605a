"""What the labels of a study are worth: its answers, read once, and every figure of the page Label quality"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from engine.analysis import noise as noises
from engine.analysis.alpha import Alpha, alpha, alpha_by, counts_of
from engine.analysis.certainty import Share
from engine.analysis.judging import JudgedFacts, judged_facts
from engine.analysis.labellers import Labeller, dawid_skene, labellers
from engine.analysis.labelling import ByLength, Left, Pace, by_length, first_shown, left, pace
from engine.analysis.noise import Bought, Noise
from engine.analysis.suspects import COLUMNS as SUSPECTS
from engine.analysis.suspects import Again, again, suspects
from engine.errors import StoreError
from engine.store import queries
from engine.store.browse import datasets_of
from engine.store.database import Store
from engine.store.judged import model_details
from engine.store.labelled import salt_of
from engine.store.learned import learned
from engine.store.pace import budget_of
from engine.store.recorded import file_scores
from engine.store.scored import pairs_of
from engine.store.summaries import StudyDetail
from engine.store.topics import clusters_of, newest_map
from engine.store.traced import file_votes, numbered, picked_by, trace, unnamed, votes_of
from engine.store.votes import oracle_of

AGAIN = 20
"""Suspects that the sentence on labelling again is about."""
Source = Literal["bought", "file"]
RANDOM, BY_LOT = "random", "drawn at random"
"""The key of the arm whose picks are a random sample; and the name of all pairs that were drawn so."""
TOPICS = 12
"""Topics that agreement is shown of, those with most answers."""
MEASURES = {
    "answers": "share of two answers to a pair that differ",
    "score": "share of labels against the higher score of the file or the oracle",
}


@dataclass(frozen=True, eq=False)
class Worth:
    """All that the page shows. `votes` are the answers that stand, `n_rows` the rows that were written.

    `by_topic`, `by_cluster` (of the newest map) and `by_strategy` are alphas with the names of the groups. `measure` is
    a key of `MEASURES`: how the noise that each strategy buys was told, "" where it cannot be. `again` is of the first
    `AGAIN` suspects. `rate` is the flip rate that suspects go by, None where nothing is known of it. `first`: of
    answers that name a side, those that name the one shown first; what models do with slots is in `judged`.
    """

    source: Source
    votes: pd.DataFrame
    n_rows: int
    alpha: Alpha
    by_topic: tuple[tuple[str, Alpha], ...]
    by_cluster: tuple[tuple[str, Alpha], ...]
    by_strategy: tuple[tuple[str, Alpha], ...]
    labellers: tuple[Labeller, ...]
    noise: Noise
    rate: float | None
    measure: str
    bought: tuple[tuple[str, Bought], ...]
    pace: Pace | None
    by_length: tuple[ByLength, ...]
    left: Left | None
    suspects: pd.DataFrame
    again: Again
    people: bool
    judged: JudgedFacts
    first: Share


def worth(store: Store, study_id: str, source: Source = "bought") -> Worth:
    """Of the answers that the study has bought, or of all that its pool's file records. StoreError: no such study."""
    traced = trace(store, study_id)
    detail, picks = queries.study(store, study_id), picked_by(store, study_id)
    asked = [row for rows in model_details(store, study_id).values() for row in rows]
    judged = judged_facts(asked if source == "bought" else ())
    file = file_votes(store, study_id)
    votes = file if source == "file" else _unfolded(traced, file)
    given = votes[(votes["answer"] != "skip") & ~votes["kind"].isin(["repeat", "gold"])]
    _, counts = counts_of(given["pair_id"].tolist(), given["answer"].tolist())
    base, groups = _by_strategy(picks, votes)
    noise = noises.noise(votes)
    rate = (noise.flip_itself or noise.flip_others or (None,))[0]
    measure, of_pair = _noise_of(store, study_id, traced, given)
    ranked = _suspects(store, study_id, given, picks, rate) if source == "bought" else pd.DataFrame(columns=SUSPECTS)
    timed = votes[votes["seconds"].notna()]
    speed = pace(timed["seconds"].to_numpy(dtype=np.float64))
    return Worth(
        source=source, votes=votes, n_rows=len(traced),
        alpha=alpha(counts, what="all"),
        by_topic=tuple((str(name), one) for name, one in alpha_by(given, _topics(given))),
        by_cluster=tuple((str(name), one) for name, one in alpha_by(given, _clusters(store, study_id, given))),
        by_strategy=tuple((str(name), one) for name, one in alpha_by(given, groups.items())),
        labellers=tuple(labellers(votes[~unnamed(votes["labeller"])])), noise=noise, rate=rate,
        measure=measure,
        bought=_bought(of_pair, base, groups), pace=speed,
        by_length=tuple(by_length(timed["characters"].to_numpy(), timed["seconds"].to_numpy(dtype=np.float64))),
        left=_left(store, detail, traced, len(picks), speed, judged) if source == "bought" else None,
        suspects=ranked, again=again(ranked, AGAIN),
        people=oracle_of(detail.config) is not None, judged=judged, first=first_shown(votes),
    )  # fmt: skip


def called(store: Store, study_id: str, *, names: bool = False) -> dict[str, str]:
    """A labeller's id → what they are called where it is shown: "labeller 2", or with `names` by name."""
    rows = trace(store, study_id)
    people = rows[rows["person"] != ""]
    if names:
        return dict(zip(people["labeller"], people["person"], strict=True))
    file, salt = file_votes(store, study_id)["labeller"], salt_of(store)
    of_file = numbered(file[~unnamed(file)], f"{study_id}\x1ffile", salt)
    return {who: f"{number} of the file" for who, number in of_file.items()} | numbered(
        people["labeller"], study_id, salt
    )


def _unfolded(traced: pd.DataFrame, file: pd.DataFrame) -> pd.DataFrame:
    """The answers that stand; a recorded one as the answers that the file has of its pair."""
    votes = votes_of(traced)
    recorded = set(traced.loc[traced["oracle"] == "recorded", "pair_id"]) & set(file["pair_id"])
    asked = votes[~(votes["pair_id"].isin(recorded) & (votes["labeller"] == "recorded"))]
    parts = [part for part in (asked, file[file["pair_id"].isin(recorded)]) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else votes


def _topics(given: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """The topics with most answers, each with its pairs; none where the data name none."""
    named = given[given["topic"] != ""]
    largest = named["topic"].value_counts().head(TOPICS).index
    return [(str(topic), named.loc[named["topic"] == topic, "pair_id"].unique().tolist()) for topic in largest]


def _clusters(store: Store, study_id: str, given: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """The same by the clusters of the newest map; none without a map, or where its file is gone."""
    found = newest_map(store, study_id)
    if found is None:
        return []
    try:
        names = clusters_of(store, found[1], set(given["pair_id"]))
    except StoreError:  # the map was swept away: it is made again where it is looked at
        return []
    return _topics(given.assign(topic=given["pair_id"].map(names).fillna("")))


def _by_strategy(picks: pd.DataFrame, votes: pd.DataFrame) -> tuple[str, dict[str, list[str]]]:
    """The name of the random group, "" without one, and name → pairs of every group, the random one first.

    Random are the audit slice of a campaign, warm-up batches, and what the strategy random picked. Of the others only
    what they chose themselves counts.
    """
    warm, random = picks["warm_up"].astype(bool), picks["strategy"] == RANDOM
    own = picks[~warm & ~random]
    groups = {str(title): part["pair_id"].unique().tolist() for title, part in own.groupby("title", sort=False)}
    by_lot = picks.loc[warm | random, "pair_id"].tolist() + votes.loc[votes["kind"] == "audit", "pair_id"].tolist()
    return (BY_LOT, {BY_LOT: sorted(set(by_lot))} | groups) if by_lot else ("", groups)


def _noise_of(store: Store, study_id: str, traced: pd.DataFrame, given: pd.DataFrame) -> tuple[str, dict[str, float]]:
    """(measure, pair → its noise): what several answers say where enough pairs have them, else what scores say."""
    several = noises.disagreement(given)
    if len(several) >= noises.LEAST:
        return "answers", several
    scored = _against_scores(store, study_id, traced, given)
    return ("score", scored) if scored else ("answers" if several else "", several)


def _against_scores(store: Store, study_id: str, traced: pd.DataFrame, given: pd.DataFrame) -> dict[str, float]:
    """Pair → the share of its labels a or b that name the side with the lower score, of the oracle or of the file."""
    gap = {
        row.pair_id: row.detail["score_a"] - row.detail["score_b"]
        for row in traced.itertuples()
        if "score_a" in row.detail and "score_b" in row.detail
    }
    if not gap:
        gap = _gaps(store, study_id, given["pair_id"].unique().tolist())
    sided = given[given["answer"].isin(["a", "b"])]
    known = sided[sided["pair_id"].isin({pair_id for pair_id, apart in gap.items() if apart})]
    higher = known["pair_id"].map(lambda i: "a" if gap[i] > 0 else "b")
    wrong = (known["answer"] != higher).astype(float)
    return {str(pair): float(share) for pair, share in wrong.groupby(known["pair_id"]).mean().items()}


def _gaps(store: Store, study_id: str, pair_ids: list[str]) -> dict[str, float]:
    """Pair → score of a minus score of b, as the pool's file has them."""
    pool = datasets_of(store, study_id).get("pool", "")
    scores = file_scores(store, [pool])
    pairs = pairs_of(store, pair_ids) if scores else {}
    return {i: scores[p.a] - scores[p.b] for i, p in pairs.items() if p.a in scores and p.b in scores}


def _bought(of_pair: dict[str, float], base: str, groups: dict[str, list[str]]) -> tuple[tuple[str, Bought], ...]:
    """Each strategy's noise against that of the random group; nothing where there is no random."""
    if not of_pair or not base:
        return ()
    named = [name for name in groups if name != base]
    return tuple((name, noises.bought_noise(of_pair, groups[name], groups[base], what=name)) for name in named)


def _suspects(
    store: Store, study_id: str, given: pd.DataFrame, picks: pd.DataFrame, rate: float | None
) -> pd.DataFrame:
    """The labels of picked pairs by the chance that they are wrong."""
    chances = dawid_skene(given).chances
    mine = given[given["pair_id"].isin(set(picks["pair_id"]))]
    seed = mine["seed"].astype(float).fillna(-1).astype(int)
    rows: list[tuple[Any, ...]] = []
    for (pair_id, number), part in mine.groupby(["pair_id", seed.rename("of_seed")], sort=True):
        votes = part["answer"].tolist()
        counts = {answer: votes.count(answer) for answer in set(votes)}
        best = sorted(counts.values(), reverse=True)
        answer = max(counts, key=lambda a: counts[a]) if len(best) == 1 or best[0] > best[1] else "tie"
        chance = chances.get(str(pair_id), {}).get(answer, np.nan)
        rows.append((str(pair_id), int(number), answer, len(votes), chance))
    labels = pd.DataFrame(rows, columns=["pair_id", "seed", "answer", "answers", "votes"])
    return suspects(labels, learned(store, study_id), rate)


def _left(
    store: Store, detail: StudyDetail, traced: pd.DataFrame, labelled: int, speed: Pace | None, judged: JudgedFacts
) -> Left | None:
    """Answers of people wanted and given, and what models will still cost; None where nobody is asked or paid.

    Where models answer first, people's part of the batches is taken to stay what it was so far. `labelled` picks are
    there already; what several runs pick is paid for once, so of models alone it is the most that can be left.
    """
    oracle, done = oracle_of(detail.config), detail.summary.state == "done"
    each = judged.cost / judged.labels if judged.cost else None
    if oracle is None and each is None:
        return None
    budget = sum(budget_of(store, detail, run) for run in detail.runs)
    if oracle is None:
        return left(labelled if done else budget, labelled, None, each, at_most=True)
    mine = traced[traced["stands"].astype(bool) & (traced["answer"] != "skip") & (traced["person"] != "")]
    share = judged.by.get("people", 0) / sum(judged.by.values()) if judged.by else 1.0
    pairs = share * budget + oracle.aside(budget) + oracle.held_out_pairs
    hidden = 1 + oracle.repeat_share + oracle.gold_share
    given = int((mine["kind"] != "relabel").sum())
    found = left(round(pairs * oracle.answers_per_pair * hidden), given, speed)
    if done:  # pairs that everybody skipped went back to the pool
        return replace(found, answers=0, seconds=None if speed is None else 0.0)
    return replace(found, money=None if each is None else (budget - labelled) * each)
