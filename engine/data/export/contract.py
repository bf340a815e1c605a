"""The contract of an export: what is checked on its files before anybody takes them home, a tick a line."""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.data.containers import NotARow, open_rows
from engine.data.export.files import write_files
from engine.data.export.make import Export
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow
from engine.data.pool import PreferenceData
from engine.data.read import examine
from engine.errors import EngineError
from engine.records import Message, Pair, Prompt, Response

LONGER = 0.6
"""Share of pairs with a longer chosen response from which on it is said: the model may learn length."""
HeldOut = Mapping[str, tuple[set[str], set[str]]]
"""Held-out set → (ids of its pairs, ids of its prompts)."""
DryParse = Callable[[list[dict[str, Any]]], tuple[bool, str]]
"""Rows → (whether a trainer took them, what it made of them or why it was not tried); EngineError if it does not."""


@dataclass(frozen=True)
class Tick:
    """One line: whether it holds (bad: do not take it; warn: know it), what was checked, and the finding."""

    tone: Literal["ok", "warn", "bad"]
    what: str
    finding: str


def contract(
    made: Export,
    files: Mapping[str, bytes],
    held_out: HeldOut,
    asked: AbstractSet[str],
    given: Mapping[int, int],
    dry_parse: DryParse | None = None,
) -> list[Tick]:
    """Every tick of an export, on the files themselves.

    `held_out`, `asked` (ids of pairs) and `given` (label row → answers) are `held_out_of`, `pairs_asked` and
    `answers_given` of `engine.store.labelled`, read apart from what the export was made of. Without `dry_parse` the
    tick of a trainer is left out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "export"
        write_files(files, folder)
        ticks = [loads(made, folder, Path(scratch) / "cache")]
        if dry_parse is not None and made.profile.trainer == "dpo":
            ticks.append(parses(dry_parse, folder / made.file))
        ticks.append(answers_back(made, folder) if made.audit else reads_back(made, folder))
        ticks += [held_out_apart(made, held_out), adds_up(made, asked), answers_stand(made, given)]
        ticks.append(sidecar_stands(folder, asked, given))
        # Of an audit a row is an answer; how often each may stand there, the ticks of the answers say.
        return ticks if made.audit else [*ticks, once_and_different(made, folder), longer(made)]


def loads(made: Export, folder: Path, cache: Path) -> Tick:
    """`datasets.load_dataset` reads the folder by its card, and `load_from_disk` what `datasets` saved."""
    import datasets

    what = "datasets.load_dataset reads it"
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(str(folder), split="train", cache_dir=str(cache))
        if made.container == "datasets":
            found = datasets.load_from_disk(str(folder / made.file))
    except Exception as error:  # noqa: BLE001  # whatever it raises is the finding
        return Tick("bad", what, f"It says: {_first_line(error)}")
    columns = ", ".join(found.column_names)
    if len(found) != len(made.rows):
        return Tick("bad", what, f"It finds {len(found):,} rows of {len(made.rows):,}.")
    return Tick("ok", what, f"{len(found):,} rows: {columns}")


def parses(dry_parse: DryParse, file: Path) -> Tick:
    """TRL's DPOTrainer takes the rows, as they are read from the file."""
    what = "TRL's DPOTrainer takes it"
    try:
        took, said = dry_parse([dict(row) for row in open_rows(file) if not isinstance(row, NotARow)])
    except EngineError as error:
        return Tick("bad", what, error.what)
    return Tick("ok" if took else "warn", what, said)


def reads_back(made: Export, folder: Path) -> Tick:
    """Read by the workbench's own reader it is the same pairs with the same answers."""
    what = "Read again, it is the same subset"
    name = made.profile.reads_as
    if name not in FORMATS.names():
        return Tick("warn", what, f"Not checked: no data format here reads profile {made.profile.name}.")
    try:
        reading = examine(folder / made.file, name)
    except EngineError as error:
        return Tick("bad", what, f"It cannot be read again: {error.what}")
    if reading.report.refused:
        first = reading.report.refused[0]
        return Tick("bad", what, f"{len(reading.report.refused):,} rows are refused (row {first.row}: {first.reason}).")
    expected = {preferred.pair.pair_id: preferred.answer for preferred in made.settled.preferred}
    paired = made.profile.rows_a_pair == 1
    found = answers_in(reading.data) if paired else paired_again(FORMATS.get(name)(), folder / made.file)
    missing, strange = expected.keys() - found.keys(), found.keys() - expected.keys()
    other = [pair_id for pair_id in expected.keys() & found.keys() if expected[pair_id] != found[pair_id]]
    if missing or strange or other:
        example = min([*missing, *strange, *other])
        words = f"{len(missing):,} pairs are missing, {len(strange):,} are new, {len(other):,} have another answer"
        return Tick("bad", what, f"{words} (first: {example}).")
    return Tick("ok", what, f"{len(found):,} pairs with the same answers, read as {name}")


