"""Answers of another labelling tool, from its file into the store: what became of each, and every refused row."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.places import refuse_elsewhere
from engine.data.read import read
from engine.store import outgoing
from engine.store.database import Store
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.prove_data import ProveData, refused_rows

LISTED = 500
"""Answers that changed nothing, or another answer, which stand in the report; it counts all."""
CUT = 200
"""Characters of a prompt in the report at most."""


@TASKS.register
class TakeAnswers(Task):
    """Read the file of a labelling tool and write down the answers to pairs of a campaign, each once.

    The same as `workbench label import`. All answers of a file are written, or none.
    """

    name: ClassVar[str] = "take_answers"
    title: ClassVar[str] = "answers of another tool"

    study_id: str = Field(description="the campaign whose pairs went out")
    path: str = Field(description="the file that the tool gave")
    format: str | None = Field(None, description="the data format; default: found out from the first rows")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """Way → answers, `still_out` in pairs, parts that were dropped, refused rows, and `unwritten`.

        `unwritten` lists [pair id, end of the prompt, what became of it] of the answers that are not simply written.
        """
        stamp = self.stamp()  # before reading: a file that is changed meanwhile is read again
        refuse_elsewhere(store.folder, self.path, self.format)
        say("reading the file")
        reading = read(self.path, self.format, skip_refused=True)
        data, report = reading.data, reading.report
        say(f"writing down {len(data.comparisons):,} answers")
        told = outgoing.fates(store, self.study_id, data.comparisons)
        counts = Counter(told)
        others = [(one.pair_id, way) for one, way in zip(data.comparisons, told, strict=True) if way != "written"]
        prompts = [data.prompts[data.pairs[pair_id].prompt_id] for pair_id, _ in others[:LISTED]]
        return {
            "stamp": stamp,
            "asked": outgoing.last_asked(store, self.study_id),
            "format": report.format,
            "sha256": report.sha256,
            "rows": report.rows,
            "ways": {way: counts[way] for way in outgoing.WAYS},
            "still_out": outgoing.out(store, self.study_id),
            "dropped": {what: n for what, n in report.dropped.items() if n},
            "unwritten": [
                [pair_id, prompt.messages[-1].content[:CUT].encode("utf-8", "backslashreplace").decode(), way]
                for (pair_id, way), prompt in zip(others, prompts, strict=False)
            ],
            **refused_rows(store, report),
        }

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """The file is as it was, and nothing was asked since that it may answer."""
        same = answer.get("stamp") is not None and answer["stamp"] == self.stamp()
        return same and answer["asked"] == outgoing.last_asked(store, self.study_id)

    def stamp(self) -> list[int] | None:
        """That of the proof of the same file."""
        return ProveData(path=self.path, format=self.format).stamp()
