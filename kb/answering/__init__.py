"""Answers with a language model: the extractive answer, and before its list what the model says of it, sentence by sentence."""
