"""The words of the pages, English and Chinese: a table for each, with the same fields. Pure.

What answers say of records (kinds, states, events, relations, groups) is in ``kb.wording``; texts from records stay in
their own language.
"""

from __future__ import annotations

from kb.web.words_en import ENGLISH
from kb.web.words_fields import UiWords
from kb.web.words_zh import CHINESE

__all__ = ["CHINESE", "ENGLISH", "UiWords", "ui_words"]


def ui_words(language: str) -> UiWords:
    """The words of a language: "zh" is Chinese, anything else English."""
    return CHINESE if language == "zh" else ENGLISH
