"""The parts of Data, Browse: which data set, what it holds, and the prompts that a search found."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from engine.store.summaries import DatasetSummary, PromptPage
from workbench.components.foreign_text import first_line
from workbench.components.markup import empty, fact, heading, show
from workbench.wording import ANSWERS, integer, plain


def dataset_names(datasets: Sequence[DatasetSummary], roles: Mapping[str, str]) -> dict[str, DatasetSummary]:
    """Name → data set: those of the study first, pool before held-out sets, then the others, newest first.

    `roles` are role → id of the study looked at. Names that come twice get the start of their id.
    """
    by_id = {dataset.id: dataset for dataset in datasets}
    role_of = {dataset_id: plain(role.removeprefix("held_out:")) for role, dataset_id in roles.items()}
    held = {dataset_id for role, dataset_id in roles.items() if role != "pool"}
    mine = sorted((i for i in role_of if i in by_id), key=lambda i: i in held)
    found: dict[str, DatasetSummary] = {}
    for dataset_id in [*mine, *(i for i in by_id if i not in role_of)]:
        dataset = by_id[dataset_id]
        kind = f"held-out set {role_of[dataset_id]}" if dataset_id in held else role_of.get(dataset_id, "")
        name = f"{kind} · {dataset.name}" if kind else dataset.name
        found[name if name not in found else f"{name} ({dataset_id[1:7]})"] = dataset
    return found


def dataset_facts(dataset: DatasetSummary, recorded: Mapping[str, int]) -> None:
    """How much there is of everything."""
    refused = sum(dataset.refused.values())
    facts = [
        fact("prompts", integer(dataset.prompts)),
        fact("responses", integer(dataset.responses)),
        fact("pairs", integer(dataset.pairs), "" if dataset.pairs else "made by the sampler"),
        fact("recorded comparisons", integer(sum(recorded.values())), recorded_words(recorded)),
        fact("rows of the file", integer(dataset.rows), f"{integer(refused)} refused · {plain(dataset.format)}"),
    ]
    show(f'<div class="facts">{"".join(facts)}</div>')


def recorded_words(recorded: Mapping[str, int]) -> str:
    """What the recorded answers are; which side a winner is on says nothing, for sides go by hash."""
    if not recorded:
        return "none in the file"
    others = [f"{integer(n)} × {ANSWERS.get(a, a)}" for a, n in sorted(recorded.items()) if a not in ("a", "b")]
    return ", ".join(others) or "each for one side"


def prompt_list(page: PromptPage, text: str, key: str, on_select: Callable[[], None]) -> None:
    """The prompts of this page of the search; a canvas, so that a text stays text."""
    if not page.prompts:
        empty("No prompt and no response holds that text." if text else "This data set holds no prompt.",
              "Try fewer words: the text is looked for as it is typed.")  # fmt: skip
        return
    first = page.page * page.size + 1
    aside = f"{integer(first)} to {integer(first + len(page.prompts) - 1)} of {integer(page.total)}"
    show(heading("Prompts", f"{aside} that hold it, or with a response that does" if text else aside))
    frame = pd.DataFrame(
        {
            "#": [p.row for p in page.prompts],
            "responses": [p.responses for p in page.prompts],
            "pairs": [p.pairs for p in page.prompts],
            "prompt": [first_line(p.messages, 140) for p in page.prompts],
        }
    )
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row",
        row_height=30,
        height=min(len(frame), 17) * 30 + 38,
        column_config={
            "#": st.column_config.NumberColumn(width=44, format="localized"),
            "responses": st.column_config.NumberColumn(width=74),
            "pairs": st.column_config.NumberColumn(width=50),
            # Last, so that a narrow screen cuts texts and not numbers.
            "prompt": st.column_config.TextColumn(width=190),
        },
        alt="Prompts of the data set with their numbers of responses and pairs",
    )


def page_number(total: int, size: int) -> int:
    """Which page of the search, from 0; nothing is drawn while all fits on one."""
    pages = -(-total // size)
    if pages <= 1:
        return 0
    return (
        int(st.number_input(f"Page of {integer(pages)}", 1, pages, key="prompts_page", bind="query-params", width=130))
        - 1
    )
