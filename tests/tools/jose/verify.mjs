// Reads {"jwks", "jwts", "issuer", "audience"} from standard input; writes one line for each JWT: its subject, or the
// code of the error.
import {createLocalJWKSet, jwtVerify} from "jose";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const {jwks, jwts, issuer, audience} = JSON.parse(Buffer.concat(chunks).toString());
const keys = createLocalJWKSet(jwks);
for (const jwt of jwts) {
  try {
    const {payload} = await jwtVerify(jwt, keys, {issuer, audience, typ: "gp+jwt"});
    console.log(payload.sub);
  } catch (error) {
    console.log(error.code ?? error.name);
  }
}
