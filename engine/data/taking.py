"""Rows become texts with ids: each once, whatever the file repeats, whole or part by part for what is too large.

Between two parts only ids are kept, as numbers: some 100 bytes for every text and pair, whatever its length.
"""

from collections import Counter
from dataclasses import dataclass, field

from engine.data.formats.base import BadRow, ParsedRow
from engine.data.pool import Comparison, PreferenceData
from engine.records import Answer, Pair, Prompt, Response


@dataclass
class Counts:
    """What was taken: prompts, responses, pairs, responses with a score, and answer → how many recorded it."""

    prompts: int = 0
    responses: int = 0
    pairs: int = 0
    scored: int = 0
    recorded: Counter[str] = field(default_factory=Counter)


class Taking:
    """Takes rows into `data`; `hand_over` gives what was taken since, and begins anew without forgetting the ids."""

    def __init__(self) -> None:
        self.data = PreferenceData()
        self.counts = Counts()
        self._prompts: set[int] = set()
        self._responses: set[int] = set()
        self._pairs: set[int] = set()
        self._scores: dict[int, float] = {}
        self._aspects: dict[int, int] = {}

    def hand_over(self) -> PreferenceData:
        """The part since the last one: what is new, and answers and scores of what may be in an earlier part."""
        part, self.data = self.data, PreferenceData()
        return part

    def take(self, row: ParsedRow, dropped: Counter[str]) -> None:
        """Take in a row that `check` let pass. What is left out of it is counted in `dropped`."""
        prompt = Prompt.of(row.messages, row.topic)
        if _new(self._prompts, prompt.id):
            self.data.prompts[prompt.id] = prompt
            self.counts.prompts += 1
        responses = [Response.of(prompt.id, r.text, r.source) for r in row.responses]
        for response in responses:
            if _new(self._responses, response.id):
                self.data.responses[response.id] = response
                self.counts.responses += 1
        dropped.update(row.left_out)
        if (same := len(responses) - len({response.id for response in responses})) > 0:
            dropped["identical responses of a prompt"] += same
        self._score(row, responses, dropped)
        self._compare(row, prompt.id, [response.id for response in responses], dropped)

    def _score(self, row: ParsedRow, responses: list[Response], dropped: Counter[str]) -> None:
        for response, parsed in zip(responses, row.responses, strict=True):
            if parsed.score is None and not parsed.aspects:
                continue
            key = _number(response.id)
            if parsed.score is not None and key not in self._scores:
                self._scores[key] = self.data.scores[response.id] = parsed.score
                self.counts.scored += 1
            elif parsed.score is not None and self._scores[key] != parsed.score:
                dropped["scores that differ from an earlier one of the same response"] += 1
            if parsed.aspects:
                said = hash(frozenset(parsed.aspects))
                if key not in self._aspects:
                    self._aspects[key] = said
                    self.data.aspects[response.id] = dict(parsed.aspects)
                elif self._aspects[key] != said:
                    dropped["aspects that differ from the first ones of the same response"] += 1

    def _compare(self, row: ParsedRow, prompt_id: str, ids: list[str], dropped: Counter[str]) -> None:
        found = {}
        compared = [(c.first, c.second) for c in row.comparisons] or ([(0, 1)] if len(ids) == 2 else [])
        for first, second in compared:
            if ids[first] != ids[second]:
                pair = found[first, second] = Pair.of(prompt_id, ids[first], ids[second])
                if _new(self._pairs, pair.id):
                    self.data.pairs[pair.id] = pair
                    self.counts.pairs += 1
        for given in row.comparisons:
            if (given.first, given.second) not in found:
                dropped["comparisons of identical responses"] += 1
                continue
            pair = found[given.first, given.second]
            first_is_a = ids[given.first] == pair.a
            answer: Answer = "a" if (given.answer == "first") == first_is_a else "b"
            if given.answer in ("tie", "both_bad"):
                answer = "tie" if given.answer == "tie" else "both_bad"
            share = given.share if given.share is None or first_is_a else 1 - given.share
            self.data.comparisons.append(Comparison(pair.id, answer, given.strength, given.labeller, share))
            self.counts.recorded[answer] += 1


def check(row: ParsedRow) -> None:
    """BadRow if the prompt is blank, all responses are the same, or a text holds NUL or half of a surrogate pair."""
    if not any(message.content.strip() for message in row.messages):
        raise BadRow("empty prompt")
    texts = [text for message in row.messages for text in (message.role, message.content)]
    texts += [text for response in row.responses for text in (response.text, response.source)]
    texts += [name for response in row.responses for name, _ in response.aspects]
    texts += [row.topic, *(comparison.labeller for comparison in row.comparisons)]
    whole = "".join(texts)
    if "\0" in whole:
        raise BadRow("a text holds a NUL character")
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        raise BadRow("a text is not valid Unicode", repr(error.object[error.start])) from error
    if len(row.responses) > 1 and len({response.text for response in row.responses}) < 2:
        raise BadRow("all responses are identical")


def _number(id_: str) -> int:
    """An id without its first letter, as a number: a quarter of the memory."""
    return int(id_[1:], 16)


def _new(known: set[int], id_: str) -> bool:
    """Whether it is not known yet; it is from now on."""
    before = len(known)
    known.add(_number(id_))
    return len(known) > before
