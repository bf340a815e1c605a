"""The six stages of a round, one method each, over the state of one run.

Each method reads the state and returns an event; only `apply` changes the state. So a stage that is lost is done again
from the same state and gives the same event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine import batch
from engine.arms import recipe_of
from engine.data.pool import PoolView, PreferenceData, rows_of
from engine.errors import SelectionError
from engine.filtering import filtered
from engine.loop import Inputs, Stopped
from engine.measure import Measures
from engine.models.adapters import adapter_state, fresh_adapter, hash_of, set_adapter
from engine.models.fit import unusable, with_room
from engine.models.load import load_policy
from engine.models.logps import reference_logps
from engine.models.memory import forget_peak, peak_bytes
from engine.models.watch import Watch
from engine.oracles.base import Question
from engine.probe import probed
from engine.records import (
    Answer,
    Evaluated,
    Event,
    Label,
    Labelled,
    Pair,
    Pick,
    Picked,
    Pooled,
    Scored,
    SignalArray,
    Trained,
)
from engine.scoring import Signals
from engine.seeds import uniforms
from engine.selection.execute import scores_of
from engine.shadow import BETWEEN, Shadow, shadows_of

if TYPE_CHECKING:
    from engine.models.policy import Policy

__all__ = ["Run", "Stopped"]


class Run:
    """One run: its policy, what it has picked, bought and trained so far."""

    def __init__(self, inputs: Inputs, say: Callable[[str], None], policy: "Policy | None") -> None:
        self.inputs, self.say = inputs, say
        self.config, self.study, self.seed = inputs.config, inputs.config.study, inputs.config.seed
        self.strategy, self.sampler = inputs.config.strategy, self.study.sampler
        self.policy = policy or load_policy(self.study.model, self.seed)
        self.policy.memory = inputs.memory
        fresh_adapter(self.policy, self.seed)
        self._watch = Watch(self.policy, inputs.check)
        refused = unusable(self.policy, inputs.data)
        self.refused = refused
        self.data = PreferenceData(
            prompts=dict(inputs.data.prompts),
            responses={i: r for i, r in inputs.data.responses.items() if i not in refused},
            pairs={i: p for i, p in inputs.data.pairs.items() if p.a not in refused and p.b not in refused},
            comparisons=inputs.data.comparisons,
            scores=inputs.data.scores,
        )
        responses = list(self.data.responses.values())
        say(f"the SFT model reads {len(responses):,} responses")
        self.reference = reference_logps(self.policy, self.data.prompts, responses, inputs.cache)
        self.pairs: dict[str, Pair] = {}
        self.labels: list[tuple[int, Label]] = []
        self.signals = Signals(inputs, self.policy, self.data, self.reference, say, self.labels, self.pairs)
        self.measures = Measures(inputs, self.policy, say)
        self.pooled_now: Pooled | None = None
        self.scored_now: Scored | None = None
        self.picks: list[Pick] = []
        self.pseudo: Mapping[str, Answer] = {}
        self.features: dict[str, list[np.ndarray]] = {name: [] for name in self.strategy.needs}
        self.shadows = shadows_of(self)

    @property
    def tokens_seen(self) -> int:
        """Tokens put through the model so far, padding not counted."""
        return self._watch.tokens

    def forget_peak(self) -> None:
        """From here on `peak_bytes` counts anew."""
        forget_peak(self.policy)

    @property
    def peak_bytes(self) -> int:
        """The most memory held at once: of the device on CUDA, else of this process."""
        return peak_bytes(self.policy)

    # ---- the stages ------------------------------------------------------------------------------------------------

    def pooled(self, number: int) -> Pooled:
        """The candidate pairs of the round's prompts; SelectionError where they do not fill its batch."""
        found = self.found(number, self.prompts(number))
        wanted = 1 if self.strategy.whole_pool else self.k(found.made_pairs)
        each = self.study.one_per_prompt and not self.strategy.whole_pool
        there = len({pair.prompt_id for pair in found.made_pairs}) if each else len(found.made_pairs)
        if there < wanted:
            left_out = "; ".join(f"{n:,} {reason}" for reason, n in found.dropped.items())
            what = "prompts with candidate pairs" if each else "candidate pairs"
            raise SelectionError(
                f"Round {number} has {there} {what}; {wanted} are to be labelled{', one a prompt' if each else ''}."
                + (f" Left out: {left_out}." if left_out else ""),
                "Raise prompts_per_round, lower labels_per_round or rounds, or add pairs.",
            )
        return found

    def found(self, number: int, prompts: Sequence[str]) -> Pooled:
        """The candidate pairs of these prompts, that the oracle can answer, not picked before; drawn where they are."""
        dropped: dict[str, int] = {}
        if self.study.sampler.generates:
            asked, prompts = len(prompts), with_room(self.policy, self.data, prompts)
            dropped |= {"prompts: no room for a response": n} if (n := asked - len(prompts)) else {}
        found = self.sampler.candidates(self.data, prompts, self.signals.on(number))
        allowed = self.study.oracle.can_answer(self.data)
        skipped = [label.pair_id for _, label in self.labels if label.answer == "skip"]
        picked = {pick.pair_id for pick in self.picks} - (set(self.inputs.again(skipped)) if skipped else set())
        dropped |= found.dropped
        pairs = []
        for pair in found.pairs:
            if pair.id in picked:
                dropped["picked before"] = dropped.get("picked before", 0) + 1
            elif allowed is not None and pair.id not in allowed:
                dropped["the oracle has no answer"] = dropped.get("the oracle has no answer", 0) + 1
            else:
                pairs.append(pair)
        for reason in self.refused.values():
            dropped[f"responses: {reason}"] = dropped.get(f"responses: {reason}", 0) + 1
        return Pooled(number, tuple(p.id for p in pairs), found.made, tuple(pairs), dropped)

    def scored(self, number: int) -> Scored:
        """The signals the strategy needs, and the panel's, over the pool; none in a warm-up round."""
        needs = self.read(number)
        texts = self.signals.texts(self.candidates())
        together = self.signals.reads(needs)
        signals = {name: self.signals.signal(name, texts, number, together) for name in needs}
        notes = []
        if self.strategy.ties_at_reference and self.policy.equals_reference and not self.warm_up(number):
            notes.append(
                "Policy and reference are still the same, so every margin is 0; ties are broken by a seeded draw."
            )
        scores = None
        if not self.warm_up(number):
            view = self.view(number, signals)
            scores = scores_of(recipe_of(self.strategy, self.config.arm, view), view, self.inputs.check)
        return Scored(number, tuple(signals.values()), scores, tuple(notes))

    def picked(self, number: int) -> Picked:
        """The batch of the strategy, or in a warm-up round the same random pairs for every strategy of the seed."""
        return batch.picked(self, number)

    def reviewed(self, event: Picked) -> Picked | None:
        """The batch that is labelled: as it was picked, or as a person left it; None while it is under review."""
        return batch.reviewed(self, event)

    def labelled(self, number: int) -> Labelled | None:
        """The answers to the batch, bought once; None while a person has still to answer."""
        pairs = [self.pairs[pick.pair_id] for pick in self.picks[-self._batch_size :]]
        bought = self.inputs.bought([pair.id for pair in pairs])
        asked = [pair for pair in pairs if pair.id not in bought]
        answers = self.study.oracle.label(self._question(asked)) if asked else []
        new = {answer.pair_id: answer for answer in answers if answer is not None}
        if len(new) < len(asked):
            self.inputs.waits([pair.id for pair in asked if pair.id not in new])
            return None
        labels = self.study.oracle.noted(self._question(pairs), [bought.get(p.id) or new[p.id] for p in pairs])
        return Labelled(number, tuple(labels), len(pairs) - len(asked))

    def _question(self, pairs: Sequence[Pair]) -> Question:
        inputs = self.inputs
        seed = f", seed {self.seed}" if self.study.oracle.simulated else ""  # else labels are bought once a study
        payer = f"{inputs.study_id}, labels{seed}"
        return Question(tuple(pairs), self.data, self.seed, inputs.check, inputs.cache, inputs.spent, payer)

    def trained(self, number: int) -> Trained:
        """DPO on the labels so far (or the round's) and the round's pseudo-labels, from the reference (or on)."""
        from engine.dpo.batches import Example
        from engine.dpo.train import train

        of_round = [label for n, label in self.labels if n == number or self.study.regime.data == "cumulative"]
        can_train = [label for label in of_round if label.trains]
        used, dropped = filtered(self.signals, self.study.filters, can_train, number)
        if self.study.regime.weights == "reset":
            fresh_adapter(self.policy, self.seed)
        examples = []
        for pair_id, answer in [*((label.pair_id, label.answer) for label in used), *self.pseudo.items()]:
            pair = self.pairs[pair_id]
            a, b = self.data.responses[pair.a], self.data.responses[pair.b]
            chosen, rejected = (a, b) if answer == "a" else (b, a)
            examples.append(Example(pair.id, self.data.prompts[pair.prompt_id], chosen, rejected))
        result = train(
            self.policy,
            examples,
            self.study.dpo,
            reference_logps=self.reference,
            seed=self.seed,
            round_number=number,
            on_step=lambda step: self.say(
                f"round {number}, training, step {step['step']:.0f}, loss {step['loss']:.3f}"
            ),
            checkpoints=self.inputs.checkpoints,
        )
        state = adapter_state(self.policy)
        return Trained(number, state, result.steps, len(used), hash_of(state), dropped=dropped, pseudo=len(self.pseudo))

    def evaluated(self, number: int) -> Evaluated:
        """Both held-out sets, at the chosen rounds generations, and the margins of the probe panel."""
        return replace(self.measures.evaluate(number), probed=probed(self, number))

    def apply(self, event: Event) -> None:
        """Take an event into the state; the same for an event just made and for one from the store."""
        if isinstance(event, Pooled):
            self.pooled_now = event
            self.sampler = self.sampler.as_begun(self.data, event.made_pairs)
            self.pairs.update((pair.id, pair) for pair in event.made_pairs)
            new = [r for r in event.made if r.id not in self.data.responses]
            self.data.responses.update((r.id, r) for r in new)
            self.reference |= reference_logps(self.policy, self.data.prompts, new, self.inputs.cache) if new else {}
        elif isinstance(event, Scored):
            self.scored_now = event
        elif isinstance(event, Picked):
            self.picks += event.picks
            self._batch_size, self.pseudo = len(event.picks), event.pseudo
            features = dict(event.features)
            if "gradient_difference" in self.features and "reward_gradient" in features:
                sides = features.pop("reward_gradient")  # of a run from when the strategy read the two apart
                features["gradient_difference"] = sides[:, 0] - sides[:, 1]
            for name, rows in features.items():
                shadow, _, signal = name.rpartition(BETWEEN)
                (self.shadows[shadow].features if shadow else self.features)[signal].append(rows)
        elif isinstance(event, Labelled):
            self.labels += [(event.round, label) for label in event.labels]
        elif isinstance(event, Trained):
            set_adapter(self.policy, event.adapter)

    # ---- what the stages share -------------------------------------------------------------------------------------

    def warm_up(self, number: int) -> bool:
        """Whether the round's batch is the random first one."""
        return self.study.warm_up and number == 1

    def read(self, number: int) -> list[str]:
        """The signals that a round reads over its pool."""
        return sorted({*self.study.panel, *(() if self.warm_up(number) else self.strategy.needs)})

    def prompts(self, number: int) -> list[str]:
        """The round's prompts: all, a seeded subset, or the next part of a seeded stream."""
        ids, size = list(self.data.prompts), self.study.prompts_per_round
        if size is None:
            return ids
        streamed = self.study.regime.pool == "streamed"
        draw = uniforms(self.seed, None if streamed else number, "prompts", ids)
        order = [ids[row] for row in np.lexsort((np.array(ids), draw))]
        start = (number - 1) * size if streamed else 0
        chosen = set(order[start : start + size])
        return [prompt_id for prompt_id in ids if prompt_id in chosen]

    def k(self, pool: Sequence[Pair]) -> int:
        """Pairs that a round labels out of that pool."""
        return self.study.batch_of(len(pool), len({pair.prompt_id for pair in pool}))

    def candidates(self) -> list[Pair]:
        """The pairs of the round's pool."""
        assert self.pooled_now is not None  # noqa: S101 - the stage before
        return [self.pairs[pair_id] for pair_id in self.pooled_now.pair_ids]

    def view(self, number: int, signals: Mapping[str, SignalArray], by: Shadow | None = None) -> PoolView:
        """What the strategy, or one in its shadow, sees: only the signals it declared."""
        who: Run | Shadow = by or self
        needs = who.strategy.needs
        picked = [self.pairs[pick.pair_id] for pick in self.picks]
        past = {name: np.concatenate(kept) for name, kept in who.features.items() if kept}
        for name in sorted(who.strategy.recomputed()) if picked else ():
            anew = who.signals.signal(name, who.signals.texts(picked), number)
            past[name] = anew.values[rows_of(anew, picked)]
        candidates = self.candidates()
        return PoolView(
            candidates,
            {name: signal for name, signal in signals.items() if name in needs},
            k=len(candidates) if who.strategy.whole_pool else self.k(candidates),
            seed=self.seed,
            round_number=number,
            reader=f"Strategy {who.strategy.name!r}",
            picked=picked,
            picked_values=past if picked else None,
            labels=[replace(label, detail={}) for _, label in self.labels],  # the detail may hold gold scores
            one_per_prompt=self.study.one_per_prompt,
        )
