/** Whether work ended because somebody pressed «Stop», which is no fault. */
export function isStopped(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
