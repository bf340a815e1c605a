"""What is for the lead in its states; two answers a pair: `test_label_quality`, campaigns: `test_campaign_report`."""

from tests.workbench.states import NO_STUDY, See, State

PAGE = "label_quality"
LEAD: dict[str, dict[State, See]] = {
    "campaign_panel": {
        "empty": See("curves", (NO_STUDY,), ("A campaign gives no verdict.",)),
        "finished": See("curves", ("Is the next batch worth it?",), ("A campaign gives no verdict.",)),
    },
    "campaign_tables": {
        "empty": See("curves", (NO_STUDY,), ("Audit slice",)),
        "finished": See("curves", ("Is the next batch worth it?",), ("Audit slice", "In the shadow", "What it cost")),
    },
    "worth_facts": {
        "empty": See(PAGE, (NO_STUDY,), ("to 0 pairs",)),
        "queued": See(PAGE, ("No answer is here yet.",), ("to 0 pairs",)),
        "finished": See(PAGE, (">answers<", " pairs<"), ("left to the budget",)),
    },
    "worth_agreement": {
        "queued": See(PAGE, ("No answer is here yet.",), ("Agreement",)),
        "finished": See(PAGE, ("No pair has two answers that could differ.", "Does a strategy buy noise?")),
    },
    "labeller_table": {
        "queued": See(PAGE, ("No answer is here yet.",), ("Labellers",)),
        "finished": See(PAGE, ("Nobody with a name has answered yet.",)),
    },
    "suspect_table": {
        "empty": See(PAGE, (NO_STUDY,), ("Label again",)),
        "finished": See(PAGE, ("Label again or label new",)),
    },
    "trace_table": {
        "empty": See(PAGE, (NO_STUDY,), ("Every answer",)),
        "finished": See(PAGE, ("Every answer", "recorded")),
    },
}
