"""OpenAssistant message trees: every place where replies were ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from engine.data.formats._parts import ROLES, by_rank, list_in, loose_number, mapping_in, response_in, text_in, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedResponse, ParsedRow
from engine.records import Message


@FORMATS.register
class OpenAssistantTrees(Format):
    """{"message_tree_id", "prompt": {"text", "role", "replies": [{…, "rank"}]}}, each reply again with replies.

    A prompt is every person's turn with two or more replies, behind all that was said before it. Ranks compare, 0 is
    best. A turn with one reply or none gives no pair, a reply without a rank no answer, and a deleted one is left out
    with all below it: each is counted."""

    name: ClassVar[str] = "openassistant_trees"
    title: ClassVar[str] = "OpenAssistant trees"
    source: ClassVar[str] = "Köpf et al. 2023, arXiv:2304.07327"
    columns: ClassVar[str] = "message_tree_id, prompt {text, role, replies [{text, rank, replies}]}"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows are trees."""
        return all("message_tree_id" in row and isinstance(row.get("prompt"), Mapping) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> tuple[ParsedRow, ...]:
        """Every prompt of the tree that has a pair."""
        left_out: list[str] = []
        found: list[ParsedRow] = []
        waiting: list[tuple[tuple[Message, ...], Mapping[str, Any]]] = [((), mapping_in(row, "prompt"))]
        while waiting:
            before, node = waiting.pop()
            role = word(node.get("role"))
            said = (*before, Message(ROLES.get(role, role), text_in(node, "text")))
            replies = _replies(node, left_out)
            if said[-1].role == "user" and len({text_in(reply, "text") for reply in replies}) > 1:
                found.append(_prompt(said, replies, word(node.get("lang")), left_out))
            elif said[-1].role == "user":
                left_out.append("turns with one reply, which is no pair" if replies else "turns without a reply")
            waiting += [(said, reply) for reply in reversed(replies)]
        if not found:
            raise BadRow("no turn of the tree has two replies")
        return (replace(found[0], left_out=tuple(left_out)), *found[1:])


def _replies(node: Mapping[str, Any], left_out: list[str]) -> list[Mapping[str, Any]]:
    replies = list_in(node, "replies") if node.get("replies") is not None else []
    if not all(isinstance(reply, Mapping) for reply in replies):
        raise BadRow("a reply is not a mapping")
    kept = [reply for reply in replies if not reply.get("deleted")]
    left_out += ["deleted replies"] * (len(replies) - len(kept))
    return kept


def _prompt(
    said: tuple[Message, ...], replies: Sequence[Mapping[str, Any]], language: str, left_out: list[str]
) -> ParsedRow:
    ranks = [loose_number(reply.get("rank"), "rank") for reply in replies]
    left_out += ["replies without a rank"] * ranks.count(None)
    responses = tuple(ParsedResponse(response_in(reply, "text"), word(reply.get("model_name"))) for reply in replies)
    return ParsedRow(said, responses, by_rank(ranks), language)
