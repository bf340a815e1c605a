"""Every component in every state that it has: the table that `test_states` walks through.

A row names a page over a small real store, and the words that the component says there; what it must not say while it
has nothing to show stands behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["empty", "queued", "running", "failed", "finished"]


@dataclass(frozen=True)
class See:
    """A page, what the component says there, and what it does not; `press` is a button that is pressed before."""

    page: str
    words: tuple[str, ...]
    without: tuple[str, ...] = ()
    press: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


DRY = {"as": "SFT model", "with": "random; real"}
IMPORT = {"part": "import", "path": "{path}"}
NO_STUDY = "No study is here yet."
NOTHING_PICKED = "has picked nothing yet."
WHERE: dict[str, dict[State, See]] = {
    "advice_table": {
        "empty": See("curves", (NO_STUDY,), ("Is the next batch worth it?",)),
        "queued": See("curves", ("No round is done yet.",), ("Is the next batch worth it?",)),
        "failed": See("curves", ("There is no verdict yet.", "Is the next batch worth it?")),
        "finished": See("curves", ("Is the next batch worth it?", "go on", "Bloodgood")),
    },
    "batch_edit": {  # a batch that waits, is changed and released: test_review
        "empty": See("batch", (NO_STUDY,), ("waits for review", "Release")),
        "queued": See("batch", (NOTHING_PICKED,), ("waits for review", "Release")),
        "finished": See("batch", ("Why this pair",), ("waits for review", "Release", "Drop")),
    },
    "certainty_panel": {
        "empty": See("curves", (NO_STUDY,), ("reward margin",)),
        "failed": See("curves", ("No run of this strategy recorded the reward margin.",), query={"certainty": "true"}),
        "finished": See(
            "curves", ("No run of this strategy recorded the reward margin.", "panel: ["), query={"certainty": "true"}
        ),
    },
    "curve_controls": {
        "empty": See("curves", (NO_STUDY,), ("Report",)),
        "queued": See("curves", ("No round is done yet.",), ("Figure",)),
        "running": See("curves", ("Figure",), query={"along": "cost", "label_price": "0.5"}),
        "failed": See("curves", ("Figure",), query={"along": "nowhere"}),
        "finished": See("curves", ("Figure", "How to read this.")),
    },
    "curve_figures": {
        "empty": See("curves", (NO_STUDY,), ("Held-out accuracy",)),
        "queued": See("curves", ("No round is done yet.",), ("Held-out accuracy",)),
        "running": See("curves", ("Held-out accuracy", "points and no band")),
        "failed": See("curves", ("Held-out accuracy",)),
        "finished": See("curves", ("Held-out accuracy", "Higher is better, further left is cheaper.")),
    },
    "data_browser": {
        "empty": See("data", ("No data set is here yet.",), ("recorded comparisons",)),
        "queued": See("data", ("recorded comparisons", "Prompts")),
        "running": See("data", ("recorded comparisons", "1 to 16 of 16")),
        "failed": See("data", ("No prompt and no response holds that text.",), query={"q": "nowhere"}),
        "finished": See("data", ("recorded comparisons", "1 to 16 of 16")),
    },
    "data_import": {
        "empty": See("data", ("Which file", "Path on this machine"), ("Refused rows",), query={"part": "import"}),
        "queued": See("data", ("Which file", "The proof waits for the tools worker."), query=IMPORT),
        "running": See("data", ("Which file", "12,000 rows read"), ("Refused rows",), query=IMPORT),
        "failed": See("data", ("Which file", "It could not be read: &lt;b&gt;", "Try again"), query=IMPORT),
        "finished": See("data", ("Refused rows", "As understood", "not imported yet"), query=IMPORT),
    },
    "difference_figures": {
        "empty": See("curves", (NO_STUDY,), ("Paired difference",)),
        "queued": See("curves", ("No round is done yet.",), ("Paired difference",)),
        "failed": See("curves", ("There is no verdict yet.",), ("Paired difference",)),
        "finished": See("curves", ("Paired difference to random", "intervals", "Above the zero line")),
    },
    "differences_table": {
        "empty": See("curves", (NO_STUDY,), ("strategy minus its twin",)),
        "failed": See("curves", ("There is no verdict yet.",), ("strategy minus its twin",)),
        "finished": See("curves", ("strategy minus its twin", "12 labels")),
    },
    "export_panel": {
        "empty": See("export", (NO_STUDY,), ("Counts",)),
        "queued": See("export", ("has no labels yet.",), ("Counts",)),
        "running": See("export", ("Counts", "pairs that train", "The contract")),
        "failed": See("export", ("There is nothing to export",), ("Counts",), query={"strategy": "ActiveDPO"}),
        "finished": See("export", ("Counts", "First row of the file", "The card")),
    },
    "guardrail_table": {
        "empty": See("curves", (NO_STUDY,), ("Guardrails",)),
        "queued": See("curves", ("No round is done yet.",), ("Guardrails",)),
        "failed": See("curves", ("Guardrails", "does a gain come with a cost?")),
        "finished": See("curves", ("Guardrails", "does a gain come with a cost?", "names no evaluator")),
    },
    "lab_choice": {
        "empty": See("dry_run", (NO_STUDY,), ("Add a strategy",)),
        "queued": See("dry_run", ("Add a strategy", "Pool"), query=DRY),
        "running": See("dry_run", ("Add a strategy", "Pool"), query=DRY),
        "failed": See("dry_run", ("Not everything in the link can be read.",), query={**DRY, "with": "gone"}),
        "finished": See("dry_run", ("Add a strategy", "Compare with a copy"), query=DRY),
    },
    "lab_figures": {
        "queued": See("dry_run", ("The scoring waits for the worker.",), ("Where picks agree",), query=DRY),
        "running": See("dry_run", ("is being made", "width:25%"), ("Where picks agree",), query=DRY),
        "failed": See("dry_run", ("could not be made", "&lt;b&gt;"), ("Where picks agree",), query=DRY),
        "finished": See("dry_run", ("Where picks agree", "It takes two strategies that give scores"), query=DRY),
    },
    "lab_pairs": {
        "queued": See("dry_run", ("What scoring will take",), ("beside those of",), query=DRY),
        "finished": See("dry_run", ("beside those of", "Only REAL", "Neither"), query=DRY),
    },
    "lab_price": {
        "queued": See("dry_run", ("What scoring will take", "not known yet"), query=DRY),
        "running": See("dry_run", ("What scoring will take", "– to score"), query=DRY),
        "failed": See("dry_run", ("What scoring will take",), query=DRY),
        "finished": See("dry_run", ("Redundancy of each batch",), ("What scoring will take",), query=DRY),
    },
    "lab_tables": {
        "queued": See("dry_run", ("What scoring will take",), ("Redundancy of each batch",), query=DRY),
        "finished": See("dry_run", ("Redundancy of each batch", "of 6 picks", "How picks differ"), query=DRY),
    },
    "levels_table": {
        "empty": See("curves", (NO_STUDY,), ("95 % interval",)),
        "queued": See("curves", ("No round is done yet.",), ("95 % interval",)),
        "running": See("curves", ("95 % interval", "takes 3 seeds")),
        "failed": See("curves", ("95 % interval", "random")),
        "finished": See("curves", ("95 % interval", "Last level of each strategy")),
    },
    "map_controls": {
        "empty": See("map", (NO_STUDY,), ("Vectors of",)),
        "queued": See("map", ("Vectors of", "Saved selection")),
        "running": See("map", ("Vectors of", "Saved selection")),
        "failed": See("map", ("Vectors of", "Saved selection")),
        "finished": See("map", ("Vectors of", "Saved selection")),
    },
    "map_facts": {
        "queued": See("map", ("The map waits for the tools worker.",), ("How unlike are the two responses?",)),
        "running": See("map", ("is being made",), ("How unlike are the two responses?",)),
        "failed": See("map", ("could not be made",), ("How unlike are the two responses?",)),
        "finished": See("map", ("The whole pool", "96 of 96 pairs drawn.", "picked so far", "seed 0")),
    },
    "map_unlike": {
        "queued": See("map", ("The map waits for the tools worker.",), ("How unlike are the two responses?",)),
        "running": See("map", ("is being made",), ("How unlike are the two responses?",)),
        "failed": See("map", ("could not be made",), ("How unlike are the two responses?",)),
        "finished": See("map", ("How unlike are the two responses?", "Drag a range"), query={"unlike": "0.5 to 1.5"}),
    },
    "page_list": {
        "empty": See("studies", ('class="group">Pool', 'class="group">Pick', 'class="group">Result')),
        "finished": See("studies", ('class="group">Pool', 'class="group">Pick', 'class="group">Result')),
    },
    "pair_table": {
        "queued": See("explore", (NOTHING_PICKED,), ("In this round",), query={"pair": "gone"}),
        "running": See("explore", ("In this round", "percentile"), query={"pair": "{pair}"}),
        "failed": See("explore", ("In this round", "no unit"), query={"pair": "{pair}"}),
        "finished": See("explore", ("In this round", "percentile"), query={"pair": "{pair}"}),
    },
    "picker": {
        "empty": See("explore", (NO_STUDY,), ("Looking at",)),
        "queued": See("explore", ("Looking at", "Run: "), ("rounds are there.",)),
        "failed": See("explore", ("Looking at", "1 of 2 rounds are there."), query={"strategy": "ActiveDPO"}),
        "finished": See("explore", ("Looking at", "Run: ActiveDPO · ")),
    },
    "plugin_form": {
        "empty": See("studies", ("sampler", "oracle"), press="Fill in a form"),
        "finished": See("studies", ("sampler", "oracle"), press="Clone this study"),
    },
    "prompt_card": {
        "empty": See("data", ("No data set is here yet.",), ("labels bought",)),
        "queued": See("data", ("4 responses", "labels bought"), (" is better<br>",)),
        "running": See("data", ("4 responses", " is better<br>"), query={"prompt": "{prompt}"}),
        "failed": See("data", ("4 responses", "labels bought"), query={"prompt": "gone"}),
        "finished": See("data", ("4 responses", " is better<br>"), query={"prompt": "{prompt}"}),
    },
    "proof_panel": {
        "queued": See("data", ("The proof waits for the tools worker.",), ("Lengths",), query=IMPORT),
        "running": See("data", ("12,000 rows read",), ("Lengths",), query=IMPORT),
        "failed": See("data", ("It could not be read: &lt;b&gt;",), ("Lengths",), query=IMPORT),
        "finished": See("data", ("Lengths", "Languages", "Near-duplicates were not looked for."), query=IMPORT),
    },
    "run_grid": {
        "empty": See("studies", (NO_STUDY,), ('class="squares"',)),
        "queued": See("studies", ("0 of 2 rounds done, waits its turn",)),
        "running": See("studies", ("1 of 2 rounds done, running",)),
        "failed": See("studies", ("0 of 2 rounds done, failed", '<i class="bad">')),
        "finished": See("studies", ("2 of 2 rounds done, finished",), ('<i class="now">',)),
    },
    "score_choice": {
        "running": See("explore", ("Picked by ActiveDPO", "6 pairs")),
        "failed": See("explore", ("This round has no such pairs.",), query={"brush": "apl 1 to 2"}),
        "finished": See("explore", ("Scored by ActiveDPO", "96 pairs"), query={"brush": "activedpo -9 to 9"}),
    },
    "score_panels": {
        "empty": See("explore", (NO_STUDY,), ("Where strategies agree",)),
        "queued": See("explore", (NOTHING_PICKED,), ("Where strategies agree",)),
        "running": See("explore", ("Scores of round 2", "Where strategies agree")),
        "failed": See("explore", ("Round 1 has no scores.",), ("Scores of round",), query={"strategy": "ActiveDPO"}),
        "finished": See("explore", ("Scores of round 2", "Round by round", "Score against")),
    },
    "score_tables": {
        "empty": See("explore", (NO_STUDY,), ("already answered",)),
        "queued": See("explore", (NOTHING_PICKED,), ("already answered",)),
        "running": See("explore", ("candidates</th>", "median of the picks", "median y, by its cell")),
        "failed": See("explore", ("Round 1 has no scores.",), ("candidates</th>",), query={"strategy": "ActiveDPO"}),
        "finished": See("explore", ("median of the picks", "upper quarter"), query={"chart": "rounds"}),
    },
    "sidebar": {
        "empty": See("studies", ("No worker is here.",)),
        "queued": See("studies", ("The worker does not answer.",)),
        "running": See("studies", (" · last word",), ("No worker is here.",)),
        "finished": See("studies", (" · last word",), ("No worker is here.",)),
    },
    "stage_table": {
        "empty": See("studies", (NO_STUDY,), ("peak memory",)),
        "queued": See("studies", ("Waits for a worker.",), ("peak memory",)),
        "running": See("studies", ("peak memory", "tokens/s", ">training<", "is what nobody counted")),
        "finished": See("studies", ("peak memory", "tokens/s", ">evaluating<", "<b>all</b>")),
    },
    "start_study": {
        "empty": See("studies", ("Start from this file",), ("Study to clone",)),
        "failed": See("studies", ("Not ready to start yet.", "there is no file pool.jsonl"), press="Clone this study"),
        "finished": See("studies", ("Start from this file", "Study to clone")),
    },
    "study_card": {
        "empty": See("studies", (NO_STUDY,), ("labels paid for",)),
        "queued": See("studies", ("Waits for a worker.", "Pause", "time left")),
        "running": See("studies", ("Now: <b>REAL, seed 1, round 2", "Pause", "Cancel"), ("Retry",)),
        "failed": See("studies", ("✕ failed", "the loss is not finite", "Retry"), ("Pause",)),
        "finished": See("studies", ("All 4 runs are finished.",), ("Pause", "Retry", "time left")),
    },
    "study_form": {
        "empty": See("studies", ("What it will take", "It is counted as soon as"), press="Fill in a form"),
        "finished": See("studies", ("The same as a file", "imported data set"), press="Clone this study"),
    },
    "study_table": {
        "empty": See("studies", (NO_STUDY,), ("All studies",)),
        "queued": See("studies", ("All studies", "waits its turn")),
        "running": See("studies", ("All studies", "Scored")),
        "failed": See("studies", ("All studies", "Too high a rate")),
        "finished": See("studies", ("All studies", "finished")),
    },
    "take_away": {
        "queued": See("curves", ("No round is done yet.",), ("Download",)),
        "running": See("curves", ("The camera in the corner",), press="Download"),
        "failed": See("curves", ("The camera in the corner",), press="Download"),
        "finished": See("curves", ("The camera in the corner",), press="Download"),
    },
    "task_card": {
        "empty": See("map", ("This pool has no map yet.",), query={"vectors": "model, before training"}),
        "queued": See("map", ("The map waits for the tools worker.", "No tools worker is here.")),
        "running": See("map", ("The map is being made.", "16 of 64", "width:25%"), ("No tools worker is here.",)),
        "failed": See("map", ("The map could not be made.", "The disk is full: &lt;b&gt;", "Try again")),
        "finished": See("map", ("96 of 96 pairs drawn.",), ("Make the map", "could not be made")),
    },
    "time_machine": {
        "empty": See("explore", (NO_STUDY,), ("What changed its mind",)),
        "queued": See("explore", (NOTHING_PICKED,), ("What changed its mind",)),
        "failed": See("explore", ("Round 1 has not been evaluated yet.",), query={"strategy": "ActiveDPO"}),
        "finished": See("explore", ("What changed its mind", "changed sides", "240 pairs measured in both rounds")),
    },
    "tour": {
        "empty": See("studies", ("Tour, 1 of 6", "Close the tour")),
        "finished": See("studies", ("Tour, 1 of 6", "Close the tour")),
    },
    "verdict_table": {
        "empty": See("curves", (NO_STUDY,), ("Verdicts",)),
        "queued": See("curves", ("No round is done yet.",), ("Verdicts",)),
        "failed": See("curves", ("There is no verdict yet.",), ("against random on",)),
        "finished": See("curves", ("Verdicts", "against random on pool like", "declared before the start")),
    },
}
EMPTY_OVER: dict[str, str] = {"task_card": "finished"}
"""A component is empty over an empty store, if not over the one named here."""
ON_ITS_OWN = {
    "cost_card": "test_a_cost_card_without_a_cost_says_why_and_with_one_what_it_takes",
    "notebook_button": "test_the_notebook_button_gives_a_notebook_when_there_is_a_study",
    "news": "test_news_is_a_button_while_there_is_any",
    "task_table": "test_a_task_table_shows_what_waits_runs_failed_and_is_done",
    "token_view": "test_a_token_view_shows_tokens_or_why_it_cannot",
}
"""Components that no page shows in every state: component → the test below."""
NO_STATE = {
    "neighbours": "a few pairs in, a table out; the page draws none where nobody has asked",
    "mapping_form": "columns and rows in, a mapping out; its journey is in `test_data_import_page`",
    "difference": "two texts in, stretches out",
    "foreign_text": "a text in, markup out",
    "how_to_read": "words in, markup out",
    "help_metrics": "made from the code, the same over any store",
    "help_plugins": "made from the code, the same over any store",
    "help_words": "made from the code, the same over any store",
    "map_marks": "tables in, tables out",
    "map_scene": "arrays in, arrays out",
    "markup": "the pieces that the others are made of",
}
