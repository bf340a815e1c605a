"""Marks that a template or a transcript left in the texts, and responses that begin with their own prompt."""

import re

from engine.data.formats.base import ParsedRow
from engine.data.proof.finding import Finding, Rows

MARKS = re.compile(
    r"<\|(?:im_start|im_end|endoftext|eot_id|begin_of_text|start_header_id|end_header_id|user|assistant|system|"
    r"prompter|end)\|>|<(?:start_of_turn|end_of_turn|bos|eos)>|\[/?INST\]|<</?SYS>>|</?s>|<extra_id_\d+>|"
    r"\n\n(?:Human|Assistant):"
)
"""Tokens that chat templates write, and the turns of transcripts. In a text they are read as the token itself."""
SHORTEST = 20
"""Characters of a prompt below which a response that begins alike says nothing."""


class Markers:
    """Texts as they stand; nothing is taken out."""

    def __init__(self) -> None:
        self._n = 0
        self._marked, self._doubled = Rows(), Rows()

    def take(self, number: int, row: ParsedRow) -> None:
        """All turns and all responses."""
        self._n += 1
        texts = [message.content for message in row.messages] + [response.text for response in row.responses]
        mark = next((found.group().strip() for text in texts if (found := MARKS.search(text))), None)
        if mark is not None:
            self._marked.add(number, mark)
        asked = row.messages[-1].content.strip()
        if len(asked) >= SHORTEST and any(response.text.lstrip().startswith(asked) for response in row.responses):
            self._doubled.add(number)

    def findings(self) -> list[Finding]:
        """Rows with marks, and rows whose response says the prompt again."""
        marked, doubled = self._marked, self._doubled
        return [
            Finding(
                "markers", "template marks in the text", "warn" if marked.n else "ok", marked.n, self._n, "rows",
                "A tokenizer may read them as its own control tokens; they are kept as they stand."
                if marked.n else "None.", marked.listed(),
            ),
            Finding(
                "prompt_again", "responses that begin with their prompt", "warn" if doubled.n else "ok", doubled.n,
                self._n, "rows",
                "The prompt would be read twice: is the column a whole conversation?" if doubled.n else "None.",
                doubled.listed(),
            ),
        ]  # fmt: skip
