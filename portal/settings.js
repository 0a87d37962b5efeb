/* The settings of this portal, from the page's <meta> elements, and the addresses of its pages. */

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content.trim() ?? "";

export const PORTAL_NAME = meta("portal-name");
/* Behind CloudFront it has the portal's own origin: an empty setting. */
export const TOKEN_SERVICE = (meta("token-service") || location.origin).replace(/\/$/, "");
export const SOLUTIONS = meta("solutions").split(/[\s,]+/).filter(Boolean);
export const RAZORPAY_SCRIPT = meta("razorpay-script");
export const CONTACT = meta("contact");
export const INBOX = meta("inbox");

/* The folder that the portal is served from: every page lies in it, one level deep. */
export const BASE = new URL(".", import.meta.url).pathname;

/* What a solution's page may tell, and what the portal passes on from page to page: docs/portal.md. */
const VISIT = ["solution_id", "return_to", "state", "plan", "from"];

/* The address of a page of the portal, such as `register`, with these query parameters; "" is the overview. */
export function address(route, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const search = new URLSearchParams(given).toString();
  return `${BASE}${route}${search ? `?${search}` : ""}`;
}

/* The solution that the visitor comes from or chose, as today's address tells. Every value is a stranger's. */
export function visit() {
  const asked = new URLSearchParams(location.search);
  const found = Object.fromEntries(VISIT.map((name) => [name, asked.get(name) ?? ""]));
  found.solution_id ||= asked.get("solution") ?? "";
  return found;
}

/* What a registration or a sign-in sends of it: nothing if there is no solution, whose page it would be. */
export function target({ solution_id, return_to, state, from }) {
  if (!solution_id) return {};
  const sent = { solution_id };
  if (return_to) sent.return_to = return_to;
  if (state) sent.state = state;
  if (from) sent.from = from; // the refusal whose link led here
  return sent;
}
