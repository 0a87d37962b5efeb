/* A page's token: taken from the address, kept in this browser, sent to the API, renewed when the marketplace has
   changed its signing key. It knows nothing of this page: copy it into any solution's. */

const DAY = 86_400_000; // ms

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

export class Token {
  /* `solution` is its id, `service` the token service's base URL: a URL of the page's own, never one out of an address,
     since the token goes there. */
  constructor(solution, service) {
    this.solution = solution;
    this.service = service.replace(/\/+$/, "");
    this.key = `gatepass.token.${solution}`;
    this.refusal = ""; // why the token service would not renew the token, in words for its user
  }

  get value() { return load(this.key); }

  /* The origin of the API that was asked when the token arrived. */
  get origin() { return load(`${this.key}.origin`); }

  /* Take a token out of the page's address, and remove it from there. */
  take(origin) {
    const url = new URL(location.href);
    const hash = new URLSearchParams(url.hash.slice(1));
    const token = hash.get("token") ?? url.searchParams.get("token");
    if (token === null) return;
    hash.delete("token");
    url.searchParams.delete("token");
    url.hash = hash.toString();
    history.replaceState(null, "", url);
    if (!/^[\x21-\x7e]+$/.test(token)) return; // no header could carry it
    this.#keep(token);
    if (origin) save(`${this.key}.origin`, origin);
  }

  forget() {
    for (const end of ["", ".origin", ".asked"]) remove(this.key + end);
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
