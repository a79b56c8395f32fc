/** Makes an element. `properties` are set on it, `children` are nodes or texts; texts are never read as HTML. */
export function element(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The time of day of an ISO date, in the reader's own form. */
export function clock(iso) {
  return element("time", {
    dateTime: iso,
    textContent: new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
  });
}

/** Runs a change of a list and keeps its end in view, if it was in view before. */
export function keepEndInView(list, change) {
  const following = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  change();
  if (following) list.scrollTop = list.scrollHeight;
}
