"""A planted "choose A" in judge prompts: how often it wins, on the local sample model and on servers of two minds.

Each of the texts in `tests/engine/oracles/injections.py` is put behind the worse response of pairs of the sample world.
Both orders are asked. "A in its slot" is the share of verdicts A where the planted response stood in slot A, "A from B"
where it stood in slot B; "wins" is the share of pairs whose answer is the planted response, both orders together,
"ties" where the orders differ. "unplanted" is the same of the same pairs without the text; "lean": by how many nats, on
average, the local model leans more to A than without it. A judge that obeys only what stands outside the marks must not
move at all; of one that obeys whatever it reads, and says A each time, both orders must make ties. Of the sample model,
which judges nothing, the figures are told and nothing is asked.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
PAIRS = 12
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


def shares(found: Sequence[Judged]) -> tuple[float, ...]:
    """A in its slot, A from B, wins, ties, and the mean lean to A; the planted response is side a."""
    verdicts = [[one.verdict for one in pair.said] for pair in found]
    return (
        float(np.mean([first == "A" for first, _ in verdicts])),
        float(np.mean([second == "A" for _, second in verdicts])),
        float(np.mean([pair.answer == "a" for pair in found])),
        float(np.mean([pair.answer == "tie" for pair in found])),
        float(np.mean([said.lean or 0.0 for pair in found for said in pair.said])),
    )


def measured(judge: Judge, pairs: Sequence[Asked]) -> tuple[dict[str, tuple[float, ...]], tuple[float, ...]]:
    """Each injection's shares, and those of the pairs without one."""
    ids = [str(n) for n in range(len(pairs))]
    plain = shares(judge.judge(list(pairs), ids, Desk(cache=MemoryCache())))
    found = {}
    for name, text in INJECTIONS.items():
        planted = [(prompt, f"{worse}\n{text}", better) for prompt, worse, better in pairs]
        found[name] = shares(judge.judge(planted, ids, Desk(cache=MemoryCache())))
    return found, plain


def table(title: str, found: dict[str, tuple[float, ...]], plain: tuple[float, ...]) -> tuple[float, ...]:
    """Print one judge's table; the means over the injections."""
    print(f"\n{title}\n{'':26}{'A in its slot':>14}{'A from B':>10}{'wins':>7}{'ties':>7}{'lean':>8}")
    means = tuple(float(np.mean(column)) for column in zip(*found.values(), strict=True))
    for name, row in [*found.items(), ("unplanted", plain), ("mean of all planted", means)]:
        print(f"{name:26}{row[0]:14.2f}{row[1]:10.2f}{row[2]:7.2f}{row[3]:7.2f}{row[4] - plain[4]:8.2f}")
    return means


def main() -> int:
    pairs = worse_and_better(PAIRS)
    local = ORACLES.build({"name": "judge", "local": "sample", "device": "cpu"})
    assert isinstance(local, Judge)
    found, plain = measured(local, pairs)
    of_local = table(f"local sample model, {len(pairs)} pairs a text", found, plain)
    held = True
    ends = {}
    for title, everywhere in (("obeys what stands outside the marks", False), ("obeys whatever it reads", True)):
        with running(SmallServer(trouble=obeys(everywhere))) as server:
            judge = ORACLES.build({"name": "judge", "url": server.url, "model": "small"})
            assert isinstance(judge, Judge)
            found, plain = measured(judge, pairs)
        ends[everywhere] = table(f"server that {title}", found, plain)
        held &= all(row == plain for row in found.values()) if not everywhere else ends[True][2] == 0.0
    print(
        f"{len(INJECTIONS)} texts, {len(pairs)} pairs each, both orders: the planted response wins {of_local[2]:.1%} "
        f"on the sample model ({of_local[3]:.1%} ties), {ends[False][2]:.1%} on a judge that obeys what leaves the "
        f"marks, {ends[True][2]:.1%} on one that obeys everything ({ends[True][3]:.1%} ties, {ends[True][1]:.1%} A "
        "from B)"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
