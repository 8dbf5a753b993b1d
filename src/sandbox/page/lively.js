"use strict";
// What makes the empty chat lively within a minute: things to try, a little talk among its people, pictures and voices.

// Who says it (by the order of the stage's people), what, and after how long.
const TALK = [
  [0, "Хлопці й дівчата, хто що робить на вихідних?", 0],
  [1, "Я збирався доклеїти шпалери, але вони перемагають", 2200],
  [2, "а я нарешті спечу той хліб на заквасці. третя спроба", 2600],
  [3, "Марко, перші дві досі лежать на балконі як цегла 😂", 2400],
  [1, "ахаха, ними можна підперти двері", 1800],
  [0, "Гряг, а ти б що порадив на вихідні?", 2600],
  [3, "і щоб без шпалер!", 2600],
];

const IDEAS = [
  ["Оживити чат", () => playTalk()],
  ["Гряг, ти хто?", "Гряг, ти хто такий і що вмієш?"],
  ["Пожартуй", "Грягу, розкажи щось смішне про понеділок"],
  ["/settings", "/settings"],
  ["/help", "/help"],
  ["Помовч", "Гряг, помовч 10 хвилин"],
  ["/privacy", "/privacy"],
];

let talking = false;

async function playTalk() {
  if (talking) return;
  talking = true;
  drawIdeas();
  const group = state.world.group;
  if (state.room !== group) await openRoom(group);
  for (const [who, text, pause] of TALK) {
    await new Promise((done) => setTimeout(done, pause));
    const person = state.world.people[who % state.world.people.length];
    await act("/sandbox/api/say", { chat: group, topic: null, person: person.id, text, reply_to: null });
  }
  talking = false;
  drawIdeas();
}

function say(text) {
  const room = currentRoom();
  return act("/sandbox/api/say", { chat: room.id, topic: state.topic, person: state.person, text, reply_to: null });
}

function drawIdeas() {
  find("ideas").replaceChildren(...IDEAS.map(([title, what], index) => {
    const button = element("button", index === 0 ? "first" : "", index === 0 && talking ? "Розмовляють…" : title);
    button.type = "button";
    button.disabled = index === 0 && talking;
    button.addEventListener("click", () => (typeof what === "function" ? what() : say(what)));
    return button;
  }));
}

const PICTURE_SIDE = 1280;

// Telegram's programs make a JPEG of every photo, and so does this page.
async function asJpeg(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, PICTURE_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
}

function base64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result.split(",")[1] ?? ""));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(blob);
  });
}

async function sendFile(file) {
  const room = currentRoom();
  if (!file || !room) return;
  const isSound = file.type.startsWith("audio/");
  const box = find("text");
  try {
    const content = isSound ? file : await asJpeg(file);
    const body = { chat: room.id, topic: state.topic, person: state.person, kind: isSound ? "voice" : "photo", data: await base64(content), caption: box.value.trim(), reply_to: state.replyTo };
    if ((await act("/sandbox/api/send", body)) !== undefined) { box.value = ""; fit(); setReply(null); }
  } catch {
    toast("Цей файл не читається.");
  }
}

find("attach").addEventListener("click", () => find("file").click());
find("file").addEventListener("change", () => { const [file] = find("file").files; find("file").value = ""; sendFile(file); });
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
  if (file) { event.preventDefault(); sendFile(file); }
});
drawIdeas();
