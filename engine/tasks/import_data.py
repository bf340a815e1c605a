"""A data file into the store, with a report of every row that cannot be used."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.places import refuse_elsewhere
from engine.data.pool import PreferenceData
from engine.data.take_in import TakenIn, take_in
from engine.records import Prompt
from engine.store.browse import has_dataset
from engine.store.database import Store
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.prove_data import ProveData, refused_rows

CUT = 4000
"""Characters of a text in the report at most."""


@TASKS.register
class ImportData(Task):
    """Read a file into the store. With refused rows only when the request says so; either way each is listed."""

    name: ClassVar[str] = "import_data"
    title: ClassVar[str] = "import"

    path: str = Field(description="a file, a folder saved by `datasets`, or a hub id")
    format: str | None = Field(None, description="the data format; default: found out from the first rows")
    skip_refused: bool = Field(False, description="go on without the rows that cannot be used")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """The report; `dataset_id` is "" where refused rows stopped the import."""
        refuse_elsewhere(store.folder, self.path, self.format)
        stamp = self.stamp()  # before reading: a file that is changed meanwhile is read again
        taken = take_in(store, self.path, self.format, skip_refused=self.skip_refused, say=say)
        answer = {"dataset_id": taken.dataset_id, "stamp": stamp}
        return {**answer, **_summary(taken), **refused_rows(store, taken.report)}

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """File and mapping are as they were, and what was read is in the store. Of a hub id nobody knows."""
        if answer.get("stamp") is None or answer["stamp"] != self.stamp():
            return False
        return not answer["dataset_id"] or has_dataset(store, answer["dataset_id"])

    def stamp(self) -> list[int] | None:
        """That of the proof of the same file."""
        return ProveData(path=self.path, format=self.format).stamp()


def _summary(taken: TakenIn) -> dict[str, Any]:
    report, counts = taken.report, taken.report.counts
    return {
        "format": report.format,
        "why": report.why_format,
        "sha256": report.sha256,
        "rows": report.rows,
        "prompts": counts.prompts,
        "responses": counts.responses,
        "pairs": counts.pairs,
        "recorded": dict(counts.recorded),
        "scored": counts.scored,
        "label_bank": report.label_bank,
        "dropped": {what: n for what, n in report.dropped.items() if n},
        "repeated": report.repeated,
        "first": [_understood(taken.first, prompt) for prompt in taken.first.prompts.values()],
    }


def _understood(data: PreferenceData, prompt: Prompt) -> dict[str, Any]:
    """A prompt, its responses, and each recorded answer as places in the list of responses."""
    responses = [r for r in data.responses.values() if r.prompt_id == prompt.id]
    place = {response.id: n for n, response in enumerate(responses)}
    recorded = []
    for comparison in data.comparisons:
        pair = data.pairs[comparison.pair_id]
        if pair.prompt_id == prompt.id:
            recorded.append([place[pair.a], place[pair.b], comparison.answer])
    return {
        "messages": [[m.role, m.content[:CUT]] for m in prompt.messages],
        "responses": [[r.text[:CUT], r.source, data.scores.get(r.id)] for r in responses],
        "recorded": recorded,
    }
