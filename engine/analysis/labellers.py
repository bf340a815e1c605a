"""What each labeller's answers are worth: agreement with the others, with themselves, with gold, and Dawid–Skene"""

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from engine.analysis.certainty import Share, share_of

LEAST = 20
"""Pairs shared with others below which a skill has no interval."""
ROUNDS = 100
"""Rounds of EM at most."""


@dataclass(frozen=True)
class Labeller:
    """One who answers. `answers` are those that stand, skips not counted; `pairs` those that others answered, too.

    `skill`: the chance that an answer is the true one, with its 95 % interval; None where no pair is shared. `others`:
    pairs in which the majority of the others said the same. `itself`: how often a hidden repeat is answered the same.
    `gold`: gold questions answered right. `first`: of answers that name a side, how often the one that was shown first.
    `neither`: ties and both bad. `seconds`: the median of the time for an answer, None where no time is known.
    """

    name: str
    answers: int
    skips: int
    pairs: int
    skill: float | None
    low: float | None
    high: float | None
    others: Share
    itself: Share
    gold: Share
    first: Share
    neither: Share
    seconds: float | None


@dataclass(frozen=True)
class Skills:
    """Dawid–Skene: labeller → skill, and pair → the chance of each answer, over the pairs with two labellers."""

    skill: dict[str, float]
    chances: dict[str, dict[str, float]]


def labellers(votes: pd.DataFrame) -> list[Labeller]:
    """A row a labeller, those with most answers first.

    `votes` has a row an answer that stands: pair_id, labeller, answer, kind (label, repeat, gold, …), known (of a gold
    question its answer, else ""), first (the side shown first, "" unknown), seconds (NaN unknown).
    """
    own = votes[~votes["kind"].isin(["repeat", "gold"])]
    given = own[own["answer"] != "skip"]
    found = dawid_skene(given)
    reach = _intervals(given, found) if found.skill else {}
    same = _with_others(given)
    repeats = repeated(votes)
    shared = given[given["pair_id"].isin(found.chances)].groupby("labeller")["pair_id"].nunique()
    rows = []
    for name, mine in votes.groupby("labeller"):
        name, answers = str(name), given[given["labeller"] == name]
        gold = mine[(mine["kind"] == "gold") & (mine["answer"] != "skip")]
        sided = mine[mine["answer"].isin(["a", "b"]) & mine["first"].isin(["a", "b"])]
        again = repeats[repeats["labeller"] == name]
        times = mine["seconds"].dropna()
        low, high = reach.get(name, (None, None))
        rows.append(
            Labeller(
                name, len(answers), int((mine["answer"] == "skip").sum()), int(shared.get(name, 0)),
                found.skill.get(name), low, high,
                share_of(np.array(same.get(name, []))),
                share_of((again["answer"] == again["before"]).to_numpy()),
                share_of((gold["answer"] == gold["known"]).to_numpy()),
                share_of((sided["answer"] == sided["first"]).to_numpy()),
                share_of(answers["answer"].isin(["tie", "both_bad"]).to_numpy()),
                float(times.median()) if len(times) else None,
            )
        )  # fmt: skip
    return sorted(rows, key=lambda one: (-one.answers, one.name))


