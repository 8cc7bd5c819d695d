// Sets the chosen theme before the first paint, and says that scripts run. Loaded without `defer`, so it
// stays tiny.
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("millstream-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the system's theme stands.
}
