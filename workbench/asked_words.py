"""What is said of the models that a study asks: steadiness, bias for a slot, refusals, retries, tokens, cost."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.analysis.intervals import Interval
from engine.analysis.judging import JudgedFacts, Split, judged_facts, split_of
from engine.config import StudyConfig
from engine.cost import Cost
from engine.oracles.base import ORACLES, Texts
from engine.store.database import Store
from engine.store.judged import Evaluator, asked_evaluator, model_details, routed_so_far
from workbench.bill_words import COMPARISONS, bill_words, bills, comparisons, split_rows
from workbench.guardrails import one_taste
from workbench.wording import NOTHING, count, integer, number, percent, plain

HOW = (
    "Consistency: pairs whose two orders got the same verdict. First slot: verdicts for a side that took the response "
    "shown first; 50 % is no bias, and the position bias is twice what lies above. Intervals are over pairs, 95 %. A "
    "refused pair is skipped and never trains. Tokens read and written are those of the answers, whenever they were "
    "given; paid for, and the cost, are those that this study asked for first."
)


@dataclass(frozen=True)
class AskedModels:
    """Of one study: oracle → facts, the figures of an asked evaluator, and oracle → who answered the batches so far."""

    oracles: Mapping[str, JudgedFacts]
    evaluator: Sequence[Evaluator]
    splits: Mapping[str, Split] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.oracles or self.evaluator)

    def numbers(self) -> dict[str, Any]:
        """For machines."""
        return {
            "oracles": {name: asdict(facts) for name, facts in self.oracles.items()},
            "evaluator": {one.name: {"value": one.value, "unit": one.unit, "n": one.n} for one in self.evaluator},
            "splits": {name: asdict(split) for name, split in self.splits.items()},
        }

    def rows(self, oracle: str) -> list[tuple[str, str]]:
        """(what, how much) of one oracle."""
        return rows_of(self.oracles[oracle]) + (split_rows(self.splits[oracle]) if oracle in self.splits else [])


def asked_models(store: Store, study_id: str) -> AskedModels:
    """What a study's labels and figures say of the models it asked."""
    facts = {name: judged_facts(rows) for name, rows in model_details(store, study_id).items()}
    routing, by_round, rounds = routed_so_far(store, study_id)
    split = split_of(by_round, rounds)
    return AskedModels(facts, asked_evaluator(store, study_id), {routing: split} if split else {})


def beforehand(config: StudyConfig, cost: Cost, texts: tuple[Texts, Texts] | None = None) -> list[str]:
    """What a study will ask of models and people, as far as it is known, and whether its labeller judges itself.

    `texts` are those of the pool and of the first held-out set: then tokens and money are said, too.
    """
    oracle, evaluator, settings = config.oracle, config.evaluator, config.evaluation
    said = oracle.forecast(cost.labels_a_run if oracle.people else cost.labels_paid)
    priced = bill_words(bills(config, cost, *texts)) if texts else []
    if settings.generate == "never":
        return said + priced
    if evaluator is None and not oracle.compares_texts():
        none = f"No evaluator is named, and {oracle.heading()} compares no new texts: there is no win rate."
        return [*said, *priced, none]
    said += (evaluator or oracle).forecast(comparisons(config), COMPARISONS)
    return said + priced + one_taste(config.model_dump(mode="json"))


def rows_of(facts: JudgedFacts) -> list[tuple[str, str]]:
    """(what, how much) of one oracle; what it does not have is left out."""
    rows = [("labels", integer(facts.labels))]
    if facts.consistency is not None:
        rows.append(("consistency", f"{_share(facts.consistency)} of {count(facts.pairs, 'pair')}"))
    if facts.first_slot is not None and facts.bias is not None:
        rows.append(("first slot", f"{_share(facts.first_slot)} of {count(facts.first_slot.n, 'pair')}"))
        rows.append(("position bias", _share(facts.bias)))
    if facts.requests or facts.refused:
        refused = ", ".join(f"{integer(n)} {why}" for why, n in facts.refused.items())
        rows.append(("refused", refused or "none"))
    if facts.mistakes:
        rows.append(("mistakes", ", ".join(f"{integer(n)} by {kind}" for kind, n in facts.mistakes.items())))
    if facts.by:
        rows.append(("answered by", ", ".join(f"{who} {_of(n, facts.labels)}" for who, n in facts.by.items())))
    if facts.routed:
        rows.append(("why there", ", ".join(f"{why} {_of(n, facts.labels)}" for why, n in facts.routed.items())))
    if facts.checked is not None:
        rows.append(
            ("people agree with models", f"{_share(facts.checked)} of {count(facts.checked.n, 'pair')} at random")
        )
    if facts.requests:
        rows += [
            ("requests", f"{integer(facts.requests)}, {integer(facts.kept)} from the cache"),
            ("retries", integer(facts.retries)),
            (
                "tokens",
                f"{integer(facts.tokens_read)} read, {integer(facts.tokens_written)} written, "
                f"{integer(facts.tokens_paid)} paid for",
            ),
            ("cost", number(facts.cost, 4) if facts.cost else NOTHING),
        ]
    if facts.models:
        rows.append(("model", ", ".join(facts.models)))
    if facts.templates:
        rows.append(("template", ", ".join(facts.templates)))
    return rows


def evaluator_rows(figures: Sequence[Evaluator]) -> list[tuple[str, str]]:
    """(what, how much) of the evaluator, shares with what they are of."""
    rows = []
    for one in figures:
        said = integer(one.value) if one.name == "judge_tokens" else number(one.value, 4)
        if "share" in one.unit:
            said = f"{percent(one.value)} of {count(one.n, one.unit.removeprefix('share of ').removesuffix('s'))}"
        rows.append((plain(one.name.removeprefix("judge_")), said))
    return rows


def name_of(oracle: str) -> str:
    """What an oracle is called on screen."""
    return ORACLES.get(oracle).heading() if oracle in ORACLES.names() else oracle


def lines(asked: AskedModels) -> list[str]:
    """For a terminal."""
    parts = [(name_of(name), asked.rows(name)) for name in asked.oracles]
    parts += [("evaluator", evaluator_rows(asked.evaluator))] if asked.evaluator else []
    return [f"{title}: " + "; ".join(f"{what} {said}" for what, said in rows) for title, rows in parts]


def _of(n: int, whole: int) -> str:
    return f"{integer(n)} ({percent(round(n / whole, 3))})"


def _share(found: Interval) -> str:
    if found.low is None or found.high is None:
        return percent(round(found.mean, 4))
    return (
        f"{percent(round(found.mean, 4))} ({percent(round(found.low, 3))} to {percent(round(found.high, 3))})".replace(
            "-", "−"
        )
    )
