"""The command that serves the web app: ``kb serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from kb.cli_shared import Common, ConfigOption, DataOption
from kb.errors import ConfigError, QueryError

AUTH_VARIABLE = "INFRA_KB_AUTH"
_REMEDY = f"write USER:PASSWORD, or @FILE for a file that holds it; or set {AUTH_VARIABLE}, so that no password stands in ps"

HostOption = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; this machine only by default.")]
PortOption = Annotated[
    int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="[default: the first free one from 7860 on]")
]
AuthOption = Annotated[
    str | None,
    typer.Option(
        "--auth", metavar="USER:PASSWORD|@FILE", help=f"Ask for these; also from ${AUTH_VARIABLE}.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("serve")(serve)


def serve(
    context: typer.Context,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    auth: AuthOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Serve the web app to browsers on this machine: ask, read reports, browse, look after the sources. Ctrl-C ends it."""
    from kb.web.serve import Address, serve
    from kb.web.service import Service

    credentials = credentials_of(auth if auth is not None else os.environ.get(AUTH_VARIABLE))
    address = Address(host, port)
    outer = context.obj if isinstance(context.obj, Common) else Common()
    trusted = address.is_local or credentials is not None
    if not trusted:
        typer.echo(f"Warning: whoever reaches {host} can read everything here: add --auth USER:PASSWORD.", err=True)
    service = Service(config or outer.config or Path("kb.toml"), data_dir=data_dir or outer.data_dir, trusted=trusted)
    try:
        serve(service, address, auth=credentials, ready=lambda url: typer.echo(f"infra-kb is at {url}   (Ctrl-C ends it)"))
    finally:
        service.close()


def credentials_of(given: str | None) -> tuple[str, str] | None:
    """User and password of ``USER:PASSWORD`` or ``@FILE``; None for nothing.

    Raises:
        QueryError: neither; the message never has what was given.
        ConfigError: the file cannot be read.
    """
    if not given:
        return None
    if given.startswith("@"):
        path = Path(given[1:]).expanduser()
        try:
            given = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConfigError(f"--auth: {path}: cannot be read: {reason}", remedy=_REMEDY) from error
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise QueryError("--auth: not a user and a password", remedy=_REMEDY)
    return user, password
