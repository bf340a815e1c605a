"""The files that a form names: counted as the study will split them, and read only where this server may."""

import json
from pathlib import Path

import pytest

from engine.data.places import ROOT_VARIABLE
from engine.data.prepare import split_as_told
from engine.data.read import read
from engine.errors import ConfigError, DataError
from engine.settings import DataSettings
from engine.store.database import open_store
from tests.workbench.test_data_page import GOOD, file
from workbench import cache, commands


def test_a_pool_or_mapping_outside_the_data_root_is_not_counted(tmp_path, monkeypatch):
    root, house = tmp_path / "root", tmp_path / "house.yaml"
    root.mkdir()
    house.write_text("prompt: prompt\nchosen: chosen\nrejected: rejected\n")
    outside, inside = file(tmp_path, json.dumps(GOOD)), file(root, json.dumps(GOOD))
    monkeypatch.setenv(cache.STORE_VARIABLE, str(open_store(tmp_path / "s").folder))
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    counted = cache.sizes(DataSettings(pool=str(inside), held_out={"same": str(inside)}))
    assert counted is not None
    assert [size.pairs for size in counted] == [1, 1]
    for wrong in (
        DataSettings(pool=str(outside)),
        DataSettings(pool=str(inside), held_out={"other": str(outside)}),
        DataSettings(pool=str(inside), format=str(house)),
    ):
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            cache.sizes(wrong)


def test_the_form_counts_the_split_that_the_study_will_have(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.STORE_VARIABLE, str(open_store(tmp_path / "s").folder))
    asked = [f"How do I wash {what}?" for what in ("wool", "silk", "linen", "jeans", "a tent", "felt", "lace", "hemp")]
    rows = [{**GOOD, "prompt": text + end, "topic": f"t{n % 2}"} for n, text in enumerate(asked) for end in ("", " ")]
    path = file(tmp_path, *map(json.dumps, rows))
    data = read(str(path)).data
    near = {"near_duplicates_together": True, "held_out_seed": 2}
    for told in ({}, {"held_out_strata": "topic"}, {"held_out_seed": 4}, near):
        settings = DataSettings(pool=str(path), held_out_share=0.3, **told)
        counted = cache.sizes(settings)
        assert counted is not None
        assert [size.prompts for size in counted] == [len(part.prompts) for part in split_as_told(data, settings)]


def test_a_study_file_outside_the_data_root_is_not_opened(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    for place in (tmp_path, tmp_path / "root"):
        (place / "study.yaml").write_text("name: x\n")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "root"))
    for wrong in (tmp_path / "study.yaml", tmp_path / "gone.yaml", Path("/etc/passwd")):
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            commands.draft_of(wrong)
    with pytest.raises(ConfigError, match="model"):
        commands.draft_of(tmp_path / "root" / "study.yaml")
    assert commands.draft_of(commands.SAMPLE)["name"]
