"""The prompts: one Markdown template a file, with ``$name`` variables."""
