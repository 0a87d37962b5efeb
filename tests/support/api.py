"""The token service's HTTP API on a real table, with moto's Cognito and KMS."""

import base64
import gzip
import hmac
import json
import time
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl

import boto3
import jwt

from entitlements.keyring import KeyRing
from tests.support import emulators
from tests.support.market import ISSUER
from tests.support.table import Table
from token_service.access.grants import Access
from token_service.repository import Repository
from token_service.services import build
from token_service.settings import Settings
from token_service.signing.keys import Keys
from token_service.signing.kms import Kms
from token_service.web import edge
from token_service.web.routes import make_app
from token_service.web.viewer import from_viewer

EMAIL, PASSWORD = "someone@example.com", "Str0ng-enough!"
POLICY = {
    "MinimumLength": 12,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireUppercase": True,
    "RequireSymbols": False,
}
ADDRESS = "198.51.100.7"
SESSION: Any = boto3.session.Session(region_name="us-east-1")


class Api:
    """Answers as behind API Gateway; `headers` are those of the last answer."""

    def __init__(self, table: Table, moto: str, mailbox: Path) -> None:
        self.table, self.moto, self.mailbox = table, moto, mailbox
        self.cognito = emulators.shared_client("cognito-idp", moto)
        pool = self.cognito.create_user_pool(
            PoolName="test", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"],
            Policies={"PasswordPolicy": POLICY},
        )["UserPool"]["Id"]  # fmt: skip
        client = self.cognito.create_user_pool_client(
            UserPoolId=pool, ClientName="test", GenerateSecret=True,
            PreventUserExistenceErrors="ENABLED",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]  # fmt: skip
        self.groups = set[str]()
        self.pool, self.client, self.secret = pool, client["ClientId"], client["ClientSecret"]
        kms = Kms(emulators.shared_client("kms", moto))
        table.put_ring(
            KeyRing(ISSUER, (kms.signing_key(kms.create_signing_key("t"), 0),), kms.create_mac_key("t"), b"a" * 32)
        )
        table.put_solution(
            return_urls=["https://finder.example.com/app"], frontend_url="https://finder.example.com/app"
        )
        table.put("origin#https://finder.example.com", "solution#faiss-search")
        endpoint = table.client.meta.endpoint_url
        self.settings = Settings(table.name, "us-east-1", pool, self.client, "t", moto, endpoint)
        self._alone = RLock()  # a test may ask again in the midst of a request
        self.wire(self.settings)
        repository = Repository(table.client, table.name)
        self.access = Access(repository, time.time, "operator")
        self.keys = Keys(repository, lambda: kms, time.time, "operator", lambda: "t")

    def wire(self, settings: Settings, behind: int = 0) -> None:
        """As a new container, whose clock is behind by some seconds."""
        self.services = build(settings, lambda: time.time() - behind, session=SESSION)
        self.app = make_app(self.services)

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One request at a time, as a container answers, whoever asks: a test, or the page that it has open."""
        with self._alone:
            return edge.handle(self.app, self.services.origins, event, context)

    def sign_in(self, email: str = EMAIL, *groups: str) -> str:
        """A confirmed user's ID token, straight from the pool; the user is made a member of groups of it."""
        self.cognito.admin_create_user(UserPoolId=self.pool, Username=email)
        for group in groups:
            if group not in self.groups:
                self.cognito.create_group(UserPoolId=self.pool, GroupName=group)
                self.groups.add(group)
            self.cognito.admin_add_user_to_group(UserPoolId=self.pool, Username=email, GroupName=group)
        self.cognito.admin_set_user_password(UserPoolId=self.pool, Username=email, Password=PASSWORD, Permanent=True)
        self.tokens = self.cognito.admin_initiate_auth(
            UserPoolId=self.pool, ClientId=self.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD, "SECRET_HASH": self.secret_hash(email)},
        )["AuthenticationResult"]  # fmt: skip
        self.id_token: str = self.tokens["IdToken"]
        self.user: str = jwt.decode(self.id_token, options={"verify_signature": False})["sub"]
        return self.id_token

    def claiming(self, *without: str, **changes: Any) -> str:
        """The ID token as the pool might have issued it, without some claims, and with others changed."""
        resource = files("moto.cognitoidp").joinpath("resources/jwks-private.json.gz")
        key = jwt.PyJWK(json.loads(gzip.decompress(resource.read_bytes())), "RS256").key
        claims = jwt.decode(self.id_token, options={"verify_signature": False}) | changes
        header = {"kid": jwt.get_unverified_header(self.id_token)["kid"]}
        for name in without:
            del claims[name]
        return jwt.encode(claims, key, "RS256", header)

    def secret_hash(self, email: str) -> str:
        """What only who knows the client's secret can make."""
        digest = hmac.new(self.secret.encode(), f"{email}{self.client}".encode(), "sha256").digest()
        return base64.b64encode(digest).decode()

    def code(self, email: str = EMAIL) -> str:
        """The code that was mailed last."""
        mails = [json.loads(line) for line in self.mailbox.read_text().splitlines()]
        return str([mail["code"] for mail in mails if mail["email"] == email][-1])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        bearer: str | None = None,
        encoded: bool = False,
        source_ip: str = ADDRESS,
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and body, parsed if it is JSON. A `str` body goes as it is, anything else as JSON."""
        path, _, query = path.partition("?")
        sent = {name.lower().replace("_", "-"): value for name, value in headers.items()}
        sent |= {"authorization": f"Bearer {bearer}"} if bearer is not None else {}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source_ip, "userAgent": ""}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": sent,
            "queryStringParameters": dict(parse_qsl(query)),
            "requestContext": {"http": http, "stage": "$default", "requestId": "r", "apiId": "a"},
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": encoded,
        }
        event = from_viewer(event, self.settings.portal_secret)
        answer = self.answer(event, None)
        self.headers = answer["headers"]
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if "json" in self.headers.get(
            "Content-Type", ""
        ) and text else text
