"""The functions of ``kb.web.programs`` as endpoints of the HTTP API and, where the server has one, tools of MCP.

They stand outside the queue: an MCP tool inside it is called by way of the server's own HTTP API, which a password closes, and
a direct ``POST /gradio_api/run/NAME`` is refused.
"""

import contextlib
import functools
import inspect
import json
import logging
import math
from collections.abc import Callable
from typing import Any, get_type_hints

import gradio as gr
from gradio.events import api

from kb.errors import KbError
from kb.web.programs import FUNCTIONS, Programs
from kb.web.service import Service

_LOG = logging.getLogger(__name__)
_MCP = "/gradio_api/mcp"

Method = Callable[..., dict[str, Any]]


class BusyError(KbError):
    """Too many requests."""


class BrokenError(KbError):
    """A fault of ours."""


def add_api(service: Service) -> None:
    """Add the endpoints to the Blocks that are being built; everything else there has to be private."""
    programs = Programs(service.using)
    for name in FUNCTIONS:
        api(endpoint_of(getattr(programs, name), service), api_name=name, queue=False, concurrency_limit=None)


def endpoint_of(method: Method, service: Service) -> Callable[..., dict[str, Any] | str]:
    """The method as Gradio calls it: its parameters without their bounds, of which Gradio makes no schema, and the request."""
    hints = get_type_hints(method)
    parameters = inspect.signature(method).parameters
    told = [parameter.replace(annotation=hints[name]) for name, parameter in parameters.items()]
    asking = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request, default=None)

    @functools.wraps(method)
    def endpoint(*values: Any) -> dict[str, Any] | str:
        *arguments, request = values
        given = dict(zip(parameters, arguments, strict=True))
        by_mcp = request.url.path.startswith(_MCP)
        try:
            found = _called(method, given, request, service)
        except KbError as error:
            message = error.message.removeprefix("--")  # as it names an option of the commands
            if by_mcp:
                raise KbError(message, remedy=error.remedy) from error
            return {"error": {"type": type(error).__name__, "message": message, "remedy": error.remedy}}
        # A model is shown str() of what a tool gives back. Over HTTP an exception would be a failure without a text.
        return json.dumps(found, ensure_ascii=False) if by_mcp else found

    returned = inspect.Signature([*told, asking], return_annotation=dict[str, Any])
    endpoint.__signature__ = returned  # type: ignore[attr-defined]
    endpoint.__annotations__ = {**hints, "request": gr.Request}
    return endpoint


def _called(method: Method, given: dict[str, Any], request: Any, service: Service) -> dict[str, Any]:
    client = request.client.host if request.client else ""
    wait = service.delay(client, getattr(request, "username", None) or "")
    if wait:
        raise BusyError("too many requests", remedy=f"wait {math.ceil(wait)} seconds, then ask again")
    waits = given.get("model") is True  # for a model, and would keep the others waiting meanwhile
    try:
        with contextlib.nullcontext() if waits else service.work.place():
            return method(**given)
    except KbError:
        raise
    except Exception as error:  # whoever asks gets a sentence, the server's log the rest
        _LOG.exception("%s failed", method.__name__)
        raise BrokenError("this failed in a way that was not foreseen", remedy="the server's log says more") from error
