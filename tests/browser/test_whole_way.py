"""First start → watch → curves → batch → export, over the real app, its real workers and a real, small study."""

import io
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine.store import queries
from engine.store.database import open_store
from tests.browser.conftest import ROOT
from tests.browser.tab import SLOW, go, main

pytestmark = pytest.mark.browser
SAMPLE = ROOT / "sample_data"
LABELS, ROUNDS = 4, 2


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file: two strategies, two rounds of four labels, on the first rows of the sample data."""
    for name, rows in (("pool", 40), ("heldout_pool_like", 16)):
        with (SAMPLE / "skewed" / f"{name}.jsonl").open(encoding="utf-8") as file:
            (tmp_path / f"{name}.jsonl").write_text("".join(itertools.islice(file, rows)), encoding="utf-8")
    path = tmp_path / "study.yaml"
    config = {
        "name": "The whole way",
        "data": {"pool": "pool.jsonl", "held_out": {"pool_like": "heldout_pool_like.jsonl"}},
        "model": {"path": str(SAMPLE / "model"), "device": "cpu", "lora": {"rank": 4, "alpha": 8}},
        "sampler": "all_pairs",
        "strategies": ["random", "activedpo"],
        "race": "none",
        "signals": [{"name": "reward_gradient", "dimension": 64}],
        "seeds": [1],
        "rounds": ROUNDS,
        "labels_per_round": LABELS,
        "prompts_per_round": 12,
        "dpo": {"epochs": 1, "batch_pairs": 4},
        "evaluation": {"pairs_per_set": 12, "prompts": 3, "kl_prompts": 2, "max_new_tokens": 8},
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """`workbench app` over a folder that is not there yet; told to end, it ends its workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "workbench", "app", "--port", str(port), "--store", str(tmp_path / "store")]
    with (tmp_path / "app.log").open("wb") as log:
        app = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert app.poll() is None, (tmp_path / "app.log").read_text(errors="replace")[-2000:]
                time.sleep(0.1)
            yield f"http://localhost:{port}"
        finally:
            app.terminate()
            app.wait(timeout=30)


def test_from_a_first_start_to_a_file_for_a_trainer(page, url, study, tmp_path):
    page.goto(url)
    main(page).get_by_text("No study is here yet.").first.wait_for(timeout=SLOW)
    page.get_by_role("button", name="Start a study").click()
    page.get_by_label("Study file (path on this machine)").fill(str(study))
    page.get_by_role("button", name="Start from this file").click()
    page.get_by_text("It keeps about").last.wait_for(timeout=SLOW)
    page.get_by_role("button", name="Start this study").click()
    main(page).get_by_text("Queued. A worker takes it up by itself.").first.wait_for(timeout=SLOW)

    page.get_by_text(re.compile("workers? answer", re.IGNORECASE)).first.wait_for(timeout=60_000)
    main(page).get_by_text("Now: ").first.wait_for(timeout=60_000)
    main(page).locator(".squares i[class^=slot]").first.wait_for(timeout=60_000)
    main(page).get_by_text("All 2 runs are finished.").first.wait_for(timeout=90_000)
    assert main(page).locator(".squares i[class^=slot]").count() == 2 * ROUNDS

    go(page, "Curves")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .annotation').length === 2", timeout=SLOW)
    ticks = main(page).locator(".xtick text").all_text_contents()
    assert ticks == [str(LABELS * n) for n in range(ROUNDS + 1)]
    go(page, "Batch")
    main(page).get_by_text(f"pick 1 of {LABELS} · round {ROUNDS}").first.wait_for(timeout=SLOW)
    main(page).get_by_text("score before the batch").first.wait_for(timeout=SLOW)
    prompt = main(page).locator(".turn").last.inner_text()

    go(page, "Export")
    page.get_by_role("button", name="Check and pack").click()
    button = page.get_by_role("button", name=re.compile(r"Download, \d"))
    button.wait_for(timeout=60_000)
    main(page).get_by_text("TRL's DPOTrainer takes it").first.wait_for(timeout=SLOW)
    assert main(page).get_by_text("does not hold").count() == 0
    with page.expect_download(timeout=SLOW) as download:
        button.click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as packed:
        rows = [json.loads(line) for line in packed.read("data/train-00000-of-00001.jsonl").splitlines()]
        answers = packed.read("provenance.jsonl").splitlines()
    assert len(rows) == len(answers) == LABELS * ROUNDS
    assert prompt in {row["prompt"][-1]["content"] for row in rows}, "what was read on Batch is in the file"

    store = open_store(tmp_path / "store")
    kept = queries.labelled_pairs(store, queries.studies(store)[0].id)
    known = {row["pair_id"]: row["answer"] for row in kept if row["strategy"] == "activedpo"}
    assert {row["pair_id"] for row in rows} == set(known)
    assert {row["strategy"] for row in rows} == {"activedpo"}
