const FORM = "form[data-mark]";

/** The digits that choose the items of a rubric. */
export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

/** Choose the n-th item of the rubric of the question that is being marked. */
export function toggleItem(event: KeyboardEvent, number: string): void {
  if (isTyping(event)) return;
  currentForm()?.querySelector<HTMLInputElement>(`[data-rubric-item="${number}"]`)?.click();
}

/** Save the mark of the question that is being marked. */
export function saveMark(event: KeyboardEvent): void {
  if (!isTyping(event)) currentForm()?.requestSubmit();
}

function isTyping({ target }: KeyboardEvent): boolean {
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** The form that has the focus, otherwise the first that can be seen. */
function currentForm(): HTMLFormElement | null | undefined {
  const focused = document.activeElement?.closest<HTMLFormElement>(FORM);
  if (focused) return focused;
  return [...document.querySelectorAll<HTMLFormElement>(FORM)].find((form) => {
    const { top, bottom } = form.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  });
}
