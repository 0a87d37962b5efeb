/* A page's token: asked for at the marketplace, taken from the address, kept in this browser, sent to the API, renewed
   when the marketplace has changed its signing key. It knows nothing of this page: copy it into any solution's.

   Anybody can make a link that holds a token. So each visit to the marketplace has a `state`, and only what comes back
   beside the state of such a visit is taken without asking. It is the SHA-256 of a verifier that never leaves this
   browser but for the token service, which wants it for a one-time code (RFC 7636, method S256). */

const DAY = 86_400_000; // ms; a visit to the marketplace is over after one
const MAX_VISITS = 5; // several tabs may be at the marketplace at once
const EXCHANGE_TIMEOUT = 10_000; // ms; a code is good for 60 s
const TOKEN = /^[\x21-\x7e]+$/; // what a header can carry
const CODE = /^[A-Za-z0-9_-]{43}$/;
const ARRIVALS = ["token", "code", "state"];

const memory = new Map(); // where storage is switched off: then a token lives as long as the page

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

/* What the address brings, out of one place alone: a state in the query says nothing about a token in the fragment. It
   is removed there and from the history before anybody acts on it. */
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

  /* `solution` is its id, `service` the token service's base URL: a URL of the page's own, never one out of an address,
     since the token goes there. */
  constructor(solution, service) {
    this.solution = solution;
    this.service = service.replace(/\/+$/, "");
    this.key = `gatepass.token.${solution}`;
    this.visits = `gatepass.verifier.${solution}`;
    this.refusal = ""; // why the token service would not renew the token, in words for its user
    this.offered = null; // a token that arrived without having been asked for, until `use` or `ignore`
  }

  get value() { return load(this.key); }

  /* Whether visits can have a state: browsers hash only for pages that came over https, or from this machine. */
  get secure() { return Boolean(globalThis.crypto?.subtle); }

  /* A link to the marketplace, `url`, from where its user comes back to this page with a token. */
  async visit(url) {
    const link = new URL(url);
    link.searchParams.set("solution_id", this.solution);
    link.searchParams.set("return_to", location.origin + location.pathname);
    if (this.secure) link.searchParams.set("state", await this.#issue());
    return link.href;
  }

  /* Take what arrived in the page's address. Gives a message for the user where something came and was not taken, and
     puts into `offered` what the user has to be asked about. A token that was asked for is kept before this returns. */
  async take() {
    const { token, code, state } = arrival();
    const visit = state && this.#outstanding().find((one) => one.state === state);
    if (token !== undefined && TOKEN.test(token)) {
      if (visit) {
        this.#end(visit);
        this.offered = null;
        this.#keep(token);
      } else if (token !== this.value && window === window.top) { // in a frame, somebody else may aim the click
        this.offered = token;
      }
    } else if (code !== undefined) {
      if (visit && CODE.test(code)) return this.#redeem(code, visit);
      return this.secure ? "This address contains a sign-in code that this page did not ask for, or that it has used."
        : "This page was not opened over https, and so it cannot take the sign-in code in its address.";
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

  /* `fetch` with the token. A 401 is answered by renewing it and asking once more, unless nothing was renewed; so the
     body must be one that can be sent twice. Otherwise it is renewed in the background: when the API hands on that the
     gate asks for it (X-Gatepass-Resign), and once a day, since most APIs hand on nothing. */
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
    const renewed = this.value; // perhaps by another tab
    return renewed === null || renewed === token || init.signal?.aborted ? response : ask(renewed);
  }

  /* Where the user gets another token; empty where the token service does not say. */
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

  /* One state for all links of a page, until it is used: a page that shows many must not push out another tab's. */
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
    try { visits = JSON.parse(load(this.visits)); } catch { /* not ours, so as none */ }
    return (Array.isArray(visits) ? visits : []).filter((visit) => Math.abs(Date.now() - visit?.at) < DAY);
  }

  #store(visits) {
    if (visits.length > 0) save(this.visits, JSON.stringify(visits));
    else remove(this.visits);
  }

  #end(visit) {
    this.#store(this.#outstanding().filter((other) => other.state !== visit.state));
  }

  /* Exchange a one-time code for the token: a message for the user where there is none. */
  async #redeem(code, visit) {
    this.#end(visit);
    let body = null;
    try {
      const response = await fetch(`${this.service}/v1/codes/exchange`, {
        method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit",
        body: JSON.stringify({ code, verifier: visit.verifier }), signal: AbortSignal.timeout(EXCHANGE_TIMEOUT),
      });
      body = await response.json();
    } catch { /* no answer: as one that holds nothing */ }
    if (typeof body?.token === "string" && TOKEN.test(body.token) && body.solution_id === this.solution) {
      this.#keep(body.token);
      return "";
    }
    return body?.detail ?? "Signing in was not completed: the marketplace could not be reached.";
  }

  #renewing = null;

  /* Never rejects: a token that could not be renewed now goes on as it is, and the next day or 401 tries again. */
  #renew(token) {
    return this.#renewing ??= this.#exchange(token).catch(() => {}).finally(() => { this.#renewing = null; });
  }

  async #exchange(token) {
    save(`${this.key}.asked`, String(Date.now())); // now, so that one that fails is not repeated with every request
    const response = await fetch(`${this.service}/v1/tokens/refresh`, {
      method: "POST", headers: { Authorization: `Bearer ${token}` }, credentials: "omit",
    });
    const body = await response.json();
    // Meanwhile the user may have made this page forget the token, or come back with another.
    if (this.value !== token) return;
    if (response.ok) this.#keep(body.token);
    else if (response.status === 401 || response.status === 403) this.refusal = body.detail;
  }
}
