"""Serving an experiment's page to a browser on this machine, and to nobody else."""

import contextlib
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError

HOST = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    """Answers without a line on the console for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serving(folder: Path, page: str, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """Return a server of a folder, which is not running yet, and the page's address.

    Args:
        folder: served, with all that is in it.
        page: the name of the page in it.
        port: 0 for any that is free.

    Raises:
        UserError: the page is not there, or the port cannot be had.
    """
    if not (folder / page).is_file():
        raise UserError(
            f"{folder / page} does not exist. The workflow makes it of finished tables; python -m avbench status "
            f"{folder} says what remains."
        )
    try:
        server = ThreadingHTTPServer((HOST, port), partial(_Quiet, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise UserError(f"--port: {port} cannot be had ({error}). Leave it out, and a free one is taken.") from error
    return server, f"http://{HOST}:{server.server_port}/{page}"


def open_page(folder: Path, page: str, port: int = 0, browser: bool = True) -> None:
    """Serve a folder's page until the user interrupts.

    Args:
        folder, page, port: as :func:`serving`.
        browser: open it in one, where there is any.

    Raises:
        UserError: as :func:`serving`.
    """
    server, address = serving(folder, page, port)
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"{address} (Ctrl+C ends it)", flush=True)
        if browser:
            webbrowser.open(address)
        server.serve_forever()
