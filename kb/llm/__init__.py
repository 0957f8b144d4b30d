"""Language models: none, Ollama, or any server that speaks OpenAI's protocol (llama.cpp, vLLM, SGLang, a hosted one)."""

from kb.llm.http import Patience
from kb.llm.probe import Check, Health, Speed, probe
from kb.llm.server import language_model

__all__ = ["Check", "Health", "Patience", "Speed", "language_model", "probe"]
