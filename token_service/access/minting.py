"""Mints a user's token for a solution: the same token each time, until it is rotated or revoked."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from entitlements import base64url
from entitlements.decision import ACTIVE, SUSPENDED
from entitlements.items import Item, Wire, entitlement_key, item_to_wire, keyring_key, to_wire, token_key
from entitlements.keyring import KeyRing, KeyState
from entitlements.refusals import Code, Refused
from entitlements.token import ParsedToken, assemble, claims_of, jti_of, secret_message, signing_input
from token_service.access.records import Entitlement, audit, minted_at, new_generation
from token_service.errors import Busy, ConditionFailed
from token_service.log import LOGGER
from token_service.repository import Repository
from token_service.signing.kms import Kms

ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Signed:
    """A secret and the JWS that vouches for it."""

    secret: bytes
    jti: str
    jws: str
    kid: str

    @property
    def token(self) -> str:
        return assemble(self.secret, self.jws)


class Minting:
    """Mints, rotates and refreshes tokens. Concurrent mints return one token: that of the JWS stored first."""

    def __init__(self, repository: Repository, kms: Kms, clock: Callable[[], float], actor: str) -> None:
        """`clock` gives seconds since the epoch; `actor` goes into the audit."""
        self._repository, self._kms, self._clock, self._actor = repository, kms, clock, actor

    def mint(self, user_id: str, solution_id: str, of_generation: str | None = None) -> str:
        """Return the token. Raises `Refused` without an active entitlement (of `of_generation`, if given)."""
        for _ in range(ATTEMPTS):
            entitlement, stored, ring = self._read(user_id, solution_id)
            if of_generation is not None and entitlement.generation != of_generation:
                raise Refused(Code.CODE_INVALID, public="the token has been replaced: sign in again")
            generation, mac_key_id = entitlement.generation, entitlement.mac_key_id or ring.mac_key_id
            if not entitlement.jti:
                # The first token gets a new generation. With the stored generation, a table restored from a backup
                # would bring back a secret that was minted, leaked and replaced after the backup was made.
                generation, mac_key_id = new_generation(), ring.mac_key_id
            secret = self._secret(mac_key_id, user_id, solution_id, generation)
            if stored is not None and _current(stored, entitlement, ring) and stored["jti"] == jti_of(secret):
                return assemble(secret, stored["jws"])
            try:
                signed = self._sign(secret, user_id, solution_id, ring)
            except Refused as error:
                if stored is None or stored["jti"] != jti_of(secret):
                    raise
                return self._unsigned(error, secret, stored, entitlement, ring)
            try:
                self._store(entitlement, generation, mac_key_id, signed, stored, "token_minted")
            except ConditionFailed:
                continue  # minted, rotated or revoked concurrently: read again
            return signed.token
        raise Busy("the token is being changed by others: try again")

    def rotate(self, user_id: str, solution_id: str) -> str:
        """Return a new token. The old one is invalid at once; plan and counters stay."""
        for _ in range(ATTEMPTS):
            entitlement, stored, ring = self._read(user_id, solution_id)
            generation = new_generation()
            secret = self._secret(ring.mac_key_id, user_id, solution_id, generation)
            signed = self._sign(secret, user_id, solution_id, ring)
            try:
                self._store(entitlement, generation, ring.mac_key_id, signed, stored, "token_rotated")
            except ConditionFailed:
                continue
            return signed.token
        raise Busy("the token is being changed by others: try again")

    def refresh(self, token: ParsedToken) -> str:
        """Sign the same secret with the current signing key. Raises `Refused` unless it is the current secret.

        The key that signed the token does not matter, even if it is retired or revoked. The secret itself is the proof:
        the table stores its hash, and neither a leaked signing key nor a leaked table reveals it.
        """
        said = claims_of(token)
        if said is None:
            raise Refused(Code.TOKEN_MALFORMED)
        issuer, claims = said
        for _ in range(ATTEMPTS):
            item, stored, ring = self._items(claims.user_id, claims.solution_id)
            if issuer != ring.issuer:
                raise Refused(Code.ISSUER_MISMATCH)
            # Without the secret, a caller must not learn anything about the user's access.
            if item is None or not hmac.compare_digest(jti_of(token.secret), str(item.get("jti", ""))):
                raise Refused(Code.TOKEN_SUPERSEDED)
            entitlement = _active(item)
            if stored is not None and _current(stored, entitlement, ring):
                return assemble(token.secret, stored["jws"])
            try:
                signed = self._sign(token.secret, claims.user_id, claims.solution_id, ring)
            except Refused as error:
                return self._unsigned(error, token.secret, stored, entitlement, ring)
            try:
                generation, mac_key_id = entitlement.generation, entitlement.mac_key_id
                self._store(entitlement, generation, mac_key_id, signed, stored, "token_resigned")
            except ConditionFailed:
                continue
            return signed.token
        raise Busy("the token is being changed by others: try again")

    def _read(self, user_id: str, solution_id: str) -> tuple[Entitlement, Item | None, KeyRing]:
        item, stored, ring = self._items(user_id, solution_id)
        if item is None:
            missing = f"user {user_id} has no entitlement to {solution_id}: grant it first"
            raise Refused(Code.ENTITLEMENT_MISSING, missing)
        return _active(item), stored, ring

    def _items(self, user_id: str, solution_id: str) -> tuple[Item | None, Item | None, KeyRing]:
        item, stored, ring_item = self._repository.get_together(
            [entitlement_key(user_id, solution_id), token_key(user_id, solution_id), keyring_key()]
        )
        if ring_item is None:
            raise Refused(Code.KEYRING_MISSING, "the table holds no key ring: run gatepass init")
        return item, stored, KeyRing.from_item(ring_item)

    def _secret(self, mac_key_id: str, user_id: str, solution_id: str, generation: str) -> bytes:
        return self._kms.mac(mac_key_id, secret_message(user_id, solution_id, generation))

    def _sign(self, secret: bytes, user_id: str, solution_id: str, ring: KeyRing) -> _Signed:
        key, jti = ring.signing_key, jti_of(secret)
        text = signing_input(
            kid=key.kid,
            issuer=ring.issuer,
            user_id=user_id,
            solution_id=solution_id,
            jti=jti,
            issued_at=int(self._clock()),
        )
        signature = base64url.encode(self._kms.sign(key.kms_key_id, text.encode("ascii")))
        return _Signed(secret, jti, f"{text}.{signature}", key.kid)

    def _unsigned(
        self, error: Refused, secret: bytes, stored: Item | None, entitlement: Entitlement, ring: KeyRing
    ) -> str:
        """The token with its stored JWS, while KMS cannot sign: an older key signed it, and gates accept that key."""
        if stored is None or (stored["generation"], stored["jti"]) != (entitlement.generation, entitlement.jti):
            raise error
        key = ring.find(stored["kid"])
        if key is None or key.state is KeyState.REVOKED:
            raise error
        LOGGER.warning(f"{error}; handed out a token that {key.kid} signed", extra={"code": error.code})
        return assemble(secret, stored["jws"])

    def _store(
        self,
        entitlement: Entitlement,
        generation: str,
        mac_key_id: str,
        signed: _Signed,
        stored: Item | None,
        event: str,
    ) -> None:
        user_id, solution_id = entitlement.user_id, entitlement.solution_id
        update: Wire = {
            "Key": entitlement_key(user_id, solution_id).wire,
            "UpdateExpression": "SET jti = :jti, generation = :generation, mac_key_id = :mac",
            "ConditionExpression": "#status = :active AND generation = :was",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":jti": to_wire(signed.jti),
                ":generation": to_wire(generation),
                ":mac": to_wire(mac_key_id),
                ":active": to_wire(ACTIVE),
                ":was": to_wire(entitlement.generation),
            },
        }
        new = entitlement.jti != signed.jti
        item: dict[str, str | int | bool] = {
            "jws": signed.jws,
            "jti": signed.jti,
            "kid": signed.kid,
            "generation": generation,
            "minted_at": int(self._clock()) if new else minted_at(stored, entitlement),
        }
        put: Wire = {
            "Item": token_key(user_id, solution_id).wire | item_to_wire(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if stored is not None:
            put["ConditionExpression"] = "jws = :was_jws"
            put["ExpressionAttributeValues"] = {":was_jws": to_wire(stored["jws"])}
        entry = audit(user_id, solution_id, event, self._actor, self._clock(), kid=signed.kid)
        self._repository.transact([("Update", update), ("Put", put), entry])


def _active(item: Item) -> Entitlement:
    entitlement = Entitlement.from_item(item)
    require_active(entitlement)
    return entitlement


def require_active(entitlement: Entitlement) -> None:
    """Refuse an entitlement that is not active."""
    if entitlement.status == ACTIVE:
        return
    instead = "resume it first" if entitlement.status == SUSPENDED else "grant it again first"
    raise Refused(Code(f"entitlement_{entitlement.status}"), f"the entitlement is {entitlement.status}: {instead}")


def _current(stored: Item, entitlement: Entitlement, ring: KeyRing) -> bool:
    """Whether the stored JWS is for the current secret and signed by the current key; if not, it is signed again."""
    wanted = (entitlement.generation, entitlement.jti, ring.signing_kid)
    return (stored["generation"], stored["jti"], stored["kid"]) == wanted
