"""A server that speaks OpenAI's protocol for language models."""

from __future__ import annotations

from rankify.llm.protocol import LLMFailed
from rankify.remote import server


class Server(server.Server):
    """A server of language models: what goes wrong there is a failure of the model, and says what a chat can do."""

    failure = LLMFailed

    def _way_out(self, message: str) -> str:
        if "continue_final_message" in message or "add_generation_prompt" in message:
            return "it cannot go on from a begun reply: use api=completions, or another prefill="
        return super()._way_out(message)
