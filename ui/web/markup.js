// One component for all that is not a chart: it shows HTML that the page's process has made safe, and tells the process
// what a person did with it. What has not changed is left alone, so that focus, open details and a slider being dragged stay.

const FIELDS = ["INPUT", "SELECT"]

function sameKind(a, b) {
  return a.nodeName === b.nodeName && a.id === b.id && a.type === b.type
}

function ownedByPerson(element, name) {
  return name === "open" && element.nodeName === "DETAILS"
}

function update(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue
    return
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !ownedByPerson(old, name)) old.removeAttribute(name)
  }
  for (const { name, value } of fresh.attributes) {
    if (!ownedByPerson(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  updateChildren(old, fresh)
  if (FIELDS.includes(old.nodeName) && old !== old.getRootNode().activeElement) {
    if (old.type === "checkbox") old.checked = fresh.hasAttribute("checked")
    else if (old.nodeName === "SELECT") old.value = (fresh.querySelector("[selected]") ?? fresh.options[0]).value
    else old.value = fresh.getAttribute("value") ?? ""
  }
}

function updateChildren(old, fresh) {
  const after = [...fresh.childNodes]
  after.forEach((child, at) => {
    const before = old.childNodes[at]
    if (before === undefined) old.appendChild(child)
    else if (sameKind(before, child)) update(before, child)
    else old.replaceChild(child, before)
  })
  while (old.childNodes.length > after.length) old.lastChild.remove()
}

export function render({ model }) {
  const root = document.createElement("div")
  root.className = "markup"
  const show = () => {
    const fresh = document.createElement("template")
    fresh.innerHTML = model.html
    updateChildren(root, fresh.content)
    const themed = root.querySelector("[data-page-theme]")
    if (themed) document.documentElement.dataset.theme = themed.dataset.pageTheme
  }
  show()
  if (window.matchMedia("(max-width: 860px)").matches) root.querySelector("details.asked")?.removeAttribute("open")
  model.on("html", show)

  // One event is on its way at a time. While the process works on it only the latest of each field waits: nothing queues.
  let sent = 0
  let waiting = new Map()
  const busy = () => model.answered < sent
  const flush = () => {
    if (busy() || waiting.size === 0) return
    const events = [...waiting.values()]
    waiting = new Map()
    sent = Math.max(sent, model.answered) + 1
    model.event = { number: sent, events }
  }
  const tell = (name, value) => {
    waiting.set(name, { name, value })
    flush()
  }
  model.on("answered", flush)

  root.addEventListener("input", (event) => {
    const field = event.target.closest("[data-field]")
    if (field) tell(field.dataset.field, field.type === "checkbox" ? field.checked : field.value)
  })
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]")
    if (!button || button.getAttribute("aria-disabled") === "true") return
    if (button.dataset.copy !== undefined) {
      const address = new URL(button.dataset.copy, document.location).href
      navigator.clipboard?.writeText(address).catch(() => {})
    }
    tell(button.dataset.act, button.dataset.value ?? "")
  })
  if (model.asks_theme && window.matchMedia("(prefers-color-scheme: dark)").matches) tell("theme", "dark")
  return root
}
