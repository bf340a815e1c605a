"""What a round is measured by: both held-out sets every round, generations at the chosen ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.data.pool import PreferenceData
from engine.errors import ConfigError, DataError, OracleError
from engine.models.fit import unusable
from engine.models.logps import reference_logps
from engine.oracles.base import Desk
from engine.oracles.recorded import majority
from engine.records import Answer, Evaluated, Metric, Prompt
from engine.seeds import uniforms

if TYPE_CHECKING:
    from engine.dpo.held_out import HeldOut
    from engine.loop import Inputs
    from engine.models.generate import Draw
    from engine.models.policy import Policy


class Measures:
    """The held-out sets of a study, cut once to whole prompts, the same for every strategy, seed and round."""

    def __init__(self, inputs: "Inputs", policy: "Policy", say: Callable[[str], None]) -> None:
        self.study, self.seed, self.policy = inputs.config.study, inputs.config.seed, policy
        self.inputs, self.cache, self.say = inputs, inputs.cache, say
        self.sets: list[HeldOut] = []
        self.reference: dict[str, float] = {}
        self.left_out: dict[str, Mapping[str, int]] = {}
        for name, data in inputs.held_out.items():
            held_out, left_out = _cut(name, data, self.study.evaluation.pairs_per_set, policy)
            self.sets.append(held_out)
            if left_out:
                self.left_out[name] = left_out
            self.reference |= reference_logps(policy, held_out.prompts, list(held_out.responses.values()), inputs.cache)
        self._sft: tuple[Draw, ...] | None = None
        if self.study.evaluation.text_file is not None and self.study.evaluation.generate != "never":
            from engine.dpo.generations import text_of

            text_of(policy, _lines(self.study.evaluation.text_file))  # refused now, not in the last round

    def evaluate(self, number: int) -> Evaluated:
        """All metrics of the round, and every held-out pair's margin (a minus b) for later analysis."""
        from engine.dpo.held_out import held_out_metrics

        metrics: list[Metric] = []
        outcomes: dict[str, np.ndarray] = {}
        for held_out in self.sets:
            self.say(f"round {number}, evaluating, {len(held_out.pairs):,} pairs of {held_out.name}")
            beta = self.study.dpo.beta
            found, margins = held_out_metrics(self.policy, held_out, beta, self.reference, self.cache)
            metrics += found
            outcomes[held_out.name] = margins
        settings = self.study.evaluation
        generates = settings.generate == "every" or (settings.generate == "last" and number == self.study.rounds)
        if not (generates and number > 0):
            if number:
                return Evaluated(number, tuple(metrics), outcomes)
            return Evaluated(number, tuple(metrics), outcomes, measured=self._measured(), left_out=self.left_out)
        from engine.dpo.generations import generation_metrics, perplexity, sft_answers

        prompts = self._prompts()
        if self._sft is None:
            self.say(f"round {number}, the SFT model answers {len(prompts):,} prompts")
            self._sft = tuple(sft_answers(self.policy, prompts, settings.max_new_tokens, self.cache))
        self.say(f"round {number}, the policy answers {len(prompts):,} prompts")
        inputs, evaluator = self.inputs, self.study.evaluator or self.study.oracle
        with self._as_named():
            found, generations = generation_metrics(
                self.policy,
                prompts,
                evaluator=evaluator if evaluator.compares_texts() else None,
                desk=Desk(inputs.check, self.cache, inputs.spent, f"{inputs.run_id}, evaluation of round {number}"),
                sft=self._sft,
                settings=settings,
                seed=self.seed,
                round_number=number,
                cache=self.cache,
            )
        metrics += found
        if settings.text_file is not None:
            lines = _lines(settings.text_file)
            self.say(f"round {number}, perplexity on {len(lines):,} lines")
            metrics += [perplexity(self.policy, lines, reference=which, cache=self.cache) for which in (False, True)]
        return Evaluated(number, tuple(metrics), outcomes, generations)

    @contextmanager
    def _as_named(self) -> Iterator[None]:
        """An oracle calls its fields "oracle.…"; what an evaluator says of its own stands elsewhere in the file."""
        try:
            yield
        except OracleError as error:
            if self.study.evaluator is None:
                raise
            what, next_step = (text.replace("oracle.", "evaluator.") for text in (error.what, error.next_step))
            raise OracleError(what, next_step) from error

    def _measured(self) -> dict[str, tuple[tuple[str, str, Answer], ...]]:
        return {
            held_out.name: tuple((p.id, p.prompt_id, held_out.answers[p.id]) for p in held_out.pairs)
            for held_out in self.sets
        }

    def _prompts(self) -> list[Prompt]:
        """The prompts of the primary held-out set that generations answer, keyed so that they are always the same."""
        prompts = list(self.sets[0].prompts.values()) if self.sets else []
        draw = uniforms(0, None, "generate", [prompt.id for prompt in prompts])
        return [prompts[row] for row in np.argsort(draw)[: self.study.evaluation.prompts]]


def _cut(name: str, data: PreferenceData, n_pairs: int, policy: "Policy") -> tuple["HeldOut", dict[str, int]]:
    """Whole prompts in a keyed order until `n_pairs` answered pairs are reached, and what was left out and why."""
    from engine.dpo.held_out import HeldOut

    refused = unusable(policy, data)
    votes: dict[str, list[Answer]] = {}
    for comparison in data.comparisons:
        votes.setdefault(comparison.pair_id, []).append(comparison.answer)
    answers = {pair_id: majority(cast) for pair_id, cast in votes.items()}
    left_out: dict[str, int] = {}
    by_prompt: dict[str, list[str]] = {}
    for pair in data.pairs.values():
        if why := refused.get(pair.a) or refused.get(pair.b):
            reason = f"pairs with a response {why}"
        elif answers.get(pair.id) not in ("a", "b"):
            reason = "pairs without a side preferred"
        else:
            by_prompt.setdefault(pair.prompt_id, []).append(pair.id)
            continue
        left_out[reason] = left_out.get(reason, 0) + 1
    if not by_prompt:
        found = "; ".join(f"{reason}: {n:,}" for reason, n in left_out.items()) or "it has none"
        raise DataError(
            f"No pair of the held-out set {name} can be measured with {policy.name}: {found}.",
            "Name another held-out file, or raise model.context_tokens if the model allows.",
        )
    ids = list(by_prompt)
    draw = uniforms(0, None, f"held_out:{name}", ids)
    chosen: list[str] = []
    for row in np.lexsort((np.array(ids), draw)):
        if len(chosen) >= n_pairs:
            break
        chosen += by_prompt[ids[row]]
    chosen.sort()
    pairs = tuple(data.pairs[pair_id] for pair_id in chosen)
    responses = {r: data.responses[r] for pair in pairs for r in (pair.a, pair.b)}
    prompts = {pair.prompt_id: data.prompts[pair.prompt_id] for pair in pairs}
    held_out = HeldOut(name, pairs, prompts, responses, {i: answers[i] for i in chosen})
    return held_out, left_out


def _lines(path: str) -> list[str]:
    try:
        return [line for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise ConfigError(
            "evaluation.text_file", [f"{path} cannot be read: {error.strerror}"], "Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "evaluation.text_file", [f"{path} is no text in UTF-8: {error}"], "Save it as UTF-8, or take another."
        ) from error
