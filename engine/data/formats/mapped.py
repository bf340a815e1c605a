"""A mapping by hand: which column plays which part, for a file that no other format fits."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from engine.data.formats._parts import reply_of, to_the_reply
from engine.data.formats.base import (
    FORMATS,
    BadRow,
    Format,
    ParsedComparison,
    ParsedResponse,
    ParsedRow,
    Recorded,
    messages_of,
    number_of,
)
from engine.errors import ConfigError, DataError
from engine.findings import findings
from engine.records import Message

ENDINGS = (".yaml", ".yml")
LARGEST = 64 * 1024
"""Bytes of a mapping's file."""
Prompts = tuple[tuple[Message, ...], ...]
"""The prompt with its system message, and as its own column has it."""


@FORMATS.register
class Mapped(Format):
    """Columns to parts, by hand. Kept as a YAML file, whose path stands where a format's name stands.

    A column within a column is written with dots (`info.post`), an item of a list by its place (`answers.0`). The
    responses are either `chosen` and `rejected`, or `first` and `second`, whose order says nothing, or the list
    `responses`. `answer` names the column that says which is better, and `answers` what its values mean.
    """

    name: ClassVar[str] = "mapped"
    title: ClassVar[str] = "columns mapped by hand"
    source: ClassVar[str] = "this project"
    columns: ClassVar[str] = (
        "any columns, by a mapping file (--mapping house.yaml); it is never found out from the rows"
    )
    by_hand: ClassVar[bool] = True

    prompt: str = Field("", description="the prompt: a text or a list of messages")
    system: str = Field("", description="a system message before the prompt")
    chosen: str = Field("", description="the response that was preferred")
    rejected: str = Field("", description="the other one")
    first: str = Field("", description="one of two responses, where a column says which is better")
    second: str = Field("", description="the other of the two")
    responses: str = Field("", description="a list of responses: texts, or mappings with a text")
    text: str = Field("text", description="within a response of the list: its text")
    answer: str = Field("", description="which of two responses is better (of a list: the first two)")
    answers: dict[str, Recorded] = Field(default_factory=dict, description="value of `answer` → what it means")
    strength: str = Field("", description="how strongly, a number")
    score_first: str = Field("", description="score of the first, or chosen, response")
    score_second: str = Field("", description="score of the second, or rejected, response")
    score: str = Field("", description="within a response of the list: its score")
    source_first: str = Field("", description="where the first, or chosen, response comes from")
    source_second: str = Field("", description="where the second, or rejected, response comes from")
    labeller: str = Field("", description="who answered")
    topic: str = Field("", description="topic or source of the prompt")

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Never: what the columns mean is said by a person."""
        return False

    def findings(self) -> list[str]:
        """What is missing or contradicts itself, as sentences; none if rows can be read by it."""
        ways = [("chosen", "rejected"), ("first", "second"), ("responses",)]
        given = [way for way in ways if any(getattr(self, part) for part in way)]
        found = [] if self.prompt else ["prompt: no column is named"]
        if len(given) != 1:
            said = "none is" if not given else f"{' and '.join('/'.join(way) for way in given)} are"
            found.append(f"responses: name chosen and rejected, or first and second, or responses; {said} named")
        found += [f"{part}: no column is named" for way in given[:1] for part in way if not getattr(self, part)]
        if self.answer and self.chosen:
            found.append("answer: chosen and rejected say it already; name first and second instead")
        if self.answer and not self.answers:
            found.append("answers: say what the values of the answer mean (first, second, tie or both_bad)")
        return found

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One row by the columns that were named; BadRow if one is not there or holds something else."""
        if wrong := self.findings():
            raise BadRow("the mapping is not complete", wrong[0])
        asked = messages_of(at(row, self.prompt, "prompt"), "prompt")
        messages = asked
        if self.system and (said := at(row, self.system)):
            messages = (Message("system", _text(said, "system")), *asked)
        if messages[-1].role == "assistant":
            raise BadRow("the prompt ends with an assistant turn")
        prompts = (messages, asked)
        responses = self._listed(row, prompts) if self.responses else self._two(row, prompts)
        topic = word(at(row, self.topic)) if self.topic else ""
        return ParsedRow(messages, responses, self._compared(row, responses), topic)

    def _two(self, row: Mapping[str, Any], prompts: Prompts) -> tuple[ParsedResponse, ...]:
        sides = ("chosen", "rejected") if self.chosen else ("first", "second")
        more = ((self.source_first, self.score_first), (self.source_second, self.score_second))
        found = []
        for side, (source, score) in zip(sides, more, strict=True):
            text = _response(at(row, getattr(self, side), side), side, prompts)
            said = at(row, source) if source else None
            number = _number(at(row, score), f"score of {side}") if score else None
            found.append(ParsedResponse(text, word(said), number))
        return tuple(found)

    def _listed(self, row: Mapping[str, Any], prompts: Prompts) -> tuple[ParsedResponse, ...]:
        items = at(row, self.responses, "responses")
        if not isinstance(items, list) or len(items) < 2:
            raise BadRow("responses is not a list of two or more", type(items).__name__)
        found = []
        for place, item in enumerate(items):
            where = f"response {place}"
            score = None
            if isinstance(item, Mapping):
                score = _number(at(item, self.score), where) if self.score else None
                item = at(item, self.text, where)
            found.append(ParsedResponse(_response(item, where, prompts), "", score))
        return tuple(found)

    def _compared(self, row: Mapping[str, Any], responses: Sequence[ParsedResponse]) -> tuple[ParsedComparison, ...]:
        who = word(at(row, self.labeller)) if self.labeller else ""
        how = at(row, self.strength) if self.strength else None
        strength = _number(how, "strength")
        if self.chosen:
            if responses[0].text == responses[1].text:
                raise BadRow("chosen and rejected are identical")
            return (ParsedComparison(0, 1, "first", strength, who),)
        if not self.answer:
            return ()
        said = at(row, self.answer)
        meant = self.answers.get(word(said))  # nothing at all may have a meaning too, under ""
        if meant is None and said is None:
            raise BadRow("there is no answer", f"at {self.answer}")
        if meant is None:
            raise BadRow("an answer that the mapping does not know", repr(said)[:80])
        return (ParsedComparison(0, 1, meant, strength, who),)

    def key(self) -> str:
        """ "mapped-" and the first digits of the checksum of what it says."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return f"mapped-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def words(self) -> str:
        """ "mapped by hand: prompt from question, …"."""
        named = self.model_dump(exclude_defaults=True, exclude={"answers", "text"})
        return "mapped by hand: " + ", ".join(f"{part} from {column}" for part, column in named.items())


def is_mapping(format_name: str) -> bool:
    """Whether the name of a format is the path of a mapping."""
    return format_name.lower().endswith(ENDINGS)


def read_mapping(path: Path | str) -> Mapped:
    """The mapping in a YAML file; DataError if there is none, ConfigError with every finding if it is no mapping."""
    import yaml

    try:
        target = Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"Mapping {path} cannot be read: {error}", "Check the path.") from error
    try:
        if target.stat().st_size > LARGEST:
            raise DataError(f"Mapping {path} is over {LARGEST:,} bytes.", "Is it a mapping?")
        value = yaml.safe_load(target.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"Mapping {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise ConfigError(f"Mapping {path}", [f"it is not YAML: {reason[:200]}"], "Mend it.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"Mapping {path}", [f"it holds {type(value).__name__}, not a mapping"], "See `data check`.")
    return mapping_of(value, f"Mapping {path}")


def mapping_of(value: Mapping[str, Any], where: str = "The mapping") -> Mapped:
    """A checked mapping; ConfigError with every finding. Keys of `answers` may be any YAML value: 1, true, "A"."""
    answers = value.get("answers")
    given = {str(part): said for part, said in value.items() if part != "name"}
    if isinstance(answers, Mapping):
        given["answers"] = {word(key): meant for key, meant in answers.items()}
    try:
        mapped = Mapped(**given)
    except ValidationError as error:
        raise ConfigError(where, findings(error, "it"), f"Its parts are: {', '.join(Mapped.model_fields)}.") from error
    if wrong := mapped.findings():
        raise ConfigError(where, wrong, f"Its parts are: {', '.join(Mapped.model_fields)}.")
    return mapped


def mapping_text(mapped: Mapped) -> str:
    """The mapping as YAML, what is not named left out; `read_mapping` gives the same again."""
    import yaml

    return str(
        yaml.safe_dump(mapped.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True)
    )


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every column of the rows, those within mappings with dots, in the order they first come; 200 at most."""
    found: dict[str, None] = {}

    def walk(value: Mapping[str, Any], before: str, depth: int) -> None:
        for key, inner in value.items():
            path = f"{before}{key}"
            if len(found) < 200:
                found.setdefault(path)
            if isinstance(inner, Mapping) and depth < 3:
                walk(inner, f"{path}.", depth + 1)

    for row in rows:
        walk(row, "", 0)
    return list(found)


