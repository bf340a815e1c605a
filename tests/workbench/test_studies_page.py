"""The page Studies: its table and its cards move together."""

import streamlit

from tests.workbench import worlds
from tests.workbench.test_pages import app
from workbench.components import study_card, study_table


def test_the_table_of_studies_is_drawn_anew_with_the_cards(tmp_path, monkeypatch):
    inside: list[str] = []
    drawn: dict[str, list[str]] = {}

    def fragment(run_every):
        def live(function):
            def run(*given):
                inside.append(f"{function.__name__} every {run_every}")
                function(*given)
                inside.pop()

            return run

        return live

    def watch(module, name: str) -> None:
        draw = getattr(module, name)

        def watched(*given, **named):
            drawn[name] = list(inside)
            return draw(*given, **named)

        monkeypatch.setattr(module, name, watched)

    monkeypatch.setattr(streamlit, "fragment", fragment)
    watch(study_card, "study_facts")
    watch(study_table, "study_table")
    assert not app(worlds.WORLDS["running"](tmp_path / "running").folder, monkeypatch).exception
    assert drawn["study_table"] == drawn["study_facts"] == ["cards every 2s"], "else the table lags behind the card"
