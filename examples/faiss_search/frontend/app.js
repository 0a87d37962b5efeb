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
const configured = httpUrl(setting("api-base"));
const chosen = new URLSearchParams(location.search).get("api");
const api = chosen === null ? configured : httpUrl(chosen);

/* ---- The token ---- */

const token = new Token("faiss-search", setting("token-service"));
const isLoopback = (host) => ["localhost", "127.0.0.1", "[::1]"].includes(host);

/* Anybody can make a link with ?api=. The token goes only to the configured API, to the one it arrived with, and
   from a page on this machine to an API on this machine. */
function mayCarry() {
  return Boolean(token.value && api) && (api.origin === configured?.origin || api.origin === token.origin
    || (isLoopback(location.hostname) && isLoopback(api.hostname)));
}

/* ---- What is shown; always by textContent ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function showAccess() {
  const stored = Boolean(token.value);
  at("forget").hidden = !stored;
  at("access").textContent = !stored ? "You are searching without a token."
    : mayCarry() ? "You are searching with your token."
    : "Your token is not sent: this address names an API it was not made for.";
}

function clear() {
  at("notice").hidden = true;
  at("notice-link").hidden = true;
  at("notice-link").removeAttribute("href");
  at("notice-message").textContent = at("notice-details").textContent = "";
  at("results").replaceChildren();
}

const text = (value) => (typeof value === "string" ? value : "");

function showRefusal(body, fallback, dead = false) {
  at("status").textContent = "";
  at("notice-message").textContent = text(body?.message) || fallback;
  const details = text(body?.reason) ? [`Reason: ${body.reason.replaceAll("_", " ")}.`] : [];
  if (text(body?.used) && text(body?.limit)) details.push(`${body.used} of ${body.limit} used.`);
  const reset = text(body?.resetsAt) ? new Date(body.resetsAt) : null;
  if (reset && !Number.isNaN(reset.getTime())) details.push(`Starts again ${reset.toLocaleString()}.`);
  at("notice-details").textContent = details.join(" ");
  const upgrade = httpUrl(text(body?.upgradeUrl));
  if (upgrade) {
    at("notice-link").href = upgrade.href;
    const registers = text(body.reason).startsWith("anonymous") || !token.value;
    at("notice-link").textContent = dead ? "Sign in again" : registers ? "Register" : "Upgrade";
    at("notice-link").hidden = false;
  }
  at("notice").hidden = false;
}

function showHits(hits) {
  at("status").textContent = hits.length === 0 ? "Nothing found: try other words."
    : `${hits.length} ${hits.length === 1 ? "service" : "services"} found, best first.`;
  at("results").replaceChildren(...hits.map((hit) => {
    const score = Math.max(0, Math.min(1, Number(hit.score) || 0));
    const item = make("li", "hit");
    const head = make("div", "head");
    head.append(make("h2", "", text(hit.name)), make("span", "category", text(hit.category)));
    const rating = make("div", "score");
    const meter = make("span", "meter"); // no <meter>: browsers differ in how it can be styled, and the number says it
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
  if (!api) return showRefusal(null, "The API's address is not a web address: correct ?api= in this page's address.");
  at("status").textContent = "Searching…";
  const url = `${api.origin}${api.pathname.replace(/\/+$/, "")}/search`;
  try {
    const request = {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query, k }),
      signal: mine.signal, credentials: "omit",
    };
    const response = await (mayCarry() ? token.fetch(url, request) : fetch(url, request));
    let body = await response.json().catch(() => null);
    const dead = response.status === 401 && token.refusal;
    if (dead) body = { message: token.refusal, upgradeUrl: await token.marketplace() };
    if (mine.signal.aborted) return;
    if (response.ok && Array.isArray(body?.hits)) showHits(body.hits);
    else showRefusal(body, `The API answered with status ${response.status}. Please try again later.`, dead);
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

function arrive() {
  token.take(api?.origin);
  showAccess();
}
addEventListener("hashchange", arrive);
arrive();
