"""Leakage between a pool and a held-out file: the same prompt in both, and prompts that are near."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.data.parts import Part
from engine.data.proof.near import near_prompts
from engine.data.read import open_data
from engine.records import Prompt

LISTED = 50
SHOWN, CUT = 5, 300
"""Examples of each kind that are given with their texts, and characters of a text."""
AT_ONCE = 5_000
"""Rows whose responses are in memory at a time."""


def leakage(
    pool: str,
    held_out: str,
    format_name: str | None = None,
    *,
    near: bool = True,
    say: Callable[[str], None] = lambda word: None,
) -> dict[str, Any]:
    """`held_out` prompts in all; of them `same` are in the pool too, `near` are near another prompt of it.

    `listed`: [held-out prompt id, pool prompt id] of the first of both kinds; `shown`: the texts of some of them, in
    the same order. A mapping or format that is named is that of both files.
    """
    say("reading the file")
    one = _prompts(pool, format_name)
    say("reading the held-out file")
    other = _prompts(held_out, format_name)
    same = [prompt_id for prompt_id in other if prompt_id in one]
    rest = {i: prompt for i, prompt in other.items() if i not in one}
    alike = across(one, rest, near_prompts({**one, **rest}, say=say)) if near else []
    both = [(i, i) for i in same]
    shown = [[other[i].text[:CUT], one[j].text[:CUT]] for i, j in both[:SHOWN] + alike[:SHOWN]]
    listed = [list(pair) for pair in both[:LISTED] + alike[:LISTED]]
    return {"held_out": len(other), "same": len(same), "near": len(alike), "listed": listed, "shown": shown}


def _prompts(path: str, format_name: str | None) -> dict[str, Prompt]:
    """All prompts of a file; what answers them is let go."""
    parts = open_data(path, format_name).parts(AT_ONCE)
    return {i: prompt for part in parts for i, prompt in Part(part.prompts).data().prompts.items()}


def across(
    pool: Mapping[str, Prompt], held_out: Mapping[str, Prompt], near: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    """(held-out prompt, a pool prompt of its group) for every held-out prompt that is near the pool, in order of id.

    near: prompt id → group of both together, if it is known already.
    """
    found = near_prompts({**pool, **held_out}) if near is None else near
    at: dict[str, str] = {}
    for prompt_id in sorted(pool):
        at.setdefault(found[prompt_id], prompt_id)
    return [(prompt_id, at[found[prompt_id]]) for prompt_id in sorted(held_out) if found[prompt_id] in at]
