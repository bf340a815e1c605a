"""What the models that a study asks are like, in a drawer: consistency, bias for a slot, refusals, tokens, cost."""

from collections.abc import Sequence

import streamlit as st

from workbench.asked_words import HOW, AskedModels, evaluator_rows, name_of
from workbench.components.markup import escaped, foreign, show, table


def asked_markup(asked: AskedModels) -> str:
    """A table an oracle, and one of the evaluator's figures; how to read them below."""
    parts = [_part(name_of(name), asked.rows(name)) for name in asked.oracles]
    parts += [_part("evaluator", evaluator_rows(asked.evaluator))] if asked.evaluator else []
    return "".join(parts) + f"<p><small>{escaped(HOW)}</small></p>"


def asked_drawer(asked: AskedModels, key: str) -> None:
    """Nothing where no model was asked."""
    if not asked:
        return
    names = ", ".join([*map(name_of, asked.oracles), *(["evaluator"] if asked.evaluator else [])])
    with st.expander(f"Asked models: {names}", icon=":material/balance:", key=f"asked-{key}"):
        show(asked_markup(asked))


def _part(title: str, rows: Sequence[tuple[str, str]]) -> str:
    cells = [[escaped(what), foreign(said)] for what, said in rows]
    return f"<div class='under'><b>{foreign(title)}</b>{table([('', False), ('', False)], cells)}</div>"
