/* The signed-in user: the ID token is kept in this tab only (sessionStorage), and no longer than it is valid. */

const KEY = "gatepass.portal.session";

/* Where the browser refuses to store the session: it then ends with the page. */
let held = null;

/* Where solutions await their users, with their tokens. In memory only: it ends with the page. */
const onward = new Map();

function stored() {
  let found = held;
  try {
    found ??= JSON.parse(sessionStorage.getItem(KEY));
  } catch { /* unreadable, or no storage */ }
  return typeof found?.id_token === "string" && Date.now() < found.until ? found : null;
}

export const idToken = () => stored()?.id_token ?? "";
/* Whether the token says that its user sees the usage of solutions. It only decides what is shown: the API decides. */
export function seesUsage() {
  try {
    const groups = JSON.parse(atob(idToken().split(".")[1].replaceAll("-", "+").replaceAll("_", "/")))["cognito:groups"];
    return groups.some((group) => group === "operators" || group.startsWith("owners-"));
  } catch {
    return false; // no token, or one without groups
  }
}

export const email = () => String(stored()?.email ?? "");

export function remember({ id_token, expires_in }, address) {
  const session = { id_token, email: address, until: Date.now() + expires_in * 1000 };
  held = null;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    held = session;
  }
}

export function forget() {
  held = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch { /* no storage: there is nothing to forget */ }
  onward.clear();
}

/* Where the API says that the user goes next. A one-time code is not kept: it would expire before it is used. */
export function awaited(welcome) {
  const url = redirectOf(welcome);
  if (url && !welcome.code) onward.set(welcome.solution_id, url);
}

/* A solution's page: with the token if the API has just handed it out, else as the API names it. */
export const onwardTo = (solution, page) => onward.get(solution) ?? webAddress(page);

/* The API composes redirects from the solution's configuration. Whatever it says, no script is an address. */
export const redirectOf = (welcome) => webAddress(welcome.redirect);

const webAddress = (url) => (/^https?:\/\//i.test(url ?? "") ? url : "");
