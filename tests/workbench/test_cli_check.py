"""`workbench data check`: the proof in the terminal and as JSON, with a mapping, a held-out file and a model."""

import csv
import json
from pathlib import Path

import pytest

from tests.workbench.test_cli import invoke
from workbench.proof_words import better_of, finding_words, share_words, special_words

MODEL = Path(__file__).resolve().parents[2] / "sample_data" / "model"
ASKED = "Please tell me how I can wash a woollen jumper by hand in cold water without it shrinking"
GOOD = {"prompt": ASKED, "chosen": "By hand, cold.", "rejected": "Boil it."}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def dirty(tmp_path) -> str:
    near = {**GOOD, "prompt": f"{ASKED} please"}
    return write(tmp_path / "x.jsonl", GOOD, {**GOOD, "rejected": GOOD["chosen"]}, near, {**GOOD, "chosen": " \x1b[2J"})


def test_the_proof_in_the_terminal(dirty, tmp_path):
    refused = tmp_path / "refused.csv"
    code, text = invoke("data", "check", dirty, "--refused", str(refused))
    assert code == 0
    for part in (
        "format   trl_explicit", "LOOK identical pairs: 1 of 4 rows (25 %).", "ok   empty replies: none of 4 rows",
        "LOOK near-duplicate prompts: all 2 prompts.", "row 1 as it was understood", "→ 1 (better in 1 of 1)",
        "row 2: chosen and rejected are identical",
    ):  # fmt: skip
        assert part in text, part
    assert "\x1b" not in text
    assert [row[0] for row in csv.reader(refused.open())] == ["row", "2"]
    assert "near-duplicate" not in invoke("data", "check", dirty, "--no-near-duplicates")[1]


def test_the_proof_as_json_holds_all_of_it(dirty):
    code, text = invoke("data", "check", dirty, "--json")
    found = json.loads(text)
    assert code == 0
    names = [finding["name"] for finding in found["findings"]]
    assert len(names) == len(set(names))
    assert {"identical", "sides", "languages", "near_duplicates", "label_bank"} <= set(names)
    assert found["lengths"]["response"]["n"] == 6
    assert found["first"][0]["responses"][0][0] == "By hand, cold."


def test_how_much_of_a_held_out_file_is_in_this_one_too(dirty, tmp_path):
    held_out = write(tmp_path / "held.jsonl", GOOD, {**GOOD, "prompt": f"{ASKED}, thanks"}, {**GOOD, "prompt": "Silk?"})
    text = invoke("data", "check", dirty, "--held-out", held_out)[1]
    assert "of the 3 held-out prompts, in this file too: 1; near another prompt of it: 1" in text


def test_a_mapping_reads_what_no_format_fits(tmp_path):
    odd = write(tmp_path / "odd.jsonl", {"q": ASKED, "good": "By hand.", "bad": "Boil."})
    house = tmp_path / "house.yaml"
    house.write_text("prompt: q\nchosen: good\nrejected: bad\n")
    assert "Map its columns by hand (--mapping" in invoke("data", "check", odd)[1]
    assert "mapped by hand: prompt from q" in invoke("data", "check", odd, "--mapping", str(house))[1]
    code, text = invoke("data", "import", odd, "--mapping", str(house), "--store", str(tmp_path / "s"), "--json")
    assert (code, json.loads(text)["pairs"]) == (0, 1)
    for wrong in (["--mapping", str(house), "--format", "nectar"], ["--mapping", odd]):
        assert invoke("data", "check", odd, *wrong)[0] == 2
    house.write_text("prompt: q\n")
    assert "responses: name chosen and rejected" in invoke("data", "check", odd, "--mapping", str(house))[1]


def test_rows_as_a_model_reads_them(dirty):
    code, text = invoke("data", "check", dirty, "--no-near-duplicates", "--model", str(MODEL), "--context", "30")
    assert code == 0
    assert "do not fit with their prompt into 30 tokens" in text
    assert "begins with one <|bos|>, ends with one <|eos|>" in text or "takes 30" in text


def test_findings_in_words():
    found = {"found": 1, "of": 3, "unit": "rows", "words": "None.", "rows": [[7, ""]]}
    assert finding_words(found) == "1 of 3 rows (33.3 %). Row 7."
    assert share_words({**found, "found": 0}) == "none of 3 rows"
    assert share_words({**found, "found": 1, "of": 90_000}) == "1 of 90,000 rows"
    many = {**found, "found": 99, "rows": [[n, ""] for n in range(1, 51)]}
    assert finding_words(many).endswith("11, 12, ….")
    assert better_of([[0, 1, "first", ""], [0, 2, "tie", ""], [1, 2, "second", ""]], 4) == [
        "better in 1 of 2", "better in 0 of 2", "better in 1 of 2", "",
    ]  # fmt: skip
    assert better_of([[0, 1, "tie", ""]], 2) == ["tie", "tie"]
    assert "twice" in special_words({"bos": ["<s>", 2], "eos": ["</s>", 1]})
    assert "without a token" in special_words({"bos": ["", 0], "eos": ["</s>", 1]})
