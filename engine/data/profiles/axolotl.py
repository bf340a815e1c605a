"""Axolotl's preference format for chat templates, with the lines for its config."""

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Profile


@PROFILES.register
class Axolotl(Profile):
    """Axolotl, type chat_template.default, with the lines for its config."""

    name: ClassVar[str] = "axolotl"
    source: ClassVar[str] = "Axolotl documentation, RLHF, chat_template.default"
    reads_as: ClassVar[str] = "axolotl"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """{"messages", "chosen", "rejected"}: the prompt's messages, and one message a side."""
        chosen, rejected = ({"role": "assistant", "content": text} for text in (pair.chosen, pair.rejected))
        return [{"messages": pair.turns, "chosen": chosen, "rejected": rejected} | pair.origin]

    def beside(self, file: str, title: str) -> Mapping[str, bytes]:
        """axolotl.yaml: the part of a config that names the data."""
        import yaml

        kind = {".jsonl": "json", ".parquet": "parquet"}.get(file[file.rfind(".") :] if "." in file else "")
        data = {
            "path": file,
            **({"ds_type": kind} if kind else {}),
            "split": "train",
            "type": "chat_template.default",
            "field_messages": "messages",
            "field_chosen": "chosen",
            "field_rejected": "rejected",
            "message_property_mappings": {"role": "role", "content": "content"},
        }
        return {"axolotl.yaml": yaml.safe_dump({"rl": "dpo", "datasets": [data]}, sort_keys=False).encode()}
