"""Leakage between a pool and a held-out file: the same prompt in both, and prompts that are near."""

from collections.abc import Mapping
from typing import Any

from engine.data.proof.near import near_prompts
from engine.data.read import open_data
from engine.records import Prompt

LISTED = 50
AT_ONCE = 5_000
"""Rows whose responses are in memory at a time."""


def leakage(pool: str, held_out: str, format_name: str | None = None, *, near: bool = True) -> dict[str, Any]:
    """`held_out` prompts in all; of them `same` are in the pool too, `near` are near another prompt of it.

    `listed`: [held-out prompt id, pool prompt id] of the first of both kinds. A mapping or format that is named is that
    of both files.
    """
    one, other = _prompts(pool, format_name), _prompts(held_out, format_name)
    same = [prompt_id for prompt_id in other if prompt_id in one]
    alike = across(one, {i: prompt for i, prompt in other.items() if i not in one}) if near else []
    listed = [[i, i] for i in same[:LISTED]] + [list(pair) for pair in alike[:LISTED]]
    return {"held_out": len(other), "same": len(same), "near": len(alike), "listed": listed}


def _prompts(path: str, format_name: str | None) -> dict[str, Prompt]:
    """All prompts of a file; what answers them is let go."""
    return {i: prompt for part in open_data(path, format_name).parts(AT_ONCE) for i, prompt in part.prompts.items()}


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
