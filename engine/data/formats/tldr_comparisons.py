"""TL;DR comparisons: two summaries of a post and which one a worker chose."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import flag_in, list_in, loose_number, mapping_in, response_in, text_in, two, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow, Recorded


@FORMATS.register
class TldrComparisons(Format):
    """{"info": {"post", "title", "subreddit"}, "summaries": [{"text", "policy"}] × 2, "choice", "worker"}.

    Several workers may see the same two: each is a vote. The prompt is put together as in the paper's models. A
    worker's confidence, where the file has it, is the strength, as the file gives it."""

    name: ClassVar[str] = "tldr_comparisons"
    title: ClassVar[str] = "TL;DR comparisons"
    source: ClassVar[str] = "Stiennon et al. 2020, arXiv:2009.01325"
    columns: ClassVar[str] = "info {post, title, subreddit}, summaries [{text, policy}], choice, worker"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have an info, a list of summaries and a choice."""
        return all({"info", "choice"} <= row.keys() and isinstance(row.get("summaries"), list) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One vote about one pair."""
        info, summaries = mapping_in(row, "info"), list_in(row, "summaries")
        if len(summaries) != 2 or not all(isinstance(item, Mapping) for item in summaries):
            raise BadRow("summaries is not a list of two mappings", f"{len(summaries)}")
        extra = row.get("extra")
        strength = loose_number(extra.get("confidence"), "confidence") if isinstance(extra, Mapping) else None
        one, other = (ParsedResponse(response_in(item, "text").strip(), word(item.get("policy"))) for item in summaries)
        said: Recorded = "second" if flag_in(row, "choice") else "first"
        answer = ParsedComparison(0, 1, said, strength, word(row.get("worker")))
        return two(user(_post(info)), one, other, [answer], topic=word(info.get("subreddit") or info.get("site")))


def _post(info: Mapping[str, Any]) -> str:
    if info.get("post") is None:
        return f"Article: {text_in(info, 'article')}\n\nTL;DR:"
    head = f"SUBREDDIT: r/{word(info.get('subreddit'))}\n\nTITLE: {word(info.get('title'))}\n\n"
    return f"{head}POST: {text_in(info, 'post')}\n\nTL;DR:"
