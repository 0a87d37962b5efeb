/* The search. Access is for gatepass.js: it adds the token to requests to the API, and explains refusals. */

const EXAMPLES = ["run containers without servers", "message queue", "graph database", "send email", "data warehouse"];

const at = (id) => document.getElementById(id);

/* ---- The API ---- */

function httpUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

const isLoopback = (host) => ["localhost", "127.0.0.1", "[::1]"].includes(host);

/* Anyone can create a link with ?api=. It is for trying an API on this machine from a page on this machine. gatepass.js
   sends no token there, because the script's tag names another API. */
const chosen = new URLSearchParams(location.search).get("api");
const local = isLoopback(location.hostname) && isLoopback(httpUrl(chosen)?.hostname) ? httpUrl(chosen) : null;
const api = local ?? httpUrl(globalThis.gatepass?.api);
const trusted = !local || local.origin === httpUrl(globalThis.gatepass?.api)?.origin;

/* ---- Display; always through textContent ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const text = (value) => (typeof value === "string" ? value : "");

function showAccess() {
  const stored = Boolean(globalThis.gatepass?.signedIn);
  at("forget").hidden = !stored;
  const access = [!stored ? "You are searching without a token."
    : trusted ? "You are searching with your token."
    : "Your token is not sent to the API named in this page's address."];
  if (chosen !== null && !local) access.push("?api= is ignored: it works only for a page and an API on this machine.");
  at("access").textContent = access.join(" ");
}

function showHits(hits) {
  at("status").textContent = hits.length === 0 ? "Nothing found. Try other words."
    : `${hits.length} ${hits.length === 1 ? "service" : "services"} found, best first.`;
  at("results").replaceChildren(...hits.map((hit) => {
    const score = Math.max(0, Math.min(1, Number(hit.score) || 0));
    const item = make("li", "hit");
    const head = make("div", "head");
    head.append(make("h2", "", text(hit.name)), make("span", "category", text(hit.category)));
    const rating = make("div", "score");
    const meter = make("span", "meter"); // not <meter>: browsers style it differently, and the number has the same information
    meter.append(make("span", "fill"));
    meter.firstChild.style.width = `${100 * score}%`;
    rating.append(make("span", "label", "Score"), meter, make("span", "number", score.toFixed(2)));
    item.append(head, make("p", "", text(hit.description)), rating);
    return item;
  }));
}

/* ---- Searching ---- */

let running = null;

async function search(query, k) {
  running?.abort();
  const mine = running = new AbortController();
  const say = (message) => { at("status").textContent = message; };
  at("results").replaceChildren();
  if (!api) return say("The API's address is missing: correct the data-api of this page's script tag.");
  say("Searching…");
  try {
    const response = await fetch(`${api.origin}${api.pathname.replace(/\/+$/, "")}/search`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query, k }),
      signal: mine.signal, credentials: "omit",
    });
    const body = await response.json().catch(() => null);
    if (mine.signal.aborted) return;
    if (response.ok && Array.isArray(body?.hits)) showHits(body.hits);
    else if ([401, 403].includes(response.status)) say("The API did not accept this search.");
    else say(text(body?.message) || `The API answered with status ${response.status}. Please try again later.`);
  } catch {
    if (!mine.signal.aborted) say(`No answer from ${api.origin}. Is the API running, and does it allow this page?`);
  }
}

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = at("query").value.trim();
  if (query) search(query, Number(at("k").value));
});

at("examples").append(...EXAMPLES.map((example) => {
  const button = make("button", "plain chip", example);
  button.type = "button";
  button.addEventListener("click", () => {
    at("query").value = example;
    at("search").requestSubmit();
  });
  return button;
}));

at("forget").addEventListener("click", () => {
  globalThis.gatepass.forget();
  at("query").focus();
});
document.addEventListener("gatepass:token", showAccess);
showAccess();
