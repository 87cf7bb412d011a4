/** What the hidden fields of the form that leads to the case say of the way here. */

const NAMES = ["door", "age", "relation", "told"] as const;

export function saidIn(form: HTMLFormElement): Record<string, string> {
  const fields = new FormData(form);
  const said: Record<string, string> = {};
  for (const name of NAMES) {
    const value = fields.get(name);
    if (typeof value === "string") {
      said[name] = value;
    }
  }
  return said;
}
