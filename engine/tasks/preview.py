"""A prompt and a response as the model reads them: token by token."""

from typing import Any, ClassVar

from pydantic import Field

from engine.errors import StoreError
from engine.store.database import Store
from engine.store.pool_texts import study_config, texts_of
from engine.tasks.base import TASKS, Say, Task


@TASKS.register
class Preview(Task):
    """Show a prompt through the chat template and a response behind it, as tokens."""

    name: ClassVar[str] = "preview"
    title: ClassVar[str] = "token view"

    study_id: str = Field(description="whose tokenizer and template")
    response_id: str = Field(description="the response, shown with its prompt")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`tokens`: [text, "prompt" or "response"] in order; how many of each, and whether both fit the context.

        A token that is a part of a character is shown as the replacement character: the text is what one token decodes
        to alone.
        """
        from engine.models.load import load_reader
        from engine.models.tokens import TooLong, encode

        prompts, responses = texts_of(store, [self.response_id])
        if self.response_id not in responses:
            raise StoreError(f"There is no response {self.response_id!r} in {store.folder}.", "Choose another.")
        say("loading the tokenizer")
        reader = load_reader(study_config(store, self.study_id).model)
        response = responses[self.response_id]
        try:
            encoded = encode(reader, prompts[response.prompt_id], response.text)
        except TooLong as error:
            return {"tokens": [], "prompt": 0, "response": 0, "fits": False, "why": error.what}
        parts = [(encoded.prompt_ids, "prompt"), (encoded.response_ids, "response")]
        tokens = [[reader.tokenizer.decode([token]), part] for ids, part in parts for token in ids]
        return {
            "tokens": tokens,
            "prompt": len(encoded.prompt_ids),
            "response": len(encoded.response_ids),
            "fits": True,
            "tokenizer": reader.name,
            "context_tokens": reader.context_tokens,
        }
