"""Rows of every data format, good and bad. A new format adds its own: at least two good rows and three bad ones."""

from typing import Any

from tests.contracts.published_rows import PUBLISHED, SPOILT

USER = {"role": "user", "content": "How do I boil an egg?"}
GOOD, BAD = {"role": "assistant", "content": "Eight minutes."}, {"role": "assistant", "content": "No idea."}
FIRST = {"first": 0, "second": 1, "answer": "first"}
TRANSCRIPT = "\n\nHuman: How do I boil an egg?\n\nAssistant: Which size?\n\nHuman: Large.\n\nAssistant:"

ROWS: dict[str, list[dict[str, Any]]] = {
    "hh_transcripts": [
        {"chosen": f"{TRANSCRIPT} Nine minutes.", "rejected": f"{TRANSCRIPT} No idea."},
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello.", "rejected": "\n\nHuman: Hi\n\nAssistant: What?"},
    ],
    "multi_response": [
        {
            "prompt": [USER],
            "responses": [
                {"text": "Eight minutes.", "source": "file", "score": 1.5},
                {"text": "No."},
                {"text": "Ask."},
            ],
            "comparisons": [{"first": 0, "second": 1, "answer": "first"}, {"first": 1, "second": 2, "answer": "tie"}],
            "topic": "eggs",
        },
        {"prompt": "How do I boil two eggs?", "responses": ["Eight minutes.", "No."], "scores": [1, 0.5]},
        {"prompt": "And three?", "responses": ["Eight minutes."]},
        {"prompt": "And four?", "responses": []},
        {
            "prompt": "How do I boil an egg?",
            "responses": ["Eight minutes.", "No idea."],
            "comparisons": [
                {"first": 0, "second": 1, "answer": "second", "strength": 0.5, "labeller": "one", "share": 0.25}
            ],
        },
    ],
    "trl_explicit": [
        {"prompt": "How do I boil an egg?", "chosen": "Eight minutes.", "rejected": "No idea."},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "How?", "chosen": "Eight minutes.", "rejected": "No idea.", "system": "Be brief."},
    ],
    "trl_implicit": [
        {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"chosen": [USER, BAD, USER, GOOD], "rejected": [USER, BAD, USER, BAD]},
        {"chosen": "How do I boil an egg? Nine minutes.", "rejected": "How do I boil an egg? No idea."},
    ],
}

REFUSED: dict[str, list[dict[str, Any]]] = {
    "hh_transcripts": [
        {"chosen": f"{TRANSCRIPT} Same.", "rejected": f"{TRANSCRIPT} Same."},
        {"chosen": f"{TRANSCRIPT} Nine minutes.", "rejected": "\n\nHuman: Other\n\nAssistant: No idea."},
        {"chosen": f"{TRANSCRIPT} ", "rejected": f"{TRANSCRIPT} No idea."},
    ],
    "multi_response": [
        {"prompt": "", "responses": ["Eight minutes.", "No idea."]},
        {"prompt": "How?", "responses": "Eight minutes."},
        {"prompt": "How?", "responses": ["One", "Two"], "scores": [1]},
        {"prompt": "How?", "responses": ["One", "Two"], "comparisons": [{**FIRST, "share": 1.5}]},
        {"prompt": "How?", "responses": ["One", "Two"], "comparisons": [{"first": 0, "second": 2, "answer": "first"}]},
        {"prompt": "How?", "responses": [{"text": "One", "score": 10**400}, {"text": "Two"}]},
    ],
    "trl_explicit": [
        {"prompt": "How?", "chosen": "Same.", "rejected": "Same."},
        {"prompt": "How?", "chosen": "", "rejected": "No idea."},
        {"prompt": [USER], "chosen": [USER], "rejected": [BAD]},
        {
            "prompt": [{"role": "system", "content": "So."}, USER],
            "chosen": "Yes",
            "rejected": "No",
            "system": "Not so.",
        },
    ],
    "trl_implicit": [
        {"chosen": [USER, GOOD], "rejected": [USER, GOOD]},
        {"chosen": [GOOD], "rejected": [BAD]},
        {"chosen": [USER, GOOD], "rejected": [{**USER, "content": "Other?"}, BAD]},
        {"chosen": "Nine minutes.", "rejected": "No idea."},
        {"chosen": "How do I boil an egg? Nine.", "rejected": "How do I boil an egg? "},
    ],
}

ROWS |= PUBLISHED
REFUSED |= SPOILT
