"""Text from outside, fit to be shown: nothing in it can move the cursor, colour the screen, turn the direction or be drawn over
other lines. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

# CSI (colours, cursor), OSC (titles, hyperlinks; ended by BEL or ST) and the two-character escapes.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
# C0 but tab and newline, C1, and what turns or hides text: bidirectional marks, embeddings, overrides and isolates, zero-width
# space, line separators, interlinear marks, tag characters, lone surrogates. Joiners stay: scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
# Marks that are drawn above, below or across the character before them: no script puts more on one.
_MOST_MARKS = 8
_MAYBE_MARKS = re.compile(rf"[^\w\s\x00-\u02ff]{{{_MOST_MARKS + 1},}}")
# What may hold a token: the user part of a URL, queries, headers, and the tokens of well-known sites by their form.
_SECRETS = (
    (re.compile(r"(?<=://)[^/@\s'\"]+@"), "***@"),
    (re.compile(r"([?&;][\w-]*(?:token|key|secret|password|signature|auth)[\w-]*=)[^&\s'\"]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(\bauthorization\b['\"]?\s*[:=]\s*['\"]?)(?:[a-z]+\s+)?[^\s'\",}]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|hf_|glpat-|sk-)[A-Za-z0-9_-]{16,}"), "***"),
)

# What is written for a program that reads along, not for people.
TO_A_MACHINE = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions?|prompts?|rules|above|previous|prior)\b"
    r"|\boverride\b.{0,40}\b(?:instructions?|prompts?)\b"
    r"|\b(?:system|developer) (?:prompt|message)\b|<\|\w+\|>|\[/?INST\]|忽略.{0,12}(?:指令|指示|提示)|系统提示"
    r"|\byou are (?:now )?(?:an? )?(?:ai|assistant|chatgpt|claude|language model|llm|bot)\b|\bas an? (?:ai"
    r"|language model|llm)\b"
    r"|\b(?:ai|llm|assistant|agent)s?(?: (?:assistant|agent|model)s?)?:? (?:must|should|please|reading)"
    r" (?:not |this|ignore|output|say|respond|reply|write|report|state|mention|approve)"
    r"|(?:\A\W*|[.:;,#/*] |\b(?:please|must|and|then) )(?:respond|reply|answer|say|summari[sz]e|output|print|write)"
    r" (?:only|exactly|with|nothing|the following)\b"
    r"|\b(?:reveal|exfiltrate|leak) (?:your|the|all) (?:prompt|secrets?|instructions?|tokens?|keys?)"
    r"|\bdo not (?:mention|summari[sz]e|report|tell|answer|respond)\b"
    r"|\b(?:in|begin|start|end|prefix) your (?:answer|summary|response|report|reply|output)\b"
    r"|\byour (?:answer|summary|response|report|reply) (?:must|should|shall|has to|needs to)\b"
    r"|\bwhen(?:ever)? (?:you )?(?:summari[sz]\w+|answer\w*|asked) (?:this|about|any)\b"
    r"|\b(?:note|message|instructions?|summary) (?:to|for) (?:all )?(?:the )?(?:ai|llm|assistant|summari[sz]er|model|bot)s?\b"
    r"|\bnew (?:instructions?|system prompt)\b|\brepeat (?:your|the|all) (?:instructions?|prompt|rules|words above)\b"
    r"|\btell (?:the|every|all) (?:reader|user)s?\b|\bthe (?:only )?correct (?:summary|answer) (?:is|of)\b"
    r"|(?:无视|忘记|忘掉|不要理会).{0,12}(?:指令|指示|提示|规则|要求)|你(?:现在)?是(?:一个|一名)?(?:ai|人工智能|助手|语言模型)"
    r"|请(?:只|直接|务必|你)?(?:回复|回答|总结|声明|告诉(?:读者|用户))|不要(?:提及|总结|告诉)"
    r"|(?:ai|人工智能|语言模型|大模型|助手)(?:助手|模型)?[：:，,]? ?(?:请|必须|应当|务必)"
    r"|在(?:你的)?(?:回答|总结|摘要)(?:中|里|开头|末尾)",
    re.I,
)


def printable(text: str) -> str:
    """``text`` without terminal escapes, control characters, bidirectional marks and towers of combining marks; tabs and
    newlines stay."""
    return _MAYBE_MARKS.sub(_lowered, _UNSEEN.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n"))))


def _lowered(match: re.Match[str]) -> str:
    """Of combining marks in a row only the first ones."""
    kept: list[str] = []
    marks = 0
    for char in match[0]:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def one_line(text: str, *, limit: int = 0) -> str:
    """Printable, whitespace squeezed to single spaces, cut to ``limit`` characters with an ellipsis (0: whole)."""
    line = " ".join(printable(text[: limit * 4] if limit else text).split())
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def without_secrets(text: str) -> str:
    """``text`` with ``***`` for passwords and tokens, as far as their place or form tells them."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def json_line(value: Any) -> str:
    """One line of JSON that is safe on a terminal and valid as UTF-8: what ``printable`` would drop stands as ``\\uXXXX``."""
    return json_text(value)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Like ``json_line``, with a line for each value where ``indent``, in spaces, is given."""
    return _UNSEEN.sub(_escaped, json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent))


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
