"""What all peers are asked about: users, their entitlements, tokens and events; and the cases that are measured."""

import json
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from entitlements import base64url
from entitlements.address import address_hash
from entitlements.decision import Holder
from entitlements.items import Item, Wire, to_wire, visitor_key
from entitlements.solution import Solution, read_solution
from entitlements.spend import REQUEST_ID_BYTES, spend
from entitlements.token import assemble, jti_of, signing_input
from entitlements.windows import windows_at
from tests.support.events import ADDRESS, http_2
from tests.support.signer import ISSUER, SOLUTION, Signer, ring, secret_of

API: Final = "abc123"
USERS: Final = 50
"""Users that take turns in a case, so that no peer answers from a cache of one."""
ISSUED_AT: Final = 1_700_000_000
RSA_KID: Final = "benchmark-rs256"
UNUSED_DAY, UNUSED_MONTH = "d00000000", "m000000"
"""Counters of today in a canned item: the server writes the date in."""


class Case(StrEnum):
    """The decisions whose cost is measured."""

    ALLOW = "allow"
    NEW_TOKEN = "allow, token not seen before"
    QUOTA = "deny by quota"
    VISITOR = "deny a visitor by quota"
    BAD_SIGNATURE = "deny by bad signature"


OUTCOMES: Final[Mapping[Case, str]] = {
    Case.ALLOW: "allow",
    Case.NEW_TOKEN: "allow",
    Case.QUOTA: "deny",
    Case.VISITOR: "deny",
    Case.BAD_SIGNATURE: "unauthorized",
}
"""What every peer must answer; one that answers otherwise is not measured but reported as broken."""


def user_id(number: int, spent: bool = False) -> str:
    """A user, by number; those whose quota is spent are others."""
    return f"00000000-0000-4000-{'9' if spent else '8'}000-{number:012d}"


def solution(solution_id: str = SOLUTION, *, day_limit: int = 1_000_000, plans: int = 1) -> Solution:
    """A configuration as they are in use; `plans` counts the different plans that a holder can have."""
    limits = {"registered": {"limits": {"day": day_limit}}}
    limits |= {f"plan-{n}": {"limits": {"day": day_limit + n}} for n in range(1, plans)}
    return read_solution(
        {
            "solution_id": solution_id,
            "name": "AWS Solution Finder",
            "marketplace_url": "https://marketplace.example.com/solutions",
            "default_plan": "registered",
            "plans": {"anonymous": {"limits": {"lifetime": 3}}, **limits},
            "costs": {"GET /health": 0, "POST /search": 1},
        }
    )


def unlimited(config: Solution) -> Solution:
    """The same with an unlimited plan besides, `pro`."""
    mapping = config.to_mapping()
    mapping["plans"]["pro"] = {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}}
    return read_solution(mapping)


def configuration(config: Solution, api_id: str = API) -> list[Item]:
    """The items of a solution and its API."""
    return [
        {"pk": f"solution#{config.solution_id}", "sk": "config", "document": config.to_document()},
        {"pk": f"api#{api_id}", "sk": "config", "solution_id": config.solution_id},
    ]


def key_ring() -> Item:
    """The key ring's item."""
    return {"pk": "keyring", "sk": "current", "document": ring().to_document(), "version": 1}


def entitlement(user: str, solution_id: str = SOLUTION, **changes: str | int) -> Item:
    """One active entitlement, as `gatepass entitlements grant` leaves it."""
    return {
        "pk": f"user#{user}",
        "sk": f"solution#{solution_id}",
        "user_id": user,
        "solution_id": solution_id,
        "status": "active",
        "plan": "registered",
        "generation": "1",
        "jti": jti_of(secret_of(user, solution_id)),
        "total": 0,
    } | changes


def address(number: int) -> str:
    """The address of a visitor whose quota is spent, by number (RFC 5737)."""
    return f"203.0.113.{number + 1}"


def visitor_item(number: int) -> Item:
    """The counters of that visitor; they end in 2286."""
    key = visitor_key(address_hash(ring().address_key, address(number)), SOLUTION)
    return key._asdict() | {"total": 3, "expires_at": 9_999_999_999}


