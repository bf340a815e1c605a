"""What a campaign has to tell: its curve, the audit slice beside what was picked, the shadows, and what it cost"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from engine.analysis.certainty import Share, share_of
from engine.analysis.labelling import LONGEST_S, first_shown
from engine.analysis.shadows import placed, shared_by_lot
from engine.analysis.single_run import Apart, Estimate, apart, gain, level, of_share, of_values
from engine.arms import title_of
from engine.evidence import declared_of
from engine.oracles.recorded import majority
from engine.records import Evaluated, Label, Labelled, Picked, PrimaryMetric, Scored
from engine.store.browse import datasets_of
from engine.store.campaigned import audit_labels, pool_sizes
from engine.store.campaigns import AUDIT
from engine.store.database import Store
from engine.store.history import load_stage
from engine.store.pace import budget_of
from engine.store.recorded import file_scores
from engine.store.reviews import BROUGHT
from engine.store.scored import pairs_of
from engine.store.summaries import StudyDetail
from engine.store.traced import file_votes, trace, votes_of
from engine.store.votes import oracle_of
from workbench.campaign_records import ANSWERS, PURPOSES, Audit, Beside, Bought, Campaign, Differs, Line, Point

MARGIN = "reward_margin"
SIDES = {"tie", "both_bad"}
E = TypeVar("E")


def is_campaign(detail: StudyDetail) -> bool:
    """Whether people answer the study."""
    return oracle_of(detail.config) is not None


def campaign(store: Store, detail: StudyDetail) -> Campaign | None:
    """None where nobody is asked; StoreError if a file of the run is damaged. It tells what is there, done or not."""
    oracle = oracle_of(detail.config)
    if oracle is None or not detail.runs:
        return None
    run, (declared, where) = detail.runs[0], declared_of(detail)
    evaluated, picked = _of(store, run.id, "evaluated", Evaluated), _of(store, run.id, "picked", Picked)
    labelled = {n: e.labels for n, e in _of(store, run.id, "labelled", Labelled).items()}
    held_out = where if oracle.held_out_pairs else ""
    lines = _lines(evaluated, picked, declared.metric, held_out)
    traced = trace(store, detail.summary.id)
    own = {p.pair_id for e in picked.values() if not e.warm_up for p in e.picks if BROUGHT not in p.why}
    labels = {x.pair_id: x for found in labelled.values() for x in found if x.pair_id in own}
    slice_, votes = audit_labels(store, oracle, run.id), votes_of(traced)
    audit = Audit(
        oracle.aside(budget_of(store, detail, run)),
        {answer: sum(label.answer == answer for label in slice_.values()) for answer in ANSWERS},
        _recorded(slice_, file_votes(store, detail.summary.id)),
        first_shown(votes[votes["kind"] == AUDIT]),
        first_shown(votes[votes["kind"].isin(["label", "relabel"]) & votes["pair_id"].isin(labels)]),
        _against(evaluated, held_out, declared.metric),
        len(labels),
        _differs(store, detail, slice_, labels, votes, _margins(store, run.id, evaluated, picked, labels)),
    )
    mine = traced[traced["run_id"] == run.id]
    sizes = pool_sizes(store, run.id)
    return Campaign(
        run.strategy.title, run.state, declared.metric, held_out, lines, audit, _shadows(picked, sizes), _bought(mine)
    )


def _of(store: Store, run_id: str, stage: str, kind: type[E]) -> dict[int, E]:
    return {n: e for n, e in load_stage(store, [run_id], stage).get(run_id, {}).items() if isinstance(e, kind)}


def _judged(
    evaluated: Mapping[int, Evaluated], name: str, metric: PrimaryMetric
) -> tuple[list[str], dict[int, np.ndarray]]:
    """Prompt ids of a set's pairs, and round → how well each was judged (`engine.records.Outcomes`)."""
    rows = evaluated[0].measured.get(name, ()) if 0 in evaluated else ()
    sign = np.array([1.0 if answer == "a" else -1.0 for _, _, answer in rows])
    values = {}
    for number, event in sorted(evaluated.items()):
        if len(rows) and name in event.outcomes:
            margins = event.outcomes[name] * sign
            values[number] = (np.sign(margins) + 1) / 2 if metric == "accuracy" else -np.logaddexp(0.0, -margins)
    return [prompt_id for _, prompt_id, _ in rows], values


