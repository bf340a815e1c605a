"""Pairs to read in a notebook: the prompt above, both responses side by side, as text and as nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

from engine.api.markup import block, escaped, foreign, printable

if TYPE_CHECKING:
    from engine.data.pool import PreferenceData

FIRST = 10
"""Pairs that a notebook shows at once; `first` and slices show others."""
LONGEST = 4000
"""Characters of a text that are shown; the frame holds all of them."""
LEGEND = {
    "pair_id": "id of the pair, a hash of prompt and responses",
    "prompt": "the whole conversation, a turn a paragraph with its role",
    "response_a": "text of side a; sides are drawn by hash, so a is not better than b",
    "response_b": "text of side b",
    "answer": "a, b, tie, both_bad or skip; none while there is no label",
}


@dataclass(frozen=True)
class ShownPair:
    """One pair with its texts. `messages` are (role, content); `words` what is said of it, `numbers` the same to count.

    `answer` is None until labelled, `numbers` name → value, None where it has none.
    """

    pair_id: str
    messages: tuple[tuple[str, str], ...]
    response_a: str
    response_b: str
    answer: str | None = None
    words: str = ""
    numbers: dict[str, float | None] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        return Pairs("", [self])._repr_html_()


class Pairs(Sequence[ShownPair]):
    """Some pairs in order, with a title. A slice is again some pairs; `frame` is all of them as a table."""

    def __init__(self, title: str, pairs: Iterable[ShownPair]) -> None:
        self.title = title
        self._pairs = tuple(pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, at: int) -> ShownPair: ...

    @overload
    def __getitem__(self, at: slice) -> "Pairs": ...

    def __getitem__(self, at: int | slice) -> "ShownPair | Pairs":
        return Pairs(self.title, self._pairs[at]) if isinstance(at, slice) else self._pairs[at]

    def __iter__(self) -> Iterator[ShownPair]:
        return iter(self._pairs)

    @property
    def frame(self) -> Any:
        """A `Table` with a row a pair: pair_id, prompt, response_a, response_b, answer, and a column a number."""
        from engine.api.table import table

        names = list(dict.fromkeys(name for pair in self for name in pair.numbers))
        rows = {
            "pair_id": [pair.pair_id for pair in self],
            "prompt": ["\n\n".join(f"{role}: {text}" for role, text in pair.messages) for pair in self],
            "response_a": [pair.response_a for pair in self],
            "response_b": [pair.response_b for pair in self],
            "answer": [pair.answer for pair in self],
            **{name: [pair.numbers.get(name) for pair in self] for name in names},
        }
        said = {name: words for name, words in LEGEND.items() if name in rows}
        return table(rows, said | {name: NUMBERS.get(name, "a number of the pick") for name in names}, self.title)

    def __repr__(self) -> str:
        lines = [f"{printable(self.title)}: {len(self):,} pairs" if self.title else f"{len(self):,} pairs"]
        for pair in self._pairs[:FIRST]:
            turns = printable(pair.messages[-1][1]) if pair.messages else ""
            lines += [f"{pair.pair_id}  {pair.words}".rstrip(), f"  prompt: {turns[:100]}"]
            lines += [f"  {side}: {printable(text)[:100]}" for side, text in
                      (("a", pair.response_a), ("b", pair.response_b))]  # fmt: skip
        return "\n".join([*lines, *self._more()])

    def _repr_html_(self) -> str:
        title = f"<p><b>{escaped(self.title)}</b></p>" if self.title else ""
        more = "".join(f"<p><small>{escaped(line)}</small></p>" for line in self._more())
        return block(title + "".join(_card(pair) for pair in self._pairs[:FIRST]) + more)

    def _more(self) -> list[str]:
        return [f"{len(self) - FIRST:,} more: take a slice."] if len(self) > FIRST else []


def preview(data: "PreferenceData", n: int) -> Pairs:
    """The first `n` pairs, each with the answer recorded first; of responses alone the first two of a prompt."""
    from engine.records import Pair

    pairs = list(islice(data.pairs.values(), n))
    if not pairs:
        ids = ((prompt_id, known) for prompt_id, known in data.responses_of().items() if len(known) > 1)
        pairs = [Pair.of(prompt_id, *known[:2]) for prompt_id, known in islice(ids, n)]
    wanted, answers = {pair.id for pair in pairs}, dict[str, str]()
    for comparison in data.comparisons:
        if comparison.pair_id in wanted:
            answers.setdefault(comparison.pair_id, comparison.answer)
    return Pairs(
        f"the first {len(pairs):,} of {len(data.pairs):,} pairs" if data.pairs else "two responses of each prompt",
        [
            ShownPair(
                pair.id, tuple((m.role, m.content) for m in data.prompts[pair.prompt_id].messages),
                data.responses[pair.a].text, data.responses[pair.b].text, answers.get(pair.id),
            )
            for pair in pairs
        ],
    )  # fmt: skip


NUMBERS = {
    "rank": "place in the batch, 1 was picked first",
    "score": "what the strategy gave the pair, in its own unit; higher = label sooner",
    "gain": "what the pair added, given those picked before it, in the unit of the recipe",
}


def _card(pair: ShownPair) -> str:
    turns = "".join(f"<p><small>{escaped(role)}</small><br>{_text(content)}</p>" for role, content in pair.messages)
    sides = "".join(
        f'<td style="width:50%;vertical-align:top;text-align:left;white-space:normal"><small>{side}'
        f"{' · answered' if pair.answer == side else ''}</small><br>{_text(text)}</td>"
        for side, text in (("a", pair.response_a), ("b", pair.response_b))
    )
    answer = "" if pair.answer in (None, "a", "b") else f"answer: {str(pair.answer).replace('_', ' ')}"
    below = " · ".join(part for part in (pair.words, answer) if part)
    return (
        '<div style="border:1px solid #8888;border-radius:4px;padding:8px;margin:8px 0">'
        f'{turns}<table style="width:100%;table-layout:fixed"><tr>{sides}</tr></table>'
        f"<small>{escaped(below)}</small></div>"
    )


def _text(text: str) -> str:
    shown = text if len(text) <= LONGEST else text[:LONGEST] + f"… ({len(text) - LONGEST:,} more characters)"
    return f'<span style="white-space:pre-wrap;overflow-wrap:anywhere">{foreign(shown)}</span>'
