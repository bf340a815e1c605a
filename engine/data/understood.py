"""Rows as they were understood: checked, with ids, as plain values that one process can hand to another.

What a row says depends on nothing but the row. What a file says, with each text once, is `taking`'s.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from engine.data.containers import NotARow, Row
from engine.data.formats.base import BadRow, Format, ParsedRow
from engine.data.parts import AnswerRow, PairRow, PromptRow, ResponseRow
from engine.records import Answer, Pair, Prompt, Response

_TOP = (1 << 64) - 1
Aspects = tuple[tuple[str, float], ...]
Watch = Callable[[int, ParsedRow], None]
ROWS, LETTERS = 500, 1 << 20
"""Rows, and characters of texts, after which a batch ends; every ROWS-th row ends one."""


class Batch(NamedTuple):
    """Some rows as they were understood, column by column, each text as often as it comes.

    `last`: number of the last row, from 1. `refused`: number, reason and detail of rows that cannot be used. `keys`: a
    number for every other row, the same for rows that say exactly the same. `scores` and `aspects` by response's id.
    `dropped`: reason → parts of usable rows that are left out.
    """

    last: int
    letters: int
    refused: list[tuple[int, str, str]]
    keys: list[int]
    prompts: list[PromptRow]
    responses: list[ResponseRow]
    pairs: list[PairRow]
    answers: list[AnswerRow]
    scores: list[tuple[str, float]]
    aspects: list[tuple[str, Aspects]]
    dropped: dict[str, int]


def understood(
    chosen: Format,
    rows: Iterator[Row],
    place: Callable[[int], str],
    *,
    at_once: int | None = None,
    watch: Watch | None = None,
) -> Generator[Batch]:
    """Every row in turn, refused ones too; every `at_once`-th ends a batch as well.

    `place` says where a row stands in its file; `watch` sees what each usable one holds.
    """
    making, number, ended = _Making(), 0, 0
    for number, row in enumerate(rows, start=1):
        try:
            parsed = _parsed(chosen, row)
            if watch is not None:
                for prompt in parsed:
                    watch(number, prompt)
            making.add(parsed)
        except BadRow as bad:
            making.refuse(number, bad.reason, place(number), bad.detail)
        except RecursionError:
            making.refuse(number, "nested too deep", place(number), "")
        if number % ROWS == 0 or making.letters >= LETTERS or (at_once is not None and number % at_once == 0):
            yield making.batch(number)
            making, ended = _Making(), number
    if number > ended:
        yield making.batch(number)


def _parsed(chosen: Format, row: Row) -> tuple[ParsedRow, ...]:
    if isinstance(row, NotARow):
        raise BadRow(row.reason, row.detail)
    parsed = chosen.parse(row)
    found = parsed if isinstance(parsed, tuple) else (parsed,)
    for prompt in found:
        check(prompt)
    return found


def check(row: ParsedRow) -> None:
    """BadRow if the prompt is blank, all responses are the same, or a text holds NUL or half of a surrogate pair."""
    if not any([message.content.strip() for message in row.messages]):
        raise BadRow("empty prompt")
    texts: list[str] = []
    for message in row.messages:
        texts += (message.role, message.content)
    for response in row.responses:
        texts += (response.text, response.source)
    for response in row.responses:
        if response.aspects:
            texts += [name for name, _ in response.aspects]
    whole = "".join([*texts, row.topic, *[comparison.labeller for comparison in row.comparisons]])
    if "\0" in whole:
        raise BadRow("a text holds a NUL character")
    if not whole.isascii():
        try:
            whole.encode()
        except UnicodeEncodeError as error:
            raise BadRow("a text is not valid Unicode", repr(error.object[error.start])) from error
    if len(row.responses) > 1 and len({response.text for response in row.responses}) < 2:
        raise BadRow("all responses are identical")


class _Making:
    """A batch that is being made."""

    def __init__(self) -> None:
        self.letters = 0
        self._refused: list[tuple[int, str, str]] = []
        self._keys: list[int] = []
        self._prompts: list[PromptRow] = []
        self._responses: list[ResponseRow] = []
        self._pairs: list[PairRow] = []
        self._answers: list[AnswerRow] = []
        self._scores: list[tuple[str, float]] = []
        self._aspects: list[tuple[str, Aspects]] = []
        self._dropped: Counter[str] = Counter()

    def batch(self, last: int) -> Batch:
        """All that was added."""
        return Batch(
            last,
            self.letters,
            self._refused,
            self._keys,
            self._prompts,
            self._responses,
            self._pairs,
            self._answers,
            self._scores,
            self._aspects,
            dict(self._dropped),
        )

    def refuse(self, number: int, reason: str, place: str, detail: str) -> None:
        """A row that cannot be used."""
        self._refused.append((number, reason, ": ".join(part for part in (place, detail) if part)))

    def add(self, parsed: tuple[ParsedRow, ...]) -> None:
        """The prompts of a row."""
        self._keys.append(hash(parsed) & _TOP)
        for row in parsed:
            self._add(row)

    def _add(self, row: ParsedRow) -> None:
        prompt_id = Prompt.of(row.messages, row.topic).id
        self._prompts.append((prompt_id, tuple([(m.role, m.content) for m in row.messages]), row.topic))
        self.letters += sum([len(message.content) for message in row.messages])
        ids = []
        for response in row.responses:
            response_id = Response.of(prompt_id, response.text, response.source).id
            ids.append(response_id)
            self._responses.append((response_id, prompt_id, response.text, response.source))
            self.letters += len(response.text)
            if response.score is not None:
                self._scores.append((response_id, response.score))
            if response.aspects:
                self._aspects.append((response_id, response.aspects))
        if row.left_out:
            self._dropped.update(row.left_out)
        if (same := len(ids) - len(set(ids))) > 0:
            self._dropped["identical responses of a prompt"] += same
        self._compare(row, prompt_id, ids)

    def _compare(self, row: ParsedRow, prompt_id: str, ids: list[str]) -> None:
        """Its pairs, and its answers by the sides of their pairs."""
        found: dict[tuple[int, int], Pair] = {}
        for first, second in [(c.first, c.second) for c in row.comparisons] or ([(0, 1)] if len(ids) == 2 else []):
            if ids[first] != ids[second] and (first, second) not in found:
                pair = found[first, second] = Pair.of(prompt_id, ids[first], ids[second])
                self._pairs.append((pair.id, prompt_id, pair.a, pair.b))
        for given in row.comparisons:
            if (given.first, given.second) not in found:
                self._dropped["comparisons of identical responses"] += 1
                continue
            pair = found[given.first, given.second]
            first_is_a = ids[given.first] == pair.a
            answer: Answer = "a" if (given.answer == "first") == first_is_a else "b"
            if given.answer in ("tie", "both_bad"):
                answer = "tie" if given.answer == "tie" else "both_bad"
            share = given.share if given.share is None or first_is_a else 1 - given.share
            self._answers.append((pair.id, answer, given.strength, given.labeller, share))
