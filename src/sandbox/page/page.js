"use strict";
// The page holds no truth of its own: it reads the world once, then follows the events.

const find = (id) => document.getElementById(id);
const SILENT_AFTER_MS = 30_000;
const state = { world: null, clockSkew: 0, person: null, room: null, topic: null, messages: new Map(), replyTo: null, typing: null, fates: {}, unread: new Set() };

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
  if (message.media) bubble.append(element("span", "media", message.media));
  if (message.text) bubble.append(drawText(message));
  if (Array.isArray(message.buttons)) bubble.append(...message.buttons.map((row) => drawButtons(message, row)));
  const body = element("div", "body");
  body.append(bubble, drawUnder(message));
  item.append(avatar(message.name, message.author), body);
  return item;
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
  const liked = message.reactions.some((reaction) => reaction.by === state.person);
  const like = element("button", "", "👍");
  like.type = "button";
  like.title = liked ? "Забрати реакцію" : "Вподобати";
  like.setAttribute("aria-label", like.title);
  like.addEventListener("click", () => act("/sandbox/api/react", { chat: message.chat, message: message.id, person: state.person, what: liked ? "" : "👍" }));
  under.append(reply, like, ...drawReactions(message));
  if (message.status) {
    const [kind, words] = statusOf(message);
    under.append(element("span", `status ${kind}`, words));
  }
  return under;
}

function drawReactions(message) {
  const counts = new Map();
  for (const { emoji } of message.reactions) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  return [...counts].map(([emoji, count]) => element("span", "reaction", count > 1 ? `${emoji} ${count}` : emoji));
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
      if (told) return ["", told];
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
    if (!box || !message.status) continue;
    const [kind, words] = statusOf(message);
    if (box.textContent !== words) { box.textContent = words; box.className = `status ${kind}`; }
  }
}

async function refreshFates() {
  const room = currentRoom();
  const open = [...state.messages.values()].some((message) => message.status?.state === "delivered" && now() - message.status.at_ms < 120_000);
  if (!room || !open) return;
  try { state.fates = await ask(`/sandbox/api/fates?chat=${room.id}`); } catch { return; }
  redrawStatuses();
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
find("messages").addEventListener("scroll", () => { find("down").hidden = isAtEnd(); });
setInterval(() => { if (state.world) { redrawStatuses(); refreshFates(); } }, 2000);

loadWorld().then(listen, (error) => toast(error.message));
