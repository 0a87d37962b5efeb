import { Token } from "./token.js";

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

const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
const isLoopback = (host) => ["localhost", "127.0.0.1", "[::1]"].includes(host);

/* Anyone can create a link with ?api=. It is for trying an API on this machine from a page on this machine. The API that
   it names gets no token, because the token is sent only to the configured origin. */
const configured = httpUrl(setting("api-base"));
const chosen = new URLSearchParams(location.search).get("api");
const local = isLoopback(location.hostname) && isLoopback(httpUrl(chosen)?.hostname) ? httpUrl(chosen) : null;
const api = local ?? configured;
const trusted = api !== null && api.origin === configured?.origin;

const token = new Token("faiss-search", setting("token-service"));

/* ---- Display; always through textContent ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function showAccess() {
  const stored = Boolean(token.value);
  at("forget").hidden = !stored;
  const access = [!stored ? "You are searching without a token."
    : trusted ? "You are searching with your token."
    : "Your token is not sent to the API named in this page's address."];
  if (chosen !== null && !local) access.push("?api= is ignored: it works only for a page and an API on this machine.");
  at("access").textContent = access.join(" ");
}

function showOffer() {
  const appears = at("offer").hidden && token.offered !== null;
  at("offer").hidden = token.offered === null;
  at("offer-replaces").hidden = token.value === null;
  if (appears) at("offer").focus(); // not a button: a key press meant for the page must not answer
}

function clear() {
  at("notice").hidden = true;
  at("notice-link").hidden = true;
  at("notice-link").removeAttribute("href");
  at("notice-message").textContent = at("notice-details").textContent = "";
  at("results").replaceChildren();
}

const text = (value) => (typeof value === "string" ? value : "");

/* Where the user can upgrade. Only a link from the marketplace itself gets the state by which this page recognizes its
   token, not a link from an API named in the address. */
async function onward(url, named = trusted) {
  const upgrade = httpUrl(text(url));
  return upgrade && named ? token.visit(upgrade) : upgrade?.href;
}

function showRefusal(body, fallback, link, dead = false) {
  at("status").textContent = "";
  at("notice-message").textContent = text(body?.message) || fallback;
  const details = text(body?.reason) ? [`Reason: ${body.reason.replaceAll("_", " ")}.`] : [];
  if (text(body?.used) && text(body?.limit)) details.push(`${body.used} of ${body.limit} used.`);
  const reset = text(body?.resetsAt) ? new Date(body.resetsAt) : null;
  if (reset && !Number.isNaN(reset.getTime())) details.push(`Resets ${reset.toLocaleString()}.`);
  if (link && trusted && !token.secure) details.push("This page was not opened over https, so it asks before it uses a token.");
  at("notice-details").textContent = details.join(" ");
  if (link) {
    at("notice-link").href = link;
    const registers = text(body.reason).startsWith("anonymous") || !token.value;
    at("notice-link").textContent = dead ? "Sign in again" : registers ? "Register" : "Upgrade";
    at("notice-link").hidden = false;
  }
  at("notice").hidden = false;
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
  clear();
  if (!api) return showRefusal(null, "The API's address is not a URL: correct this page's api-base.");
  at("status").textContent = "Searching…";
  await arrived;
  const url = `${api.origin}${api.pathname.replace(/\/+$/, "")}/search`;
  try {
    const request = {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query, k }),
      signal: mine.signal, credentials: "omit",
    };
    const response = await (trusted && token.value ? token.fetch(url, request) : fetch(url, request));
    let body = await response.json().catch(() => null);
    const dead = response.status === 401 && token.refusal;
    if (dead) body = { message: token.refusal, upgradeUrl: await token.marketplace() };
    const link = response.ok ? null : await onward(body?.upgradeUrl);
    if (mine.signal.aborted) return;
    if (response.ok && Array.isArray(body?.hits)) showHits(body.hits);
    else showRefusal(body, `The API answered with status ${response.status}. Please try again later.`, link, dead);
  } catch (error) {
    if (mine.signal.aborted) return;
    showRefusal(null, `No answer from ${api.origin}. Is the API running, and does it allow this page?`);
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
  token.forget();
  showAccess();
  at("query").focus();
});

/* ---- Incoming tokens ---- */

function answerOffer(event) {
  if (event.currentTarget === at("use-token")) token.use();
  else token.ignore();
  showOffer();
  showAccess();
  at("query").focus();
}
at("use-token").addEventListener("click", answerOffer);
at("ignore-token").addEventListener("click", answerOffer);
at("offer").addEventListener("keydown", (event) => { if (event.key === "Escape") answerOffer(event); });

let arrived;

async function arrive() {
  const taking = token.take(); // first of all: until it has run, the address contains the token
  showAccess();
  showOffer();
  const trouble = await taking;
  showAccess();
  if (trouble) showRefusal({ message: trouble }, "", await onward(await token.marketplace(), true), true);
}
addEventListener("hashchange", () => { arrived = arrive(); });
arrived = arrive();
