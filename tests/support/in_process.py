"""moto inside this process: what a client here calls is a function, not a server. HTTP took most of a call's time.

The request is botocore's, or the gate's, whole but for a signature that moto would not check; the answer is moto's,
whole but for Flask. The same state is served over HTTP too, to commands in processes of their own and to browsers.
"""

import io
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.auth
import botocore.handlers
import botocore.httpsession
import botocore.loaders
import botocore.session
from botocore import hooks, useragent
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.client import ClientCreator
from botocore.exceptions import ClientError
from botocore.regions import EndpointResolverBuiltins, EndpointRulesetResolver

UNSIGNED: set[str] = set()
"""Addresses, as `host:port`, of emulators outside this process that check no signature."""

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_applications: dict[str, Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]]] = {}


def share_botocore_data() -> None:
    """Let all sessions of this process share what they load: a client of a new session then takes 5 ms, and not 60."""
    botocore.session.create_loader = lru_cache(maxsize=None)(botocore.loaders.create_loader)
    useragent.sanitize_user_agent_string_component = lru_cache(useragent.sanitize_user_agent_string_component)
    # It names twenty words of this machine, which no emulator reads, anew for each call.
    useragent.UserAgentString.rebuild_and_replace_user_agent_handler = lambda *_, **__: None
    useragent.UserAgentString.to_string = lambda _: "Botocore"
    # Making one takes 0.6 ms. Clients here speak HTTP, so none ever changes the one that they share.
    botocore.httpsession.create_urllib3_context = lru_cache(botocore.httpsession.create_urllib3_context)
    # Each session looks at the signatures of the same hundred handlers, and each client translates their names anew.
    hooks.accepts_kwargs = lru_cache(maxsize=None)(hooks.accepts_kwargs)
    alias, aliases = hooks.EventAliaser._alias_event_name, dict[str, str]()

    def aliased(self: Any, name: str) -> str:
        if name not in aliases:
            aliases[name] = alias(self, name)
        return aliases[name]

    hooks.EventAliaser._alias_event_name = aliased
    create_methods, methods = ClientCreator._create_methods, dict[str, Any]()

    def created(self: Any, model: Any) -> Any:
        if model.service_name not in methods:
            methods[model.service_name] = create_methods(self, model)
        return dict(methods[model.service_name])

    ClientCreator._create_methods = created
    _keep_endpoints()


