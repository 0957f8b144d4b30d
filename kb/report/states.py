"""Whether a sentence tells what a change does, or how it had been before. Pure.

What is wrong is told in the present tense as often as in the past ("the kernel reads slots that were never written"): beside
today's date it would be taken for what is so now.
"""

from __future__ import annotations

import re

from kb.report.cues import PAST, STARTS_WITH_VERB, STEMS, WRONG, is_measured

_EARLIER = re.compile(
    r"\b(?:previous(?:ly)?|current(?:ly)?|before this|used to|until now|prior to|at the moment|originally)\b"
    r"|之前|目前|当前|原来",
    re.I,
)
_NOW = re.compile(
    r"(?<!for )(?<!until )(?<!right )(?<!up to )\bnow\b|\bno longer (?!work|compil|build|run|function|pass|allow)|现在", re.I
)
_CHANGED = (
    r"(?:add|clamp|convert|delet|deprecat|dropp|enabl|extend|fix|implement|improv|introduc|mov|optimiz|port|reduc|refactor|remov"
    r"|renam|replac|restor|simplif|switch|unif|updat|upgrad)i?ed\b"
)
_MAKES = re.compile(
    r"\b(?:this|the) (?:pr|patch|commit|change|mr|pull request) (?!is |was |does not |tries )(?:also |\w+ly )?"
    rf"(?:[a-z]+s|{STEMS})(?:y|e|ed)?\b|\bwe (?:also |now |then |only )?(?:{STEMS})(?:y|e)?\b|\bgain(?:s|ed)\b"
    r"|\bcan be (?:set|chosen|selected|enabled|turned)\b"
    rf"|\w (?:(?:has|have) been |(?:is|are|was|were|gets?) )?(?:\w+ly |also )?{_CHANGED}",
    re.I,
)
# "Checks the hash", "Brings support": whatever verb it is.
_STARTS_AS_VERB = re.compile(
    r"\W*(?!(?:this|its|as|is|was|has|does|needed|based|compared|used|given|unless|besides|always|sometimes|perhaps|thus|plus"
    r"|versus|those|these|others?|related|towards|across|yes|bugs)\b)[A-Z]?[a-z]{2,}(?:s|ed) "
    r"(?:the|a|an|all|each|every|both|two|new|support|`|\*\*)"
)
_BOLD = re.compile(r"\*\*[^*]{1,120}\*\*")
_LABELLED = re.compile(r"(?:\*\*)?[\w`/.() -]{1,40}:?(?:\*\*)?:? (?<=[:*] )")
_SPLICED = re.compile(r"修复|支持|新增|增加|添加|移除|删除|优化|重构|替换|引入|实现|改进|更新|启用|禁用|改为")
_DATED = re.compile(
    r"\b(?:previously|before(?: this)?|used to|until now|prior to|had been|originally)\b"
    r"|(?<!that )(?<!which )\b(?:was|were|did(?:n't)?|could(?:n't)?)\b|之前|原来",
    re.I,
)
_STILL = re.compile(
    r"\b(?:is|are|isn't|aren't|has|have|does|do|doesn't|don't|can|cannot|can't|fails|crashes|hangs|currently|today|returns|reads"
    r"|writes|remains?|refuses)\b|目前|当前",
    re.I,
)
_LACKS = re.compile(
    r"\b(?:lacks?|refuses?|remains?|leaves?|has no|have no|there (?:is|are) no"
    r"|only (?:supports?|handles?|works?|lists?|covers?|accepts?)"
    r"|not (?:yet )?(?:\w+ly )?(?:supported|covered|exposed|handled|available|implemented|possible)"
    r"|but not|instead of|waits? for|stalls?|wast\w+|hard to)\b",
    re.I,
)
_PURPOSE = re.compile(r"\W*(?:in order )?to (?!date\b)[a-z]+", re.I)
_REMEDY = re.compile(
    r"\b(?:address|avoid|correct|eliminat|ensur|fix|guard|preclud|prevent|reduc|remov|replac|resolv)(?:e?s)\b"
    r"|\bto (?:avoid|prevent)\b|\bmakes? it (?:possible|easier)\b|\buseful\b|\bhelps?\b|\bso\b[^.;]*\bnever\b|避免|消除",
    re.I,
)
_IS_A = re.compile(
    r"\W*(?:the |a |an |each |every |our )?(?:\S+ ){1,5}(?:is|are|means?|denotes?|refers? to|stands? for) (?:a|an|the|one of)\b"
    r"|.{0,80}\b(?:is defined as|denotes?|stands? for|refers? to|is the (?:number|ratio|share|size) of)\b",
    re.I,
)
_FORMULA = re.compile(r"(?:\W{0,3}[^\s=`]{1,30}(?: [^\s=`]{1,30}){0,5}|[^=]*`[^`]*`) (?:=|:=|≈|≡|∝) (?!=)", re.I)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|isn't|aren't|wasn't|has|have|had|do|does|did|don't|doesn't|didn't|can|cannot|can't|could|couldn't"
    r"|will|won't|would|should|must|may|might|gets?|goes|comes?|makes?|made|gives?|gave|takes?|took|means?|meant|lets?|led|leads?"
    r"|hits?|hung|hangs?|broke|breaks?|fails?|failed|crash(?:es|ed)|caus(?:es|ed)|needs?|needed|requires?|required|reads?|writes?"
    r"|wrote|works?|worked|returns?|returned|expects?|expected|assumes?|assumed|contains?|contained|costs?|serves?|shows?|picks?"
    r"|covers?|covered|lacks?|lacked|leaves|left|keeps?|kept|runs?|ran|calls?|called|uses?|indexes|indexed|computes?|computed"
    r"|halves|doubles|outperforms?|outperformed|matches|matched|yields?|saves?|saved|drops?|dropped|rises|rose|remains?|remained"
    r"|follows?|followed|stalls?|stalled|waits?|waited|launch(?:es|ed)|happens?|happened|occurs?|occurred|raises?|raised|throws?"
    r"|grows?|grew|exposes|becomes?|became|refuses?|refused|lists?|excludes?|includes?|included|accepts?|accepted"
    r"|(?:we|it|they|you|I|users?) \w+|(?:often|always|never|still|also|just|already|then|(?!only)[a-z]{2,}ly) [a-z]+(?:s|ed)"
    r"|now|revealed|reveals?|support|require|need|want)\b"
    rf"|\w (?:(?:{STEMS})(?:ies|e?s) (?!(?:since|in|for|of|from|on|between|and|or|with|by)\b)|{_CHANGED})|[\u3400-\u9fff]",
    re.I,
)
# "As it slows the decode down": the reason of something that is not said.
CLAUSE = re.compile(r"\W*(?:as|because|since|due to|while|although|though|whereas)\b(?![^,;，]*[,;，])", re.I)


