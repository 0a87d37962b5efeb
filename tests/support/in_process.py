"""moto inside this process: what a client here calls is a function, not a server. HTTP took most of a call's time.

The same state is served over HTTP too, to commands in processes of their own and to clients that are not botocore's.
"""

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.handlers
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSResponse, HeadersDict
from urllib3 import HTTPResponse

Start = Callable[..., object]
Application = Callable[[dict[str, Any], Start], Any]

_applications: dict[str, Application] = {}


def share_botocore_data() -> None:
    """Let all sessions of this process share what they load: a client of a new session then takes 5 ms, and not 60."""
    botocore.session.create_loader = lru_cache(maxsize=None)(botocore.loaders.create_loader)


def _answer(request: Any, **_: Any) -> AWSResponse | None:
    """Botocore's `before-send`: the answer to a request for an emulator in this process; None sends it as usual."""
    target = urlsplit(request.url)
    application = _applications.get(target.netloc)
    if application is None:
        return None
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    line = f"{target.path}?{target.query}" if target.query else target.path
    # https://peps.python.org/pep-3333/#environ-variables
    environ = headers | {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(target.path).encode().decode("latin-1"),
        "QUERY_STRING": target.query,
        "REQUEST_URI": line,
        "RAW_URI": line,
        "SERVER_NAME": target.hostname,
        "SERVER_PORT": str(target.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": target.netloc,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    started: list[Any] = []
    content = b"".join(application(environ, lambda *arguments: started.extend(arguments)))
    raw = HTTPResponse(io.BytesIO(content), preload_content=False)
    return AWSResponse(request.url, int(started[0].split()[0]), HeadersDict(started[1]), raw)


botocore.handlers.BUILTIN_HANDLERS.append(("before-send", _answer))


@contextmanager
def moto(mailbox: Path) -> Iterator[str]:
    """Yield the URL of this process's moto: with our Cognito, which writes to `mailbox`, and a fuller API Gateway."""
    from moto.core import responses
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    # Both change moto's classes as they are imported.
    import tests.support.moto_apigateway  # noqa: F401
    from gatepass.local.aws import MAILBOX

    os.environ[MAILBOX] = str(mailbox)

    class Quiet(MotoRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:
            """Write nothing: tests read what is written to stderr."""

    class Dispatcher(DomainDispatcherApplication):
        """Lists moto's folder once for each host, and not for each call."""

        get_backend_for_host = lru_cache(maxsize=None)(DomainDispatcherApplication.get_backend_for_host)

    responses.method_names_from_class = lru_cache(maxsize=None)(responses.method_names_from_class)
    application = Dispatcher(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    address = f"127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    _applications[address] = application
    try:
        yield f"http://{address}"
    finally:
        del _applications[address]
        server.shutdown()
        server.server_close()
        thread.join(20)