def _keep_endpoints() -> None:
    """Evaluate the rules of a client's endpoint for its first call of an operation, and not for each.

    A client that is told its endpoint finds that one whatever the arguments of a call are, but for S3, where the name
    of a bucket can be part of the host.
    """
    construct = EndpointRulesetResolver.construct_endpoint

    def constructed(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        told = self._builtins.get(EndpointResolverBuiltins.SDK_ENDPOINT)
        if told is None or operation_model.service_model.service_name == "s3":
            return construct(self, operation_model, call_args, request_context)
        if operation_model.name not in self._instance_cache:
            self._instance_cache[operation_model.name] = construct(self, operation_model, call_args, request_context)
        return self._instance_cache[operation_model.name]

    EndpointRulesetResolver.construct_endpoint = constructed


def serves(address: str) -> bool:
    """Whether `address`, as `host:port`, is an emulator of this process."""
    return address in _applications


def ask(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of moto's answer to a request for an address that this process serves."""
    target = urlsplit(url)
    line = f"{target.path}?{target.query}" if target.query else target.path
    fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
    # https://peps.python.org/pep-3333/#environ-variables
    environ = fields | {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(target.path).encode().decode("latin-1"),
        "QUERY_STRING": target.query,
        "REQUEST_URI": line,
        "RAW_URI": line,
        "SERVER_NAME": target.hostname,
        "SERVER_PORT": str(target.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": target.netloc,
        "CONTENT_TYPE": fields.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    return _applications[target.netloc](environ)


def _answer(request: Any, **_: Any) -> AWSResponse | None:
    """Botocore's `before-send`: the answer to a request for an emulator in this process; None sends it as usual."""
    if not serves(urlsplit(request.url).netloc):
        return None
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    headers = (
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()
    )
    status, answered, content = ask(request.method, request.url, headers, body)
    return AWSResponse(request.url, status, HeadersDict(answered), Raw(content))


class Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


class Signer(SigV4Auth):  # type: ignore[misc]
    """Signs what leaves for where a signature is checked. The emulators read nothing but key, service, and Region."""

    def add_auth(self, request: Any) -> None:
        address = urlsplit(request.url).netloc
        if self.credentials is None or not (serves(address) or address in UNSIGNED):
            super().add_auth(request)
            return
        scope = f"{self.credentials.access_key}/20260101/{self._region_name}/{self._service_name}/aws4_request"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


botocore.auth.AUTH_TYPE_MAPS["v4"] = Signer
botocore.handlers.BUILTIN_HANDLERS.append(("before-send", _answer))


def _request_id(headerdict: dict[str, Any] | None = None) -> str:
    """In place of 52 random letters, chosen one by one."""
    identity = secrets.token_hex(26).upper()
    if headerdict is not None:
        headerdict["x-amzn-requestid"] = identity
    return identity


def _quicken_updates() -> None:
    """Spare moto's DynamoDB what grows with the square of an expression, and most of what it does for each value.

    moto checks each part of an update for clauses and paths that repeat. The whole holds its parts' clauses and paths,
    so the check of the whole finds all of them.
    """
    from moto.core.serialize import ResponseSerializer
    from moto.dynamodb.parsing.validators import ActionCountValidator, OverlappingPathsValidator

    ActionCountValidator.traverse = ActionCountValidator.verify_action_counts
    OverlappingPathsValidator.traverse = OverlappingPathsValidator.check_for_overlapping_paths
    any_value = ResponseSerializer.get_value

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        # A value has one of ten types, and moto looks for the nine others under each name that they could have.
        parent = getattr(shape, "parent", None)
        if type(value) is dict and parent is not None and parent.name == "AttributeValue":
            return value.get(key)
        return any_value(self, value, key, shape)

    ResponseSerializer.get_value = get_value


def _quicken_answers() -> None:
    """Let moto find once, and not for each value, under which names an object of a class may hold what it answers.

    Its providers of names look at the class, the name, and the shape alone; a name found twice is looked up once.
    """
    from moto.core.serialize import AttributePicker, XFormedAttributePicker

    known = dict[tuple[Any, ...], tuple[Any, list[str]]]()
    pickers: tuple[Any, ...] = (AttributePicker, XFormedAttributePicker)
    for picker in pickers:

        def possible_keys(self: Any, context: Any, _any_keys: Any = picker.get_possible_keys) -> list[str]:
            of = (type(self), *self.alias_providers, type(context.obj), context.key, id(context.shape))
            if of not in known:
                # It holds the shape too, so that no other one is ever given its identity.
                known[of] = context.shape, list(dict.fromkeys(_any_keys(self, context)))
            return known[of][1]

        picker.get_possible_keys = possible_keys


def _quicken_user_pools() -> None:
    """All pools of moto sign with the one key that it brings along: it takes 0.1 s to check, once and not for each."""
    from joserfc.jwk import RSAKey

    any_key = RSAKey.import_key
    once = lru_cache(maxsize=None)(lambda text: any_key(json.loads(text)))

    def import_key(value: Any, *rest: Any, **more: Any) -> Any:
        whole = isinstance(value, dict) and not rest and not more
        return once(json.dumps(value, sort_keys=True)) if whole else any_key(value, *rest, **more)

    RSAKey.import_key = staticmethod(import_key)


def _quicken_mac_keys() -> None:
    """moto makes an RSA key for each key of KMS, those for MACs too, which never use it."""
    from moto.kms import models

    any_key = models.generate_private_key

    def generate(key_spec: str) -> Any:
        return None if key_spec.startswith("HMAC") else any_key(key_spec)

    models.generate_private_key = generate


@contextmanager
def moto(mailbox: Path) -> Iterator[str]:
    """Yield the URL of this process's moto: with our Cognito, which writes to `mailbox`, and a fuller API Gateway."""
    from moto.core import responses
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.datastructures import ImmutableMultiDict
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import MapAdapter
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

    # It looks through all rules for one with defaults, for each call twice, and moto has none.
    MapAdapter.get_default_redirect = lambda *_: None
    responses.method_names_from_class = lru_cache(maxsize=None)(responses.method_names_from_class)
    responses.camelcase_to_underscores = lru_cache(maxsize=None)(responses.camelcase_to_underscores)
    responses.gen_amzn_requestid_long = _request_id
    _quicken_updates()
    _quicken_answers()
    _quicken_user_pools()
    _quicken_mac_keys()
    application = Dispatcher(create_backend_app)

    def answer(environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """As Flask does, and moto's convert_to_flask_response, but without its contexts, hooks and CORS."""
        service: Any = application.get_application(environ)
        try:
            endpoint, _ = service.url_map.bind_to_environ(environ).match()
            request = service.request_class(environ)
            if not environ["CONTENT_TYPE"].lower().startswith(FORMS):
                # What its own look for a form would find.
                body = environ["wsgi.input"].getvalue()
                vars(request).update(form=ImmutableMultiDict(), files=ImmutableMultiDict(), _cached_data=body)
            url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"
            answered = service.view_functions[endpoint].callback(request, url, dict(request.headers))
        except HTTPException as error:
            answered = error.code, dict(error.get_headers()), error.get_body()
        except ClientError as error:
            answered = 400, {}, error.response["Error"]["Message"]
        status, headers, content = answered if isinstance(answered, tuple) else (200, {}, answered)
        return (
            int(status),
            {name: str(value) for name, value in headers.items()},
            content.encode() if isinstance(content, str) else bytes(content),
        )

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    address = f"127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    _applications[address] = answer
    try:
        yield f"http://{address}"
    finally:
        del _applications[address]
        server.shutdown()
        server.server_close()
        thread.join(20)
