"""Label Studio tasks with a pairwise annotation an answer, and the labelling interface they belong to."""

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Container, Profile, in_words

INTERFACE = """<View>
  <Header value="Which response is better?"/>
  <Text name="prompt" value="$prompt"/>
  <Pairwise name="preference" toName="response_a,response_b"/>
  <Text name="response_a" value="$response_a"/>
  <Text name="response_b" value="$response_b"/>
</View>
"""


@PROFILES.register
class LabelStudio(Profile):
    """Label Studio tasks with pairwise annotations, and the interface for them."""

    name: ClassVar[str] = "label_studio"
    source: ClassVar[str] = "Label Studio documentation, task format and the tag Pairwise"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl",)
    reads_as: ClassVar[str] = "label_studio"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """One task: left is side a. Its tag knows left and right only, so ties stand in the sidecar alone.

        `prompt` is for people to read, `messages` has it turn by turn.
        """
        votes = [vote for vote in pair.votes if vote.answer in ("a", "b")]
        annotations = [
            {
                "result": [
                    {
                        "from_name": "preference",
                        "to_name": "response_a",
                        "type": "pairwise",
                        "value": {"selected": "left" if vote.answer == "a" else "right"},
                    }
                ],
                "was_cancelled": False,
                "lead_time": vote.seconds,
                "meta": {"labeller": vote.labeller, "oracle": vote.oracle},
            }
            for vote in votes
        ]
        texts = {
            "prompt": in_words(pair.turns),
            "messages": pair.turns,
            "response_a": pair.pair.response_a,
            "response_b": pair.pair.response_b,
        }
        return [{"data": {**texts, **pair.origin}, "annotations": annotations}]

    def beside(self, file: str, title: str) -> Mapping[str, bytes]:
        """The labelling interface that shows such tasks."""
        return {"label_studio.xml": INTERFACE.encode()}