def _level(event: Evaluated, name: str, values: np.ndarray, prompts: Sequence[str], metric: PrimaryMetric) -> Estimate:
    """Where the policy is the reference every margin is 0: the level is so by construction, and has no interval."""
    found = level(values, prompts, share=metric == "accuracy")
    return found if event.outcomes[name].any() else Estimate(found.mean, None, None, found.n)


def _lines(
    evaluated: Mapping[int, Evaluated], picked: Mapping[int, Picked], metric: PrimaryMetric, held_out: str
) -> tuple[Line, ...]:
    """The sample first, then the audit slice, then sets that recorded answers measure."""
    names = list(evaluated[0].measured) if 0 in evaluated else []
    names.sort(key=lambda name: (name != held_out, name != AUDIT))
    lines = []
    for name in names:
        prompts, values = _judged(evaluated, name, metric)
        points = tuple(
            Point(
                number, sum(len(event.picks) for n, event in picked.items() if n <= number),
                _level(evaluated[number], name, value, prompts, metric),
                gain(value, values[0], prompts, share=metric == "accuracy") if number and 0 in values else None,
            )
            for number, value in values.items()
        )  # fmt: skip
        if points:
            lines.append(Line(name, name in (held_out, AUDIT), len(prompts), points))
    return tuple(lines)


def _against(evaluated: Mapping[int, Evaluated], held_out: str, metric: PrimaryMetric) -> Apart:
    last = max(evaluated, default=0)
    found: list[Estimate | None] = []
    for name in (AUDIT, held_out):
        prompts, values = _judged(evaluated, name, metric)
        found.append(_level(evaluated[last], name, values[last], prompts, metric) if last in values else None)
    return apart(*found)


def _recorded(slice_: Mapping[str, Label], file: pd.DataFrame) -> Share:
    """Where the file's majority and people both name a side: how often the same one."""
    mine = file[file["pair_id"].isin(slice_)]
    said = {str(pair): majority(list(part)) for pair, part in mine.groupby("pair_id")["answer"]}
    both = [(label.answer, said[i]) for i, label in slice_.items() if label.trains and said.get(i) in ("a", "b")]
    return share_of(np.array([one == other for one, other in both]))


def _margins(
    store: Store, run_id: str, evaluated: Mapping[int, Evaluated], picked: Mapping[int, Picked],
    labels: Mapping[str, Label],
) -> tuple[Estimate | None, Estimate | None]:  # fmt: skip
    """|Margin| of the picks as they were scored, and of the audit slice by the same adapters; pairs with a side only.

    Of an audit pair the mean over those rounds, each with the weight of its picks. Nothing where no round scored it.
    """
    scored = _of(store, run_id, "scored", Scored)
    mine: list[float] = []
    weights: dict[int, int] = {}
    for number, event in picked.items():
        signals = scored[number].signals if number in scored else ()
        signal = next((x for x in signals if x.name == MARGIN and "summed" in x.made_on), None)
        if signal is None or AUDIT not in getattr(evaluated.get(number - 1), "outcomes", {}):
            continue
        at = dict(zip(signal.ids, signal.values, strict=True))
        here = [abs(float(at[p.pair_id])) for p in event.picks if p.pair_id in labels and labels[p.pair_id].trains]
        if any(signal.values):  # before any training every margin is 0
            mine, weights = [*mine, *here], {**weights, number: len(here)}
    if not mine:
        return None, None
    theirs = sum(n * np.abs(evaluated[number - 1].outcomes[AUDIT]) for number, n in weights.items()) / len(mine)
    return of_values(mine), of_values(theirs)


