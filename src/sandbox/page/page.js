"use strict";
// The page holds no truth of its own: it reads the world once, then follows the events.

const find = (id) => document.getElementById(id);
const SILENT_AFTER_MS = 30_000;
const state = { world: null, clockSkew: 0, person: null, room: null, topic: null, messages: new Map(), replyTo: null, typing: null, fates: {}, unread: new Set(), atEnd: true };

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
  const response = await fetch(path, options);
  if (!response.ok) throw new Error((await response.text()) || `Помилка ${response.status}`);
  return response.status === 204 ? null : response.json();
}

function toast(words) {
  const box = find("toast");
  box.textContent = words;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 4000);
}

async function act(path, body) {
  try { return await ask(path, body); } catch (error) { toast(error.message || "Пісочниця не відповідає."); return undefined; }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const now = () => Date.now() + state.clockSkew;
const roomOf = (id) => state.world.rooms.find((room) => room.id === id);
const privateRoom = () => state.world.rooms.find((room) => room.kind === "private" && room.id === state.person);
const currentRoom = () => (state.room === "private" ? privateRoom() : roomOf(state.room));

async function loadWorld() {
  state.world = await ask("/sandbox/api/world");
  state.clockSkew = state.world.now_ms - Date.now();
  state.person ??= state.world.people[0]?.id;
  state.room ??= state.world.group;
  drawVoice();
  drawPeople();
  await openRoom(state.room, state.topic);
}

async function openRoom(room, topic = null) {
  state.room = room;
  state.topic = topic;
  setReply(null);
  const current = currentRoom();
  if (!current) return;
  state.unread.delete(current.id);
  const messages = await ask(`/sandbox/api/messages?chat=${current.id}`);
  state.messages = new Map(messages.map((message) => [message.id, message]));
  state.fates = {};
  drawRooms();
  drawTopics();
  drawMessages();
  drawTyping();
  refreshFates();
  refreshBudget();
}

function drawVoice() {
  const { voice } = state.world;
  const box = find("voice");
  const offline = voice.kind === "offline";
  box.classList.toggle("offline", offline);
  box.textContent = offline ? "Офлайн-голос: відповідає не модель, а заготовлені рядки" : `Відповідає справжній Gemini: ${voice.model}`;
}

function avatar(name, id) {
  const index = state.world.people.findIndex((person) => person.id === id);
  const kind = id === state.world.bot.id ? "bot" : `c${Math.max(index, 0) % 5}`;
  const made = element("span", `avatar ${kind}`, [...name][0] ?? "?");
  made.setAttribute("aria-hidden", "true");
  return made;
}

function drawRooms() {
  const own = privateRoom();
  const rooms = state.world.rooms.filter((room) => room.kind !== "private").map((room) => [room.id, room.title, room.id]);
  if (own) rooms.push(["private", `Особисто: ${own.title}`, own.id]);
  find("rooms").replaceChildren(...rooms.map(([key, title, id]) => {
    const button = element("button", state.unread.has(id) ? "unread" : "");
    button.type = "button";
    button.setAttribute("aria-current", String(key === state.room));
    button.append(avatar(key === "private" ? state.world.bot.name : title, key === "private" ? state.world.bot.id : -1), element("span", "", title));
    button.addEventListener("click", () => openRoom(key));
    return button;
  }));
  find("rooms").querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  const current = currentRoom();
  find("title").textContent = state.room === "private" ? `${state.world.bot.name} і ${current.title}` : current.title;
}

function drawTopics() {
  const room = currentRoom();
  const topics = [[null, "Загальна"], ...room.topics];
  const box = find("topics");
  box.hidden = room.kind !== "forum";
  box.replaceChildren(...topics.map(([id, name]) => {
    const button = element("button", "", name);
    button.type = "button";
    button.setAttribute("aria-current", String(id === state.topic));
    button.addEventListener("click", () => { state.topic = id; setReply(null); drawTopics(); drawMessages(); drawTyping(); });
    return button;
  }));
}

function drawPeople() {
  find("people").replaceChildren(...state.world.people.map((person) => {
    const button = element("button", "", person.name);
    button.type = "button";
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(person.id === state.person));
    button.addEventListener("click", () => choosePerson(person.id));
    return button;
  }));
}

function choosePerson(id) {
  state.person = id;
  drawPeople();
  if (state.room === "private") openRoom("private");
  else { drawRooms(); drawMessages(); }
  find("text").focus();
}

