"""The contract: it holds for what was just written, and for each tick there is an export in which it does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.data.export.contract import (
    Tick,
    adds_up,
    answers_stand,
    as_rows,
    contract,
    failed,
    held_out_apart,
    longer,
    once_and_different,
)
from engine.data.export.files import files_of
from engine.data.export.make import Export
from engine.errors import ModelError
from engine.records import Message, Prompt
from tests.engine.data.export.pairs import asked, given, made_of, pairs, saved

NONE_HELD: dict[str, tuple[set[str], set[str]]] = {"held_out": ({"x-other"}, {"p-other"})}
ASKED = {pair.pair_id for pair in pairs()}
LOADS, TRAINER, AGAIN, APART, SUM, ANSWERS, SIDECAR, ONCE = (
    "datasets.load_dataset reads it",
    "TRL's DPOTrainer takes it",
    "Read again, it is the same subset",
    "No pair is both here and held out",
    "Counts add up",
    "Every answer stands in the audit profile",
    "Every pair asked and its answers stand in provenance.jsonl",
    "No pair is in it twice; chosen and rejected differ, none is empty",
)


def took(rows: list[dict[str, Any]]) -> tuple[bool, str]:
    return True, f"It took {len(rows)} rows."


def check(made: Export, change: Callable[[bytes], bytes] = bytes, file: str = "", **how: Any) -> list[Tick]:
    """The contract of an export of which a file, that of the rows if none is named, was changed so."""
    files = files_of(made)
    files[file or made.file] = change(files[file or made.file])
    beside = how.get("held_out", NONE_HELD), how.get("asked", ASKED), how.get("given", given(pairs()))
    return contract(made, files, *beside, how.get("dry_parse", took))


def bad(ticks: list[Tick]) -> dict[str, str]:
    return {tick.what: tick.finding for tick in failed(ticks)}


@pytest.mark.parametrize("profile", ["trl", "kto", "audit", "openai"])
def test_it_holds_for_what_was_just_written(profile: str) -> None:
    ticks = check(made_of(pairs(), profile))
    assert bad(ticks) == {}
    names = [tick.what for tick in ticks]
    assert (TRAINER in names) == (profile == "trl"), "no other is for DPOTrainer"
    assert names[0] == LOADS
    assert {APART, SUM, ANSWERS, SIDECAR} <= set(names)
    assert (ONCE in names) == (profile != "audit"), "of an audit a row is an answer"
    assert as_rows(ticks)[0].keys() == {"tone", "what", "finding"}


def test_a_file_that_is_cut_does_not_load_and_does_not_read_back() -> None:
    found = bad(check(made_of(pairs()), lambda content: content[:-40]))
    assert set(found) == {LOADS, AGAIN}
    assert found[AGAIN].startswith("1 rows are refused (row 4: not JSON")


def test_a_lost_row_and_a_row_too_many_are_found() -> None:
    lost = bad(check(made_of(pairs()), lambda content: b"".join(content.splitlines(keepends=True)[1:])))
    assert "num_examples=3" in lost[LOADS], "the card says 4, and `datasets` counts"
    assert lost[AGAIN].startswith("1 pairs are missing, 0 are new, 0 have another answer")
    more = made_of([asked(9, "a")])
    extra = bad(check(made_of(pairs()), lambda content: content + files_of(more)[more.file]))
    assert extra[AGAIN].startswith("0 pairs are missing, 1 are new, 0 have another answer")


@pytest.mark.parametrize("profile", ["trl", "kto", "label_studio"])
def test_a_swapped_label_is_found(profile: str) -> None:
    swaps = {
        "trl": (b'"chosen": ', b'"rejected": '),
        "kto": (b'"label": true', b'"label": false'),
        "label_studio": (b'"selected": "left"', b'"selected": "right"'),
    }
    one, other = swaps[profile]

    def swap(content: bytes) -> bytes:
        return content.replace(one, b"\0").replace(other, one).replace(b"\0", other)

    found = bad(check(made_of(pairs(), profile), swap))
    assert set(found) == {AGAIN}
    assert found[AGAIN].startswith("0 pairs are missing, 0 are new, 4 have another answer")


def test_a_good_and_a_bad_response_of_other_prompts_are_no_pair() -> None:
    def torn(content: bytes) -> bytes:
        return content.replace(b"How, 1?", b"Where, 1?", 1)

    assert "1 have another answer" in bad(check(made_of(pairs()[:1], "kto"), torn))[AGAIN]


def test_another_answer_in_the_audit_is_found() -> None:
    changed = bad(check(made_of(pairs(), "audit"), lambda content: content.replace(b'"tie"', b'"a"')))
    assert "Read again, it is the same answers" in changed


def test_a_trainer_that_does_not_take_it_and_one_that_is_not_there() -> None:
    def refuses(rows: list[dict[str, Any]]) -> tuple[bool, str]:
        raise ModelError("TRL does not take the rows: no chosen.", "")

    assert bad(check(made_of(pairs()), dry_parse=refuses)) == {TRAINER: "TRL does not take the rows: no chosen."}
    ticks = check(made_of(pairs()), dry_parse=lambda rows: (False, "Not tried: TRL is not installed here."))
    assert Tick("warn", TRAINER, "Not tried: TRL is not installed here.") in ticks


def test_a_pair_that_is_held_out_too_is_found_and_a_shared_prompt_is_told() -> None:
    made = made_of(pairs())
    pair = made.settled.preferred[0].pair
    both = held_out_apart(made, {"balanced": ({pair.pair_id}, set())})
    assert (both.tone, both.finding) == ("bad", f"1 pairs are in held-out set balanced too (first: {pair.pair_id}).")
    prompt = Prompt.of([Message(*turn) for turn in pair.messages]).id
    shared = held_out_apart(made, {"balanced": (set(), {prompt})})
    assert (shared.tone, "1 prompts are in held-out set balanced too" in shared.finding) == ("warn", True)
    assert held_out_apart(made, {"balanced": ({pairs()[2].pair_id}, set())}).tone == "ok", "a tie does not train"
    audit = held_out_apart(made_of(pairs(), "audit"), {"balanced": ({pairs()[2].pair_id}, set())})
    assert audit.tone == "bad", "its texts stand there"
    second = held_out_apart(made, {"near": (set(), {prompt}), "balanced": ({pair.pair_id}, set())})
    assert (second.tone, "held-out set balanced" in second.finding) == ("bad", True), "whatever the first set shares"


def test_counts_that_do_not_add_up_are_found() -> None:
    made = made_of(pairs())
    wrong = replace(made, settled=replace(made.settled, counts={**made.counts, "ties": 0}))
    assert adds_up(wrong, ASKED).finding.startswith("They do not: 8 asked = 4 exported + 0 ties")
    fewer = replace(made, settled=replace(made.settled, counts={**made.counts, "asked": 7, "ties": 0}))
    assert adds_up(fewer, ASKED).finding.endswith("8 pairs were asked about.")
    assert adds_up(replace(made, rows=made.rows[:3]), ASKED).finding == "3 pairs are in the file, 4 are counted."
    assert adds_up(made, ASKED).tone == "ok"
    assert adds_up(made, {*ASKED, "x-more"}).tone == "bad", "the store has one more"


def test_an_answer_that_does_not_stand_in_the_audit_is_found() -> None:
    made, all_given = made_of(pairs()), given(pairs())
    first = min(all_given)
    lost = answers_stand(replace(made, answers=made.answers[1:]), all_given)
    assert (lost.tone, f"label {first}, 0 of 1" in lost.finding) == ("bad", True)
    assert answers_stand(made, all_given | {9999: 1}).tone == "bad", "the store has one more"
    assert answers_stand(made, {**all_given, first: 3}).tone == "bad", "of three answers of a file one stands there"
    assert answers_stand(made, all_given).tone == "ok"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda lines: lines[1:], "1 pairs are missing, new or in it twice"),
        (lambda lines: [*lines, lines[0]], "1 pairs are missing, new or in it twice"),
        (lambda lines: [lines[0].replace(b'"x', b'"y'), *lines[1:]], "2 pairs are missing, new or in it twice"),
        (lambda lines: [*lines[:-1], lines[-1][:-9]], "It cannot be read again"),
        (lambda lines: [lines[0].replace(b'"votes": [', b'"votes": [{}, '), *lines[1:]], "It has 14 answers, not 13"),
    ],
)
def test_a_sidecar_that_is_not_what_the_store_has_is_found(change: Callable[[Any], Any], finding: str) -> None:
    def changed(content: bytes) -> bytes:
        return b"".join(change(content.splitlines(keepends=True)))

    found = bad(check(made_of(pairs()), changed, "provenance.jsonl"))
    assert set(found) == {SIDECAR}
    assert found[SIDECAR].startswith(finding)


@pytest.mark.parametrize("profile", ["trl", "kto", "openai", "argilla"])
def test_a_pair_that_is_twice_in_the_file_is_found(profile: str) -> None:
    found = bad(check(made_of(pairs(), profile), lambda content: content + content.splitlines(keepends=True)[0]))
    assert found[ONCE].startswith("1 pairs are in it twice, 0 have equal")


def test_sides_that_are_equal_or_empty_are_found(tmp_path: Path) -> None:
    made = made_of(pairs())
    saved(made, tmp_path)
    one = made.settled.preferred[0]
    alike = replace(one, pair=replace(one.pair, response_a="", response_b=""))
    empty = replace(made, settled=replace(made.settled, preferred=(alike,)))
    assert once_and_different(made, tmp_path).tone == "ok"
    words = "0 pairs are in it twice, 1 have equal or empty sides"
    assert once_and_different(empty, tmp_path).finding.startswith(words)


def test_it_is_told_when_the_chosen_ones_are_the_longer_ones() -> None:
    of = [asked(n, "a") for n in range(1, 5)]
    long = [replace(pair, response_a=pair.response_a + " x" * 300) for pair in of]
    assert longer(made_of(long)).tone == "warn"
    assert longer(made_of(long)).what == "Chosen is longer in 100 % of pairs"
