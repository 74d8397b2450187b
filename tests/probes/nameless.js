// Returns the visible pictures, buttons and inputs without an accessible name.
() => {
  const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
  const hasName = (element) =>
    element.getAttribute("aria-label") ||
    element.title ||
    element.textContent.trim() ||
    element.labels?.length ||
    document.getElementById(element.getAttribute("aria-labelledby") || "") ||
    element.querySelector('img[alt]:not([alt=""]), [aria-label], title');
  const pictures = [...document.querySelectorAll("img")].filter(
    (image) => isVisible(image) && !image.alt && !image.closest("footer")
  );
  const controls = [...document.querySelectorAll("button, a, input, textarea, select")].filter(
    (element) =>
      (isVisible(element) || element.type === "file") &&
      !element.closest("[aria-hidden=true]") &&
      !hasName(element)
  );
  return [...pictures, ...controls].map((element) => element.outerHTML.slice(0, 200));
};
