"""The proof of published files against the dirt that is known to be in them. Skipped where they are not."""

import pytest

from engine.data.proof.finding import Finding
from engine.data.proof.prove import Proof, prove
from tests.engine.data.test_read import REAL

FILES = {
    "base": "hh-rlhf/helpful-base/test.jsonl.gz",
    "online": "hh-rlhf/helpful-online/test.jsonl.gz",
    "fine_grained": "fine-grained-rlhf/dev_feedback.json",
    "trees": "oasst-trees/en_100_tree.jsonl",
    "sharegpt": "llamafactory/dpo_en_demo.json",
    "unpaired": "llamafactory/kto_en_demo.json",
    "parts": "llamafactory/v1_dpo_demo.jsonl",
}


@pytest.fixture(scope="module")
def proof():
    """Reads a file once."""
    read: dict[str, Proof] = {}

    def of(name: str) -> tuple[Proof, dict[str, Finding]]:
        path = REAL / FILES[name]
        if not path.exists():
            pytest.skip(f"{path} is not here; set WORKBENCH_SHARED_DATA")
        if name not in read:
            read[name] = prove(path)
        return read[name], {finding.name: finding for finding in read[name].findings}

    return of


@pytest.mark.parametrize(
    ("name", "rows", "identical", "differ", "empty"), [("base", 2354, 2, 9, 4), ("online", 1137, 2, 0, 3)]
)
def test_transcripts_have_identical_pairs_differing_prompts_and_empty_replies(
    proof, name, rows, identical, differ, empty
):
    found, by_name = proof(name)
    assert found.report.format == "hh_transcripts"
    assert found.report.rows == rows
    counts = {kind: by_name[kind].found for kind in ("identical", "prompts_differ", "empty")}
    assert counts == {"identical": identical, "prompts_differ": differ, "empty": empty}
    assert by_name["refused"].found == len(found.report.refused)
    assert all(row for kind in ("identical", "empty") for row, _ in by_name[kind].rows)
    assert max(map(int, found.lengths["turns"])) > 15, "more than eight human turns"


def test_four_answers_a_question_are_a_label_bank_with_many_ties(proof):
    _, found = proof("fine_grained")
    assert (found["answers"].of, found["ties"].found) == (3000, 384)
    assert (found["all_ties"].found, found["all_ties"].of) == (12, 500)
    assert found["cycles"].found == 0
    assert (found["label_bank"].found, found["label_bank"].of) == (500, 500)


def test_trees_leave_out_what_is_no_pair_and_say_so(proof):
    report = proof("trees")[0].report
    assert report.rows == 100
    assert report.dropped["turns with one reply, which is no pair"] == 40
    assert report.dropped["replies without a rank"] == 6


def test_pairs_that_come_twice_are_kept_and_said(proof):
    read, found = proof("sharegpt")
    assert (read.report.rows, read.report.counts.pairs) == (300, 295)
    assert (found["repeated_pairs"].found, found["shared_prompts"].found) == (5, 5)
    assert found["disagreement"].found == 0


def test_feedback_on_single_responses_has_no_pair_and_marks_in_its_texts(proof):
    read, found = proof("unpaired")
    assert (read.report.rows, read.report.counts.pairs, found["answers"].of) == (300, 0, 0)
    assert [row for row, _ in found["markers"].rows] == [140, 258]


def test_typed_message_parts_are_read(proof):
    read, _ = proof("parts")
    assert (read.report.rows, len(read.report.refused), read.report.counts.pairs) == (10, 0, 10)
