"""Unpaired feedback: a row a response, and whether it is the better one."""

from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Profile, reply


@PROFILES.register
class Kto(Profile):
    """KTO, unpaired: prompt, completion, label (true or false)."""

    name: ClassVar[str] = "kto"
    source: ClassVar[str] = "TRL documentation, dataset formats; Ethayarajh et al. 2024, arXiv:2402.01306"
    reads_as: ClassVar[str] = "kto"
    rows_a_pair: ClassVar[int] = 2

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """Two rows, the chosen response's first."""
        return [
            {"prompt": pair.turns, "completion": reply(text), "label": label} | pair.origin
            for text, label in ((pair.chosen, True), (pair.rejected, False))
        ]
