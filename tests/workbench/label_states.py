"""The states of what the page Label is made of, and asked models, over stores without either (else: `test_label`)."""

from tests.workbench.states import NO_STUDY, See, State

LABEL: dict[str, dict[State, See]] = {
    "asked_panel": {  # with a judge: test_asked_models
        "empty": See("studies", (NO_STUDY,), ("Asked models",)),
        "finished": See("studies", ("2 of 2 rounds done, finished",), ("first slot",)),
    },
    "desk_script": {  # at work: browser/test_label_hands
        "empty": See("label", (NO_STUDY,), ("workbenchDesk",)),
        "finished": See("label", ("Nobody is asked in this study.",), ("workbenchDesk",)),
    },
    "label_desk": {
        "empty": See("label", (NO_STUDY,), ("A is better",)),
        "finished": See("label", ("Nobody is asked in this study.",), ("A is better",)),
    },
}