const isShown = (message) => currentRoom().kind !== "forum" || message.topic === state.topic;

function drawMessages() {
  const box = find("messages");
  const shown = [...state.messages.values()].filter(isShown).sort((first, second) => first.id - second.id);
  box.replaceChildren(...shown.map(drawMessage));
  toEnd();
}

function toEnd() {
  const box = find("messages");
  box.scrollTop = box.scrollHeight;
  state.atEnd = true;
}

const isAtEnd = () => { const box = find("messages"); return box.scrollHeight - box.scrollTop - box.clientHeight < 80; };

function drawMessage(message) {
  const item = element("li", `message ${message.own ? "bots" : ""} ${message.author === state.person ? "mine" : ""}`);
  item.id = `m${message.id}`;
  const bubble = element("div", "bubble");
  const name = element("div", "name");
  const time = element("time", "", new Date(message.date * 1000).toLocaleTimeString("uk", { hour: "2-digit", minute: "2-digit" }) + (message.edited ? " змінено" : ""));
  name.append(element("span", "", message.name), time);
  bubble.append(name);
  if (message.reply_to) bubble.append(drawQuote(message.reply_to));
  if (message.shown) bubble.append(drawFile(message));
  else if (message.media) bubble.append(element("span", "media", message.media));
  if (message.text) bubble.append(drawText(message));
  if (Array.isArray(message.buttons)) bubble.append(...message.buttons.map((row) => drawButtons(message, row)));
  const body = element("div", "body");
  body.append(bubble, drawUnder(message));
  item.append(avatar(message.name, message.author), body);
  return item;
}

function drawFile(message) {
  const made = element(message.shown === "picture" ? "img" : "audio", message.shown);
  made.src = `/sandbox/api/file?chat=${message.chat}&message=${message.id}`;
  if (message.shown === "picture") { made.alt = message.media; made.addEventListener("load", () => { if (state.atEnd) toEnd(); }); }
  else made.controls = true;
  made.addEventListener("error", () => made.replaceWith(element("span", "media", message.media)));
  return made;
}

function drawQuote(replyTo) {
  const quote = element("button", "quote");
  quote.type = "button";
  quote.append(element("strong", "", replyTo.name), element("span", "", replyTo.text));
  quote.addEventListener("click", () => showMessage(replyTo.id));
  return quote;
}

function showMessage(id) {
  const bubble = find(`m${id}`)?.querySelector(".bubble");
  if (!bubble) return;
  bubble.scrollIntoView({ block: "center", behavior: "smooth" });
  bubble.classList.remove("flash");
  requestAnimationFrame(() => bubble.classList.add("flash"));
}

// Offsets are UTF-16 units, which are JavaScript's own.
function drawText(message) {
  const box = element("div", "text");
  const entities = message.entities ?? [];
  const cuts = new Set([0, message.text.length]);
  for (const { offset, length } of entities) cuts.add(offset).add(offset + length);
  const points = [...cuts].sort((first, second) => first - second);
  for (let index = 0; index + 1 < points.length; index += 1) {
    const [start, end] = [points[index], points[index + 1]];
    const covering = entities.filter(({ offset, length }) => offset <= start && offset + length >= end);
    let node = document.createTextNode(message.text.slice(start, end));
    for (const entity of covering.sort((first, second) => first.length - second.length)) node = wrap(entity, node, message.text);
    box.append(node);
  }
  return box;
}

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote", bot_command: "em", mention: "em", hashtag: "em" };

