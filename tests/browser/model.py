"""A language model of a script: it says the titles of the first records that it is shown, slowly enough to be watched."""

from __future__ import annotations

from tests.answering_model import is_overview, labels, rows, said
from tests.llm_server import Asked, LlmServer, Reply

NAME = "scripted-model"
SENTENCES = 4


def speaks(asked: Asked) -> Reply:
    if is_overview(asked):
        return Reply(text=said(*rows(asked)[:2]), pause=0.014)
    shown = list(labels(asked).items())[:SENTENCES]
    return Reply(text=said(*((f"{title}.", key, title) for title, key in shown)), pause=0.014)


def table(server: LlmServer) -> str:
    """``[llm]`` of a kb.toml."""
    return f"""
[llm]
provider = "openai-like"
base_url = "{server.url}/v1"
model = "{NAME}"
timeout = "1 minute"
retries = 0
"""
