// Pictures, buttons and inputs that can be seen and have no name for those who can't see them.
() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const named = (element) =>
    element.getAttribute("aria-label") ||
    element.title ||
    element.textContent.trim() ||
    element.labels?.length ||
    document.getElementById(element.getAttribute("aria-labelledby") || "") ||
    element.querySelector('img[alt]:not([alt=""]), [aria-label], title');
  const pictures = [...document.querySelectorAll("img")].filter(
    (image) => seen(image) && !image.alt && !image.closest("footer")
  );
  const controls = [...document.querySelectorAll("button, a, input, textarea, select")].filter(
    (element) =>
      (seen(element) || element.type === "file") &&
      !element.closest("[aria-hidden=true]") &&
      !named(element)
  );
  return [...pictures, ...controls].map((element) => element.outerHTML.slice(0, 200));
};
