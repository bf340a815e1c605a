"""Held-out sets, split off by prompt: no prompt is on both sides."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from engine.data.pool import PreferenceData
from engine.errors import DataError
from engine.seeds import key_for, uniforms

SPLIT_SEED = 0
"""Seeds of runs never vary the held-out sets (DESIGN section 2)."""
Strata = Literal["topic", "source", "language"]


def split_by_prompt(
    data: PreferenceData,
    share: float,
    *,
    seed: int = SPLIT_SEED,
    strata: Strata | None = None,
    near: Mapping[str, str] | None = None,
) -> tuple[PreferenceData, PreferenceData]:
    """Pool and held-out. A prompt goes by the hash of its id, so the order of the file changes nothing.

    near: prompt id → group (`engine.data.proof.near.near_prompts`); a group is never parted. With `strata` every topic,
    source of responses or language has its share on both sides, to within one group. DataError if a side has none.
    """
    ids = list(data.prompts)
    groups = [near[i] if near else i for i in ids]
    if strata is None:
        draw = dict(zip(groups, uniforms(seed, None, "split", groups).tolist(), strict=True))
        out = {group for group, u in draw.items() if u < share}
    else:
        out = _stratified(groups, stratum_of(data, strata), share, seed)
    held_out = [i for i, group in zip(ids, groups, strict=True) if group in out]
    pool = [i for i, group in zip(ids, groups, strict=True) if group not in out]
    if not held_out or not pool:
        raise DataError(
            f"{len(ids)} prompts cannot be split with a share of {share:g}: one side has none.",
            "Add data, or name a held-out file.",
        )
    return data.only_prompts(pool), data.only_prompts(held_out)


def stratum_of(data: PreferenceData, strata: Strata) -> list[str]:
    """Of each prompt its topic, the sources of its responses, or its language ("unsure" where it is too short)."""
    if strata == "topic":
        return [prompt.topic for prompt in data.prompts.values()]
    if strata == "source":
        of = data.responses_of()
        return ["\x1f".join(sorted({data.responses[r].source for r in of[i]})) for i in data.prompts]
    from engine.data.proof.languages import language_of

    return [language_of("\n".join(m.content for m in prompt.messages)) for prompt in data.prompts.values()]


def _stratified(groups: list[str], strata: list[str], share: float, seed: int) -> set[str]:
    """Systematic sampling (Madow 1949): groups in a row by stratum and size, shuffled within; each 1/share-th goes out.

    Each group, and so each prompt, goes out with the chance `share`. Any stretch of the row, a stratum too, gives its
    share of groups to within one; strata of a single prompt, of which there may be thousands, are served as well.
    """
    of: dict[str, Counter[str]] = {}
    for group, stratum in zip(groups, strata, strict=True):
        of.setdefault(group, Counter())[stratum] += 1
    # A group that lies across strata goes to the one that most of it is in; of equals, to the first by name.
    home = {group: min(found, key=lambda stratum: (-found[stratum], stratum)) for group, found in of.items()}
    row = sorted(home, key=lambda group: (home[group], of[group].total(), key_for(seed, None, "split", group)))
    start = float(uniforms(seed, None, "split", ["start"])[0])
    return {group for n, group in enumerate(row) if int(start + (n + 1) * share) > int(start + n * share)}


def refuse_overlap(pool: PreferenceData, held_out: PreferenceData, name: str) -> None:
    """DataError if a prompt of the held-out set is in the pool too."""
    shared = [prompt for i, prompt in held_out.prompts.items() if i in pool.prompts]
    if shared:
        raise DataError(
            f"{len(shared)} prompts of held-out set {name!r} are in the pool too (first: {shared[0].text[:80]!r}).",
            "Take them out of one of the two; what is trained on must not be evaluated on.",
        )
