"""A judge behind the OpenAI protocol that prefers by rule, with a bias for the first slot as it is told to have."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from engine.cache import MemoryCache
from engine.data.pool import PreferenceData
from engine.oracles.base import ORACLES, Question
from engine.oracles.judge import Judge
from engine.records import Label, Message, Pair, Prompt, Response
from tests.engine.samplers.small_server import SmallServer, Trouble

SLOTS = re.compile(r"=== RESPONSE (A|B) (\w+) ===\n(.*?)\n=== END OF RESPONSE \1 \2 ===", re.DOTALL)
Rule = Callable[[str, str], str]


def slots_of(text: str) -> tuple[str, str]:
    """The responses in slot A and B of a judge's prompt."""
    found = {name: body for name, _, body in SLOTS.findall(text)}
    return found["A"], found["B"]


def share(*parts: str) -> float:
    """A number in [0, 1) by hash."""
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:8], "big") / 2**64


def longer(a: str, b: str) -> str:
    """Prefers the longer response."""
    return "tie" if len(a) == len(b) else "A" if len(a) > len(b) else "B"


def body_of(content: str, read: int = 400, wrote: int = 12, finish: str = "stop") -> bytes:
    """A chat completion that says so."""
    return json.dumps(
        {
            "id": "x", "object": "chat.completion", "created": 0, "model": "small",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
            "usage": {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote},
        }
    ).encode()  # fmt: skip


def judging(rule: Rule = longer, first_slot: float = 0.0, before: Trouble | None = None) -> Trouble:
    """Answers of a judge by `rule`, which takes the first slot whatever stands there in a share `first_slot` of cases.

    `before` may fail in its place.
    """

    def reply(number: int, body: dict[str, Any]) -> Any:
        if before is not None and (failed := before(number, body)):
            return failed
        text = body["messages"][0]["content"]
        a, b = slots_of(text)
        verdict = "A" if share("slot", a, b) < first_slot else rule(a, b)
        return 200, body_of(f"It fits better.\nVerdict: {verdict}", read=len(text) // 4), {}

    return reply


def judge(server: SmallServer, **changes: Any) -> Judge:
    found = ORACLES.build({"name": "judge", "url": server.url, "timeout_s": 60.0, **changes})
    assert isinstance(found, Judge)
    return found


def ask(oracle: Judge, data: PreferenceData, cache: MemoryCache | None = None, **how: Any) -> list[Label]:
    question = Question(tuple(data.pairs.values()), data, 1, cache=cache or MemoryCache(), **how)
    return [label for label in oracle.label(question) if label is not None]


def many(n: int) -> PreferenceData:
    """n prompts with two responses whose order of length and side are unrelated."""
    data = PreferenceData()
    for number in range(n):
        prompt = Prompt.of([Message("user", f"question {number}")])
        data.prompts[prompt.id] = prompt
        two = [Response.of(prompt.id, f"{'word ' * words}{number}") for words in (3, 9)]
        data.responses |= {r.id: r for r in two}
        pair = Pair.of(prompt.id, two[0].id, two[1].id)
        data.pairs[pair.id] = pair
    return data
