"""Pairs without an answer as tasks of a labelling tool; who picked them, and who wrote them, is not in there."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.data.profiles.base import in_words
from engine.errors import DataError
from engine.store.outgoing import Outgoing

INTERFACE = """<View>
  <Header value="Which response is better?"/>
  <Text name="prompt" value="$prompt"/>
  <Pairwise name="preference" toName="response_a,response_b"/>
  <Text name="response_a" value="$response_a"/>
  <Text name="response_b" value="$response_b"/>
  <Choices name="without_preference" toName="prompt" choice="single-radio" showInline="true">
    <Choice value="tie"/>
    <Choice value="both bad"/>
  </Choices>
</View>
"""


def tasks_of(pairs: Sequence[Outgoing], tool: str) -> dict[str, bytes]:
    """File → content, for "label_studio" or "argilla"; DataError for another."""
    if tool not in TOOLS:
        raise DataError(f"Pairs do not go out to {tool!r}.", f"Take {' or '.join(TOOLS)}.")
    return TOOLS[tool](pairs)


def _label_studio(pairs: Sequence[Outgoing]) -> dict[str, bytes]:
    """A list of tasks, as its import takes them, and the interface for them, with a tie and both bad."""
    rows = [
        {"data": _texts(pair, in_words(_turns(pair))) | {"messages": _turns(pair)}, "annotations": []} for pair in pairs
    ]
    listed = json.dumps(rows, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    return {"pairs.json": listed, "label_studio.xml": INTERFACE.encode()}


def _argilla(pairs: Sequence[Outgoing]) -> dict[str, bytes]:
    """A record a line; its question has the values response_a, response_b, tie and both_bad."""
    rows: list[Mapping[str, Any]] = [
        {"id": pair.pair_id, "fields": _texts(pair, _turns(pair)), "metadata": {}, "suggestions": {}, "responses": {}}
        for pair in pairs
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {"pairs.jsonl": lines.encode("utf-8", "surrogatepass")}


def _texts(pair: Outgoing, prompt: Any) -> dict[str, Any]:
    return {"prompt": prompt, "response_a": pair.first, "response_b": pair.second}


def _turns(pair: Outgoing) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pair.messages]


TOOLS: dict[str, Callable[[Sequence[Outgoing]], dict[str, bytes]]] = {
    "label_studio": _label_studio,
    "argilla": _argilla,
}