def _differs(
    store: Store, detail: StudyDetail, slice_: Mapping[str, Label], labels: Mapping[str, Label], votes: pd.DataFrame,
    margins: tuple[Estimate | None, Estimate | None],
) -> tuple[Differs, ...]:  # fmt: skip
    """The picks minus the audit slice, quantity by quantity; of the picks that are labelled."""
    sides = (labels, slice_)
    length = votes.drop_duplicates("pair_id").set_index("pair_id")["characters"].astype(float)
    people = votes[~votes["kind"].isin(["repeat", "gold"]) & (votes["answer"] != "skip")]
    time = people["seconds"].astype(float).clip(upper=LONGEST_S).groupby(people["pair_id"]).mean()
    gaps = _gaps(store, detail, [*labels, *slice_])

    def shares(answers: set[str], whole: bool) -> Apart:
        given = [[x.answer in answers for x in side.values() if whole or x.answer != "skip"] for side in sides]
        return apart(*(of_share(share_of(np.array(one))) for one in given))

    def means(of: Mapping[str, float]) -> Apart:
        return apart(*(of_values([of[i] for i in side if i in of]) for side in sides))

    found = (
        Differs("|margin| before the label", "reward units", apart(*margins)),
        Differs("gap of the file's scores", "score", means(gaps)),
        Differs("length of both responses", "characters", means(length.to_dict())),
        Differs("ties and both bad", "share of answered pairs", shares(SIDES, False)),
        Differs("skips", "share of pairs", shares({"skip"}, True)),
        Differs("time an answer", "seconds", means(time.dropna().to_dict())),
    )
    return tuple(one for one in found if one.apart.first is not None or one.apart.second is not None)


def _gaps(store: Store, detail: StudyDetail, pair_ids: list[str]) -> dict[str, float]:
    """Pair → distance of its sides' scores in the pool's file."""
    scores = file_scores(store, [datasets_of(store, detail.summary.id).get("pool", "")])
    pairs = pairs_of(store, pair_ids) if scores else {}
    return {i: abs(scores[p.a] - scores[p.b]) for i, p in pairs.items() if p.a in scores and p.b in scores}


def _shadows(picked: Mapping[int, Picked], sizes: Mapping[int, int]) -> tuple[Beside, ...]:
    """Against the strategy's own lists, whatever a person made of them."""
    found = []
    for name in sorted({name for event in picked.values() for name in event.shadow}):
        rounds, places, by_round = [], [], []
        for number, event in sorted(picked.items()):
            if name not in event.shadow or not sizes.get(number):
                continue
            batch, theirs = {p.pair_id for p in event.own or event.picks}, event.shadow[name]
            rounds.append((len(batch & set(theirs)), len(batch), len(theirs), sizes[number]))
            by_round.append((number, len(batch & set(theirs)), len(batch)))
            places.append((list(event.shadow_ranks.get(name, {}).values()), sizes[number]))
        if rounds:
            found.append(Beside(name, title_of(name), shared_by_lot(rounds), tuple(by_round), placed(places)))
    return tuple(found)


def _bought(rows: pd.DataFrame) -> tuple[Bought, ...]:
    """A row a purpose that has any, in the order of `PURPOSES`; every row of labels is one, so they add up."""
    purpose = rows["kind"].where(rows["corrects"].isna(), "correction")
    seconds = rows["seconds"].astype(float).clip(upper=LONGEST_S)
    found = []
    for name in PURPOSES:
        mine = purpose == name
        if mine.any():
            times = seconds[mine].dropna()
            found.append(
                Bought(
                    name, int(mine.sum()), int((rows.loc[mine, "person"] != "").sum()), float(times.sum()), len(times)
                )
            )
    return tuple(found)