def is_done(text: str) -> bool:
    """Whether it says of the change what it does."""
    if (fault := _BOLD.match(text)) and WRONG.search(fault[0]) and not _NOW.search(text):
        return False
    labelled = (text, text[match.end() :]) if (match := _LABELLED.match(text)) else (text,)
    if any(STARTS_WITH_VERB.match(told) or _STARTS_AS_VERB.match(told) for told in labelled):
        return True
    if _EARLIER.search(text):
        return False
    if _NOW.search(text) or _SPLICED.search(text):
        return True
    makes = _MAKES.search(text)
    return bool(makes and not WRONG.search(text, 0, makes.end()))


def is_of_before(text: str) -> bool:
    """Whether it tells of what had been: a fault, a limit, how it worked."""
    if is_done(text) or _PURPOSE.match(text):
        return False
    return bool(PAST.search(text) or ((WRONG.search(text) or _LACKS.search(text)) and not _REMEDY.search(text)))


def seems_present(text: str) -> bool:
    """Of what tells of before: whether a reader would take it for what is so now."""
    return bool(_STILL.search(text) or not _DATED.search(text))


def is_definition(text: str) -> bool:
    """Whether it says what something is, and nothing of the change."""
    return bool(_IS_A.match(text) and not is_done(text) and not re.search(r"\bnew\b", text, re.I))


def is_formula(text: str) -> bool:
    """Whether it says how something is computed, or what a letter stands for."""
    return bool(_FORMULA.match(text) and not STARTS_WITH_VERB.match(text))


def is_statement(text: str) -> bool:
    """Whether it has a verb: "Two races in the kernel, exposed under load" has none."""
    return is_done(text) or bool(_FINITE.search(text)) or is_measured(text)
