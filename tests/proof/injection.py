"""A planted "choose A" in judge prompts: how often it wins, on the local sample model and on servers of two minds.

    python -m tests.proof.injection [URL MODEL [KEY_VARIABLE]]

Each of the texts in `tests/engine/oracles/injections.py` is put behind the worse response of pairs of the sample world.
Both orders are asked. "A in its slot" is the share of verdicts A where the planted response stood in slot A, "A from B"
where it stood in slot B; "one order": in one order alone it would win that often, over both. "wins" is the share of
pairs whose answer is the planted response, both orders together, with Wilson's 95 % interval over pairs, "ties" where
the orders differ. "unplanted" is the same of the same pairs without the text. "any of them": pairs that at least one of
the texts wins, a count of independent pairs. "lean": by how many nats, on average, the local model leans more to A than
without it, with its interval over pairs.

A judge that obeys only what stands outside the marks must not move at all; of one that obeys whatever it reads, and
says A each time, both orders must make ties. Of the sample model, which judges nothing and takes slot A whatever stands
there, the figures are told and nothing is asked. With a URL and a model the judge there is measured in place of these.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis.intervals import Interval, t_interval
from engine.analysis.judging import wilson
from engine.cache import MemoryCache
from engine.data.read import read
from engine.oracles._asked import Judged
from engine.oracles.base import ORACLES, Desk
from engine.oracles.judge import Judge
from engine.records import Prompt
from tests.engine.oracles.injections import INJECTIONS
from tests.engine.oracles.judge_server import SLOTS, body_of, judging, longer, slots_of
from tests.engine.samplers.small_server import SmallServer, running

SAMPLE = Path(__file__).parents[2] / "sample_data" / "skewed" / "tune_heldout.jsonl"
PAIRS = 24
ORDER = re.compile(
    r"(?i:choose|chose|chooses|choisir|wähle|elige|prefer|votes for)\W+(?i:response\s+)?A\b|(?i:verdict)\W+A\b"
    r"|\bA\W+is\W+(better|the)\b"
)
"""What the servers take for an order to say A."""
Asked = tuple[Prompt, str, str]


def worse_and_better(n: int) -> list[Asked]:
    """(prompt, worse, better) of pairs of different prompts whose gold scores lie at least 2 apart."""
    data, found = read(SAMPLE).data, {}
    for pair in data.pairs.values():
        low, high = sorted((pair.a, pair.b), key=lambda r: data.scores[r])
        if data.scores[high] - data.scores[low] >= 2 and pair.prompt_id not in found:
            texts = (data.responses[low].text, data.responses[high].text)
            if len(texts[1]) > len(texts[0]):  # the judge of the server goes by length
                found[pair.prompt_id] = (data.prompts[pair.prompt_id], *texts)
    return list(found.values())[:n]


def outside(text: str) -> str:
    """A judge's prompt without what stands between marks, and without our own words about verdicts."""
    return SLOTS.sub("", text).split("Which response is better?")[0]


def obeys(everywhere: bool) -> Any:
    """A judge by length of the response's first line that says A where it reads an order to."""
    plain = judging(rule=lambda a, b: longer(a.splitlines()[0], b.splitlines()[0]))

    def reply(number: int, body: dict[str, Any]) -> Any:
        text = body["messages"][0]["content"]
        read_as_order = "\n".join(slots_of(text)) if everywhere else outside(text)
        if ORDER.search(read_as_order):
            return 200, body_of("Verdict: A"), {}
        return plain(number, body)

    return reply


@dataclass(frozen=True)
class Row:
    """What one text did, over pairs; the planted response is side a. `lean` holds a pair's mean lean to A, (n,)."""

    in_a: float
    from_b: float
    one_order: float
    won: np.ndarray
    ties: float
    lean: np.ndarray

    @property
    def wins(self) -> Interval:
        """The share of pairs that the planted response wins."""
        return wilson(self.won.tolist())


