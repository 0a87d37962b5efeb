/* Shows the mails of the local stack, newest first, and asks for new ones every second. */

const PURPOSES = { "sign-up": "Your code to register", password: "Your code for a new password" };
const list = document.getElementById("mails");
const state = document.getElementById("state");
let shown = 0;

function make(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function letter({ email, purpose, code, sent_at }) {
  const item = make("li", "", "card");
  const copy = make("button", "Copy the code", "quiet small");
  copy.type = "button";
  copy.onclick = async () => {
    await navigator.clipboard.writeText(code);
    copy.textContent = "Copied";
  };
  const price = make("p", "", "price");
  price.append(make("b", code), " ", copy);
  item.append(
    make("h2", PURPOSES[purpose] ?? purpose),
    make("p", `To ${email}, ${new Date(sent_at).toLocaleTimeString()}`, "soft"),
    price,
  );
  return item;
}

async function update() {
  try {
    const mails = await (await fetch("mails.json")).json();
    if (mails.length < shown) list.replaceChildren();
    for (const mail of mails.slice(list.childElementCount)) list.prepend(letter(mail));
    if (mails.length !== shown || !mails.length) state.textContent = mails.length ? `Emails: ${mails.length}` : "No email yet.";
    shown = mails.length;
  } catch {
    state.textContent = "The local stack does not answer. Is gatepass local still running?";
    shown = -1; // so that the next answer is told
  }
  setTimeout(update, 1000);
}

update();
