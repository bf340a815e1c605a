"""Every check against a version written straight from what it says, on small random files; and examples by hand."""

import itertools
import re
from collections import Counter, defaultdict

from hypothesis import given, settings

from engine.data.formats.base import ParsedComparison, ParsedResponse, ParsedRow
from engine.data.proof.banks import Banks
from engine.data.proof.copies import Copies
from engine.data.proof.digests import Digests, digest, plain
from engine.data.proof.finding import LISTED, Check, Finding
from engine.data.proof.labels import FEWEST, Labels, cyclic, majorities
from engine.data.proof.languages import Languages, language_of
from engine.data.proof.lengths import Lengths
from engine.data.proof.markers import Markers
from engine.data.proof.sample import Sample
from engine.data.proof.scores import Scores
from engine.records import Message
from tests.engine.data.proof.rows_of import FILES

QUICK = settings(deadline=None, max_examples=80)


def said(check: Check, file: list[ParsedRow]) -> dict[str, Finding]:
    for number, row in enumerate(file, start=1):
        check.take(number, row)
    return {finding.name: finding for finding in check.findings()}


def row(*texts: str, answers: tuple[tuple[int, int, str], ...] = (), prompt: str = "How?", scores=()) -> ParsedRow:
    """A row of one question."""
    given_scores = [*scores, *[None] * len(texts)]
    responses = tuple(ParsedResponse(text, "", score) for text, score in zip(texts, given_scores, strict=False))
    return ParsedRow((Message("user", prompt),), responses, tuple(ParsedComparison(a, b, w) for a, b, w in answers))  # type: ignore[arg-type]


def asked_in(file: list[ParsedRow]):
    """(row number, prompt, the two texts, what was preferred) of every answer."""
    for number, one in enumerate(file, start=1):
        for c in one.comparisons:
            first, second = one.responses[c.first].text, one.responses[c.second].text
            won = {"first": first, "second": second}.get(c.answer, (c.answer,))
            yield number, one.messages, frozenset([first, second]), won


@QUICK
@given(FILES)
def test_answers_ties_sides_and_disagreement_are_what_a_count_says(file: list[ParsedRow]) -> None:
    found = said(Labels(), file)
    answers = Counter(c.answer for one in file for c in one.comparisons)
    assert found["answers"].of == sum(answers.values())
    assert found["ties"].found == answers["tie"]
    assert found["sides"].of == answers["first"] + answers["second"]
    votes = defaultdict(list)
    for _, prompt, pair, won in asked_in(file):
        votes[prompt, pair].append(won)
    several = {pair: won for pair, won in votes.items() if len(won) > 1}
    assert found["disagreement"].of == len(several)
    assert found["disagreement"].found == sum(len(set(won)) > 1 for won in several.values())


def settled(one: ParsedRow) -> dict[frozenset[int], int | str]:
    """Two places → the place that most answers prefer, or "tie" or "both_bad"; a tie where none has the most."""
    votes: dict[frozenset[int], list[int | str]] = defaultdict(list)
    for c in one.comparisons:
        votes[frozenset((c.first, c.second))].append({"first": c.first, "second": c.second}.get(c.answer, c.answer))
    most = {pair: [w for w in said if all(said.count(w) > said.count(o) for o in said if o != w)]
            for pair, said in votes.items()}  # fmt: skip
    return {pair: won[0] if won else "tie" for pair, won in most.items()}


def in_a_circle(n: int, answers: dict[frozenset[int], int | str]) -> bool:
    """Whether no order of the responses agrees with every strict answer."""
    strict = [(won, next(iter(pair - {won}))) for pair, won in answers.items() if isinstance(won, int)]
    return not any(
        all(order.index(better) < order.index(worse) for better, worse in strict)
        for order in itertools.permutations(range(n))
    )


@QUICK
@given(FILES)
def test_a_circle_is_what_no_order_agrees_with(file: list[ParsedRow]) -> None:
    for one in file:
        assert cyclic(majorities(one.comparisons)) == in_a_circle(len(one.responses), settled(one))
    several = [(n, one) for n, one in enumerate(file, start=1) if len(settled(one)) > 1]
    found = said(Labels(), file)
    assert ("cycles" in found) == bool(several)
    if several:
        circles = [n for n, one in several if in_a_circle(len(one.responses), settled(one))]
        assert [number for number, _ in found["cycles"].rows] == circles
        ties = [n for n, one in several if set(settled(one).values()) == {"tie"}]
        assert [number for number, _ in found["all_ties"].rows] == ties


def test_labellers_who_disagree_make_no_circle() -> None:
    votes = ((0, 1, "first"), (1, 0, "first"), (0, 1, "first"), (1, 2, "first"), (0, 2, "tie"))
    found = said(Labels(), [row("a", "b", "c", answers=votes), row("a", "b", answers=votes[:2])])
    assert (found["cycles"].found, found["cycles"].of, found["all_ties"].found) == (0, 1, 0)
    round_ = said(Labels(), [row("a", "b", "c", answers=((0, 1, "first"), (1, 2, "first"), (2, 0, "first")))])
    assert round_["cycles"].found == 1


