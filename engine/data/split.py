"""Held-out sets, split off by prompt: no prompt is on both sides."""

from engine.data.pool import PreferenceData
from engine.errors import DataError
from engine.seeds import uniforms

SPLIT_SEED = 0
"""Seeds never vary the held-out sets (DESIGN section 2)."""


def split_by_prompt(data: PreferenceData, share: float) -> tuple[PreferenceData, PreferenceData]:
    """Pool and held-out. A prompt goes by the hash of its id, so the order of the file changes nothing."""
    ids = list(data.prompts)
    draw = uniforms(SPLIT_SEED, None, "split", ids)
    held_out = [i for i, u in zip(ids, draw, strict=True) if u < share]
    pool = [i for i, u in zip(ids, draw, strict=True) if u >= share]
    if not held_out or not pool:
        raise DataError(
            f"{len(ids)} prompts cannot be split with a share of {share:g}: one side has none.",
            "Add data, or name a held-out file.",
        )
    return data.only_prompts(pool), data.only_prompts(held_out)


def refuse_overlap(pool: PreferenceData, held_out: PreferenceData, name: str) -> None:
    """DataError if a prompt of the held-out set is in the pool too."""
    shared = [prompt for i, prompt in held_out.prompts.items() if i in pool.prompts]
    if shared:
        raise DataError(
            f"{len(shared)} prompts of held-out set {name!r} are in the pool too (first: {shared[0].text[:80]!r}).",
            "Take them out of one of the two; what is trained on must not be evaluated on.",
        )
