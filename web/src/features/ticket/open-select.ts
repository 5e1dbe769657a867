/** Opens the select inside `box` as a press on it would; anything else in there gets the focus. */
export function openSelect(box: Element | null): void {
  const control = box?.querySelector<HTMLElement>("button, input, select");
  control?.focus();
  if (control?.getAttribute("aria-haspopup") === "listbox" && control.tagName === "BUTTON") {
    control.click();
  }
}
