import { clock, element, keepEndInView } from "./dom.js";

/** @type {Map<string, {signature: string, node: HTMLElement}>} */
const drawn = new Map();

/** Draws the messages. Only what changed is drawn again, so that pictures do not flicker. */
export function drawPosts(list, posts, people, onDeed) {
  keepEndInView(list, () => {
    for (const post of posts) {
      const signature = JSON.stringify(post);
      const before = drawn.get(post.id);
      if (before?.signature === signature) continue;
      const node = drawPost(post, people.get(post.author), onDeed);
      if (before) {
        if (post.gone) node.classList.add("fresh");
        before.node.replaceWith(node);
      } else {
        if (post.gone && drawn.size) node.classList.add("fresh");
        list.append(node);
      }
      drawn.set(post.id, { signature, node });
    }
  });
}

function drawPost(post, person, onDeed) {
  const name = person?.name ?? "somebody";
  const head = element("div", { className: "by" }, element("b", { textContent: name }), clock(post.at));
  if (post.edited) head.append(element("small", { textContent: "(edited)" }));
  const body = element("div", {}, head);
  if (post.gone) body.append(tombstone(post, name));
  else body.append(...standing(post, name, onDeed));
  const face = element("img", { className: "face", src: `/demo/api/faces/${person?.key}`, alt: "" });
  return element("article", { className: "post", dataset: { id: post.id } }, face, body);
}

function standing(post, name, onDeed) {
  const parts = [];
  if (post.forwarded) parts.push(element("p", { className: "forwarded", textContent: "Forwarded" }));
  if (post.text) parts.push(element("p", { className: "words", textContent: post.text }));
  if (post.pictures) {
    const pictures = element("div", { className: "pictures" });
    for (let number = 0; number < post.pictures; number += 1) {
      pictures.append(element("img", {
        src: `/demo/api/pictures/${post.id}/${number}?of=${post.pictures}`,
        alt: `Picture ${number + 1} that ${name} posted`,
      }));
    }
    parts.push(pictures);
  }
  const chips = post.findings.map(({ text, clear }) => element("span", {
    className: `chip ${clear ? "good" : "warn"}`, textContent: clear ? `✓ ${text}` : text,
  }));
  if (post.reported) chips.push(element("span", { className: "chip warn", textContent: "reported" }));
  if (chips.length) parts.push(element("div", { className: "chips" }, ...chips));
  parts.push(deeds(post, onDeed));
  return parts;
}

function tombstone(post, name) {
  if (post.gone.by === "member") {
    return element("div", { className: "tombstone own", textContent: `${name} deleted this message.` });
  }
  const why = post.findings.filter(({ clear }) => !clear).map(({ text }) => text).join(" · ");
  return element("div", { className: "tombstone" },
    element("b", { textContent: `Removed by stanguard after ${post.gone.after}` }),
    why ? element("small", { textContent: why }) : null);
}

function deeds(post, onDeed) {
  const row = element("div", { className: "deeds" });
  const offered = post.forwarded ? [] : [["edit", "Edit"], ["forward", "Forward"]];
  if (post.pictures) offered.push(["report", "Report"], ["block", "Block as Ada"]);
  offered.push(["delete", "Delete"]);
  for (const [deed, label] of offered) {
    row.append(element("button", { type: "button", textContent: label, dataset: { deed }, onclick: () => onDeed(deed, post) }));
  }
  return row;
}
