/* Requests to the token service. Every failure is an `ApiError` whose message is for the user. */

import { TOKEN_SERVICE } from "./settings.js";
import { forget, idToken } from "./session.js";

/* `code` is the problem's, or `offline`, `unreachable`, or `sign_in_required`. `faults` maps a key to what is wrong. */
export class ApiError extends Error {
  constructor(code, message, faults = {}) {
    super(message);
    this.code = code;
    this.faults = faults;
  }
}

const TIMEOUT = 25_000; // ms; the service answers within 15 s, and a checkout waits for Razorpay

/* Instead of details that are written for programs. */
const WORDS = {
  credentials_invalid: "The email address or the password is wrong, or the address is not confirmed yet.",
  code_invalid: "This code is wrong, used, or expired. Use the code of the latest email, or request another.",
  return_to_refused: "The address to return to is not a page of this solution. Open the solution’s page and follow its link again.",
  state_required: "This solution must be opened from its own page. Go there and follow its link again.",
  solution_unknown: "There is no such solution here.",
  plan_not_sold: "This plan cannot be bought.",
  already_subscribed: "You have this subscription already. It renews by itself.",
  payments_not_configured: "This marketplace cannot take payments yet. Nothing was charged.",
  entitlement_missing: "You do not use this solution yet. Start with its free plan first.",
};

const FIELDS = {
  email: "Enter an email address such as name@example.com.",
  code: "Enter the code as it is in the email: letters and digits only.",
  password: "Use at most 256 characters, without a space at the beginning or end.",
};

/* Send a request; with `signedIn`, as the user. Resolves to `[answer, status]`. */
export async function send(method, path, { body, signedIn = false } = {}) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (signedIn) {
    if (!idToken()) throw expired();
    headers.Authorization = `Bearer ${idToken()}`;
  }
  const options = {
    method, headers, body: body && JSON.stringify(body), credentials: "omit", signal: AbortSignal.timeout(TIMEOUT),
  };
  let response, answer;
  try {
    response = await fetch(TOKEN_SERVICE + path, options);
    answer = await response.json();
  } catch {
    if (response && !response.ok) throw problem(response, {});
    if (!navigator.onLine) throw new ApiError("offline", "You are offline. Connect to the internet, then try again.");
    throw new ApiError("unreachable", "The service does not answer. Wait a moment, then try again.");
  }
  if (response.ok) return [answer, response.status];
  throw problem(response, answer);
}

export async function get(path, options) {
  return (await send("GET", path, options))[0];
}

export async function post(path, body, options = {}) {
  return (await send("POST", path, { body, ...options }))[0];
}

function expired() {
  forget();
  return new ApiError("sign_in_required", "You were signed out. Sign in again.");
}

function problem(response, answer) {
  const code = String(answer.type ?? "").replace("urn:gatepass:", "") || `http_${response.status}`;
  if (code === "sign_in_required") return expired();
  const faults = {};
  for (const { key, fault } of answer.faults ?? []) {
    const name = key.split(".").at(-1); // of `body.email`
    faults[name] = FIELDS[name] ?? `${name}: ${fault}.`;
  }
  return new ApiError(code, WORDS[code] ?? sentence(answer.detail, response), faults);
}

function sentence(detail, response) {
  const seconds = Number(response.headers.get("Retry-After"));
  const wait = seconds > 0 ? ` Try again in ${duration(seconds)}.` : "";
  if (response.status === 429) return `There were too many attempts.${wait || " Try again later."}`;
  const text = String(detail || "Something went wrong on our side. Try again later");
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}${wait}`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} second${seconds > 1 ? "s" : ""}`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}
