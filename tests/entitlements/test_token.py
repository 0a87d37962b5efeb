"""The token: golden bytes, and every way in which it must be refused."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from entitlements import base64url, es256
from entitlements.gate import Gate, Request
from entitlements.keyring import KeyRing, KeyRingError, KeyState
from entitlements.reasons import Reason
from entitlements.token import MAX_LENGTH, TOKEN, Claims, assemble, jti_of, parse, secret_message, verify
from tests.support.signer import ISSUED_AT, ISSUER, SOLUTION, USER, Signer, ring, secret_of
from tests.support.table import Table

GOLDEN = (
    "gp1_oGTAP69ShoLJTIltSF-SCfDm8uKiLLFA6TLhGIhFTIo.eyJhbGciOiJFUzI1NiIsImtpZCI6ImhfZWxYSmJHQk9CX1FUeWsx"
    "NkYyZkU0dDZialdZbHl1ZjU5NVpqdXNILUEiLCJ0eXAiOiJncCtqd3QifQ.eyJpc3MiOiJnYXRlcGFzcy10ZXN0Iiwic3ViIjoiN"
    "2M5ZTY2NzktNzQyNS00MGRlLTk0NGItZTA3ZmMxZjkwYWU3IiwiYXVkIjoiZmFpc3Mtc2VhcmNoIiwianRpIjoicTVSbm9ueVdiM"
    "ThVNDg3S1hPRHczalNydGJrbkRPZWpLSkFfZmpLdzBGQSIsImlhdCI6MTc5MDAwMDAwMH0.hBohkcfEKf6fdy3fMJw4jGk4iU_LQ"
    "DrXog0rNxxfXXPUAp-4fLdbJLIxNN5nSXeJQOmv-PeDNa4MiCd6B22DDw"
)


def outcome(token: str, solution_id: str = SOLUTION, **kwargs: object) -> Claims | Reason:
    parsed = parse(token)
    return verify(parsed, ring(), solution_id) if parsed else Reason.TOKEN_MALFORMED


def parts(token: str) -> list[str]:
    return token.removeprefix("gp1_").split(".")


def join(*pieces: str) -> str:
    return "gp1_" + ".".join(pieces)


def test_a_token_of_the_first_day_reads_the_same_for_good() -> None:
    assert Signer().token() == GOLDEN
    assert outcome(GOLDEN) == Claims(USER, SOLUTION, jti_of(secret_of()), ISSUED_AT, Signer().key().kid)


def test_the_secret_is_a_mac_over_user_solution_and_generation() -> None:
    assert secret_message(USER, SOLUTION, "g") == f"gatepass/v1|{USER}|{SOLUTION}|g".encode()


def test_the_expression_for_secret_scanners_finds_a_token_in_text() -> None:
    found = TOKEN.search(f"curl -H 'Authorization: Bearer {GOLDEN}' https://api.example.com")
    assert found is not None
    assert found[0] == GOLDEN


@pytest.mark.parametrize("position", range(4))
def test_any_altered_part_is_refused(position: int) -> None:
    pieces = parts(GOLDEN)
    pieces[position] = ("B" if pieces[position][0] == "A" else "A") + pieces[position][1:]
    assert outcome(join(*pieces)) in (Reason.TOKEN_MALFORMED, Reason.SIGNATURE_INVALID)


@given(st.integers(0, len(GOLDEN) - 1), st.characters(codec="ascii"))
def test_no_single_character_can_be_exchanged(position: int, character: str) -> None:
    altered = GOLDEN[:position] + character + GOLDEN[position + 1 :]
    assert (outcome(altered) == outcome(GOLDEN)) == (altered == GOLDEN)


@given(st.text())
def test_no_text_is_more_than_malformed(text: str) -> None:
    assert parse(text) is None
    assert parse("gp1_" + text) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        GOLDEN + "\n",
        " " + GOLDEN,
        GOLDEN + "=",
        GOLDEN.replace("gp1_", "gp2_"),
        GOLDEN.removeprefix("gp1_"),
        GOLDEN.rpartition(".")[0],
        GOLDEN + ".",
        "gp1_" + "A" * 10_000_000,
        GOLDEN + "A" * (MAX_LENGTH - len(GOLDEN) + 1),
        GOLDEN.replace(".", ".\u0131", 1),
    ],
)
def test_the_wrong_shape_is_malformed(token: str) -> None:
    assert outcome(token) is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize("position", [0, 3])
def test_a_second_spelling_of_the_same_bytes_is_malformed(position: int) -> None:
    pieces = parts(GOLDEN)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(pieces[position][-1])
    pieces[position] = pieces[position][:-1] + alphabet[last ^ 1]  # a spare bit that lax decoders ignore
    assert outcome(join(*pieces)) is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, Reason.SIGNATURE_INVALID),
        ({"alg": "HS256"}, Reason.SIGNATURE_INVALID),
        ({"alg": "RS256"}, Reason.SIGNATURE_INVALID),
        ({"alg": "es256"}, Reason.SIGNATURE_INVALID),
        ({"alg": None}, Reason.TOKEN_MALFORMED),
        ({"typ": "JWT"}, Reason.TOKEN_MALFORMED),
        ({"kid": 7}, Reason.TOKEN_MALFORMED),
        ({"kid": "unknown"}, Reason.KEY_UNKNOWN),
        ({"crit": ["exp"]}, Reason.TOKEN_MALFORMED),
        ({"jwk": {}}, Reason.TOKEN_MALFORMED),
    ],
)
def test_the_header_has_no_say(header: dict[str, object], reason: Reason) -> None:
    good = {"alg": "ES256", "kid": Signer().key().kid, "typ": "gp+jwt"}
    assert outcome(Signer().forge(good | header, payload(), secret_of())) is reason


@pytest.mark.parametrize("header", [[], "text", 1, None, {}])
def test_a_header_that_is_no_header_is_malformed(header: object) -> None:
    assert outcome(Signer().forge(header, payload(), secret_of())) is Reason.TOKEN_MALFORMED


def test_nested_json_cannot_exhaust_the_stack() -> None:
    deep = base64url.encode(b"[" * 1200)
    assert outcome(join(parts(GOLDEN)[0], deep, *parts(GOLDEN)[2:])) is Reason.TOKEN_MALFORMED


def payload(**changes: object) -> dict[str, object]:
    good = {"iss": ISSUER, "sub": USER, "aud": SOLUTION, "jti": jti_of(secret_of()), "iat": ISSUED_AT}
    return {k: v for k, v in (good | changes).items() if v is not ...}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "another"}, Reason.ISSUER_MISMATCH),
        ({"aud": "another-solution"}, Reason.SOLUTION_MISMATCH),
        ({"aud": [SOLUTION]}, Reason.TOKEN_MALFORMED),
        ({"sub": "../admin"}, Reason.TOKEN_MALFORMED),
        ({"sub": USER.upper()}, Reason.TOKEN_MALFORMED),
        ({"sub": ...}, Reason.TOKEN_MALFORMED),
        ({"jti": ...}, Reason.TOKEN_MALFORMED),
        ({"jti": "other"}, Reason.SIGNATURE_INVALID),
        ({"jti": "\u00e9"}, Reason.TOKEN_MALFORMED),
        ({"iat": "1"}, Reason.TOKEN_MALFORMED),
        ({"iat": True}, Reason.TOKEN_MALFORMED),
    ],
)
def test_signed_claims_are_checked_too(changes: dict[str, object], reason: Reason) -> None:
    header = {"alg": "ES256", "kid": Signer().key().kid, "typ": "gp+jwt"}
    assert outcome(Signer().forge(header, payload(**changes), secret_of())) is reason


def test_a_key_that_claims_another_keys_id_is_refused() -> None:
    assert outcome(Signer("another key").token(kid=Signer().key().kid)) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("state", "expected"),
    [(KeyState.PUBLISHED, Claims), (KeyState.VERIFYING, Claims), (KeyState.REVOKED, Reason)],
)
def test_every_key_but_a_revoked_one_verifies(state: KeyState, expected: type) -> None:
    parsed = parse(GOLDEN)
    assert parsed is not None
    found = verify(parsed, ring(Signer("new").key(), Signer().key(state)), SOLUTION)
    assert isinstance(found, expected)
    assert found is Reason.KEY_REVOKED or isinstance(found, Claims)


def test_a_leaked_signing_key_mints_nothing(table: Table) -> None:
    """The thief signs for a secret of his own: the token verifies, but its `jti` is not the stored one."""
    table.seed()
    gate = Gate(table.store)
    forged = Signer().token(secret=b"\7" * 32)
    assert isinstance(outcome(forged), Claims)
    for token, reason in ((forged, Reason.TOKEN_SUPERSEDED), (GOLDEN, Reason.OK)):
        request = Request("POST", "/search", authorization=(f"Bearer {token}",))
        assert gate.decide(SOLUTION, request, ISSUED_AT).reason is reason


def test_a_leaked_table_mints_nothing() -> None:
    """The stored JWS and `jti` without the secret: any other secret fails against the signed `jti`."""
    jws = GOLDEN.partition(".")[2]
    assert outcome(assemble(b"\7" * 32, jws)) is Reason.SIGNATURE_INVALID
    assert outcome(assemble(base64url.decode(jti_of(secret_of())), jws)) is Reason.SIGNATURE_INVALID


def test_a_leaked_key_and_table_together_mint_nothing() -> None:
    """A thief with both can sign the stored `jti`, but has no preimage of it to present."""
    header = {"alg": "ES256", "kid": Signer().key().kid, "typ": "gp+jwt"}
    forged = Signer().forge(header, payload(jti=jti_of(secret_of())), b"\7" * 32)
    assert outcome(forged) is Reason.SIGNATURE_INVALID


@pytest.mark.long
@settings(max_examples=1_000, deadline=None)
@given(position=st.integers(0, 63), bit=st.integers(0, 7), alter=st.booleans(), message=st.binary(max_size=40))
def test_the_verdict_on_a_signature_is_pyjwts(position: int, bit: int, alter: bool, message: bytes) -> None:
    """An independent library says the same of every signature, altered in any bit or not at all."""
    key = Signer().key()
    text = f"e30.{base64url.encode(message)}"
    signature = bytearray(base64url.decode(Signer().sign(text)))
    if alter:
        signature[position] ^= 1 << bit
    theirs = ECAlgorithm(ECAlgorithm.SHA256)
    public = ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y})
    verdict = theirs.verify(text.encode(), public, bytes(signature))
    assert es256.verify(key.x, key.y, text.encode(), bytes(signature)) is verdict is not alter


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63, b"\1" * 65])
def test_no_degenerate_signature_is_good(signature: bytes) -> None:
    key = Signer().key()
    assert not es256.verify(key.x, key.y, b"message", signature)


def test_our_jws_is_a_jws_to_pyjwt() -> None:
    key = Signer().key()
    public = ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y})
    assert isinstance(public, EllipticCurvePublicKey)
    claims = jwt.decode(GOLDEN.partition(".")[2], public, algorithms=["ES256"], audience=SOLUTION, issuer=ISSUER)
    assert claims["sub"] == USER


@pytest.mark.parametrize("change", [{"version": "1"}, {"x": "AAAA"}, {"x": 7}, {"state": "odd"}])
def test_a_damaged_ring_is_named_as_such(change: dict[str, object]) -> None:
    document = json.loads(ring().to_document())
    version = change.get("version", 1)
    document["keys"][0] |= change
    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.from_document(json.dumps(document), version)  # type: ignore[arg-type]


def test_the_payload_says_nothing_that_could_go_stale() -> None:
    claims = json.loads(base64url.decode(parts(GOLDEN)[2]))
    assert claims.keys() == {"iss", "sub", "aud", "jti", "iat"}