def answers_in(data: PreferenceData) -> dict[str, str]:
    """Pair id → the answer that most of its comparisons give; "even" where none has most."""
    votes: dict[str, Counter[str]] = {pair_id: Counter() for pair_id in data.pairs}
    for comparison in data.comparisons:
        votes[comparison.pair_id][comparison.answer] += 1
    found = {}
    for pair_id, counts in votes.items():
        ranked = counts.most_common(2)
        even = not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1])
        found[pair_id] = "even" if even else ranked[0][0]
    return found


def paired_again(form: Format, file: Path) -> dict[str, str]:
    """Pair id → answer of a file with a response a row: the rows that name one pair, put together by what they say.

    A pair whose rows are not a good and a bad response goes by the name it is given there, with the answer "odd".
    """
    sides: dict[str, dict[float, tuple[str, str]]] = {}
    for row in open_rows(file):
        if not isinstance(row, NotARow):
            (parsed,) = _tuple(form.parse(row))
            prompt = Prompt.of(parsed.messages).id
            (response,) = parsed.responses
            own = sides.setdefault(str(row.get("pair_id")), {})
            own[-1.0 if response.score is None else response.score] = (prompt, Response.of(prompt, response.text).id)
    found = {}
    for name, own in sides.items():
        if own.keys() != {0.0, 1.0} or own[0.0][0] != own[1.0][0] or own[0.0] == own[1.0]:
            found[name] = "odd"
            continue
        (prompt, good), (_, bad) = own[1.0], own[0.0]
        pair = Pair.of(prompt, good, bad)
        found[pair.id] = "a" if pair.a == good else "b"
    return found


def answers_back(made: Export, folder: Path) -> Tick:
    """The audit file holds the answers it was given, in their order."""
    what = "Read again, it is the same answers"
    try:
        rows = [row for row in open_rows(folder / made.file) if not isinstance(row, NotARow)]
    except EngineError as error:
        return Tick("bad", what, f"It cannot be read again: {error.what}")
    found = [(str(row["label"]), row["pair_id"], row["answer"]) for row in rows]
    expected = [(str(row["label"]), row["pair_id"], row["answer"]) for row in made.answers]
    if found != expected:
        return Tick("bad", what, f"{len(found):,} answers are read, {len(expected):,} were written, or others.")
    return Tick("ok", what, f"{len(found):,} answers in the same order")


def held_out_apart(made: Export, held_out: HeldOut) -> Tick:
    """No pair whose texts are in the rows is in any held-out set; of a shared prompt it is told."""
    what = "No pair is both here and held out"
    shown = made.settled.pairs if made.audit else [preferred.pair for preferred in made.settled.preferred]
    pairs = {pair.pair_id: pair for pair in shown}
    ids = {Prompt.of([Message(*turn) for turn in pair.messages]).id for pair in pairs.values()}
    for name, (held_pairs, _) in held_out.items():
        if both := pairs.keys() & held_pairs:
            return Tick("bad", what, f"{len(both):,} pairs are in held-out set {name} too (first: {min(both)}).")
    for name, (_, held_prompts) in held_out.items():
        if shared := ids & held_prompts:
            return Tick("warn", what, f"No pair is, but {len(shared):,} prompts are in held-out set {name} too.")
    return Tick("ok", what, f"none of {len(pairs):,}, nor their prompts, in {', '.join(held_out) or 'no held-out set'}")


def adds_up(made: Export, asked: AbstractSet[str]) -> Tick:
    """pairs asked = exported + ties + both bad + unresolved + excluded; `asked` as the store says by itself."""
    counts = made.counts
    parts = {what: n for what, n in counts.items() if what != "asked"}
    rows = 0 if made.audit else len(made.rows) // made.profile.rows_a_pair
    said = f"{counts['asked']:,} asked = " + " + ".join(f"{n:,} {what}" for what, n in parts.items())
    if sum(parts.values()) != counts["asked"] or counts["asked"] != len(asked):
        return Tick("bad", "Counts add up", f"They do not: {said}; {len(asked):,} pairs were asked about.")
    if not made.audit and rows != counts["exported"]:
        return Tick("bad", "Counts add up", f"{rows:,} pairs are in the file, {counts['exported']:,} are counted.")
    return Tick("ok", "Counts add up", said)


