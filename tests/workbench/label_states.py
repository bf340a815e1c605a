"""The states of what the page Label is made of, over stores without a campaign; with one: `test_label`."""

from tests.workbench.states import NO_STUDY, See, State

LABEL: dict[str, dict[State, See]] = {
    "label_desk": {
        "empty": See("label", (NO_STUDY,), ("A is better",)),
        "finished": See("label", ("Nobody is asked in this study.",), ("A is better",)),
    },
}
