"""How much likelier each token of a pair's responses has become: the implicit reward, spelled out token by token."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.cache import key_of
from engine.errors import ModelError, StoreError
from engine.records import Prompt, Response, Trained
from engine.store.as_queued import AsQueued, run_as_queued
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.pool_texts import texts_of
from engine.store.scored import pairs_of
from engine.tasks.base import TASKS, Say, Task

if TYPE_CHECKING:
    from engine.models.policy import Policy

AT_MOST = 64
"""Pairs that are read for one request."""
SHOWN = 1024
"""Tokens of a response that are kept for the screen; its sum is over all of them."""


@dataclass(frozen=True)
class Strip:
    """One response, its end included: each token as text, its log-ratio of policy to reference and its entropy (nats).

    `total` is the sum of the log-ratios of all tokens, also of the `left_out` ones at the end that are not kept; `why`
    says why there are none.
    """

    tokens: tuple[str, ...] = ()
    ratios: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()
    total: float = 0.0
    left_out: int = 0
    why: str = ""


@TASKS.register
class TokenRatios(Task):
    """Read both responses of some pairs under the policy and under the reference, and keep what each token gave."""

    name: ClassVar[str] = "token_ratios"
    title: ClassVar[str] = "pairs token by token"
    wants: ClassVar[Literal["tools", "device"]] = "device"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv:2305.18290 (implicit reward); Shannon 1948 (entropy)"

    run_id: str = Field(description="whose policy")
    after: int = Field(ge=0, description="its policy as it was after that round; 0: the SFT model itself")
    pair_ids: tuple[str, ...] = Field(min_length=1, max_length=AT_MOST, description="the pairs to read")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """With a policy of its own."""
        from engine.models.load import load_policy

        return self.do_with(store, say, load_policy)

    def do_with(self, store: Store, say: Say, policy_of: Callable[[Any, int], "Policy"]) -> dict[str, Any]:
        """`kept`: where the strips lie in the cache; β, and what they were made on. Read them with `strips_of`."""
        say("reading the texts")
        run = run_as_queued(store, self.run_id)
        pairs = pairs_of(store, list(self.pair_ids))
        if missing := [pair_id for pair_id in self.pair_ids if pair_id not in pairs]:
            raise StoreError(f"There is no pair {missing[0]!r} in {store.folder}.", "Choose a pair of the batch.")
        prompts, responses = texts_of(store, {side for pair in pairs.values() for side in (pair.a, pair.b)})
        say("loading the model")
        policy = policy_of(run.config.study.model, run.config.seed)
        self._adapt(store, run, policy)
        ids = sorted(responses)
        strips = _strips(policy, prompts, [responses[i] for i in ids], say)
        value = {
            pair_id: [asdict(strips[side]) for side in (pairs[pair_id].a, pairs[pair_id].b)]
            for pair_id in self.pair_ids
        }
        what = {"what": "token ratios", "policy": policy.fingerprint(), "pairs": self.pair_ids}
        key = key_of(what, [responses[i].text for i in ids])
        FileCache(store.folder / "cache").put(key, np.frombuffer(json.dumps(value).encode(), dtype=np.uint8))
        beta = run.config.study.dpo.beta
        return {"kept": key, "beta": beta, "model": policy.name, "same": policy.equals_reference, "pairs": len(value)}

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """While the strips lie in the cache."""
        return (store.folder / "cache" / f"{answer.get('kept')}.npy").is_file()

    def _adapt(self, store: Store, run: AsQueued, policy: "Policy") -> None:
        """Give the policy what the run had learned by then; ModelError if it is another model than the run's."""
        from engine.models.adapters import fresh_adapter, set_adapter

        if run.model_sha256 not in ("", policy.base_hash):
            raise ModelError(
                f"The model {policy.name} is not the one run {self.run_id} was computed with: its weights have the "
                f"hash {policy.base_hash[:8]}, not {run.model_sha256[:8]}.",
                "Put the first one back, then try again.",
            )
        fresh_adapter(policy, run.config.seed)
        if self.after == 0:
            return
        trained = load_event(store, self.run_id, self.after, "trained")
        if not isinstance(trained, Trained):
            raise StoreError(f"Round {self.after} of run {self.run_id} is not trained yet.", "Wait for the round.")
        set_adapter(policy, trained.adapter)


def strips_of(store: Store, answer: Mapping[str, Any]) -> dict[str, tuple[Strip, Strip]]:
    """Pair id → the strips of sides a and b; StoreError if they are no longer in the cache."""
    content = FileCache(store.folder / "cache").get(str(answer["kept"]))
    if content is None:
        raise StoreError("The token view is not, or no longer, in the cache.", "Ask for it again.")
    value = json.loads(content.tobytes())
    return {pair_id: (_strip(a), _strip(b)) for pair_id, (a, b) in value.items()}


def _strip(fields: Mapping[str, Any]) -> Strip:
    parts = {name: tuple(fields[name]) for name in ("tokens", "ratios", "entropies")}
    return Strip(**parts, total=fields["total"], left_out=fields["left_out"], why=fields["why"])


def _strips(
    policy: "Policy", prompts: Mapping[str, Prompt], responses: Sequence[Response], say: Say
) -> dict[str, Strip]:
    """Response id → its strip; a response that does not fit the model with its prompt says so."""
    from engine.models.per_token import score_tokens, token_texts
    from engine.models.tokens import TooLong, encode

    found, fitting, encoded = {}, [], []
    for response in responses:
        try:
            encoded.append(encode(policy, prompts[response.prompt_id], response.text))
            fitting.append(response)
        except TooLong as error:
            found[response.id] = Strip(why=error.what)
    say(f"policy and reference read {len(encoded):,} responses")
    ours = score_tokens(policy, encoded)
    theirs = ours if policy.equals_reference else score_tokens(policy, encoded, reference=True)
    for response, text, here, there in zip(fitting, encoded, ours, theirs, strict=True):
        ratios = here.logp.astype(np.float64) - there.logp
        found[response.id] = Strip(
            tuple(token_texts(policy.tokenizer, text.response_ids[:SHOWN])),
            tuple(round(float(x), 6) for x in ratios[:SHOWN]),
            tuple(round(float(x), 6) for x in here.entropy[:SHOWN]),
            float(ratios.sum()),
            max(len(ratios) - SHOWN, 0),
        )
    return found
