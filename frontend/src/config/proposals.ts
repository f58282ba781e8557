import { ITEM, outline, placeAt, type Entry, type Place } from "./outline"
import { aboutPath, kindOf, schemasAt, valuesOf, type Schema } from "./schema"

/** One thing that may be written where the cursor is. */
export interface Proposal {
  label: string
  apply: string
  kind: "key" | "value" | "name"
  detail?: string
  about?: string
}

/** What may be written at an offset, and from where on it replaces what is there. Pure. */
export function proposalsAt(root: Schema, text: string, offset: number): { from: number; proposals: Proposal[] } | null {
  const place = placeAt(text, offset)
  if (!place) return null
  const keys = place.kind === "value" ? [] : keysAt(root, place, text)
  const values = place.kind === "key" ? [] : valuesAt(root, place, text, offset)
  const proposals = [...values, ...keys]
  return proposals.length ? { from: place.from, proposals } : null
}

function keysAt(root: Schema, place: Place, text: string): Proposal[] {
  const there = keysThere(place, text)
  const schemas = schemasAt(root, place.path).filter((schema) => schema.properties)
  return schemas.flatMap((schema) =>
    Object.entries(schema.properties!)
      .filter(([name]) => !there.has(name))
      .map(([name, child]) => ({
        label: name,
        apply: `${name}: `,
        kind: "key" as const,
        detail: kindOf(root, child),
        about: [aboutPath(root, [...place.path, name]), told(child)].filter(Boolean).join(" "),
      })),
  )
}

/** Keys that the map has already; those of items of a list are not told apart, so none of them are left out. */
function keysThere(place: Place, text: string): Set<string> {
  if (place.path.includes(ITEM)) return new Set()
  const inside = outline(text).filter((entry) => entry.path.length === place.path.length + 1 && startsWith(entry.path, place.path))
  return new Set(inside.map((entry) => entry.path.at(-1)!))
}

function told(schema: Schema): string | null {
  return schema.default === undefined ? null : `When left out: ${JSON.stringify(schema.default)}.`
}

function valuesAt(root: Schema, place: Place, text: string, offset: number): Proposal[] {
  const own = namesAt(place, text, offset)
  if (own.length) return own
  const schemas = schemasAt(root, place.path)
  const values = new Set(schemas.filter((schema) => !schema.properties).flatMap(valuesOf))
  return [...values].map((label) => ({ label, apply: label, kind: "value" }))
}

/** Names that the file itself declares: providers and their models in nodes, routes in clients. */
function namesAt(place: Place, text: string, offset: number): Proposal[] {
  const [section, , ...rest] = place.path
  const shape = rest.join(".")
  const entries = outline(text)
  if (section === "routes" && (shape === ITEM || shape === `nodes.${ITEM}`)) return names(targets(entries), "target")
  if (section === "routes" && shape.endsWith(`${ITEM}.provider`)) return names(under(entries, "providers"), "provider")
  if (section === "routes" && shape.endsWith(`${ITEM}.models.${ITEM}`)) return names(modelsHere(entries, place, offset), "model")
  if (section === "clients" && shape === `routes.${ITEM}`) return names(under(entries, "routes"), "route")
  return []
}

function names(labels: string[], detail: string): Proposal[] {
  return [...new Set(labels)].map((label) => ({ label, apply: written(label), kind: "name", detail }))
}

/** A name as YAML: in quotes where it would be read as something else. */
function written(name: string): string {
  return /^[A-Za-z_][\w./@+ -]*(?::[\w./-]+)*$/.test(name) && !/^(?:true|false|null|yes|no|on|off)$/i.test(name) ? name : JSON.stringify(name)
}

function under(entries: Entry[], section: string): string[] {
  return entries.filter((entry) => entry.path.length === 2 && entry.path[0] === section).map((entry) => entry.path[1]!)
}

function modelsOf(entries: Entry[], provider: string): string[] {
  const path = ["providers", provider, "models", ITEM]
  return entries.filter((entry) => entry.path.length === 4 && startsWith(entry.path, path)).map((entry) => entry.value)
}

function targets(entries: Entry[]): string[] {
  return under(entries, "providers").flatMap((provider) => {
    const models = modelsOf(entries, provider)
    return models.length ? models.map((model) => `${provider}/${model}`) : [`${provider}/`]
  })
}

/** The models of the provider that this node names: the one that stands nearest before the cursor. */
function modelsHere(entries: Entry[], place: Place, offset: number): string[] {
  const path = [...place.path.slice(0, -2), "provider"]
  const provider = entries.filter((entry) => entry.from < offset && entry.path.length === path.length && startsWith(entry.path, path)).at(-1)
  return provider ? modelsOf(entries, provider.value) : under(entries, "providers").flatMap((name) => modelsOf(entries, name))
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((step, at) => path[at] === step)
}
