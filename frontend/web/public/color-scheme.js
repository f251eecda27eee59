// Runs before the first paint, so that a page in dark mode does not flash white.
// Inline scripts are not allowed here (Content-Security-Policy), hence a file.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("collegium-color-scheme");
  } catch {
    // Storage may be blocked; then the system decides.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
