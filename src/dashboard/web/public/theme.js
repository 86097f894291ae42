// Before the first paint, so that nothing flashes; a file, because the page's policy forbids inline scripts.
(() => {
  let wanted = null;
  try {
    wanted = localStorage.getItem("theme");
  } catch {
    // Storage is switched off: the system decides.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = wanted ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", () => {
    if (wanted === null) apply();
  });
  addEventListener("theme", (event) => {
    wanted = event.detail;
    apply();
  });
  apply();
})();
