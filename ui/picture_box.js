// Runs once in the page for each picture box: `element`, `props` and `trigger` are Gradio's, `OPTIONS` is picture_box.py's.
// The box's value is the picture as a data URL that carries its name, or "error:WHY", or "".
const host = element.closest(".picturable");
const words = () => OPTIONS.words[document.querySelector("#language input:checked")?.value ?? "zh"];
host.pictures?.abort();
host.pictures = new AbortController();
const heard = { signal: host.pictures.signal };

const sees = () => !host.querySelector(".picture-buttons").closest(".gone");
const wrong = (why) => { props.value = "error:" + why; trigger("wrong"); };

function asUrl(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}

// White below what is transparent; smaller until it is short enough.
async function smaller(file) {
  const picture = await createImageBitmap(file);
  for (let side = OPTIONS.side, quality = 0.92; side >= 64; side = Math.round(side * 0.8), quality = 0.85) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob && blob.size <= OPTIONS.bytes) return blob;
  }
  throw new Error("too large");
}

async function take(file) {
  if (!file) return;
  if (!sees()) return wrong("blind");
  try {
    const asItIs = file.size <= OPTIONS.bytes && OPTIONS.kinds.includes(file.type);
    const url = await asUrl(asItIs ? file : await smaller(file));
    const name = encodeURIComponent((file.name || "picture").slice(-40)).slice(0, 300).replace(/%.?$/, "");
    props.value = url.replace(/^data:([^;,]*).*?,/, (_, kind) => `data:${kind};name=${name};base64,`);
    trigger("input");
  } catch {
    wrong("unreadable");
  }
}

function pick() {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.addEventListener("change", () => take(input.files[0]));
  input.click();
}

async function photograph() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return wrong("camera");
  }
  const dialog = document.createElement("dialog");
  dialog.className = "camera";
  dialog.setAttribute("aria-label", words().take);
  const video = Object.assign(document.createElement("video"), { srcObject: stream, autoplay: true, muted: true, playsInline: true });
  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  const shoot = button(words().take, async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    dialog.close();
    take(blob && new File([blob], "photo.jpg", { type: "image/jpeg" }));
  });
  shoot.disabled = true;
  video.addEventListener("loadeddata", () => { shoot.disabled = false; });
  const row = document.createElement("div");
  row.append(shoot, button(words().close, () => dialog.close()));
  dialog.append(video, row);
  dialog.addEventListener("close", () => { stream.getTracks().forEach((track) => track.stop()); dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
}

const shown = (list) => [...(list ?? [])].find((file) => file.type.startsWith("image/"));
host.addEventListener("paste", (event) => {
  const file = shown(event.clipboardData?.files);
  if (file) { event.preventDefault(); take(file); }
}, heard);
host.addEventListener("dragover", (event) => {
  if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
}, heard);
host.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  const file = shown(event.dataTransfer.files);
  if (file) take(file); else wrong("unreadable");
}, heard);

// Not as events of Gradio's buttons: a browser opens a file dialog only within the click itself.
host.addEventListener("click", (event) => {
  if (event.target.closest(".pick")) pick();
  if (event.target.closest(".photograph")) photograph();
  if (event.target.closest(".take-away")) { props.value = ""; trigger("input"); }
}, heard);
const named = () => {
  element.querySelector(".take-away")?.setAttribute("aria-label", words().remove);
  element.querySelector("img")?.setAttribute("alt", words().picture);
};
new MutationObserver(named).observe(element, { childList: true, subtree: true });
document.querySelector("#language")?.addEventListener("change", () => setTimeout(named), heard);
