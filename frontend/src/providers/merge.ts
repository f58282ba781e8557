export type Entry = Record<string, unknown>

/** The JSON merge patch (RFC 7396) from one object to another. What both lack, or have alike, is not in it. */
export function mergePatch(old: Entry, wanted: Entry): Entry {
  const keys = new Set([...Object.keys(old), ...Object.keys(wanted)])
  return Object.fromEntries([...keys].flatMap((key) => change(key, old[key], wanted[key])))
}

function change(key: string, old: unknown, wanted: unknown): [string, unknown][] {
  if (wanted == null) return old == null ? [] : [[key, null]]
  if (isObject(old) && isObject(wanted)) {
    const inner = mergePatch(old, wanted)
    return Object.keys(inner).length ? [[key, inner]] : []
  }
  return JSON.stringify(old) === JSON.stringify(wanted) ? [] : [[key, wanted]]
}

function isObject(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