@given(FILES)
def test_repeated_pairs_and_prompts_are_what_a_count_says(file: list[ParsedRow]) -> None:
    found = said(Copies(), file)
    pairs = []
    for number, one in enumerate(file, start=1):
        asked = {(c.first, c.second) for c in one.comparisons} or ({(0, 1)} if len(one.responses) == 2 else set())
        pairs += [(number, (one.messages, frozenset(one.responses[n].text for n in pair))) for pair in sorted(asked)]
    again = [number for n, (number, pair) in enumerate(pairs) if pair in [other for _, other in pairs[:n]]]
    assert found["repeated_pairs"].found == len(again)
    assert sorted(number for number, _ in found["repeated_pairs"].rows) == again
    prompts = list(dict.fromkeys(one.messages for one in file))
    alike = {plain("\n".join(m.content for m in prompt)) for prompt in prompts}
    assert found["same_but_for_case"].found == len(prompts) - len(alike)
    assert found["shared_prompts"].found == len(file) - len(prompts)


@QUICK
@given(FILES)
def test_a_label_bank_answers_every_pair_of_each_prompt(file: list[ParsedRow]) -> None:
    found = said(Banks(), file)["label_bank"]
    texts, answered = defaultdict(set), defaultdict(set)
    for one in file:
        texts[one.messages] |= {response.text for response in one.responses}
    for _, prompt, pair, _ in asked_in(file):
        if len(pair) == 2:
            answered[prompt].add(pair)
    full = [p for p, own in texts.items() if len(own) > 1 and len(answered[p]) == len(own) * (len(own) - 1) // 2]
    assert found.found == len(full)
    assert found.of == len({one.messages for one in file})
    assert ("A label bank" in found.words) == bool(file and len(full) == found.of)


@QUICK
@given(FILES)
def test_scores_contradict_where_the_lower_one_was_preferred(file: list[ParsedRow]) -> None:
    found = said(Scores(), file)
    signs = []
    for one in file:
        for c in one.comparisons:
            first, second = one.responses[c.first].score, one.responses[c.second].score
            if c.answer in ("first", "second") and first is not None and second is not None:
                signs.append((first - second) * (1 if c.answer == "first" else -1))
    assert found["scores_against"].of == len(signs)
    assert found["scores_against"].found == sum(sign < 0 for sign in signs)
    if signs:
        assert found["scores_equal"].found == sum(sign == 0 for sign in signs)


def test_a_file_whose_first_always_wins_says_so_and_a_lopsided_one_too() -> None:
    always = said(Labels(), [row("a", "b", answers=((0, 1, "first"),))] * 3)["sides"]
    assert (always.tone, "always wins" in always.words) == ("note", True)
    mixed = [row("a", "b", answers=((0, 1, "second" if n % 4 else "first"),)) for n in range(FEWEST)]
    assert "tells much" in said(Labels(), mixed)["sides"].words
    even = [row("a", "b", answers=((0, 1, "second" if n % 2 else "first"),)) for n in range(FEWEST)]
    assert said(Labels(), even)["sides"].tone == "ok"


def test_marks_of_templates_and_prompts_said_again_are_found() -> None:
    long = "What is the best way to wash wool?"
    file = [
        row("fine", "<|im_end|>"), row("a\n\nHuman: b", "c"), row("x < y and [INSTALL]", "b"),
        row("a", "b\n<extra_id_1>User"),
        row(f"  {long} By hand.", "b", prompt=long), row("How? So.", "b"),
    ]  # fmt: skip
    found = said(Markers(), file)
    assert [number for number, _ in found["markers"].rows] == [1, 2, 4]
    assert [number for number, _ in found["prompt_again"].rows] == [5], "a short prompt says nothing"


def test_lengths_are_those_of_the_texts_and_a_leaning_is_said() -> None:
    lengths = Lengths()
    found = said(lengths, [row("aaaa", "b", answers=((1, 0, "second"),))] * 60)["longer"]
    assert (found.found, found.of, found.tone) == (60, 60, "note")
    figures = lengths.figures()
    assert (figures["response"]["n"], figures["response"]["max"], figures["response"]["mean"]) == (120, 4, 2.5)
    assert sum(figures["response"]["counts"]) == 120
    assert figures["turns"] == {"1": 60}


def test_languages_are_named_where_they_are_sure() -> None:
    asked = "Please tell me how I can wash this woollen jumper without it getting smaller"
    english = [row("a", "b", prompt=f"{asked}, {n}") for n in range(9)]
    german = row("a", "b", prompt="Wie wasche ich am besten einen Pullover aus Wolle, ohne dass er einläuft?")
    found = Languages()
    assert said(found, [*english, german, german])["languages"].found == 1
    assert found.figures() == {"en": 9, "de": 1}
    assert language_of("?") == "unsure"


def test_a_sample_depends_on_neither_order_nor_repetition() -> None:
    def taken(keys: list[int]) -> list[int]:
        sample: Sample[int] = Sample("test", 5)
        for key in keys:
            sample.offer(str(key), lambda key=key: key)
        return sample.items()

    keys = list(range(40))
    assert taken(keys) == taken(keys[::-1]) == taken([*keys, *keys])
    assert len(taken(keys)) == 5
    assert taken(keys) != taken(keys[5:])


def test_findings_name_the_first_rows_and_count_all() -> None:
    file = [row("a", "b", answers=((0, 1, "first"),), scores=(0.0, 1.0))] * (LISTED + 5)
    found = said(Scores(), file)["scores_against"]
    assert (found.found, len(found.rows), found.rows[0]) == (LISTED + 5, LISTED, (1, "0 was preferred to 1"))


def test_digests_tell_texts_apart_and_keep_their_order() -> None:
    assert digest("a", "bc") != digest("ab", "c")
    kept = Digests()
    kept.extend([3, 2**64 - 1, 3])
    assert kept.all().tolist() == [3, 2**64 - 1, 3]
    assert not Digests().all().size
    assert plain("  ＡＢ\n c ") == "ab c"
    assert re.fullmatch(r"\d+", str(digest("")))