def event(token: str | None, api_id: str = API, ip: str = ADDRESS) -> str:
    """An event of an HTTP API, payload 2.0, with the headers that a browser's request has there; as JSON."""
    data = http_2(token, api=api_id, ip=ip)
    data["headers"] |= {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate, br",
        "accept-language": "en-GB,en;q=0.9",
        "content-length": "43",
        "content-type": "application/json",
        "origin": "https://finder.example.com",
        "referer": "https://finder.example.com/",
        "sec-fetch-mode": "cors",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "x-amzn-trace-id": "Root=1-6905d2c1-0f2e4d6c8b0a1c3e5f708192",
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    return json.dumps(data)


class World:
    """Issues what each kind of peer takes: our token, its JWT alone, or an RS256 JWT with the same claims."""

    def __init__(self, config: Solution | None = None) -> None:
        """`config` is the solution of every peer that serves one only."""
        self.config = config or solution()
        self._signer = Signer()
        self._rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, peer: str, user: str, solution_id: str = SOLUTION, serial: int = 0) -> str:
        """The token of a user; another `serial` is another token that is just as good."""
        secret, issued_at = secret_of(user, solution_id), ISSUED_AT + serial
        jti = jti_of(secret)
        if peer == "conventional":
            claims = {"iss": ISSUER, "sub": user, "aud": solution_id, "jti": jti, "iat": issued_at}
            return jwt.encode(claims, self._rsa, algorithm="RS256", headers={"kid": RSA_KID})
        text = signing_input(
            kid=self._signer.key().kid,
            issuer=ISSUER,
            user_id=user,
            solution_id=solution_id,
            jti=jti,
            issued_at=issued_at,
        )
        jws = f"{text}.{self._signer.sign(text)}"
        return assemble(secret, jws) if peer == "ours" else jws

    def events(self, peer: str, case: Case, count: int) -> Iterator[str]:
        """Events of a case. Those of `NEW_TOKEN` are `count` different tokens, the others take turns."""
        for n in range(count if case is Case.NEW_TOKEN else min(count, USERS)):
            if case is Case.VISITOR:
                yield event(None, ip=address(n))
                continue
            user = user_id(n % USERS, spent=case is Case.QUOTA)
            token = self.token(peer, user, serial=n + 1 if case is Case.NEW_TOKEN else 0)
            yield event(altered(token) if case is Case.BAD_SIGNATURE else token)

    def items(self) -> list[Item]:
        """The table of a measurement: configuration and users."""
        spent = {
            UNUSED_DAY: self.config.plans["registered"].limit("day") or 0,
            UNUSED_MONTH: 40,
            "total": 40,
        }
        users = [entitlement(user_id(n)) for n in range(USERS)]
        return [
            key_ring(),
            *configuration(self.config),
            *users,
            *(entitlement(user_id(n, spent=True)) | spent for n in range(USERS)),
            *(visitor_item(n) for n in range(USERS)),
        ]

    def write(self) -> Wire:
        """What the gate sends for the first user, with REQUESTID for the request's id."""
        holder = Holder(user_id(0), jti_of(secret_of(user_id(0), self.config.solution_id)), resign=False)
        now = int(time.time())
        sent = spend(holder, self.config, windows_at(now, self.config.timezone), 1, now, bytes(REQUEST_ID_BYTES))
        return sent | {
            "ExpressionAttributeValues": sent["ExpressionAttributeValues"] | {":request": to_wire("REQUESTID")}
        }

    def spent(self) -> list[str]:
        """The partition keys of the users and visitors whose quota is spent."""
        users = [f"user#{user_id(n, spent=True)}" for n in range(USERS)]
        return users + [visitor_item(n)["pk"] for n in range(USERS)]

    def settings(self, jwks_url: str) -> dict[str, str]:
        """The environment variables of the peers that are deployed with their solution's rules."""
        public = self._signer.private.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        plans = [plan for plan in self.config.plans.values() if plan.name != "anonymous"]
        return {
            "SOLUTION_ID": self.config.solution_id,
            "ISSUER": ISSUER,
            "PUBLIC_KEY": pem.decode(),
            "DAY_LIMITS": json.dumps({plan.name: plan.limit("day") for plan in plans}),
            "UPGRADE_URL": self.config.upgrade_url,
            "JWKS_URL": jwks_url,
        }

    def jwks(self) -> dict[str, Any]:
        """The RS256 key as a JWK set (RFC 7517 section 5)."""
        numbers = self._rsa.public_key().public_numbers()
        n, e = (base64url.encode(x.to_bytes((x.bit_length() + 7) // 8, "big")) for x in (numbers.n, numbers.e))
        return {"keys": [{"kty": "RSA", "kid": RSA_KID, "use": "sig", "alg": "RS256", "n": n, "e": e}]}


def altered(token: str) -> str:
    """The same token with another signature of the same length and spelling."""
    rest, _, signature = token.rpartition(".")
    return f"{rest}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
