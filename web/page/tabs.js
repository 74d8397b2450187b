/**
 * The tabs: one is open, the arrow keys, Home and End move between them.
 *
 * @module
 */

/** @type {Record<string, (tabs: HTMLElement[], at: number) => HTMLElement | undefined>} */
const MOVES = {
  ArrowRight: (tabs, at) => tabs.at((at + 1) % tabs.length),
  ArrowLeft: (tabs, at) => tabs.at(at - 1),
  Home: (tabs) => tabs.at(0),
  End: (tabs) => tabs.at(-1),
};

/** Opens one panel at a time. */
export class Tabs {
  /** @param {HTMLElement} list the element with the role `tablist` */
  constructor(list) {
    /** @type {HTMLElement[]} */
    this.tabs = [...list.querySelectorAll("[role=tab]")].filter(
      (tab) => tab instanceof HTMLElement,
    );
    /** @type {Map<string, () => void>} */
    this.openers = new Map();
    list.addEventListener("click", (event) => {
      const tab = event.target instanceof Element && event.target.closest("[role=tab]");
      if (tab) this.open(tab.getAttribute("aria-controls") || "");
    });
    list.addEventListener("keydown", (event) => {
      const shown = this.tabs.filter((tab) => !tab.hidden);
      const at = shown.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      const next = at >= 0 && MOVES[event.key]?.(shown, at);
      if (!next) return;
      event.preventDefault();
      this.open(next.getAttribute("aria-controls") || "");
      next.focus();
    });
  }

  /**
   * Calls a function whenever a tab opens, and at once if it is open.
   *
   * @param {string} panel the id of the tab's panel
   * @param {() => void} opener
   */
  onOpen(panel, opener) {
    this.openers.set(panel, opener);
    if (this.isOpen(panel)) opener();
  }

  /** @param {string} panel the id of the panel to show */
  open(panel) {
    for (const tab of this.tabs) {
      const id = tab.getAttribute("aria-controls") || "";
      const isOpen = id === panel;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      const shown = document.getElementById(id);
      if (shown) shown.hidden = !isOpen;
    }
    this.openers.get(panel)?.();
  }

  /** @param {string} panel @returns {boolean} whether it is the one that is shown */
  isOpen(panel) {
    return !document.getElementById(panel)?.hidden;
  }

  /** Moves the focus to the tab that is open. */
  focus() {
    this.tabs.find((tab) => tab.tabIndex === 0)?.focus();
  }
}
