"""The signals of a run: which texts, which pass, block by block from the cache or through the model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.cache import cached, key_of
from engine.data.pool import PreferenceData
from engine.errors import OracleError
from engine.loop import Inputs
from engine.models.adapters import adapter_state, fresh_adapter, set_adapter
from engine.models.logps import BLOCK
from engine.oracles.base import Desk, Oracle
from engine.records import Answer, Label, Pair, Response, SignalArray
from engine.signals.base import GOLD, Bought, Pass, Reads, Signal, Texts, reads_of

if TYPE_CHECKING:
    from engine.models.policy import Policy

BLOCK_BYTES = 1 << 28
"""At most so much is kept as one array: a wide signal in fewer rows, so that none is too large for the cache."""


def how_prompts_are_read(together: Iterable[Reads]) -> str:
    """ "" once for all responses of a prompt; where gradients are asked for, once a response or once a pair."""
    slopes = {read.what for read in together if read.backward}
    return "own prompts" if "gradients" in slopes else "a pair" if slopes else ""


def rows_together(width: int) -> int:
    """How many rows of `width` float32 numbers are computed and kept as one."""
    return max(1, min(BLOCK, BLOCK_BYTES // (4 * width)))


class Signals:
    """What a run's model passes give, each computed once.

    `data`, `reference` (response id → log-prob under the reference, nats), `labels` (round and label, all that the run
    has bought) and `pairs` (those of the run's pools) are the run's own and grow with it.
    """

    def __init__(
        self,
        inputs: Inputs,
        policy: "Policy",
        data: PreferenceData,
        reference: dict[str, float],
        say: Callable[[str], None],
        labels: Sequence[tuple[int, Label]] = (),
        pairs: Mapping[str, Pair] | None = None,
    ) -> None:
        self.inputs, self.policy, self.data, self.reference, self.say = inputs, policy, data, reference, say
        self.study, self.seed = inputs.config.study, inputs.config.seed
        self.labels, self.pairs = labels, data.pairs if pairs is None else pairs

    def on(self, number: int, signal: Signal | None = None, together: frozenset[Reads] = frozenset()) -> Pass:
        """What a pass of round `number` may use: gold scores only for the signal that is made of them, labels only for
        one that learns from them."""
        inputs, policy, beta = self.inputs, self.policy, self.study.dpo.beta
        known = self.gold if signal is not None and signal.name == GOLD else None
        on = Pass(policy, beta, self.seed, number, self.reference, inputs.cache, inputs.check, known)
        on = replace(on, signal=lambda other, texts: self.values(other, texts, number), reads=together)
        if signal is not None and signal.learns:
            return replace(on, bought=self.bought(), tune=self._tuned)
        return on

    def reads(self, names: Iterable[str]) -> frozenset[Reads]:
        """What these signals read of the policy's pass over the responses."""
        return reads_of(self.study.signal(name, self.inputs.config.strategy) for name in names)

    def bought(self) -> tuple[Bought, ...]:
        """The labels so far, round by round in pair id order, without what the oracle knows besides."""
        rounds: dict[int, list[Label]] = {}
        for number, label in self.labels:
            rounds.setdefault(number, []).append(replace(label, detail={}))
        found = []
        for number in sorted(rounds):
            labels = sorted(rounds[number], key=lambda label: label.pair_id)
            found.append(Bought(number, tuple(labels), self.texts([self.pairs[label.pair_id] for label in labels])))
        return tuple(found)

    def texts(self, pairs: Sequence[Pair]) -> Texts:
        """The texts of these pairs, each once, in id order, so that the same set gives the same arrays."""
        ordered = sorted(pairs, key=lambda pair: pair.id)
        responses = sorted({r for pair in ordered for r in (pair.a, pair.b)})
        prompts = sorted({pair.prompt_id for pair in ordered})
        return Texts(
            tuple(self.data.prompts[i] for i in prompts),
            tuple(self.data.responses[i] for i in responses),
            tuple(ordered),
        )

    def signal(self, name: str, texts: Texts, number: int, together: frozenset[Reads] = frozenset()) -> SignalArray:
        """One signal over these texts, with the parameters of the study and those that the run's strategy fixes; what
        it reads of the policy comes from one pass `together` with what others will read."""
        signal = self.study.signal(name, self.inputs.config.strategy)
        values = self.values(signal, texts, number, together)
        return SignalArray(name, signal.axis, texts.ids(signal.axis), values, signal.unit, signal.made_on())

    def values(self, signal: Signal, texts: Texts, number: int, together: frozenset[Reads] = frozenset()) -> np.ndarray:
        """A signal's values for `texts.ids(signal.axis)`, block by block, each from the cache if it lies there.

        What the policy does not change is computed over the whole data once, and its rows are taken. What learns from
        labels is computed in one go, so that it is trained once: what it reads is in blocks.
        """
        of_policy = signal.model == "policy"
        what = {
            "signal": signal.spec(),
            "model": self.policy.fingerprint("policy" if of_policy else "reference"),
            "beta": self.study.dpo.beta,
            "draws": [self.seed, number] if of_policy else None,
        }
        together = together if signal.reads in together else frozenset()
        if prompts := how_prompts_are_read(together):  # that moves last bits
            what["passes"] = prompts
        if signal.learns:
            what |= self._learned_from()
            blocks = [texts]
        else:
            wide = texts if of_policy or self.study.sampler.generates else self._everything()
            blocks = wide.blocks(rows_together(signal.width(self.policy)))
        if signal.name == GOLD:
            what["gold"] = [oracle.spec() for oracle in self._judges()]
            if not any(oracle.scores_texts() for oracle in self._judges()):  # the file's own, which may be another's
                what["scores"] = key_of({}, [f"{i} {self.data.scores.get(i)}" for i in sorted(self.data.responses)])
        row: dict[str, int] = {}
        parts = []
        whole = sum(len(block.ids(signal.axis)) for block in blocks)
        for block in blocks:
            self.say(f"round {number}, {signal.heading()}, {len(row):,} of {whole:,} {signal.axis}s")
            key = key_of(what, [*block.ids("prompt"), *block.ids("response"), *block.ids("pair")])

            def compute(block: Texts = block) -> np.ndarray:
                return signal.compute(block, self.on(number, signal, together))

            parts.append(cached(self.inputs.cache, key, compute)[0])
            row.update((item, len(row)) for item in block.ids(signal.axis))
        return np.concatenate(parts)[[row[item] for item in texts.ids(signal.axis)]]

    def _learned_from(self) -> dict[str, Any]:
        """What a signal that learns depends on besides its texts: the run's labels, the seed, how adapters train."""
        return {
            "seed": self.seed,
            "labels": [[b.round, *((x.pair_id, x.answer) for x in b.labels)] for b in self.bought()],
            "reference": self.policy.fingerprint("reference"),
            "dpo": self.study.dpo.spec(),
            "lora": self.study.model.lora.model_dump(mode="json"),
        }

    def _tuned(self, answered: Sequence[tuple[Pair, Answer]], seed: int) -> Mapping[str, np.ndarray]:
        """The adapter that DPO makes of these answers from the fresh start of a seed; the policy is put back.

        Its weights lie in the cache as one array, in name order, so that a stop loses one training at most.
        """
        from engine.dpo.batches import Example
        from engine.dpo.train import train

        before = adapter_state(self.policy)

        def compute() -> np.ndarray:
            examples = []
            for number, (pair, answer) in enumerate(answered):
                a, b = self.data.responses[pair.a], self.data.responses[pair.b]
                better, worse = (a, b) if answer == "a" else (b, a)
                examples.append(Example(f"{pair.id}:{number}", self.data.prompts[pair.prompt_id], better, worse))
            try:
                fresh_adapter(self.policy, seed)
                train(self.policy, examples, self.study.dpo, reference_logps=self.reference, seed=seed, round_number=0)
                after = adapter_state(self.policy)
            finally:
                set_adapter(self.policy, before)
            return np.concatenate([after[name].ravel() for name in sorted(after)])

        what = {"what": "adapter of an ensemble", "seed": seed, "halved": self.policy.memory.training}
        known = self._learned_from()
        key = key_of(what | {name: known[name] for name in ("reference", "dpo", "lora")},
                     [f"{pair.id}{answer}" for pair, answer in answered])  # fmt: skip
        flat, at, found = cached(self.inputs.cache, key, compute)[0], 0, {}
        for name in sorted(before):
            found[name] = flat[at : at + before[name].size].reshape(before[name].shape)
            at += before[name].size
        return found

    def _everything(self) -> Texts:
        pairs = self.study.sampler.candidates(self.data, list(self.data.prompts), None).pairs
        return self.texts(pairs)

    def _judges(self) -> list[Oracle]:
        return [self.study.oracle, *([self.study.evaluator] if self.study.evaluator else [])]

    def gold(self, responses: Sequence[Response]) -> np.ndarray:
        """Gold scores (n,), by an oracle of the study that scores any text, or else those of the data file."""
        for oracle in self._judges():
            if oracle.scores_texts():
                prompts = [self.data.prompts[response.prompt_id] for response in responses]
                texts = [response.text for response in responses]
                return np.asarray(oracle.score_texts(prompts, texts, Desk(self.inputs.check, self.inputs.cache)))
        missing = [response.id for response in responses if response.id not in self.data.scores]
        if missing:
            raise OracleError(
                f"A gold score is needed of every response; {len(missing)} of {len(responses)} have none "
                f"(first: {missing[0]!r}).",
                "Leave out what asks for it (an oracle control, a filter's external margin), or name an evaluator that "
                "scores any text.",
            )
        return np.array([self.data.scores[response.id] for response in responses])
