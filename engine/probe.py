"""The probe panel: pairs whose margin is recorded after every round, to show what changed the policy's mind.

It is drawn once for a study, whatever the strategy or seed, and every pick of the run is added to it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.data.pool import PreferenceData
from engine.records import Pair
from engine.seeds import uniforms

if TYPE_CHECKING:
    from engine.stages import Run


def probe_panel(data: PreferenceData, picked: Sequence[Pair], size: int) -> tuple[Pair, ...]:
    """`size` given pairs of the pool, and all that were picked, by id.

    Stratified by prompt: a pair of every prompt in a keyed order of the prompts, then a second of each, and so on. A
    pool that holds no given pairs, but draws its own, has none but the picks.
    """
    ids = list(data.pairs)
    of_pair = dict(zip(ids, uniforms(0, None, "probe", ids), strict=True))
    prompts = sorted({pair.prompt_id for pair in data.pairs.values()})
    of_prompt = dict(zip(prompts, uniforms(0, None, "probe", prompts), strict=True))
    turn: dict[str, int] = {}
    order = []
    for pair_id in sorted(ids, key=lambda i: (of_pair[i], i)):
        prompt_id = data.pairs[pair_id].prompt_id
        turn[prompt_id] = turn.get(prompt_id, 0) + 1
        order.append((turn[prompt_id], of_prompt[prompt_id], pair_id))
    panel = {pair_id: data.pairs[pair_id] for _, _, pair_id in sorted(order)[:size]}
    panel |= {pair.id: pair for pair in picked}
    return tuple(panel[pair_id] for pair_id in sorted(panel))


def probed(run: "Run", number: int) -> dict[str, float]:
    """Pair id → margin a − b of the implicit reward under the run's policy as it stands, in reward units.

    None where the study asks for no panel.
    """
    if not (size := run.study.evaluation.probe):
        return {}
    from engine.dpo.held_out import margins_of

    panel = probe_panel(run.data, [run.pairs[pick.pair_id] for pick in run.picks], size)
    run.say(f"round {number}, evaluating, {len(panel):,} pairs of the probe panel")
    responses = {side: run.data.responses[side] for pair in panel for side in (pair.a, pair.b)}
    beta, cache = run.study.dpo.beta, run.inputs.cache
    margins = margins_of(run.policy, panel, run.data.prompts, responses, beta, run.reference, cache)
    return {pair.id: float(margin) for pair, margin in zip(panel, margins, strict=True)}
