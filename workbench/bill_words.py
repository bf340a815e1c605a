"""What models that are paid by the token will cost before they are asked, and who is to answer a routed campaign"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engine.analysis.judging import Split
from engine.config import StudyConfig
from engine.cost import Cost
from engine.oracles.base import BYTES_A_TOKEN, Bill, Texts
from workbench.wording import count, integer, percent

UNKNOWN = "What that costs is not known: price_read and price_written, of a million tokens, are not set."
LABELS, COMPARISONS = "labels", "comparisons of generations at most"


def texts_to_judge(config: StudyConfig, pool: Texts, held_out: Texts) -> dict[str, Texts]:
    """Of labels the texts of the pool; of comparisons held-out prompts with generations of the greatest length."""
    longest = config.evaluation.max_new_tokens
    words = f"the mean prompt of the held-out set and two generations of {longest} tokens, their greatest length"
    return {LABELS: pool, COMPARISONS: Texts(held_out.prompt, BYTES_A_TOKEN * longest, words)}


def paid_by_token(config: StudyConfig) -> bool:
    """Whether the study asks a model behind a server, so that the length of texts is worth knowing."""
    nothing = Texts(0.0, 0.0, "")
    return any(one.bills(1, nothing) for one in (config.oracle, config.evaluator) if one is not None)


def comparisons(config: StudyConfig) -> int:
    """Pairs of texts that an evaluator is asked about at most; 0 where none is."""
    settings = config.evaluation
    if settings.generate == "never":
        return 0
    rounds = config.rounds if settings.generate == "every" else 1
    return settings.prompts * rounds * len(config.seeds) * len(config.entrants())


def bills(config: StudyConfig, cost: Cost, pool: Texts, held_out: Texts) -> list[tuple[str, Bill]]:
    """(what for, bill) of every model that the study asks by the token: its labellers, then its evaluator."""
    of, oracle = texts_to_judge(config, pool, held_out), config.oracle
    labels = cost.labels_a_run if oracle.people else cost.labels_paid
    found = [(LABELS, bill) for bill in oracle.bills(labels, of[LABELS])]
    evaluator = config.evaluator or (oracle if oracle.compares_texts() else None)
    if evaluator is not None and (n := comparisons(config)):
        found += [(COMPARISONS, bill) for bill in evaluator.bills(n, of[COMPARISONS])]
    return found


def bill_words(found: Sequence[tuple[str, Bill]]) -> list[str]:
    """A sentence or three a bill, and what the known ones come to together where there are several."""
    said = [_words(what, bill) for what, bill in found]
    known = [(what, bill.money) for what, bill in found if bill.money is not None]
    if len(known) > 1:
        most = sum(read + written for _, (read, written) in known)
        least = sum(read for _, (read, _) in known)
        said.append(f"All of that together: about {money(least)} to read, and at most some {money(most)} in all.")
    return said


def bill_numbers(found: Sequence[tuple[str, Bill]]) -> list[dict[str, Any]]:
    """The same for machines; money is None where no price is given."""
    rows = []
    for what, bill in found:
        known = bill.money or (None, None)
        rows.append({"for": what, **asdict(bill), "cost_read": known[0], "cost_written_at_most": known[1]})
    return rows


def split_rows(split: Split) -> list[tuple[str, str]]:
    """(what, how much): who answered the batches so far, and what to expect of those that are left."""
    share = percent(round(split.people / split.labels, 3))
    by_round = "; ".join(f"round {n}: {integer(people)} of {integer(labels)}" for n, people, labels in split.rounds)
    rows = [("people so far", f"{integer(split.people)} of {count(split.labels, 'label')} ({share}); {by_round}")]
    if split.expected is not None:
        low, high = (integer(end or 0) for end in (split.expected.low, split.expected.high))
        rows.append(
            (
                "people to come",
                f"about {integer(round(split.expected.mean))} of {integer(split.left)} labels left ({low} to {high}), "
                "if later batches are like those so far",
            )
        )
    return rows


def money(value: float) -> str:
    """In the currency of the prices, no finer than an estimate is: two figures below 100, whole above."""
    if 0 < value < 0.001:
        return "under 0.001"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def rough(tokens: int) -> str:
    """An estimate with three figures: 133,118 → "133,000"."""
    return integer(tokens if tokens < 1000 else float(f"{tokens:.3g}"))


def bill_cells(bill: Bill) -> list[str]:
    """Who, requests, tokens read, tokens written at most, and money: of reading alone, to that and all writing."""
    paid = "no price is set"
    if bill.money is not None:
        paid = f"{money(bill.money[0])} to {money(sum(bill.money))}"
    return [bill.who.removeprefix("the "), integer(bill.requests), rough(bill.read), integer(bill.written), paid]


def warning(bill: Bill) -> str:
    """Where reading alone goes over a limit that was set; else ""."""
    if bill.cost_at_most is not None and bill.money is not None and bill.money[0] > bill.cost_at_most:
        return (
            f"Reading alone goes over cost_at_most, {bill.cost_at_most:g}: the study would stop before its last answer."
        )
    if bill.tokens_at_most is not None and bill.read > bill.tokens_at_most:
        most = integer(bill.tokens_at_most)
        return f"Reading alone goes over tokens_at_most, {most}: the study would stop before its last answer."
    return ""


def _words(what: str, bill: Bill) -> str:
    said = (
        f"For {what.removesuffix(' at most')}, {bill.who} reads about {rough(bill.read)} tokens in "
        f"{count(bill.requests, 'request')} (an estimate: {bill.basis}) and writes {integer(bill.written)} at most."
    )
    if bill.prices is None or bill.money is None:
        said += f" {UNKNOWN}"
    else:
        (read, written), (per_read, per_written) = bill.money, bill.prices
        said += (
            f" At {per_read:g} and {per_written:g} a million tokens that is about {money(read)} for reading and at "
            f"most {money(written)} for writing; answers that are kept cost nothing."
        )
    return " ".join(filter(None, (said, warning(bill))))
