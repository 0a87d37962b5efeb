/* A page's token: requested at the marketplace, taken from the address, stored in this browser, sent to the API, and
   renewed after the marketplace has changed its signing key. It does not depend on this page, so you can copy it.

   Anyone can create a link that contains a token. Each visit to the marketplace therefore has a `state`, and the page
   takes without asking only what comes back with the state of such a visit. The state is the SHA-256 of a verifier. The
   verifier is sent only to the token service, in exchange for a one-time code (RFC 7636, method S256). */

const DAY = 86_400_000; // ms; a visit to the marketplace ends after one day
const MAX_VISITS = 5; // several tabs can be at the marketplace at the same time
const EXCHANGE_TIMEOUT = 10_000; // ms; a code is valid for 60 s
const TOKEN = /^[\x21-\x7e]+$/; // what a header can contain
const CODE = /^[A-Za-z0-9_-]{43}$/;
const ARRIVALS = ["token", "code", "state"];

const memory = new Map(); // used if storage is turned off; a token then lasts as long as the page

function load(key) {
  try { return localStorage.getItem(key); } catch { return memory.get(key) ?? null; }
}
function save(key, value) {
  try { localStorage.setItem(key, value); } catch { memory.set(key, value); }
}
function remove(key) {
  try { localStorage.removeItem(key); } catch { memory.delete(key); }
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/* What the address contains, from one place only: a state in the query says nothing about a token in the fragment. It is
   removed from the address and the history before it is used. */
function arrival() {
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const [inFragment, inQuery] = [fragment, url.searchParams].map(
    (place) => Object.fromEntries(ARRIVALS.filter((name) => place.has(name)).map((name) => [name, place.get(name)])));
  for (const name of Object.keys(inFragment)) fragment.delete(name);
  for (const name of Object.keys(inQuery)) url.searchParams.delete(name);
  if (Object.keys(inFragment).length > 0) url.hash = fragment.toString();
  if (url.href !== location.href) history.replaceState(history.state, "", url);
  return "token" in inFragment ? { token: inFragment.token, state: inFragment.state } : inQuery;
}

export class Token {
  #state = null; // of this page's visit to the marketplace

  /* `solution` is its ID, and `service` is the token service's base URL. The token is sent there, so take the URL from the
     page itself and never from its address. */
  constructor(solution, service) {
    this.solution = solution;
    this.service = service.replace(/\/+$/, "");
    this.key = `gatepass.token.${solution}`;
    this.visits = `gatepass.verifier.${solution}`;
    this.refusal = ""; // why the token service did not renew the token, in words for the user
    this.offered = null; // a token that the page did not ask for, until `use` or `ignore`
  }

  get value() { return load(this.key); }

  /* Whether visits can have a state: browsers hash only on https pages and on pages from this machine. */
  get secure() { return Boolean(globalThis.crypto?.subtle); }

  /* A link to the marketplace, `url`, from which the user returns to this page with a token. */
  async visit(url) {
    const link = new URL(url);
    link.searchParams.set("solution_id", this.solution);
    link.searchParams.set("return_to", location.origin + location.pathname);
    if (this.secure) link.searchParams.set("state", await this.#issue());
    return link.href;
  }

  /* Take what the page's address contains. Returns a message for the user if something arrived and was not taken. Sets
     `offered` to a token that the user has to be asked about. A requested token is stored before this returns. */
  async take() {
    const { token, code, state } = arrival();
    const visit = state && this.#outstanding().find((one) => one.state === state);
    if (token !== undefined && TOKEN.test(token)) {
      if (visit) {
        this.#end(visit);
        this.offered = null;
        this.#keep(token);
      } else if (token !== this.value && window === window.top) { // in a frame, another page could steer the click
        this.offered = token;
      }
    } else if (code !== undefined) {
      if (visit && CODE.test(code)) return this.#redeem(code, visit);
      return this.secure ? "This address contains a sign-in code that this page did not ask for or has already used."
        : "This page was not opened over https, so it cannot use the sign-in code in its address.";
    }
    return "";
  }

  use() {
    this.#keep(this.offered);
    this.offered = null;
  }

  ignore() {
    this.offered = null;
  }

  forget() {
    for (const end of ["", ".asked"]) remove(this.key + end);
    this.refusal = "";
  }

  /* `fetch` with the token. After a 401, it renews the token and repeats the request once if the token has changed, so it
     must be possible to send the body twice. It also renews the token in the background: when the API passes on the
     gate's request (X-Gatepass-Resign), and once a day, because most APIs pass on nothing. */
  async fetch(url, init = {}) {
    const token = this.value;
    const ask = (bearer) => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${bearer}`);
      return fetch(url, { ...init, headers });
    };
    const response = await ask(token);
    if (response.status !== 401) {
      const age = Date.now() - Number(load(`${this.key}.asked`));
      if (response.headers.get("X-Gatepass-Resign") === "true" || !(age >= 0 && age < DAY)) this.#renew(token);
      return response;
    }
    if (this.value === token) await this.#renew(token);
    const renewed = this.value; // possibly by another tab
    return renewed === null || renewed === token || init.signal?.aborted ? response : ask(renewed);
  }

  /* Where the user gets another token; empty if the token service does not say. */
  async marketplace() {
    try {
      const response = await fetch(`${this.service}/v1/solutions/${this.solution}`, { credentials: "omit" });
      return response.ok ? (await response.json()).upgrade_url : "";
    } catch {
      return "";
    }
  }

  #keep(token) {
    save(this.key, token);
    save(`${this.key}.asked`, String(Date.now()));
    this.refusal = "";
  }

  /* One state for all links of a page, until it is used, so that a page with many links does not displace those of other
     tabs. */
  async #issue() {
    if (!this.#outstanding().some((visit) => visit.state === this.#state)) {
      const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
      const state = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
      this.#store([...this.#outstanding(), { verifier, state, at: Date.now() }].slice(-MAX_VISITS));
      this.#state = state;
    }
    return this.#state;
  }

  #outstanding() {
    let visits;
    try { visits = JSON.parse(load(this.visits)); } catch { /* not written by this page: ignore it */ }
    return (Array.isArray(visits) ? visits : []).filter((visit) => Math.abs(Date.now() - visit?.at) < DAY);
  }

  #store(visits) {
    if (visits.length > 0) save(this.visits, JSON.stringify(visits));
    else remove(this.visits);
  }

  #end(visit) {
    this.#store(this.#outstanding().filter((other) => other.state !== visit.state));
  }

  /* Exchange a one-time code for the token. Returns a message for the user if there is no token. */
  async #redeem(code, visit) {
    this.#end(visit);
    let body = null;
    try {
      const response = await fetch(`${this.service}/v1/codes/exchange`, {
        method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit",
        body: JSON.stringify({ code, verifier: visit.verifier }), signal: AbortSignal.timeout(EXCHANGE_TIMEOUT),
      });
      body = await response.json();
    } catch { /* no answer: handled below as an empty one */ }
    if (typeof body?.token === "string" && TOKEN.test(body.token) && body.solution_id === this.solution) {
      this.#keep(body.token);
      return "";
    }
    return body?.detail ?? "Signing in was not completed: the marketplace could not be reached.";
  }

  #renewing = null;

  /* Never rejects: if the token cannot be renewed, it stays in use, and the next day or the next 401 tries again. */
  #renew(token) {
    return this.#renewing ??= this.#exchange(token).catch(() => {}).finally(() => { this.#renewing = null; });
  }

  async #exchange(token) {
    save(`${this.key}.asked`, String(Date.now())); // before the call, so that a failing one is not repeated with every request
    const response = await fetch(`${this.service}/v1/tokens/refresh`, {
      method: "POST", headers: { Authorization: `Bearer ${token}` }, credentials: "omit",
    });
    const body = await response.json();
    // In the meantime, the user may have removed the token or returned with another.
    if (this.value !== token) return;
    if (response.ok) this.#keep(body.token);
    else if (response.status === 401 || response.status === 403) this.refusal = body.detail;
  }
}
