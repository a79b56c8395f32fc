import { drawPosts } from "./channel.js";
import { clock, element, keepEndInView } from "./dom.js";

const $ = (id) => document.getElementById(id);
const RACKS = { harmless: "Harmless", sneaky: "Blocked, and sneaked in", disguised: "Blocked, in disguise" };

const fixed = await (await fetch("/demo/api/fixed")).json();
const people = new Map(fixed.people.map((person) => [person.id, person]));
const fans = fixed.people.filter((person) => !person.moderator);
const moderator = fixed.people.find((person) => person.moderator);

// ---------------------------------------------------------------------------------------------- acting

let toastTimer = 0;

function toast(text, problem = false) {
  const box = $("toast");
  box.textContent = text;
  box.classList.toggle("problem", problem);
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 7000);
}

/** Asks the demo to do something; one thing at a time. Returns the bot's answer, or null if it was not done. */
async function act(path, what) {
  if (document.body.dataset.busy) return null;
  document.body.dataset.busy = "yes";
  try {
    const response = await fetch(`/demo/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(what),
    });
    const answer = await response.json();
    if (response.ok) return answer.answer;
    toast(answer.error, true);
  } catch {
    toast("The demo does not answer any more; start it again in the terminal.", true);
  } finally {
    delete document.body.dataset.busy;
  }
  return null;
}

function poster() {
  return document.querySelector("#people :checked").value;
}

async function post(item, tile) {
  const text = $("text").value;
  if (!item && !text.trim()) return;
  tile?.classList.add("pressed");
  const done = await act("post", { person: poster(), item, text });
  tile?.classList.remove("pressed");
  if (done !== null) $("text").value = "";
  $("posts").scrollTop = $("posts").scrollHeight;
}

async function deed(kind, message) {
  const author = people.get(message.author)?.name;
  let actor = fixed.people.find((person) => person.key === poster());
  // Nobody can report a message of their own, and whoever posted last is still chosen.
  if (kind === "report" && actor.id === message.author) actor = fans.find((person) => person.id !== message.author);
  if (kind === "forward") await act("forward", { person: actor.key, message: message.id });
  if (kind === "delete") await act("delete", { message: message.id });
  if (kind === "edit") await edit(message, author);
  if (kind === "report") await menu("report", actor, message, `Report ${author}’s picture as ${actor.name}`, "Report");
  if (kind === "block") await menu("block", moderator, message, `Block ${author}’s picture as Ada`, "Block");
}

async function edit(message, author) {
  const text = element("textarea", { name: "text", rows: 3, maxLength: 2000, value: message.text });
  const link = element("select", { name: "item" },
    new Option("no link", ""), new Option("a link to a harmless picture", "fan-art"),
    new Option("a link to the blocked picture, re-compressed", "recompressed"));
  const values = await ask(`Edit as ${author}`,
    "Members can change a message long after it was looked at. Discord then loads the preview of a new link.", "Save",
    element("label", {}, "Text", text), element("label", {}, "Add", link));
  if (values) await act("edit", { message: message.id, text: values.get("text"), item: values.get("item") || null });
}

async function menu(kind, person, message, title, button) {
  const hint = kind === "report"
    ? "What the message menu “Report picture” opens. Only the reporter and the moderators learn of it."
    : "What the message menu “Block this picture” opens for moderators. Earlier copies are removed as well.";
  const category = element("select", { name: "category" },
    ...fixed.categories.map((category) => new Option(category.title, category.key)));
  const values = await ask(title, hint, button, element("label", {}, "What is it?", category));
  if (!values) return;
  const answer = await act("menu", { person: person.key, message: message.id, menu: kind, category: values.get("category") });
  if (answer) toast(`stanguard to ${person.name} alone:\n${plain(answer)}`);
}

/** Opens the dialog with these fields; the values, or null if it was cancelled. */
function ask(title, hint, button, ...fields) {
  $("dialog-title").textContent = title;
  $("dialog-hint").textContent = hint;
  $("dialog-submit").textContent = button;
  $("dialog-fields").replaceChildren(...fields);
  const dialog = $("dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? new FormData($("dialog-form")) : null);
  });
}

/** Discord's markup without its marks. */
function plain(text) {
  return text.replace(/<t:\d+:\w>/g, "now").replace(/<[@#][&!]?\d+>/g, "…").replace(/(\*\*|__|`|^-# |^#+ )/gm, "");
}

// ---------------------------------------------------------------------------------------------- drawing

function drawFixed() {
  $("channel-name").textContent = fixed.channel;
  fans.forEach((person, number) => {
    const radio = element("input", { type: "radio", name: "person", value: person.key, className: "hidden", checked: number === 1 });
    const face = element("img", { src: `/demo/api/faces/${person.key}`, alt: "" });
    $("people").append(element("label", {}, radio, face, person.name));
  });
  for (const [group, title] of Object.entries(RACKS)) {
    const tiles = fixed.shelf.filter((item) => item.group === group).map(drawTile);
    const rack = element("section", { className: `rack ${group}` },
      element("h3", { textContent: title }), element("ul", {}, ...tiles));
    $("shelf").append(rack);
  }
}

function drawTile(item) {
  const tile = element("button", { type: "button", className: "tile", title: item.hint, dataset: { key: item.key } },
    element("img", { src: `/demo/api/shelf/${item.key}`, alt: "", loading: "lazy" }),
    element("span", { textContent: item.title }));
  tile.onclick = () => post(item.key, tile);
  return element("li", {}, tile);
}

function drawLog(lines) {
  const list = $("log");
  keepEndInView(list, () => {
    list.replaceChildren(...lines.map((line) => element("p", { className: line.who },
      clock(line.at), element("i", { title: line.who }), element("span", { textContent: line.text }))));
  });
}

function drawReview(key) {
  const address = `/review/embedded#${key}`;
  const frame = $("review");
  if (!key || frame.dataset.address === address) return;
  frame.dataset.address = address;
  frame.src = address;
  $("review-link").href = `/review#${key}`;
}

// ---------------------------------------------------------------------------------------------- start

drawFixed();
$("composer").onsubmit = (event) => {
  event.preventDefault();
  void post(null, null);
};
$("dialog-form").onsubmit = () => { $("dialog").returnValue = "yes"; };
$("dialog-submit").value = "yes";
$("dialog-cancel").onclick = () => $("dialog").close("");
for (const button of document.querySelectorAll(".tabs button")) {
  button.onclick = () => {
    document.body.dataset.tab = button.dataset.tab;
    for (const other of document.querySelectorAll(".tabs button")) other.setAttribute("aria-pressed", String(other === button));
    for (const list of [$("posts"), $("log")]) list.scrollTop = list.scrollHeight;
  };
}

const events = new EventSource("/demo/api/events");
events.onmessage = (event) => {
  const state = JSON.parse(event.data);
  drawPosts($("posts"), state.posts, people, deed);
  drawLog(state.log);
  drawReview(state.review);
};
events.onerror = () => toast("The demo does not answer; if it was stopped, start it again in the terminal.", true);
