// Returns the texts whose contrast with their background is below WCAG 2.2 AA (1.4.3).
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  const blend = (top, below) =>
    [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
  const luminance = (rgb) => {
    const [r, g, b] = rgb
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement)
      layers.unshift(parse(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, layer) => blend(layer, below), [255, 255, 255]);
  };
  const ignored = ":disabled, svg, script, style, [aria-hidden=true], [role=tooltip]";
  const lowContrast = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim();
    const element = texts.currentNode.parentElement;
    if (!text || element.closest(ignored)) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const background = backgroundOf(element);
    const [dark, light] = [blend(parse(style.color), background), background].map(luminance).sort((a, b) => a - b);
    const contrast = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (contrast < (large ? 3 : 4.5)) lowContrast.add(`${contrast.toFixed(2)} ${text.slice(0, 60)}`);
  }
  return [...lowContrast];
};
