"""A broken file and a dirty one come in through the page Data: a sentence, a report, and the rows that can be used."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.store.database import open_store
from tests.browser.conftest import ROOT, served
from tests.browser.tab import SLOW, main

pytestmark = pytest.mark.browser
GOOD = {"prompt": "How do I wash wool?", "chosen": "By hand, cold.", "rejected": "Boil it."}


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The app over a store without studies, with a tools worker beside it."""
    folder = tmp_path_factory.mktemp("import")
    open_store(folder)
    command = [sys.executable, "-m", "workbench", "worker", "--tools", "--store", str(folder)]
    worker = subprocess.Popen(command, cwd=ROOT, env={**os.environ})
    try:
        with served(folder) as address:
            yield address
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def bring_in(page, url: str, path: Path | str) -> None:
    page.goto(f"{url}/data?part=import&path={path}")
    page.get_by_role("button", name="Read the file").click(timeout=SLOW)


def upload(page, url: str, name: str, content: str) -> None:
    page.goto(f"{url}/data?part=import")
    main(page).get_by_text("No file is named yet.").first.wait_for(timeout=SLOW)
    given = {"name": name, "mimeType": "application/octet-stream", "buffer": content.encode()}
    page.locator("input[type=file]").set_input_files(given)
    page.get_by_role("button", name="Read the file").click(timeout=SLOW)


def test_a_broken_file_says_what_is_wrong_and_a_dirty_one_what_was_refused(page, url, tmp_path):
    broken, dirty = tmp_path / "broken.jsonl", tmp_path / "dirty.jsonl"
    broken.write_text(json.dumps(GOOD)[:30])
    bring_in(page, url, broken)
    main(page).get_by_text("its only row cannot be read").first.wait_for(timeout=60_000)

    dirty.write_text(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "rejected": GOOD["chosen"]}) + "\nnot json\n")
    bring_in(page, url, dirty)
    main(page).get_by_text("Refused rows").first.wait_for(timeout=60_000)
    assert "not imported yet" in main(page).inner_text()
    page.get_by_role("button", name="Import the other 1").click()
    page.get_by_role("button", name="Browse it").click(timeout=60_000)
    main(page).get_by_text("By hand, cold.").first.wait_for(timeout=SLOW)


def test_an_uploaded_file_is_read_and_browsed_under_its_own_name(page, url):
    new = f"silk {uuid4().hex[:6]}"  # walked again, the app would say of the same file that it is imported
    rows = [{**GOOD, "prompt": f"How do I dry {thing}?"} for thing in ("wool", new, "<img src=http://evil/x>")]
    upload(page, url, "up (1) away.jsonl", "\n".join(map(json.dumps, rows)))
    page.get_by_role("button", name="Import 3 rows").click(timeout=60_000)
    page.get_by_role("button", name="Browse it").click(timeout=60_000)
    main(page).get_by_text("1 to 3 of 3").first.wait_for(timeout=SLOW)
    assert "up (1) away.jsonl" in page.get_by_role("combobox", name="Data set").input_value()
    page.get_by_label("Text in prompts and responses").fill("<img")
    page.keyboard.press("Enter")
    main(page).get_by_text("1 to 1 of 1 that hold it").first.wait_for(timeout=SLOW)
    main(page).get_by_text("How do I dry <img src=http://evil/x>?").first.wait_for(timeout=SLOW)


def test_a_broken_upload_is_refused_with_a_sentence_and_can_be_replaced(page, url):
    upload(page, url, "photo.parquet", "\x89PNG, and no table at all")
    card = page.get_by_role("alert")
    card.wait_for(timeout=60_000)
    assert "photo.parquet" in card.inner_text()
    assert "Traceback" not in card.inner_text()
    upload(page, url, "good.csv", "prompt,chosen,rejected\nHow do I wash wool?,By hand.,Boil it.\n")
    page.get_by_role("button", name="Import 1 row").click(timeout=60_000)
    page.get_by_role("button", name="Browse it").wait_for(timeout=60_000)


def test_a_hugging_face_id_without_a_network_is_a_sentence(page, url):
    bring_in(page, url, "nobody-at-all/no-such-data")
    card = page.get_by_role("alert")
    card.wait_for(timeout=60_000)
    said = card.inner_text()
    assert "nobody-at-all/no-such-data" in said
    assert "Traceback" not in said
    assert len(said) < 600, "a sentence and what to do, not all that a library says"
    page.get_by_role("button", name="Try again").wait_for(timeout=SLOW)


def test_a_file_that_no_format_fits_leads_to_the_form_that_maps_its_columns(page, url, tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"q": "How do I wash wool?", "good": "By hand, cold.", "bad": "Boil it."}) + "\n")
    bring_in(page, url, path)
    page.get_by_role("button", name="Map its columns by hand").click(timeout=60_000)
    page.get_by_role("button", name="Look at its first rows").click(timeout=SLOW)
    for part, column in (("Prompt", "q"), ("Chosen", "good"), ("Rejected", "bad")):
        page.get_by_role("combobox", name=f"{part} (needed)").click(timeout=60_000)
        page.get_by_role("option", name=column, exact=True).click(timeout=SLOW)
    main(page).get_by_text("By hand, cold.").first.wait_for(timeout=SLOW)
    page.get_by_role("button", name="Keep it and read the file").click(timeout=SLOW)
    page.get_by_role("button", name="Import 1 row").wait_for(timeout=60_000)