function wrap(entity, node, text) {
  let made;
  if (entity.type === "text_link" || entity.type === "url") {
    const address = entity.url ?? text.slice(entity.offset, entity.offset + entity.length);
    if (!/^https?:\/\//.test(address)) return node;
    made = element("a");
    made.href = address;
    made.rel = "noreferrer noopener";
    made.target = "_blank";
  } else if (entity.type === "spoiler") {
    made = element("span", "spoiler");
    made.addEventListener("click", () => made.classList.add("shown"));
  } else if (TAGS[entity.type]) {
    made = element(TAGS[entity.type]);
  } else {
    return node;
  }
  made.append(node);
  return made;
}

function drawButtons(message, row) {
  const box = element("div", "buttons");
  for (const { text, callback_data: data } of row) {
    const button = element("button", "", text);
    button.type = "button";
    button.addEventListener("click", () => act("/sandbox/api/press", { chat: message.chat, message: message.id, person: state.person, what: data ?? "" }));
    box.append(button);
  }
  return box;
}

function drawUnder(message) {
  const under = element("div", "under");
  const reply = element("button", "", "↩");
  reply.type = "button";
  reply.title = "Відповісти";
  reply.setAttribute("aria-label", `Відповісти: ${message.name}`);
  reply.addEventListener("click", () => setReply(message));
  under.append(reply, ...drawReactions(message), drawPicker(message));
  const status = element("span", "status");
  setStatus(status, message);
  under.append(status);
  return under;
}

const REACTIONS = ["👍", "❤", "🤣", "🔥", "🤔", "👎"];

function react(message, what) {
  return act("/sandbox/api/react", { chat: message.chat, message: message.id, person: state.person, what });
}

function drawPicker(message) {
  const box = element("details", "picker");
  const opener = element("summary", "", "☺");
  opener.title = "Реакція";
  opener.setAttribute("aria-label", `Реакція: ${message.name}`);
  const choices = element("div", "choices");
  for (const emoji of REACTIONS) {
    const button = element("button", "", emoji);
    button.type = "button";
    button.addEventListener("click", () => { box.open = false; react(message, emoji); });
    choices.append(button);
  }
  box.append(opener, choices);
  return box;
}

function drawReactions(message) {
  const by = new Map();
  for (const { emoji, by: who } of message.reactions) by.set(emoji, [...(by.get(emoji) ?? []), who]);
  return [...by].map(([emoji, people]) => {
    const own = people.includes(state.person);
    const bots = people.includes(state.world.bot.id);
    const made = element("button", `reaction ${own ? "own" : ""} ${bots ? "by-bot" : ""}`, people.length > 1 ? `${emoji} ${people.length}` : emoji);
    made.type = "button";
    made.title = own ? "Забрати реакцію" : "Так само";
    made.addEventListener("click", () => react(message, own ? "" : emoji));
    return made;
  });
}

function setStatus(box, message) {
  const told = state.fates[message.id];
  const [kind, words] = message.status ? statusOf(message) : ["why", told?.words ?? ""];
  box.className = `status ${kind}`;
  box.replaceChildren(document.createTextNode(words));
  if (typeof told?.score === "number" && message.status?.state !== "answered") {
    const score = element("span", `score ${told.score >= 0.5 ? "high" : ""}`, (Math.round(told.score * 100) / 100 || 0).toLocaleString("uk"));
    score.title = "Наскільки доречно було б озватися самому; від 0,5 — доречно";
    box.append(" ", score);
  }
}

function statusOf(message) {
  const { status } = message;
  const bot = state.world.bot.name;
  switch (status.state) {
    case "answered": return ["good", `✓✓ ${bot} відповів`];
    case "unseen": return ["", "бот цього не бачить"];
    case "expired": return ["bad", "не доставлено за добу"];
    case "waiting": return status.failed_attempts ? ["bad", `не дійшло, спроб: ${status.failed_attempts} (${status.why})`] : ["", "у дорозі…"];
    default: {
      const told = state.fates[message.id];
      if (told) return ["", told.words];
      return now() - status.at_ms > SILENT_AFTER_MS ? ["", "✓ прийнято, промовчав"] : ["", "✓ прийнято"];
    }
  }
}

function update(message) {
  const room = currentRoom();
  if (!room || message.chat !== room.id) {
    if (message.own) { state.unread.add(message.chat); drawRooms(); }
    return;
  }
  if (message.own) setTimeout(() => { refreshFates(); refreshBudget(); }, 400);
  const wasAtEnd = isAtEnd();
  const isNew = !state.messages.has(message.id);
  state.messages.set(message.id, message);
  if (!isShown(message)) return;
  const drawn = drawMessage(message);
  const old = find(`m${message.id}`);
  if (old) old.replaceWith(drawn);
  else find("messages").append(drawn);
  if (wasAtEnd || (isNew && message.author === state.person)) toEnd();
}

function redrawStatuses() {
  for (const message of state.messages.values()) {
    const box = find(`m${message.id}`)?.querySelector(".status");
    if (box) setStatus(box, message);
  }
}

async function refreshFates() {
  const room = currentRoom();
  const isYoung = (message) => now() - message.date * 1000 < 120_000;
  const first = !Object.keys(state.fates).length;
  if (!room || !(first || [...state.messages.values()].some(isYoung))) return;
  try { Object.assign(state.fates, await ask(`/sandbox/api/fates?chat=${room.id}`)); } catch { return; }
  redrawStatuses();
}

async function refreshBudget() {
  const room = currentRoom();
  if (!room) return;
  let budget = null;
  try { budget = await ask(`/sandbox/api/budget?chat=${room.id}`); } catch { return; }
  find("budget").hidden = !budget;
  if (!budget) return;
  const number = (value) => value.toLocaleString("uk", { maximumFractionDigits: 2 });
  const words = `Озвався сам: ${number(budget.hour)} з ${number(budget.hour_max)} за годину, ${number(budget.day)} з ${number(budget.day_max)} за добу`;
  find("budget-words").textContent = budget.why_not ? `${words} · ${budget.why_not}` : words;
  find("budget-bar").max = Math.max(budget.day_max, 0.01);
  find("budget-bar").value = budget.day;
}

function setReply(message) {
  const wasAtEnd = isAtEnd();
  state.replyTo = message?.id ?? null;
  find("reply").hidden = !message;
  find("reply-name").textContent = message?.name ?? "";
  find("reply-text").textContent = message ? message.text || message.media : "";
  if (message) find("text").focus();
  if (wasAtEnd) toEnd();
}

function drawTyping() {
  const { typing } = state;
  const room = currentRoom();
  const on = Boolean(typing && room && typing.chat === room.id && typing.until > Date.now() && (room.kind !== "forum" || typing.topic === state.topic));
  const box = find("typing");
  box.classList.toggle("on", on);
  const idle = room?.kind === "private" ? "приватний чат" : room?.bot_is_in ? `${countPeople(state.world.people.length)} і бот` : "бота тут немає";
  box.textContent = on ? `${state.world.bot.name} пише…` : idle;
}

function countPeople(count) {
  const words = { one: "людина", few: "людини", many: "людей", other: "людей" };
  return `${count} ${words[new Intl.PluralRules("uk").select(count)]}`;
}

function setTyping({ chat, topic, left_ms: left }) {
  state.typing = { chat, topic, until: Date.now() + left };
  drawTyping();
  if (left > 0) setTimeout(drawTyping, left + 50);
}

async function send() {
  const box = find("text");
  const text = box.value.trim();
  const room = currentRoom();
  if (!text || !room) return;
  const body = { chat: room.id, topic: state.topic, person: state.person, text, reply_to: state.replyTo };
  box.value = "";
  fit();
  setReply(null);
  if ((await act("/sandbox/api/say", body)) === undefined && !box.value) { box.value = text; fit(); }
}

function fit() {
  const box = find("text");
  const wasAtEnd = isAtEnd();
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
  if (wasAtEnd) toEnd();
}

function listen() {
  const events = new EventSource("/sandbox/events");
  let opened = false;
  const on = (name, take) => events.addEventListener(name, (event) => take(JSON.parse(event.data)));
  on("message", update);
  on("removed", ({ chat, id }) => { if (chat === currentRoom()?.id) { state.messages.delete(id); find(`m${id}`)?.remove(); } });
  on("typing", setTyping);
  on("toast", ({ person, text }) => { if (person === state.person) toast(text); });
  on("resync", () => loadWorld());
  // After a break the page may have missed something.
  events.addEventListener("open", () => { if (opened) loadWorld(); opened = true; });
  events.addEventListener("error", () => toast("Зв'язок із пісочницею перервано, пробую ще…"));
}

find("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  if (event.key === "Escape") setReply(null);
});
find("text").addEventListener("input", fit);
find("reply-off").addEventListener("click", () => setReply(null));
find("mention").addEventListener("click", () => {
  const box = find("text");
  const mention = `@${state.world.bot.username} `;
  if (!box.value.includes(mention.trim())) box.value = mention + box.value;
  box.focus();
});
find("down").addEventListener("click", toEnd);
find("messages").addEventListener("scroll", () => { state.atEnd = isAtEnd(); find("down").hidden = state.atEnd; });
setInterval(() => { if (state.world) { redrawStatuses(); refreshFates(); } }, 2000);
setInterval(() => { if (state.world) refreshBudget(); }, 5000);

loadWorld().then(listen, (error) => toast(error.message));
