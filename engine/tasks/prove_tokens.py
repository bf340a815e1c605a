"""A file's rows as a model would read them: the template, where a response begins and ends, and what does not fit."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.formats.base import ParsedRow
from engine.data.places import refuse_elsewhere, refuse_model_outside
from engine.data.proof.digests import prompt_digest
from engine.data.proof.prove import pass_over
from engine.data.proof.sample import Sample
from engine.errors import ModelError
from engine.records import Prompt, Response
from engine.settings import ModelSettings
from engine.store import queries
from engine.store.database import Store
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.prove_data import ProveData

if TYPE_CHECKING:
    from engine.models.tokens import Reader

SHOWN = 3
SAMPLE = 1_000
"""Rows whose tokens are counted."""
BLOCK = 50
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@TASKS.register
class ProveTokens(Task):
    """Show the first rows token by token, with BOS, EOS and the boundary, and count what does not fit the context."""

    name: ClassVar[str] = "prove_tokens"
    title: ClassVar[str] = "token proof"

    path: str = Field(description="a file, a folder saved by `datasets`, or a hub id")
    model: str = Field(description="folder or hub id of the model whose tokenizer and chat template read it")
    format: str | None = Field(None, description="the data format, or a mapping's path; default: found out")
    context_tokens: int | None = Field(None, ge=8, description="longest prompt + response; default: the model's own")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`views`: a response of each of the first rows as tokens; `prompt`, `response`: tokens of a keyed sample.

        `over`: pairs of prompt and response of the sample, of `n`, that do not fit; `refused`: prompts that the chat
        template refuses, and why. `bos`, `eos`: the tokens, and how often they stand in the first prompt and response.
        """
        from engine.models.load import load_reader

        refuse_elsewhere(store.folder, self.path, self.format)
        refuse_model_outside(self.model, _of_studies(store))
        stamp = ProveData(path=self.path, format=self.format).stamp()
        say("loading the tokenizer")
        reader = load_reader(ModelSettings(path=self.model, context_tokens=self.context_tokens))
        sample: Sample[tuple[int, ParsedRow]] = Sample("token_proof", SAMPLE)
        first: list[tuple[int, ParsedRow]] = []

        def watch(number: int, row: ParsedRow) -> None:
            if len(first) < SHOWN and row.responses:
                first.append((number, row))
            sample.offer(str(prompt_digest(row)), lambda: (number, row))

        pass_over(self.path, self.format, watch, say)
        return {
            "stamp": stamp,
            "tokenizer": reader.name,
            "context_tokens": reader.context_tokens,
            "views": [_view(reader, number, row) for number, row in first],
            **_counted(reader, sample.items(), say),
        }

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """The file is as it was."""
        now = ProveData(path=self.path, format=self.format).stamp()
        return answer.get("stamp") is not None and answer["stamp"] == now


def _of_studies(store: Store) -> Iterator[str]:
    """The models of the store's studies: workers load them wherever they lie."""
    for summary in queries.studies(store):
        yield str(queries.study(store, summary.id).config["model"]["path"])


def _view(reader: "Reader", number: int, row: ParsedRow) -> dict[str, Any]:
    """The first response of a row behind its prompt, in the words of the task `preview`, and its special tokens."""
    from engine.models.tokens import TooLong, encode

    try:
        found = encode(reader, Prompt.of(row.messages), row.responses[0].text)
    except TooLong as error:
        return {"row": number, "tokens": [], "prompt": 0, "response": 0, "fits": False, "why": error.what}
    except ModelError as error:  # the template refuses its turns
        return {"row": number, "tokens": [], "prompt": 0, "response": 0, "fits": False, "why": str(error)}
    parts = [(found.prompt_ids, "prompt"), (found.response_ids, "response")]
    bos = reader.tokenizer.bos_token_id
    return {
        "row": number,
        "tokens": [[reader.tokenizer.decode([token]), part] for ids, part in parts for token in ids],
        "prompt": len(found.prompt_ids),
        "response": len(found.response_ids),
        "fits": True,
        "tokenizer": reader.name,
        "context_tokens": reader.context_tokens,
        "bos": [reader.tokenizer.bos_token or "", sum(token == bos for token in found.prompt_ids[:2])],
        "eos": [reader.tokenizer.decode([reader.end_id]), sum(token == reader.end_id for token in found.response_ids)],
    }


def _counted(reader: "Reader", rows: list[tuple[int, ParsedRow]], say: Say) -> dict[str, Any]:
    """Tokens of prompts and responses of the sample, and which rows do not fit."""
    from engine.models.tokens import encode_any

    prompts, responses, over, refused = [], [], [], []
    for n, (number, row) in enumerate(rows):
        if n % BLOCK == 0:
            say(f"counting tokens, {n:,} of {len(rows):,} rows")
        prompt = Prompt.of(row.messages)
        try:
            found = encode_any(reader, {prompt.id: prompt}, [Response.of(prompt.id, r.text) for r in row.responses])
        except ModelError as error:
            refused.append([number, error.what[:200]])
            continue
        prompts += [len(text.prompt_ids) for text in found[:1]]
        responses += [len(text.response_ids) for text in found]
        over += [number for text in found if text.length > reader.context_tokens]
    return {
        "sample": len(rows),
        "n": len(responses),
        "prompt_tokens": _quantiles(prompts),
        "response_tokens": _quantiles(responses),
        "over": len(over),
        "over_rows": sorted(set(over))[:SAMPLE],
        "refused": len(refused),
        "refused_rows": refused[:50],
    }


def _quantiles(counts: list[int]) -> dict[str, float]:
    """Quantile → tokens, and the mean and the largest."""
    values = np.array(counts or [0], dtype=np.float64)
    found = {f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES}
    return {**found, "mean": float(values.mean()), "max": float(values.max())}
