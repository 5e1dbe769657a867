// Runs before the first paint, so that a chosen theme or direction never flashes the other one.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("desk.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const locale = localStorage.getItem("desk.locale");
    if (locale) {
      root.lang = locale;
      root.dir = locale === "ar" ? "rtl" : "ltr";
    }
  } catch {
    // Storage can be switched off; the defaults stand.
  }
})();
