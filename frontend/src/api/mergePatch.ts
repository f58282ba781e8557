export type Entry = Record<string, unknown>

/** The JSON merge patch (RFC 7396) that makes the wanted object of the old one; what is undefined is not there. */
export function mergePatch(old: Entry, wanted: Entry): Entry {
  const keys = new Set([...Object.keys(old), ...Object.keys(wanted)])
  return Object.fromEntries([...keys].flatMap((key) => change(key, old[key], wanted[key])))
}

function change(key: string, old: unknown, wanted: unknown): [string, unknown][] {
  if (wanted === undefined) return old === undefined ? [] : [[key, null]]
  if (isObject(old) && isObject(wanted)) {
    const inner = mergePatch(old, wanted)
    return Object.keys(inner).length ? [[key, inner]] : []
  }
  return JSON.stringify(old) === JSON.stringify(wanted) ? [] : [[key, wanted]]
}

function isObject(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