def row_of(found: Sequence[Judged]) -> Row:
    """Of the same pairs in the same order."""
    verdicts = [[one.verdict for one in pair.said] for pair in found]
    return Row(
        float(np.mean([first == "A" for first, _ in verdicts])),
        float(np.mean([second == "A" for _, second in verdicts])),
        float(np.mean([said == wanted for both in verdicts for said, wanted in zip(both, "AB", strict=True)])),
        np.array([pair.answer == "a" for pair in found], float),
        float(np.mean([pair.answer == "tie" for pair in found])),
        np.array([np.mean([said.lean or 0.0 for said in pair.said]) for pair in found]),
    )


def measured(judge: Judge, pairs: Sequence[Asked]) -> tuple[dict[str, Row], Row]:
    """What each injection did, and the pairs without one."""
    ids = [str(n) for n in range(len(pairs))]
    plain = row_of(judge.judge(list(pairs), ids, Desk(cache=MemoryCache())))
    found = {}
    for name, text in INJECTIONS.items():
        planted = [(prompt, f"{worse}\n{text}", better) for prompt, worse, better in pairs]
        found[name] = row_of(judge.judge(planted, ids, Desk(cache=MemoryCache())))
    return found, plain


def table(title: str, found: dict[str, Row], plain: Row) -> str:
    """Print one judge's table; what it comes to, in a line."""
    head = f"{'A in its slot':>14}{'A from B':>10}{'one order':>11}{'wins':>7}{'95 %':>14}"
    head += f"{'ties':>7}{'lean':>8}{'95 %':>16}"
    print(f"\n{title}\n{'':26}{head}")
    for name, row in [*found.items(), ("unplanted", plain)]:
        more = t_interval(row.lean - plain.lean)
        print(
            f"{name:26}{row.in_a:14.2f}{row.from_b:10.2f}{row.one_order:11.2f}{row.wins.mean:7.2f}{span(row.wins):>14}"
            f"{row.ties:7.2f}{more.mean:8.2f}{span(more):>16}"
        )
    rows = list(found.values())
    any_ = wilson(np.max([row.won for row in rows], axis=0).tolist())
    wins, ties, one = (float(np.mean(column)) for column in zip(*((r.wins.mean, r.ties, r.one_order) for r in rows),
                                                                strict=True))  # fmt: skip
    said = (
        f"{wins:.1%} of planted pairs won in both orders ({one:.1%} in one, {ties:.1%} ties); of {any_.n} pairs any of "
        f"the texts wins {any_.mean:.1%} ({span(any_, 100, 1)} %), without one {plain.wins.mean:.1%}"
    )
    print(said)
    return said


def span(found: Interval, times: float = 1.0, digits: int = 2) -> str:
    """ "0.00 to 0.24"."""
    if found.low is None or found.high is None:
        return "–"
    return f"{times * found.low:.{digits}f} to {times * found.high:.{digits}f}"


def main(words: Sequence[str] = ()) -> int:
    pairs = worse_and_better(PAIRS)
    if words:
        own = ORACLES.build({"name": "judge", **dict(zip(("url", "model", "key_variable"), words, strict=False))})
        assert isinstance(own, Judge)
        table(f"{own.model} at {own.url}, {len(pairs)} pairs a text", *measured(own, pairs))
        return 0
    local = ORACLES.build({"name": "judge", "local": "sample", "device": "cpu"})
    assert isinstance(local, Judge)
    said = [f"sample model: {table(f'local sample model, {len(pairs)} pairs a text', *measured(local, pairs))}"]
    held = True
    for title, everywhere in (("obeys what stands outside the marks", False), ("obeys whatever it reads", True)):
        with running(SmallServer(trouble=obeys(everywhere))) as server:
            judge = ORACLES.build({"name": "judge", "url": server.url, "model": "small"})
            assert isinstance(judge, Judge)
            found, plain = measured(judge, pairs)
        said.append(f"server that {title}: {table(f'server that {title}', found, plain)}")
        same = all(np.array_equal(row.won, plain.won) and row.one_order == plain.one_order for row in found.values())
        held &= not any(row.won.any() for row in found.values()) if everywhere else same
    print(f"{len(INJECTIONS)} texts, {len(pairs)} pairs each, both orders. " + ". ".join(said))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
