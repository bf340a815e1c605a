"""Rows of published formats, good and bad: shaped as they are published, the words are ours."""

import copy
from typing import Any

ASK, YES, NO = "How do I boil an egg?", "Eight minutes.", "No idea."
ASKED = {"role": "user", "content": ASK}
SAID, SHRUGGED = {"role": "assistant", "content": YES}, {"role": "assistant", "content": NO}
EMPTY = {"role": "assistant", "content": " "}
EARLIER = [{"role": "system", "content": "Be brief."}, ASKED, SHRUGGED, {"role": "user", "content": "Try."}]


def rated(text: Any, helpful: Any, overall: Any) -> dict[str, Any]:
    """A completion of UltraFeedback."""
    aspects = {"helpfulness": {"Rating": helpful, "Rationale": "Well."}, "honesty": {"Rating": "N/A"}}
    return {"model": "small", "response": text, "annotations": aspects, "overall_score": overall}


def parts(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    """Turns as typed parts."""
    return [{"role": role, "content": [{"type": "text", "value": text}], "loss_weight": 0.0} for role, text in turns]


def node(text: Any, role: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message of a tree."""
    return {"text": text, "role": role, "lang": "en", "replies": list(replies), **more}


def tree(*replies: dict[str, Any]) -> dict[str, Any]:
    """A tree."""
    return {"message_tree_id": "t", "tree_state": "ready_for_export", "prompt": node(ASK, "prompter", *replies)}


def changed(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The row with other values in some columns."""
    return {**copy.deepcopy(row), **changes}


ANSWERED = [node(YES, "assistant", rank=0), node(NO, "assistant", rank=1)]
DEEPER = node(NO, "assistant", node("Why?", "prompter", *ANSWERED, node("Ask.", "assistant")), rank=0)
UF = {"source": "eggs", "instruction": ASK, "models": ["small"], "completions": [rated(YES, "5", 8), rated(NO, "1", 2)]}
SCORED = {"prompt": ASK, "chosen": [ASKED, SAID], "rejected": [ASKED, SHRUGGED], "score_chosen": 8, "score_rejected": 3}
SHP = {"history": ASK, "human_ref_A": YES, "human_ref_B": NO, "labels": 1, "score_A": 9, "score_B": 3, "score_ratio": 3}
WEBGPT = {
    "question": {"full_text": ASK, "dataset": "eggs"},
    "answer_0": YES,
    "answer_1": NO,
    "score_0": 0.5,
    "score_1": -0.5,
}
POST = {"id": "1", "post": ASK, "title": "Eggs", "subreddit": "eggs", "article": None}
SUMMARIES = [{"text": YES, "policy": "one"}, {"text": NO, "policy": "two"}]
TLDR = {"info": POST, "summaries": SUMMARIES, "choice": 1, "worker": "w", "batch": "b", "extra": {"confidence": 7}}
FINE = {"question": ASK, "passages": [["Eggs", "Boil."]], "preference": [1, 0, 2, 1, 0, 2]}
FINE |= {f"prediction {n}": f"{n} minutes." for n in (1, 2, 3, 4)}
SHARED = {
    "conversations": [{"from": "human", "value": ASK}],
    "chosen": {"from": "gpt", "value": YES},
    "rejected": {"from": "gpt", "value": NO},
}
AXOLOTL = {"messages": [ASKED], "chosen": SAID, "rejected": SHRUGGED}
ALPACA = {"instruction": ASK, "input": "", "chosen": YES, "rejected": NO}
PARTS = {
    "chosen_messages": parts(("user", ASK), ("assistant", YES)),
    "rejected_messages": parts(("user", ASK), ("assistant", NO)),
}
OPENAI = {"input": {"messages": [ASKED]}, "preferred_output": [SAID], "non_preferred_output": [SHRUGGED]}
ARENA = {
    "conversation_a": [ASKED, SAID],
    "conversation_b": [ASKED, SHRUGGED],
    "winner": "model_a",
    "model_a": "m",
    "judge": "j",
}
PKU = {"prompt": ASK, "response_0": YES, "response_1": NO, "better_response_id": 0, "safer_response_id": 1}
PKU |= {"is_response_0_safe": False, "is_response_1_safe": True}
STEER = {
    "prompt": ASK,
    "response": YES,
    "helpfulness": 4,
    "correctness": 3,
    "coherence": 4,
    "complexity": 1,
    "verbosity": 1,
}
STRONGER = {"prompt": ASK, "response_1": YES, "response_2": NO, "preference_strength": -2}
NECTAR = {
    "prompt": f"\n\nHuman: {ASK}\n\nAssistant: ",
    "answers": [{"answer": text, "model": "m", "rank": rank} for text, rank in ((YES, 1.0), (NO, 2.0), ("Ask.", 2.0))],
}
ALPACA_EVAL = {
    "instruction": ASK,
    "output_1": YES,
    "output_2": NO,
    "generator_1": "m",
    "preference": 1.2,
    "annotator": "j",
}
ARGILLA = {
    "id": "1",
    "fields": {"prompt": [ASKED], "response_a": YES, "response_b": NO},
    "suggestions": {"preference": {"value": "tie", "agent": "judge"}},
    "responses": {"preference": [{"value": "response_a", "user_id": "u"}, {"value": "both_bad", "user_id": "v"}]},
}
PICKED = {"result": [{"type": "pairwise", "value": {"selected": "right"}}], "completed_by": 3, "was_cancelled": False}
STUDIO = {"id": 1, "data": {"prompt": ASK, "text1": YES, "text2": NO}, "annotations": [PICKED, PICKED]}
KTO = {"prompt": ASK, "completion": YES, "label": True}
QUESTION = {"system": "Be brief.", "question": ASK, "chosen": YES, "rejected": NO}
THREAD = f"Hi\n<extra_id_1>Assistant\nHello\n<extra_id_1>User\n{ASK}"
GRADES = [{"value": 1, "user_id": "u"}, {"value": 4, "user_id": "u"}]

PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "ultrafeedback": [UF, changed(UF, completions=[rated(YES, "N/A", None), rated(NO, 2, 1.5), rated("Ask.", "3", 4)])],
    "scored_pairs": [
        SCORED,
        changed(SCORED, score_rejected=8),
        {"prompt": ASK, "chosen": YES, "rejected": NO, "chosen-rating": 5.0, "rejected-rating": None},
        {"chosen": [*EARLIER, SAID], "rejected": [*EARLIER, SHRUGGED], "chosen_score": 1.5, "rejected_score": -1.0},
        changed(SCORED, system="Be brief."),
    ],
    "shp": [SHP, changed(SHP, labels=0)],
    "webgpt": [WEBGPT, changed(WEBGPT, score_0=0, score_1=0, quotes_0={"title": ["Eggs"]})],
    "tldr_comparisons": [TLDR, changed(TLDR, worker="x", choice=0, info={"article": "Eggs.", "site": "news"})],
    "openassistant_trees": [
        tree(*ANSWERED),
        tree(DEEPER),
        tree(DEEPER, node(YES, "assistant", rank=1)),
        tree(*ANSWERED, node("Gone.", "assistant", DEEPER, rank=2, deleted=True)),
    ],
    "fine_grained_rlhf": [FINE, changed(FINE, question="And two?")],
    "llamafactory": [SHARED, changed(SHARED, system="Be brief.")],
    "axolotl": [AXOLOTL, changed(AXOLOTL, messages=EARLIER)],
    "llamafactory_alpaca": [
        ALPACA,
        changed(ALPACA, input="A large one.", system="Be brief.", history=[["Hi", "Hello"]]),
    ],
    "llamafactory_parts": [PARTS, changed(PARTS)],
    "openai": [OPENAI, changed(OPENAI, input={"messages": EARLIER, "tools": []})],
    "prompts_only": [
        {"prompt": ASK, "topic": "eggs", "id": "1", "system": "Be brief."},
        {"prompt": EARLIER, "system": "Be brief."},
    ],
    "arena": [ARENA, changed(ARENA, winner="tie (bothbad)"), changed(ARENA, winner="tie")],
    "pku_saferlhf": [PKU, changed(PKU, better_response_id=1, safer_response_id=None)],
    "helpsteer": [
        STEER,
        STRONGER,
        changed(STRONGER, three_most_similar_preferences=[{"strength": s} for s in (-1, 0, 2)]),
        changed(STRONGER, prompt=THREAD),
    ],
    "nectar": [NECTAR, changed(NECTAR, prompt=f"\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: {ASK}\n\nAssistant: ")],
    "alpaca_eval": [
        ALPACA_EVAL,
        changed(ALPACA_EVAL, preference=None),
        changed(ALPACA_EVAL, preference=0),
        changed(ALPACA_EVAL, preference=2.0000001),
    ],
    "argilla": [
        ARGILLA,
        changed(ARGILLA, responses={}),
        changed(ARGILLA, responses=None, suggestions=None),
        changed(ARGILLA, responses={"grade": GRADES, **ARGILLA["responses"], "why": [{"value": "Clear."}]}),
        changed(ARGILLA, responses={"grade": GRADES}),
    ],
    "question_pairs": [QUESTION, {"input": ASK, "chosen": YES, "rejected": NO, "rating": [9, 1]}],
    "label_studio": [STUDIO, changed(STUDIO, annotations=[changed(PICKED, was_cancelled=True)])],
    "kto": [KTO, changed(KTO, completion=NO, label=False), {"messages": [ASKED, SHRUGGED], "label": False}],
}

SPOILT: dict[str, list[dict[str, Any]]] = {
    "ultrafeedback": [
        changed(UF, instruction=" "),
        changed(UF, completions=[rated("", "5", 8)]),
        changed(UF, completions=[rated(YES, "very", 8)]),
    ],
    "scored_pairs": [
        changed(SCORED, rejected=[ASKED, SAID]),
        changed(SCORED, prompt="Another?"),
        changed(SCORED, score_chosen="high"),
    ],
    "shp": [changed(SHP, labels=2), changed(SHP, human_ref_B=YES), changed(SHP, history=None)],
    "webgpt": [changed(WEBGPT, score_0=None), changed(WEBGPT, answer_0=""), changed(WEBGPT, question={})],
    "tldr_comparisons": [changed(TLDR, choice=2), changed(TLDR, summaries=SUMMARIES[:1]), changed(TLDR, info="post")],
    "openassistant_trees": [
        tree(),
        tree(*ANSWERED[:1]),
        tree(ANSWERED[0], node(None, "assistant", rank=1)),
        tree(ANSWERED[0], node(NO, "assistant", rank="best")),
    ],
    "fine_grained_rlhf": [
        changed(FINE, preference=[1, 0, 2]),
        changed(FINE, preference=[3] * 6),
        changed(FINE, **{"prediction 4": ""}),
    ],
    "llamafactory": [
        changed(SHARED, conversations=[]),
        changed(SHARED, chosen={"from": "human", "value": YES}),
        changed(SHARED, rejected=SHARED["chosen"]),
    ],
    "axolotl": [changed(AXOLOTL, messages=[]), changed(AXOLOTL, chosen=ASKED), changed(AXOLOTL, rejected=EMPTY)],
    "llamafactory_alpaca": [
        changed(ALPACA, chosen=NO),
        changed(ALPACA, rejected=" "),
        changed(ALPACA, history=[["Hi"]]),
    ],
    "llamafactory_parts": [
        changed(PARTS, rejected_messages=parts(("user", "Other?"), ("assistant", NO))),
        changed(PARTS, rejected_messages=parts(("user", ASK))),
        changed(PARTS, chosen_messages=[ASKED, {"role": "assistant", "content": [{"type": "image", "value": "x"}]}]),
    ],
    "openai": [
        changed(OPENAI, input={"messages": []}),
        changed(OPENAI, preferred_output=[SAID, SAID]),
        changed(OPENAI, non_preferred_output=[ASKED]),
    ],
    "prompts_only": [{"prompt": " "}, {"prompt": 3}, {"prompt": [ASKED, SAID]}],
    "arena": [
        changed(ARENA, winner="nobody"),
        changed(ARENA, conversation_b=[{**ASKED, "content": "Other?"}, SHRUGGED]),
        changed(ARENA, conversation_a=[ASKED]),
    ],
    "pku_saferlhf": [changed(PKU, better_response_id=2), changed(PKU, response_1=YES), changed(PKU, prompt="")],
    "helpsteer": [
        changed(STEER, helpfulness="good"),
        changed(STRONGER, preference_strength=None),
        changed(STRONGER, response_2=YES),
        changed(STEER, prompt=f"{ASK}\n<extra_id_1>Assistant\n{YES}"),
        changed(STEER, prompt=f"{ASK}\n<extra_id_1>Assistant\n\n<extra_id_1>User\nAnd?"),
    ],
    "nectar": [
        changed(NECTAR, prompt="Hi"),
        changed(NECTAR, answers=[NECTAR["answers"][0]]),
        changed(NECTAR, answers=[YES, NO]),
    ],
    "alpaca_eval": [
        changed(ALPACA_EVAL, preference=3),
        changed(ALPACA_EVAL, preference="first"),
        changed(ALPACA_EVAL, output_2=""),
    ],
    "argilla": [
        changed(ARGILLA, fields={"prompt": ASK, "response_a": YES, "response_b": YES}),
        changed(ARGILLA, responses={"preference": [{"value": "response_a"}, {"value": "perhaps"}]}),
        changed(ARGILLA, responses={**ARGILLA["responses"], "safer": [{"value": "b"}]}),
        changed(ARGILLA, fields={"response_a": YES, "response_b": NO}),
    ],
    "label_studio": [
        changed(STUDIO, data={"prompt": ASK, "text1": YES, "text2": YES}),
        changed(STUDIO, data={"text1": YES, "text2": NO}),
        changed(STUDIO, annotations=[{"result": [{"type": "pairwise", "value": {"selected": "up"}}]}]),
    ],
    "question_pairs": [
        changed(QUESTION, query="Another?"),
        changed(QUESTION, history=[["Hi", "Hello"]]),
        changed(QUESTION, rejected=YES),
        changed(QUESTION, system=["Be brief."]),
    ],
    "kto": [changed(KTO, label="maybe"), changed(KTO, completion=" "), changed(KTO, prompt=[SAID])],
}
