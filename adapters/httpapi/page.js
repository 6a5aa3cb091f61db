// Keeps the page up to date: the server sends the parts that changed, and ages
// are counted here. Without scripts the page reloads itself instead.
"use strict";

const spoken = document.getElementById("spoken");
const link = document.getElementById("link");
let role = currentRole();

function currentRole() {
  const el = document.querySelector("[data-role]");
  return el ? el.dataset.role : "";
}

// age shows the largest whole unit, as the server does.
function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 48 * 3600) return Math.floor(s / 3600) + " h";
  return Math.floor(s / 86400) + " days";
}

function showAges() {
  const now = Date.now();
  for (const el of document.querySelectorAll("time[datetime]")) {
    const text = age(now - Date.parse(el.dateTime)) + " ago";
    if (el.textContent !== text) el.textContent = text;
  }
}

function show(message) {
  const part = JSON.parse(message.data);
  const el = document.getElementById(part.id);
  if (!el) return;
  el.innerHTML = part.html; // escaped by the server; the policy runs nothing inline
  showAges();
  if (part.id === "who" && currentRole() !== role) {
    role = currentRole();
    document.title = document.title.replace(/^\S+/, role);
    spoken.textContent = "The role is now " + role + ".";
  }
}

function connect() {
  const source = new EventSource("events");
  source.onopen = () => { link.hidden = true; };
  source.onmessage = show;
  source.onerror = () => {
    link.hidden = false;
    // The browser tries again by itself, except after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  };
}

showAges();
setInterval(showAges, 1000);
connect();
