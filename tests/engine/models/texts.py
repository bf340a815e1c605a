"""A handful of prompts and responses of different lengths."""

from engine.records import Message, Prompt, Response


def some_texts() -> tuple[dict[str, Prompt], list[Response]]:
    """Three prompts, eight responses; one is empty, one holds a special token's spelling, one is not ASCII."""
    prompts = [Prompt.of([Message("user", text)]) for text in ("Say hi", "What is the capital of France?", "Count")]
    texts = ["hello there", "", "a<|end|>b", "é — ü", "Paris", "It is Paris, of course.", "1 2 3", "one two"]
    responses = [Response.of(prompts[i % 3].id, text) for i, text in enumerate(texts)]
    return {prompt.id: prompt for prompt in prompts}, responses