def at(row: Mapping[str, Any], path: str, part: str = "") -> Any:
    """What stands at a path, or None; BadRow if a part is named that must be there. A column's name may have dots."""
    value: Any = row
    if path in row:
        value = row[path]
    else:
        for step in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, list) and re.fullmatch(r"\d{1,6}", step) and int(step) < len(value):
                value = value[int(step)]
            else:
                value = None
    if value is None and part:
        raise BadRow(f"there is no {part}", f"at {path}")
    return value


def _text(value: Any, part: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f"{part} is not a text", type(value).__name__)
    return value


def _response(value: Any, where: str, prompts: Prompts) -> str:
    """A text, one assistant turn, or the reply that a conversation ends with, whose beginning is the prompt."""
    if isinstance(value, str):
        text = value
    elif len(turns := messages_of(value, "response")) == 1:
        text = reply_of(turns[0], where)
    else:
        before, text = to_the_reply(turns, where)
        if before not in prompts:
            raise BadRow("what stands before the response is not the prompt", where)
    if not text.strip():
        raise BadRow("empty response", where)
    return text


def _number(value: Any, where: str) -> float | None:
    """A number; CSV has it as text, and an empty cell is none."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = float(value)
        except ValueError as error:
            raise BadRow("not a finite number", f"{where}: {value[:40]!r}") from error
    return number_of(value, "not a finite number", where)


def word(value: Any) -> str:
    """A value as the word a person would write for it in a mapping: 1.0 and 1 are the same, True is "true"."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
