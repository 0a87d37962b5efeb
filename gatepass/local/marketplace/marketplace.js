/* Registers or signs in at the token service, and returns to the solution's page with what it answers. */

const at = (id) => document.getElementById(id);
const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
const asked = new URLSearchParams(location.search);
const solution = asked.get("solution_id") ?? setting("solution");
const visit = { solution_id: solution };
for (const name of ["return_to", "state"]) if (asked.has(name)) visit[name] = asked.get(name);

at("solution").textContent = solution;
at("upgrade").textContent = `gatepass entitlements set-plan --email visitor@example.com --solution ${solution} --plan PLAN`;

function report(text) {
  at("status").textContent = text;
  at("status").scrollIntoView({ block: "nearest" });
}

async function post(path, body) {
  try {
    const response = await fetch(setting("token-service") + path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), credentials: "omit",
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const faults = (answer.faults ?? []).map(({ key, fault }) => `${key}: ${fault}.`);
    report([answer.detail, ...faults].join(" "));
  } catch {
    report("The token service does not answer. Is gatepass local still running?");
  }
  return null;
}

function leave(welcome) {
  if (welcome?.redirect) location.assign(welcome.redirect);
  else if (welcome) report(`The solution has no frontend_url to return to. Its ${welcome.token ? "token" : "code"}: ${welcome.token || welcome.code}`);
}

function onSubmit(id, act) {
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    at("status").textContent = "";
    await act(Object.fromEntries(new FormData(event.target)));
  });
}

onSubmit("address", async ({ email }) => {
  const { state, ...request } = visit;
  if (await post("/v1/registrations", { email, ...request })) {
    at("confirmation").hidden = false;
    at("confirmation").elements.code.focus();
  }
});
onSubmit("confirmation", async (given) => {
  leave(await post("/v1/registrations/confirm", { email: at("address").elements.email.value, ...given, ...visit }));
});
onSubmit("session", async (given) => leave(await post("/v1/sessions", { ...given, ...visit })));
