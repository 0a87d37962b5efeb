"use strict";

const KEY = "gatepass.token.faiss-search";
const KEY_ORIGIN = `${KEY}.origin`;
const EXAMPLES = ["run containers without servers", "message queue", "graph database", "send email", "data warehouse"];

const at = (id) => document.getElementById(id);

/* ---- Storage: it may be switched off, then the token lives as long as the page ---- */

const memory = new Map();
function load(key) {
  try { return localStorage.getItem(key) ?? memory.get(key) ?? null; } catch { return memory.get(key) ?? null; }
}
function save(key, value) {
  memory.set(key, value);
  try { localStorage.setItem(key, value); } catch { /* kept in memory */ }
}
function forget(key) {
  memory.delete(key);
  try { localStorage.removeItem(key); } catch { /* was in memory only */ }
}

/* ---- The API ---- */

function httpUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

const configured = httpUrl(document.querySelector('meta[name="api-base"]').content);
const chosen = new URLSearchParams(location.search).get("api");
const api = chosen === null ? configured : httpUrl(chosen);

/* ---- The token: taken from the address, then removed from it ---- */

function takeToken() {
  const url = new URL(location.href);
  const hash = new URLSearchParams(url.hash.slice(1));
  const token = hash.get("token") ?? url.searchParams.get("token");
  if (token === null) return;
  hash.delete("token");
  url.searchParams.delete("token");
  url.hash = hash.toString();
  history.replaceState(null, "", url);
  if (!/^[\x21-\x7e]+$/.test(token)) return; // no header could carry it
  save(KEY, token);
  if (api) save(KEY_ORIGIN, api.origin);
}

const isLoopback = (host) => ["localhost", "127.0.0.1", "[::1]"].includes(host);

/* Anybody can make a link with ?api=. The token goes only to the configured API, to the one it arrived with, and
   from a page on this machine to an API on this machine. */
function tokenForApi() {
  const token = load(KEY);
  if (!token || !api) return null;
  const trusted = api.origin === configured?.origin || api.origin === load(KEY_ORIGIN)
    || (isLoopback(location.hostname) && isLoopback(api.hostname));
  return trusted ? token : null;
}

/* ---- What is shown; always by textContent ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function showAccess() {
  const stored = Boolean(load(KEY));
  at("forget").hidden = !stored;
  at("access").textContent = !stored ? "You are searching without a token."
    : tokenForApi() ? "You are searching with your token."
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

function showRefusal(body, fallback) {
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
    at("notice-link").textContent = text(body.reason).startsWith("anonymous") || !load(KEY) ? "Register" : "Upgrade";
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
  const token = tokenForApi();
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const url = `${api.origin}${api.pathname.replace(/\/+$/, "")}/search`;
  try {
    const response = await fetch(url, {
      method: "POST", headers, body: JSON.stringify({ query, k }), signal: mine.signal, credentials: "omit",
    });
    const body = await response.json().catch(() => null);
    if (mine.signal.aborted) return;
    if (response.ok && Array.isArray(body?.hits)) showHits(body.hits);
    else showRefusal(body, `The API answered with status ${response.status}. Please try again later.`);
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
  forget(KEY);
  forget(KEY_ORIGIN);
  showAccess();
  at("query").focus();
});

addEventListener("hashchange", () => { takeToken(); showAccess(); });
takeToken();
showAccess();
