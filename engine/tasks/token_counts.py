"""How long the responses of a pool are, in tokens of the study's tokenizer."""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.store.database import Store
from engine.store.pool_texts import fixed_pool, round_pool, study_config
from engine.tasks.base import TASKS, Say, Task

BLOCK = 512
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@TASKS.register
class TokenCounts(Task):
    """Count the tokens of every response of a pool, which do not fit the model's context, and which have none."""

    name: ClassVar[str] = "token_counts"
    title: ClassVar[str] = "token counts"

    study_id: str = Field(description="whose pool and tokenizer")
    run_id: str = Field("", description="the run, for a pool drawn by the policy")
    round: int = Field(0, ge=0, description="the round of that run")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """n, mean, max, quantiles in tokens (the end token included); over_length, empty; context_tokens, tokenizer.

        `empty` are the responses of no token but the end; runs leave them out as they do those that do not fit.
        """
        from engine.models.load import load_reader
        from engine.models.tokens import TooLong, encode

        config = study_config(store, self.study_id)
        pool = round_pool(store, self.run_id, self.round) if self.run_id else fixed_pool(store, self.study_id)
        say("loading the tokenizer")
        reader = load_reader(config.model)
        counts, too_long = [], 0
        for start in range(0, len(pool.responses), BLOCK):
            say(f"counting tokens, {start:,} of {len(pool.responses):,} responses")
            for prompt, response in pool.asked(store, range(start, min(start + BLOCK, len(pool.responses)))):
                try:
                    counts.append(len(encode(reader, prompt, response.text).response_ids))
                except TooLong:
                    too_long += 1
        values = np.array(counts or [0])
        return {
            "n": len(pool.responses),
            "mean": float(values.mean()),
            "max": int(values.max()),
            "quantiles": {f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES},
            "over_length": too_long,
            "empty": sum(count == 1 for count in counts),
            "context_tokens": reader.context_tokens,
            "tokenizer": reader.name,
        }
