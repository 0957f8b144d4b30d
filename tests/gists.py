"""Bodies as people and templates write them, and what the extractive writer makes of a record."""

from __future__ import annotations

from kb.citations import Piece, verify_pieces
from kb.facts import Facts
from kb.lines import View
from kb.report.gist import gist
from kb.report.types import Entry, Sentence
from kb.types import Evidence, Quote, Record
from tests.records import commit

KEY = "kernels@1234567"


def entry(record: Record, *, group: str = "other", **more: object) -> Entry:
    return Entry(view=View(record, KEY), group=group, records=(record,), **more)  # type: ignore[arg-type]


def told(title: str, body: str, *, group: str = "other", **fields: object) -> list[tuple[str, str]]:
    return [(one.role, one.text) for one in gist(entry(commit(1, title, body=body, **fields), group=group))]


def other(kind: str, title: str, body: str) -> Record:
    return Record(id=f"{kind}:acme/kernels@x", kind=kind, repo="acme/kernels", ref="x", title=title, body=body)


def verdict(sentence: Sentence, *records: tuple[str, Record]) -> str:
    evidence = {key: Evidence(key, record, Quote("")) for key, record in records}
    return verify_pieces([Piece(sentence.text, "clipped")], sentence.keys, evidence, Facts())


WITH_PURPOSE = """<!-- markdownlint-disable -->
PLEASE FILL IN THE DESCRIPTION HERE ENSURING ALL CHECKLIST ITEMS (AT THE BOTTOM) HAVE BEEN CONSIDERED.

## Purpose

For M <= 32 the W4A8 GEMM launches fewer blocks than the GPU has SMs, so decode is bound by latency. This PR adds a split-K
scheduler to `w4a8_mm` and picks the split from the number of idle SMs (#4711).

## Test Plan

pytest tests/kernels/test_w4a8.py

## Test Result

All tests pass. On H100 decode latency of the 70B model drops from 21.4 ms to 18.9 ms at batch 8.

---
<details>
<summary> Essential Elements of an Effective Description Checklist </summary>

- [x] The purpose of the PR, such as "Fix some issue (link existing issues this PR will resolve)".
- [ ] (Optional) The necessary documentation update.
</details>

**BEFORE SUBMITTING, PLEASE READ <https://docs.example.org/contributing>** (anything below this line will be removed)
"""

WITH_MOTIVATION = """<!-- Thank you for your contribution! Please follow these guidelines. -->

## Motivation

<!-- Describe the purpose and goals of this pull request. -->

Evicting a page waits for the copy to the host, which stalls the scheduler for up to 40 ms under load.

## Modifications

<!-- Detail the changes made in this pull request. -->

- Add a `WriteBackQueue` with its own CUDA stream.
- Rename some variables

## Accuracy Tests

<!-- If this pull request affects model outputs, provide accuracy test results. -->

N/A

## Checklist

- [x] Format your code according to the [guide](https://docs.example.org).
- [ ] Add unit tests.

## Review Process

1. Ping the merge oncalls to start the flow. See the [process](https://example.org).
2. Get approvals from [CODEOWNERS](https://example.org) and other reviewers.
"""

BUG = """### Your current environment

<details>
<summary>The output of <code>python collect_env.py</code></summary>

```text
OS : Ubuntu 22.04
PyTorch version : 2.9.0
```

</details>

### 🐛 Describe the bug

After upgrading to 0.15 the server dies while loading Qwen2-7B with the attention backend of 0.14.

```
Traceback (most recent call last):
  File "/usr/lib/python3.12/site-packages/x.py", line 8, in load
TypeError: Attention.__init__() got an unexpected keyword argument 'layer_idx'
RuntimeError: Engine core initialization failed. See root cause above.
```

### Before submitting a new issue...

- [x] Make sure you already searched for relevant issues, and asked the chatbot of the documentation page.
"""
