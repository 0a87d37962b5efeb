/* gatepass.js 0.2.0: access to an API behind Gatepass, for any page (docs/gatepass-js.md, docs/decisions/0014). */
(() => {
  "use strict";
  const DAY = 86_400_000; // ms; a visit to the marketplace ends after one day
  const TOKEN = /^[\x21-\x7e]+$/; // what a header can contain
  const STYLE = `dialog{box-sizing:border-box;width:27rem;max-width:calc(100% - 2rem);padding:1.5rem;border:1px solid #8888;border-radius:.8rem;font:1rem/1.5 system-ui;color-scheme:light dark;--a:#0b5cad}
dialog:not(.refused){position:fixed;inset:auto 1rem 1rem auto;z-index:9999}::backdrop{background:#0009}h2{margin:0;font-size:1.2em}p{margin:.6rem 0}div{display:flex;flex-wrap:wrap;gap:.6rem;padding-top:.6rem}
a,button{flex:auto;padding:.6rem;border:1px solid var(--a);border-radius:.6rem;font:inherit;text-align:center;text-decoration:none;color:Canvas;background:var(--a)}*+button{color:var(--a);background:none}
dialog:focus{outline:0}@media(prefers-color-scheme:dark){dialog{--a:#7ab8ff}}`;

  // From one place only: a state in the query says nothing about a token in the fragment.
  function arrival() {
    const url = new URL(location), hash = new URLSearchParams(url.hash.slice(1)), query = url.searchParams;
    const from = hash.has("token") ? hash : query, found = {};
    for (const name of ["token", "code", "state"]) {
      found[name] = from.get(name);
      if (query.has(name)) query.delete(name); // deleting what is not there would write the query anew
      if (hash.has(name)) {
        hash.delete(name);
        url.hash = hash;
      }
    }
    if (url.href !== location.href) history.replaceState(history.state, "", url);
    return found;
  }
  const first = arrival(); // before anything that can fail

  const { solution, api: base, marketplace, tokenService, storage, unit } = document.currentScript.dataset;
  const http = (text) => {
    try {
      const url = new URL(text || "x:", document.baseURI);
      if (/^http/.test(url.protocol)) return url;
    } catch { /* not a URL */ }
  };
  const trim = (path) => path.replace(/\/+$/, "");
  const api = http(base), tokens = http(tokenService);
  if (!solution || !api || !tokens) return console.error("gatepass.js needs data-solution, data-api, and data-token-service");
  const root = trim(api.pathname), service = trim(tokens.href);
  const [one, many] = (unit ?? "request,requests").split(",");
  const native = window.fetch;
  const parsed = document.readyState !== "loading" || new Promise((done) => addEventListener("DOMContentLoaded", done));

  const KEY = `gatepass.token.${solution}`, ASKED = KEY + ".asked", VISITS = `gatepass.verifier.${solution}`;
  const memory = new Map(); // what storage refuses lasts as long as the page
  const stored = (method, ...values) => {
    try { if (storage !== "memory") return localStorage[method](...values) ?? ""; } catch { /* refused, or full */ }
  };
  const load = (key) => memory.get(key) ?? (stored("getItem", key) || null);
  const save = (key, value) => memory[stored("setItem", key, value) === "" ? "delete" : "set"](key, value);
  const remove = (key) => {
    memory.delete(key);
    stored("removeItem", key);
  };
  const current = () => load(KEY);

  const secure = window.crypto?.subtle; // browsers hash only on https pages and on pages from this machine
  const INSECURE = "This page was not opened over https, so it ";
  const UNREACHABLE = "The service could not be reached.";
  let issued, offered, refusal, renewing, ready, asked = 0;
  const open = {}; // dialogs by kind

  const visits = () => {
    let list;
    try { list = JSON.parse(load(VISITS)); } catch { /* not written by this script */ }
    return Array.isArray(list) ? list.filter((visit) => Math.abs(Date.now() - visit?.at) < DAY) : [];
  };
  const keepVisits = (list) => (list[0] ? save(VISITS, JSON.stringify(list)) : remove(VISITS));
  const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");

  async function link(url) {
    const to = http(url || marketplace);
    if (!to) return "";
    to.searchParams.set("solution_id", solution);
    to.searchParams.set("return_to", location.origin + location.pathname);
    if (secure) {
      // One state for all links of a page, until it is used; five tabs can be away at once.
      if (!visits().some((visit) => visit.state === issued)) {
        const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
        issued = base64url(await secure.digest("SHA-256", new TextEncoder().encode(verifier)));
        keepVisits([...visits(), { verifier, state: issued, at: Date.now() }].slice(-5));
      }
      to.searchParams.set("state", issued);
    }
    return to.href;
  }

  const bearer = (token) => "Bearer " + token;
  async function call(path, body, token) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = bearer(token);
    try {
      const response = await native(service + path, {
        method: body ? "POST" : "GET", body: JSON.stringify(body), headers, signal: AbortSignal.timeout(1e4),
      });
      return [await response.json(), response.status];
    } catch { return []; }
  }

  function changed() {
    refusal = null;
    open.refused?.close();
    emit("token");
    remaining();
  }
  function keep(token) {
    save(KEY, token);
    save(ASKED, String(Date.now()));
    changed();
  }
  function use(token = offered) {
    offered = null;
    if (!token) return;
    keep(token);
    if (memory.has(KEY) && storage !== "memory") notice("Your browser stores nothing here", "Your access lasts until you leave this page.");
  }
  function forget() {
    remove(KEY);
    remove(ASKED);
    changed();
  }

  async function take({ token, code, state }) {
    const all = visits(), visit = all.find((other) => other.state === state);
    keepVisits(all.filter((other) => other !== visit));
    if (token && TOKEN.test(token)) {
      if (visit) use(token);
      else if (token !== current() && window === top) { // in a frame, another page could steer the click
        offered = token;
        offer();
      }
    } else if (code) {
      let why = secure ? "This page did not ask for this sign-in code, or has already used it." : INSECURE + "cannot use a sign-in code.";
      if (visit) {
        const [body] = await call("/v1/codes/exchange", { code, verifier: visit.verifier });
        if (body?.solution_id === solution && TOKEN.test(body.token ?? "")) return use(body.token);
        why = body?.detail ?? UNREACHABLE;
      }
      notice("You are not signed in", why, await link(), "Sign in again");
    }
  }

  // If the token cannot be renewed, it stays in use: the next day or the next 401 tries again.
  const renew = (token) => (renewing ??= exchange(token).finally(() => { renewing = null; }));
  async function exchange(token) {
    save(ASKED, String(Date.now())); // first, so that a failing call is not repeated with every request
    const [body, status] = await call("/v1/tokens/refresh", {}, token);
    if (current() !== token) return; // the user has removed it meanwhile, or returned with another
    if (status === 200) keep(body.token);
    else if (status < 404) refusal = body;
  }

  const toApi = (target) => {
    const url = http(target?.url ?? target);
    return url?.origin === api.origin && (url.pathname + "/").startsWith(root + "/") && (url.pathname.slice(root.length) || "/");
  };
  window.fetch = function (input, init) {
    try {
      const path = toApi(input);
      if (path && !new Headers(init?.headers ?? input.headers).has("Authorization")) return send(new Request(input, init), path);
    } catch { /* the browser's own fetch rejects it too */ }
    return native.apply(this, arguments);
  };
  async function send(request, path) {
    await ready;
    const token = current();
    const ask = (token) => {
      const copy = request.clone();
      if (token) copy.headers.set("Authorization", bearer(token));
      return native(copy);
    };
    try {
      let response = await ask(token);
      if (token && response.status === 401) {
        if (current() === token) await renew(token);
        const renewed = current(); // possibly by another tab
        if (renewed && renewed !== token && !request.signal.aborted) response = await ask(renewed);
      }
      answered(response.status, token, response.headers.get("X-Gatepass-Resign"), () => response.clone().json(), request.method, path);
      return response;
    } catch (error) {
      if (!request.signal.aborted) unreachable();
      throw error;
    }
  }

  window.XMLHttpRequest = class extends XMLHttpRequest {
    #made;
    open(method, url, later = true) {
      super.open(...arguments);
      this.#made = { method, path: toApi(url), later };
    }
    setRequestHeader(name) {
      super.setRequestHeader(...arguments);
      if (/^authorization$/i.test(name)) this.#made = null;
    }
    abort() {
      this.#made = null;
      super.abort();
    }
    send(body) {
      const made = this.#made;
      if (!made?.path) return super.send(body);
      const start = () => {
        if (this.#made !== made) return;
        const token = current();
        if (token) super.setRequestHeader("Authorization", bearer(token));
        this.addEventListener("error", unreachable);
        this.addEventListener("load", async () => {
          if (token && this.status === 401) { // it cannot be sent again: the page's next request has the new token
            await renew(token);
            if (current() !== token) return;
          }
          answered(this.status, token, 0, async () => (this.responseType ? this.response : JSON.parse(this.response)), made.method, made.path);
        });
        super.send(body);
      };
      if (made.later) ready.then(start);
      else start();
    }
  };

  async function answered(status, token, told, read, method, path) {
    if (status === 401 || status === 403) return refused(status, await read().catch(() => {}), method, path);
    const age = Date.now() - load(ASKED);
    if (token && (told === "true" || !(age >= 0 && age < DAY))) renew(token);
    remaining();
  }
  async function decision(method, path) {
    const token = current();
    const [body] = await call("/v1/validate", { solution_id: solution, method, path, spend: false }, token);
    if (body?.resign === true) renew(token);
    return body?.reason && body;
  }
  async function refused(status, body, method, path) {
    const gateways = /^(Unauthorized|Forbidden)$/.test(body?.message), spends = (facts) => /quota/.test(facts?.reason);
    let facts = spends(body) ? body : (status === 401 && refusal) || (await decision(method, path));
    if (facts?.allowed) facts = null;
    if (!facts && !gateways) return; // the API's own refusal
    const { reason, limit, resetsAt } = facts ?? {}, anonymous = !current() || /^anonymous/.test(reason), free = anonymous ? "free " : "";
    let title = "No access", details = "", label = anonymous ? "Register" : "Sign in again";
    let message = anonymous ? "Register or sign in first." : facts?.detail ?? "Your access was not accepted. Try again, or sign in again.";
    if (spends(facts)) {
      title = `No ${free}${many} left`;
      message = `You have used your ${limit} ${free}${+limit === 1 ? one : many}. ${anonymous ? `Register ${await more()}.` : "Upgrade for more."}`;
      if (resetsAt) details = `You get more on ${new Date(resetsAt).toLocaleString()}. `;
      if (!anonymous) label = "Upgrade";
      tell(facts);
    }
    if (!secure) details += INSECURE + "asks before it uses a token.";
    show("refused", { reason, title, message, details, link: await link(body?.upgradeUrl || facts?.upgradeUrl), label });
  }
  async function more() {
    const [facts] = await call("/v1/solutions/" + solution);
    const [[period, limit] = []] = Object.entries(facts?.plans?.[facts.default_plan]?.limits ?? {});
    return limit ? `for ${limit} ${period === "lifetime" ? many : (period === "hour" ? "an " : "a ") + period}` : "to continue";
  }

  const places = () => document.querySelectorAll("[data-gatepass=remaining]");
  function tell(facts) {
    for (const place of places()) place.textContent = facts.limit ? `${facts.remaining} of ${facts.limit} ${current() ? "" : "free "}${many} left` : "";
    emit("remaining", facts);
  }
  async function remaining() {
    await parsed;
    const mine = ++asked, facts = places()[0] && (await decision("GET", "/"));
    if (facts && mine === asked) tell(facts);
  }
  const unreachable = () => notice(navigator.onLine ? UNREACHABLE : "You are offline", "Try again in a moment.");
  const notice = (title, message, link, label) => show("notice", { title, message, link, label });
  const offer = () => show("offer", {
    title: "Use the token in this link?",
    message: `This page did not ask for it. Ignore it if you do not know who made the link: your ${many} would count as theirs.`,
    details: current() && "Until you choose, your own token stays in use.",
  });

  const emit = (name, detail) => document.dispatchEvent(new CustomEvent("gatepass:" + name, { detail, cancelable: true }));
  // A shadow tree with a constructed sheet: neither the page's styles nor a strict CSP get in the way.
  async function show(kind, shown) {
    const { title, message, details, link, label } = shown;
    await parsed;
    if (!emit(kind, shown)) return;
    open[kind]?.close();
    const make = (tag, parent, text = "") => {
      const element = document.createElement(tag);
      element.textContent = text;
      parent.append(element);
      return element;
    };
    const host = make("gatepass-dialog", document.body), shadow = host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      shadow.adoptedStyleSheets = [sheet];
    } catch { /* an old browser: it stays readable */ }
    const dialog = open[kind] = make("dialog", shadow), role = kind === "notice" ? "status" : "alertdialog";
    const attributes = { class: kind, tabindex: -1, role, "aria-labelledby": "t", "aria-describedby": "m" };
    for (const name in attributes) dialog.setAttribute(name, attributes[name]);
    make("h2", dialog, title).id = "t";
    make("p", dialog, message).id = "m";
    if (details) make("p", dialog, details);
    const row = make("div", dialog);
    if (link) make("a", row, label).href = link;
    if (kind === "offer") make("button", row, "Use it").onclick = () => dialog.close(use());
    make("button", row, kind === "offer" ? "Ignore" : "Close").onclick = () => dialog.close();
    dialog.onclose = () => host.remove();
    dialog.onkeydown = (event) => { if (event.key === "Escape") dialog.close(); };
    dialog[kind === "refused" ? "showModal" : "show"]();
    if (kind !== "notice") dialog.focus(); // not a button: a key press meant for the page must not answer
  }

  const arrive = (found) => { ready = take(found).catch(() => {}); };
  addEventListener("storage", ({ key }) => { if (key === KEY || key === null) changed(); }); // another tab
  addEventListener("hashchange", () => arrive(arrival()));
  window.gatepass = {
    api: api.origin + root, link, use: () => use(), forget, remaining,
    get signedIn() { return !!current(); },
    get ready() { return ready; },
  };
  arrive(first);
  remaining();
})();