def dawid_skene(votes: pd.DataFrame) -> Skills:
    """One-coin Dawid–Skene (Dawid & Skene 1979; Zhang et al. 2016, arXiv:1406.3824) by crowd-kit; columns as above.

    A labeller is right with one chance, whatever the truth, and else gives any other answer: a full table of errors has
    twelve numbers a labeller, more than a few dozen answers tell, and sides a and b are by hash, so alike. Only pairs
    that two labellers answered say anything; without one there is no skill.
    """
    from crowdkit.aggregation import OneCoinDawidSkene

    several = votes.groupby("pair_id")["labeller"].transform("nunique") >= 2
    known = votes[several & (votes["answer"] != "skip")]
    if known.empty:
        return Skills({}, {})
    if known["answer"].nunique() == 1:
        return Skills(dict.fromkeys(map(str, known["labeller"].unique()), 1.0), _sure(known))
    table = pd.DataFrame(
        {name: known[of].astype(object).to_numpy()
         for name, of in (("task", "pair_id"), ("worker", "labeller"), ("label", "answer"))}
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pandas, about arguments that the library still passes
        model = OneCoinDawidSkene(n_iter=ROUNDS).fit(table)
    probas = pd.DataFrame(model.probas_)
    chances = {str(pair): {str(k): float(p) for k, p in row.items()} for pair, row in probas.iterrows()}
    return Skills({str(name): float(skill) for name, skill in pd.Series(model.skills_).items()}, chances)


def repeated(votes: pd.DataFrame) -> pd.DataFrame:
    """Hidden repeats beside the labeller's first answer to the pair: pair_id, labeller, answer, before; no skips."""
    said = votes[votes["answer"] != "skip"]
    first = said[~said["kind"].isin(["repeat", "gold"])].drop_duplicates(["pair_id", "labeller"])
    again = said[said["kind"] == "repeat"]
    before = first[["pair_id", "labeller", "answer"]].rename(columns={"answer": "before"})
    return again[["pair_id", "labeller", "answer"]].merge(before, on=["pair_id", "labeller"])


def _sure(known: pd.DataFrame) -> dict[str, dict[str, float]]:
    return {str(pair): {str(answer): 1.0} for pair, answer in zip(known["pair_id"], known["answer"], strict=True)}


def _with_others(votes: pd.DataFrame) -> dict[str, list[float]]:
    """Labeller → 1 or 0 for each shared pair: whether the majority of the others said the same; an even one is none."""
    found: dict[str, list[float]] = {}
    for _, pair in votes.groupby("pair_id"):
        said = list(zip(pair["labeller"], pair["answer"], strict=True))
        for name, answer in said:
            others = Counter(other for who, other in said if who != name).most_common(2)
            if others and (len(others) == 1 or others[0][1] > others[1][1]):
                found.setdefault(str(name), []).append(float(others[0][0] == answer))
    return found


def _intervals(votes: pd.DataFrame, found: Skills, level: float = 0.95) -> dict[str, tuple[float, float]]:
    """Labeller → interval of the skill: Wald's on the logit, from the observed information (Louis 1982).

    On the logit the complete information of a labeller is n·s·(1 − s); what is missing, because nobody knows which
    answers are right, is the covariance of being right among the answers to a pair: p·(1 − p) for equal answers,
    −p·q for different ones. Who was never wrong has Wilson's (1927) interval; none where the information is not enough.
    """
    names = sorted(found.skill)
    place = {name: n for n, name in enumerate(names)}
    skill = np.array([found.skill[name] for name in names])
    answered = np.zeros(len(names))
    missing = np.zeros((len(names), len(names)))
    for pair, part in votes[votes["pair_id"].isin(found.chances)].groupby("pair_id"):
        who = np.array([place[str(name)] for name in part["labeller"]])
        p = np.array([found.chances[str(pair)].get(str(answer), 0.0) for answer in part["answer"]])
        same = part["answer"].to_numpy()[:, None] == part["answer"].to_numpy()[None]
        np.add.at(answered, who, 1.0)
        np.add.at(missing, (who[:, None], who[None]), np.where(same, p[:, None], 0.0) - np.outer(p, p))
    known = (answered * (1 - skill) > 0.05) & (answered >= LEAST)
    rows = np.flatnonzero(known)
    spans = {}
    for n in np.flatnonzero((answered >= LEAST) & ~known):
        sure = stats.binomtest(int(answered[n]), int(answered[n])).proportion_ci(level, method="wilson")
        spans[names[n]] = (float(sure.low), float(sure.high))
    information = np.diag(answered * skill * (1 - skill))[np.ix_(rows, rows)] - missing[np.ix_(rows, rows)]
    if not len(rows) or np.linalg.eigvalsh(information).min() <= 0:
        return spans
    reach = stats.norm.ppf(0.5 + level / 2) * np.sqrt(np.diag(np.linalg.inv(information)))
    for n, half in zip(rows, reach, strict=True):
        middle = logit(skill[n])
        spans[names[n]] = (float(expit(middle - half)), float(expit(middle + half)))
    return spans
