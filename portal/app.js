/* The portal: shows the page of the address, and keeps the navigation, the title, and the focus in step with it. */

import { ApiError } from "./api.js";
import { announce, h, notice } from "./dom.js";
import { forget, idToken, seesUsage } from "./session.js";
import { BASE, CONTACT, PORTAL_NAME, address } from "./settings.js";
import * as account from "./account.js";
import * as mine from "./mine.js";
import * as overview from "./overview.js";
import * as password from "./password.js";
import * as receipts from "./receipts.js";
import * as register from "./register.js";
import * as signIn from "./sign-in.js";
import * as upgrade from "./upgrade.js";

/* Loaded when it is opened: it is for few, and draws charts. */
const usage = { title: "Usage", needsUser: true, show: async (go) => (await import("./usage.js")).show(go) };

/* The last part of the path, and what shows it: `title`, `needsUser`, and `show(go)`, which returns elements. */
const ROUTES = {
  "": overview, register, "sign-in": signIn, password, "my-solutions": mine, upgrade, receipts, account,
  usage,
};

const main = document.getElementById("main");
let shown = 0;

const routeOf = (path) => path.slice(BASE.length).replace(/(^index\.html|\/)$/, "");

/* Go to a page of the portal. `says` is a notice that it begins with. */
export function go(route, query = {}, says = null, replace = false) {
  history[replace ? "replaceState" : "pushState"]({}, "", address(route, query));
  return render(says);
}

async function render(says = null, first = false) {
  const now = ++shown;
  const route = routeOf(location.pathname);
  const view = ROUTES[route];
  if (view?.needsUser && !idToken()) {
    const asked = Object.fromEntries(new URLSearchParams(location.search));
    return go("sign-in", { next: route, ...asked }, says ?? notice("info", h("p", {}, "Sign in to continue.")), true);
  }
  navigation(route);
  const title = view?.title ?? "There is no such page";
  document.title = `${title} · ${PORTAL_NAME}`;
  const heading = h("h1", { tabindex: -1 }, title);
  const body = h("div", { class: "page" }, h("p", { class: "loading" }, "Loading…"));
  main.setAttribute("aria-busy", "true");
  main.replaceChildren(heading, ...(says ? [says] : []), body);
  if (!first) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  let content;
  try {
    content = view ? await view.show(go) : [h("p", {}, h("a", { href: address(""), "data-route": true }, "See all solutions"))];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (now === shown && error.code === "sign_in_required") return render(notice("warn", h("p", {}, error.message)));
    content = [failed(error)];
  }
  if (now !== shown) return undefined;
  main.removeAttribute("aria-busy");
  body.replaceChildren(...content.filter(Boolean));
  const named = body.querySelector("[data-title]")?.dataset.title;
  if (named) {
    heading.textContent = named;
    document.title = `${named} · ${PORTAL_NAME}`;
  }
  announce(`${document.title}, loaded`);
  return undefined;
}

function failed(error) {
  return notice("bad", h("p", {}, error.message), h("div", { class: "acts" },
    h("button", { type: "button", class: "quiet", onclick: () => render() }, "Try again")));
}

function navigation(route) {
  const links = idToken()
    ? [["", "Solutions"], ["my-solutions", "My solutions"], ["receipts", "Receipts"], ["account", "Account"], ...(seesUsage() ? [["usage", "Usage"]] : [])]
    : [["", "Solutions"], ["register", "Register"], ["sign-in", "Sign in"]];
  document.getElementById("nav").replaceChildren(
    ...links.map(([to, text]) => h("a", { href: address(to), "data-route": true, "aria-current": to === route && "page" }, text)),
  );
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-route]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState({}, "", link.href);
  render();
});
addEventListener("popstate", () => render());
addEventListener("unhandledrejection", () => announce("Something went wrong on this page. Reload it."));
// A page that the browser kept while its user signed out must not come back.
addEventListener("pageshow", (event) => event.persisted && render());

const brand = document.getElementById("brand");
brand.textContent = PORTAL_NAME;
brand.href = address("");
if (/^[^\s@]+@[^\s@]+$/.test(CONTACT)) {
  const contact = document.getElementById("contact");
  contact.append("Questions? ", h("a", { href: `mailto:${CONTACT}` }, CONTACT));
  contact.hidden = false;
}
if (!idToken()) forget();
render(null, true);
