"""LLaMA-Factory's preference format, with the entry for its dataset_info.json."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Container, Profile
from engine.errors import DataError

FROM = {"user": "human", "assistant": "gpt"}
"""A message's role → its name in ShareGPT's style. A system turn has a column of its own."""


@PROFILES.register
class LlamaFactory(Profile):
    """LLaMA-Factory, ShareGPT style, with its dataset_info entry."""

    name: ClassVar[str] = "llamafactory"
    source: ClassVar[str] = "LLaMA-Factory, data/README.md"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl", "parquet")
    reads_as: ClassVar[str] = "llamafactory"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """{"conversations", "chosen", "rejected", "system"}; DataError unless user and assistant take turns."""
        turns = pair.turns
        system = turns[0]["content"] if turns[0]["role"] == "system" else ""
        rest = turns[1:] if turns[0]["role"] == "system" else turns
        expected = ["user" if n % 2 == 0 else "assistant" for n in range(len(rest))]
        if not rest or [turn["role"] for turn in rest] != expected or rest[-1]["role"] != "user":
            raise DataError(
                f"Pair {pair.pair.pair_id} has a prompt of {', '.join(turn['role'] for turn in turns)}; profile "
                "'llamafactory' takes user and assistant by turns, the user last.",
                "Take profile 'trl'.",
            )
        spoken = [{"from": FROM[turn["role"]], "value": turn["content"]} for turn in rest]
        sides = {
            "chosen": {"from": "gpt", "value": pair.chosen},
            "rejected": {"from": "gpt", "value": pair.rejected},
        }
        return [{"conversations": spoken, **sides, "system": system} | pair.origin]

    def beside(self, file: str, title: str) -> Mapping[str, bytes]:
        """dataset_info.json: "ranking" is what makes it read pairs."""
        columns = {name: name for name in ("chosen", "rejected", "system")}
        entry = {
            "file_name": file,
            "ranking": True,
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", **columns},
        }
        return {"dataset_info.json": (json.dumps({title: entry}, indent=2) + "\n").encode()}
