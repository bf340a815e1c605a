"""A study on answers that people gave, from file to export, by the commands a user would type. Some minutes.

    python -m tests.proof.people_study [FOLDER]     keeps all it wrote in FOLDER

Fine-Grained RLHF (500 questions, four responses each, all six pairs compared by people) lies beside the checkout or is
named by WORKBENCH_SHARED_DATA; none of its text goes into the project. Every export is read again and compared with
what the store says, pair by pair.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from engine.data.answers import Subset, settle
from engine.data.containers import NotARow, open_rows
from engine.data.export.contract import answers_in, as_rows, contract, paired_again
from engine.data.export.files import files_of, write_files
from engine.data.export.make import FILES, export
from engine.data.formats.base import FORMATS
from engine.data.profiles.base import PROFILES, Container
from engine.data.read import examine
from engine.store import queries
from engine.store.database import Store, open_store
from engine.store.labelled import answers_given, asked_pairs, held_out_of, pairs_asked
from tests.engine.data.test_read import REAL
from tests.logbook import ROOT

FILE = REAL / "fine-grained-rlhf" / "dev_feedback.json"
NAME = "People's answers"
DIRT = {"rows": 500, "pairs": 3000, "tie": 384}
"""What the folder's README says is in the file."""
STUDY: dict[str, Any] = {
    "name": NAME,
    "data": {"pool": str(FILE), "held_out_share": 0.25, "near_duplicates_together": True},
    "model": {"path": str(ROOT / "sample_data" / "model"), "device": "cpu", "lora": {"rank": 8, "alpha": 16}},
    "strategies": ["random", "activedpo"],
    "signals": [{"name": "reward_gradient", "dimension": 64}],
    "seeds": [1, 2, 3],
    "rounds": 2,
    "labels_per_round": 16,
    "prompts_per_round": 16,
    "warm_up": True,
    "dpo": {"learning_rate": 0.002, "beta": 1.0, "epochs": 1, "batch_pairs": 8},
    "referee": {"second_random": False},
    "evaluation": {"pairs_per_set": 32, "generate": "never"},
}
"""Learning rate, beta and model are the sample study's."""


def typed(*words: object, into: Path) -> str:
    """What a command prints; SystemExit with all it said if it does not end well."""
    command = [sys.executable, "-m", "workbench", *map(str, words)]
    environment = {**os.environ, "WORKBENCH_STORE": str(into)}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"workbench {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def read_it(store: Path, folder: Path) -> None:
    """Check the file and import it: what is in it is what is known to be in it."""
    said = ("--model", ROOT / "sample_data" / "model", "--refused", folder / "refused.csv")
    proof = json.loads(typed("data", "check", FILE, *said, "--json", into=store))
    recorded = proof["recorded_answers"]
    print(f"data check: {proof['format']} ({proof['why']}); {proof['rows']} rows, {len(proof['refused'])} refused, "
          f"{proof['prompts']} prompts, {proof['pairs']} pairs, answers {recorded}")  # fmt: skip
    print(f"  as tokens: {proof['tokens']['over']} of {proof['tokens']['n']} responses do not fit the model")
    for finding in proof["findings"]:
        if finding["tone"] != "ok":
            print(f"  {finding['tone']}: {finding['title']}, {finding['found']} of {finding['of']} {finding['unit']}")
    taken = json.loads(typed("data", "import", FILE, "--json", into=store))
    print(f"data import: {taken['rows']} rows, {taken['pairs']} pairs, label bank: {taken['label_bank']}")
    found = {"rows": proof["rows"], "pairs": proof["pairs"], "tie": recorded["tie"]}
    assert found == DIRT, f"{found}, not {DIRT}"
    assert taken["label_bank"], "people compared all pairs of each prompt"


def run_it(store: Path, folder: Path) -> None:
    """The study from its file, and its report in the terminal and as HTML."""
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY, sort_keys=False), encoding="utf-8")
    ran = json.loads(typed("study", "run", file, "--json", into=store))
    print(f"study run: {ran['state']}, {ran['labels_bought']:,} labels bought")
    assert ran["state"] == "done", ran
    print(typed("study", "report", NAME, into=store).rstrip())
    print(typed("study", "report", NAME, "--html", folder / "report.html", into=store).rstrip())


