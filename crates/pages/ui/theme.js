// Sets the chosen theme before the first paint. Loaded without `defer`, so it stays tiny.
try {
  const theme = localStorage.getItem("millstream-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the system's theme stands.
}
