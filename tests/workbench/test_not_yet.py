"""A page without anything to show yet: it is drawn again by itself once its study has come further."""

import pytest
from streamlit.testing.v1 import AppTest

from engine.errors import DataError
from engine.store import inbox, queries
from engine.store.database import open_store
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench import cache, not_yet


def looks(study_id: str) -> None:
    import streamlit as st

    from workbench import cache, not_yet

    n = st.session_state["n"] = st.session_state.get("n", 0) + 1
    st.text(n)
    not_yet._look(study_id, cache.revision(study_id) - (n == 1))


def test_the_page_is_drawn_again_when_the_study_has_come_further(tmp_path, monkeypatch):
    store = worlds.running(tmp_path / "own", done=0)
    monkeypatch.setenv("WORKBENCH_STORE", str(store.folder))
    study_id = queries.studies(store)[0].id
    inbox.command(store, "pause", study_id=study_id)
    test = AppTest.from_function(looks, args=(study_id,), default_timeout=60).run()
    assert test.text[0].value == "2", "once: then what is drawn is what there is"


@pytest.mark.parametrize("page", ["batch", "explore", "export", "curves"])
def test_a_page_that_waits_for_a_study_looks_for_it(tmp_path, monkeypatch, page):
    store, looked = open_store(tmp_path / "own"), []
    study_id, _ = worlds.add_study(store, "Waits for a worker")
    monkeypatch.setattr(not_yet, "_look", lambda *drawn: looked.append(drawn))
    assert not app(store.folder, monkeypatch, page).exception
    assert looked == [(study_id, cache.revision(study_id))]


def test_an_export_that_holds_nothing_yet_looks_for_more(tmp_path, monkeypatch):
    store, looked = worlds.finished(tmp_path / "own"), []
    study_id = queries.studies(store)[0].id

    def nothing(*asked):
        raise DataError("No pair of round 1 is labelled yet.", "Wait.")

    monkeypatch.setattr(not_yet, "_look", lambda *drawn: looked.append(drawn))
    monkeypatch.setattr(cache, "exported", nothing)
    assert "No pair of round 1 is labelled yet." in seen(app(store.folder, monkeypatch, "export"))
    assert looked == [(study_id, cache.revision(study_id))]