def take_it(store: Path, folder: Path) -> int:
    """Every profile in every container: exported, under its contract, read again; imported from JSONL. How many.

    What goes into JSONL goes by the commands; the other containers by the functions behind them.
    """
    with_what = open_store(store)
    head = f"{'profile':<14}{'file':<10}{'rows':>6}{'read again as':>24}{'pairs':>7}{'other':>7}  contract, imported"
    print(f"{head}\n{'-' * len(head)}")
    made = 0
    for cls in PROFILES:
        for container in cls.containers:
            out = folder / "exports" / f"{cls.name}-{container}"
            ticks = (
                by_command(store, cls.name, out)
                if container == "jsonl"
                else by_hand(with_what, cls.name, container, out)
            )
            tones = [tick["tone"] for tick in ticks]
            assert "bad" not in tones, ticks
            rows, read_as, pairs, other = round_trip(with_what, cls.name, out / FILES[container])
            assert other == 0, f"{cls.name}, {container}: {other} pairs or answers are others"
            taken = imported(folder, out / FILES[container], cls.name) if container == "jsonl" else ""
            said = f"{tones.count('ok')} hold, {tones.count('warn')} to note{taken}"
            print(f"{cls.name:<14}{container:<10}{rows:>6,}{read_as:>24}{pairs:>7,}{other:>7}  {said}", flush=True)
            made += 1
    return made


def by_command(store: Path, profile: str, out: Path) -> list[dict[str, Any]]:
    """The ticks of an export that `workbench export` wrote."""
    words = ("--profile", profile, "--format", "jsonl", "--licence", "apache-2.0", "--dry-parse")
    ticks: list[dict[str, Any]] = json.loads(typed("export", NAME, *words, "--out", out, "--json", into=store))["ticks"]
    return ticks


def by_hand(store: Store, profile: str, container: Container, out: Path) -> list[dict[str, Any]]:
    """The ticks of the same export in another container."""
    subset = Subset(study_id=queries.studies(store)[0].id)
    made = export(asked_pairs(store, subset), subset, profile=profile, container=container, licence="apache-2.0")
    files = files_of(made)
    write_files(files, out)
    beside = held_out_of(store, subset.study_id), pairs_asked(store, subset), answers_given(store, subset)
    return as_rows(contract(made, files, *beside))


def round_trip(store: Store, profile: str, file: Path) -> tuple[int, str, int, int]:
    """Rows, the format that they are read as, pairs in it, and how many pairs or answers are not those of the store."""
    subset = Subset(study_id=queries.studies(store)[0].id)
    settled = settle(asked_pairs(store, subset), subset)
    rows = [row for row in open_rows(file) if not isinstance(row, NotARow)]
    if profile == "audit":
        expected = sorted((vote.label, pair.pair_id, vote.answer) for pair in settled.pairs for vote in pair.votes)
        found = sorted((int(row["label"]), row["pair_id"], row["answer"]) for row in rows)
        return len(rows), "(answers)", len({row["pair_id"] for row in rows}), len(set(expected) ^ set(found))
    name = PROFILES.get(profile).reads_as
    paired = PROFILES.get(profile).rows_a_pair == 1
    back = answers_in(examine(file, name).data) if paired else paired_again(FORMATS.get(name)(), file)
    of_store = {one.pair.pair_id: one.answer for one in settled.preferred}
    return len(rows), name, len(back), len(back.items() ^ of_store.items())


def imported(folder: Path, file: Path, profile: str) -> str:
    """What `data import` makes of the file in a store of its own; the audit is no file of preferences."""
    if profile == "audit":
        return ""
    taken = json.loads(typed("data", "import", file, "--json", into=folder / "again"))
    return f"; {taken['rows']:,} rows imported, {sum(taken['refused'].values())} refused"


def adapter(store: Path, folder: Path) -> str:
    """The last round's adapter as PEFT loads it, and merged; both give the same numbers."""
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    of = ("--adapter", "--strategy", "activedpo", "--seed", 1)
    typed("export", NAME, *of, "--out", folder / "adapter", into=store)
    typed("export", NAME, *of, "--merged", "--out", folder / "merged", into=store)
    ids = torch.arange(6, 30)[None]
    with torch.no_grad():
        one, other = (
            auto.from_pretrained(str(folder / name)).eval()(input_ids=ids).logits
            for auto, name in ((AutoPeftModelForCausalLM, "adapter"), (AutoModelForCausalLM, "merged"))
        )
    apart = float((one - other).abs().max())
    assert apart < 1e-4, apart
    return f"adapter loaded by PEFT and merged, logits at most {apart:.0e} apart"


def main(folder: Path) -> str:
    """What was seen, for the log."""
    began, store = time.monotonic(), folder / "store"
    read_it(store, folder)
    run_it(store, folder)
    made = take_it(store, folder)
    words = adapter(store, folder)
    runs = f"2 arms × {len(STUDY['seeds'])} seeds × {STUDY['rounds']} rounds of {STUDY['labels_per_round']}"
    return (
        f"500 prompts and 3,000 answers of people read, {runs}, {made} exports the same when read again, every tick "
        f"held, {words}, in {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    if not FILE.exists():
        print("skipped: the published files are not here; set WORKBENCH_SHARED_DATA")
    elif len(sys.argv) > 1:
        print(main(Path(sys.argv[1]).resolve()))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            print(main(Path(scratch)))
