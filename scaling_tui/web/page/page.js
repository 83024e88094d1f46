// Runs after textual.js, which starts the terminal when the page has loaded.

// The cookie is set: the token need not stay in the address bar.
history.replaceState(null, "", "/");

const start = window.onload;
window.onload = async (event) => {
  const terminal = document.getElementById("terminal");
  const again = document.getElementById("again");
  // Where the page came from, which may be the other end of a tunnel.
  terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/ws`;
  again.onclick = () => location.reload();
  // Not before the app has drawn: it begins without the focus, and would miss that it has it.
  new MutationObserver(() => {
    const shown = document.body.classList;
    if (shown.contains("-closed")) again.focus();
    else if (shown.contains("-first-byte")) terminal.querySelector("textarea").focus();
  }).observe(document.body, { attributeFilter: ["class"] });
  // The terminal measures its cells once, so the font has to be there.
  const fonts = ["16px", "bold 16px", "italic 16px"].map((style) => `${style} "Roboto Mono"`);
  await Promise.allSettled(fonts.map((font) => document.fonts.load(font)));
  start(event);
};

// Downloads come as new windows, which browsers block unless a key was just pressed.
const open = window.open.bind(window);
window.open = (url, target) => {
  if (!url.startsWith(`${location.origin}/download/`)) return open(url, target, "noopener");
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
  return null;
};