def answers_stand(made: Export, given: Mapping[int, int]) -> Tick:
    """Every answer that the store has for these pairs stands in the audit profile, and no other."""
    what = "Every answer stands in the audit profile"
    found = Counter(int(row["label"]) for row in made.answers)
    wrong = sorted(label for label in found.keys() | given.keys() if found[label] != given.get(label, 0))
    if wrong:
        first = wrong[0]
        return Tick("bad", what, f"Of {len(wrong):,} labels not all answers stand there (first: label {first}, "
                                 f"{found[first]} of {given.get(first, 0)}).")  # fmt: skip
    return Tick("ok", what, f"{found.total():,} answers of {len(found):,} labels")


def sidecar_stands(folder: Path, asked: AbstractSet[str], given: Mapping[int, int]) -> Tick:
    """provenance.jsonl, read again, has every pair that was asked about once, and as many answers as the store."""
    what = "Every pair asked and its answers stand in provenance.jsonl"
    try:  # by bytes: a text may hold line breaks that are none of the file's
        lines = (folder / "provenance.jsonl").read_bytes().splitlines()
        rows = [json.loads(line.decode("utf-8", "surrogatepass")) for line in lines]
    except ValueError as error:
        return Tick("bad", what, f"It cannot be read again: {_first_line(error)}")
    times, answers = Counter(row["pair_id"] for row in rows), sum(len(row["votes"]) for row in rows)
    wrong = sorted({pair_id for pair_id, n in times.items() if n > 1} | (times.keys() ^ asked))
    if wrong:
        words = f"{len(wrong):,} pairs are missing, new or in it twice"
        return Tick("bad", what, f"{words} (first: {wrong[0]}).")
    if answers != sum(given.values()):
        return Tick("bad", what, f"It has {answers:,} answers, not {sum(given.values()):,} as the store.")
    return Tick("ok", what, f"{len(rows):,} pairs, {answers:,} answers")


def once_and_different(made: Export, folder: Path) -> Tick:
    """No pair is in the file twice; chosen and rejected differ and neither is empty."""
    what = "No pair is in it twice; chosen and rejected differ, none is empty"
    try:
        times = Counter(pairs_of_rows(made, folder / made.file))
    except EngineError as error:
        return Tick("bad", what, f"It cannot be read again: {error.what}")
    twice = [pair_id for pair_id, n in times.items() if n > made.profile.rows_a_pair]
    alike = [p.pair.pair_id for p in made.settled.preferred if p.chosen == p.rejected or not p.chosen or not p.rejected]
    if twice or alike:
        words = f"{len(twice):,} pairs are in it twice, {len(alike):,} have equal or empty sides"
        return Tick("bad", what, f"{words} (first: {min([*alike, *twice])}).")
    return Tick("ok", what, f"{len(times):,} different pairs")


def pairs_of_rows(made: Export, file: Path) -> list[str]:
    """The id of each row's pair by its texts; where a row is one response, as it says. Bad rows `reads_back` tells."""
    name, found = made.profile.reads_as, list[str]()
    form = FORMATS.get(name)() if made.profile.rows_a_pair == 1 and name in FORMATS.names() else None
    for row in open_rows(file):
        if isinstance(row, NotARow):
            continue
        if form is None:
            found += [str(row["pair_id"])] if "pair_id" in row else []
            continue
        with contextlib.suppress(BadRow, ValueError):
            for parsed in _tuple(form.parse(row)):
                prompt = Prompt.of(parsed.messages).id
                one, other = (Response.of(prompt, response.text).id for response in parsed.responses)
                found.append(Pair.of(prompt, one, other).id)
    return found


def longer(made: Export) -> Tick:
    """How often the chosen response is the longer one."""
    preferred = made.settled.preferred
    share = sum(len(p.chosen) > len(p.rejected) for p in preferred) / len(preferred) if preferred else 0.0
    words = f"Chosen is longer in {share * 100:.0f} % of pairs"
    return Tick("warn", words, "The model may learn length.") if share > LONGER else Tick("ok", words, "by characters")


def failed(ticks: Sequence[Tick]) -> list[Tick]:
    """Those that do not hold."""
    return [tick for tick in ticks if tick.tone == "bad"]


def as_rows(ticks: Sequence[Tick]) -> list[dict[str, Any]]:
    """For JSON."""
    found: list[dict[str, Any]] = json.loads(json.dumps([vars(tick) for tick in ticks]))
    return found


def _tuple(parsed: ParsedRow | tuple[ParsedRow, ...]) -> tuple[ParsedRow, ...]:
    return parsed if isinstance(parsed, tuple) else (parsed,)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
