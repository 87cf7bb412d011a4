/** The texts that a template hands to its script: a list of names and messages, with {values} to fill in. */

export type Say = (name: string, values?: Readonly<Record<string, string>>) => string;

export function wordsOf(list: HTMLElement): Say {
  const names = [...list.querySelectorAll("dt")];
  const messages = new Map(
    names.map((name) => [name.textContent.trim(), name.nextElementSibling?.textContent.trim() ?? ""]),
  );
  return (name, values = {}) =>
    (messages.get(name) ?? name).replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}
