/* The search. Access is for gatepass.js: it adds the token to requests to the API, and explains refusals. This page only
   shows what gatepass.js tells it: what remains, and where to get more. */

const EXAMPLES = [
  "How do I host a static site?",
  "I need to queue jobs between microservices",
  "Run a script every night",
  "Let people sign in to my app",
  "Turn a recording into text",
  "Where does our money go?",
];
const FEW = 1 / 3; // of what a plan gives: from there on, the page says where to get more

const at = (id) => document.getElementById(id);
const gatepass = globalThis.gatepass;

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
const api = local ?? httpUrl(gatepass?.api);
const trusted = !local || local.origin === httpUrl(gatepass?.api)?.origin;

/* ---- Access, as gatepass.js tells it ---- */

let facts = null;

function showAccess() {
  const stored = Boolean(gatepass?.signedIn);
  at("forget").hidden = !stored;
  const access = [!stored ? "You are searching without a token."
    : trusted ? "You are searching with your token."
    : "Your token is not sent to the API named in this page's address."];
  if (chosen !== null && !local) access.push("?api= is ignored: it works only for a page and an API on this machine.");
  at("access").textContent = access.join(" ");
}

function showMore() {
  const { limit, remaining } = facts ?? {};
  const stored = Boolean(gatepass?.signedIn), limited = Number(limit) > 0;
  const label = stored ? "Upgrade" : "Register";
  const left = Number(remaining), few = limited && left <= Number(limit) * FEW;
  const offers = limited && trusted; // another API counts for nobody
  at("more").hidden = !offers || few; // one link is enough
  at("prompt").hidden = !offers || !few;
  for (const id of ["more", "prompt-link"]) at(id).textContent = label;
  const searches = `${left > 0 ? left : "no"} ${stored ? "" : "free "}${left === 1 ? "search" : "searches"} left`;
  at("prompt-text").textContent = few ? `You have ${searches}. ${stored ? "Upgrade" : "Register"} for more.` : "";
}

// The link of a visit is made when it is followed: each one is a state that the page keeps, and it keeps five.
for (const id of ["more", "prompt-link"]) {
  at(id).href = document.querySelector("script[data-marketplace]").dataset.marketplace;
  at(id).addEventListener("click", async (event) => {
    event.preventDefault();
    location.assign(await gatepass.link());
  });
}

document.addEventListener("gatepass:token", () => {
  facts = null; // another token may have another plan
  showAccess();
  showMore();
});
document.addEventListener("gatepass:remaining", ({ detail }) => {
  facts = detail;
  showMore();
});

/* ---- Display; always through textContent ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const text = (value) => (typeof value === "string" ? value : "");

function say(message, { retry = false, ideas = false } = {}) {
  at("status").textContent = message;
  at("again").hidden = !retry;
  at("ideas").hidden = !ideas;
}

function showHits(hits) {
  if (hits.length === 0) return say("Nothing fits these words. Describe what you want to do, for example:", { ideas: true });
  say(`${hits.length} ${hits.length === 1 ? "service fits" : "services fit"}, best first.`);
  at("results").replaceChildren(...hits.map((hit) => {
    const item = make("li", "hit"), head = make("div", "head");
    head.append(make("h2", "", text(hit.name)), make("span", "category", text(hit.category)));
    const [what, use] = text(hit.description).split(/ (?=Use )/);
    item.append(head, make("p", "", what));
    if (use) item.append(make("p", "use", use));
    item.append(rating(hit.score));
    return item;
  }));
}

function rating(given) {
  const score = Math.max(0, Math.min(1, Number(given) || 0));
  const line = make("div", "score"), meter = make("span", "meter"); // not <meter>: browsers style it differently, and the number has the same information
  meter.append(make("span", "fill"));
  meter.firstChild.style.width = `${100 * score}%`;
  line.append(make("span", "label", "Match"), meter, make("span", "number", `${Math.round(100 * score)}%`));
  return line;
}

/* ---- Searching ---- */

const LAST = "finder.query"; // a visit to the marketplace and back keeps the question
const remember = (method, ...values) => {
  try { return sessionStorage[method](LAST, ...values); } catch { return null; }
};

let running = null;

async function search(query, k) {
  running?.abort();
  const mine = running = new AbortController();
  remember("setItem", query);
  at("results").replaceChildren();
  if (!api) return say("The API's address is missing: correct the data-api of this page's script tag.");
  say("Searching…");
  at("search").setAttribute("aria-busy", "true");
  try {
    const response = await fetch(`${api.origin}${api.pathname.replace(/\/+$/, "")}/search`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query, k }),
      signal: mine.signal, credentials: "omit",
    });
    const body = await response.json().catch(() => null);
    if (mine.signal.aborted) return;
    if (response.ok && Array.isArray(body?.hits)) showHits(body.hits);
    else if ([401, 403].includes(response.status)) say("The API did not accept this search.", { retry: true });
    else if (response.status === 429) say("Too many searches at once. Wait a moment.", { retry: true });
    else say(text(body?.message) || `The API answered with status ${response.status}. Please try again later.`, { retry: true });
  } catch {
    if (mine.signal.aborted) return;
    say(navigator.onLine ? `No answer from ${api.origin}. Is the API running, and does it allow this page?`
      : "You are offline, so nothing was searched.", { retry: true });
  } finally {
    if (mine === running) at("search").removeAttribute("aria-busy");
  }
}

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = at("query").value.trim();
  if (query) search(query, Number(at("k").value));
});
at("again").addEventListener("click", () => at("search").requestSubmit());

at("examples").append(...EXAMPLES.map((example) => {
  const button = make("button", "plain chip", example);
  button.type = "button";
  button.addEventListener("click", () => {
    at("query").value = example;
    at("query").focus(); // the button is about to be hidden
    at("search").requestSubmit();
  });
  return button;
}));

at("forget").addEventListener("click", () => {
  gatepass.forget();
  at("query").focus();
});

const connected = () => { at("offline").hidden = navigator.onLine; };
addEventListener("online", connected);
addEventListener("offline", connected);
connected();
at("query").value = remember("getItem") ?? "";
showAccess();
