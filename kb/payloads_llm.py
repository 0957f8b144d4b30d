"""What programs see of a language model: the object of ``--json`` of ``kb llm check``. A contract."""

from __future__ import annotations

from typing import Any

from kb.llm import Health


def health(found: Health) -> dict[str, Any]:
    """What was tried and what came of it; sizes are null where the server does not tell."""
    speed = found.speed
    return {
        "provider": found.provider,
        "model": found.model,
        "server": found.server,
        "ok": found.ok,
        "checks": [{"name": one.name, "verdict": one.verdict, "told": one.told, "remedy": one.remedy} for one in found.checks],
        "models": list(found.models),
        "context": {"configured": found.context or None, "server": found.server_context or None},
        "speed": {
            "first_seconds": round(speed.first, 3),
            "seconds": round(speed.seconds, 3),
            "tokens": speed.tokens,
            "counted": speed.counted,
            "tokens_per_second": round(speed.per_second, 1),
        }
        if speed
        else None,
    }
