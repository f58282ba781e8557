import { mergePatch, type Entry } from "@/api/mergePatch"
import type { components } from "@/api/schema"

export type Provider = components["schemas"]["Provider"]
export type Preset = components["schemas"]["Preset"]
export type Unsaved = components["schemas"]["Unsaved"]

/** What becomes of the key: it stays as it is, is typed, is referred to, or goes. */
export interface KeyDraft {
  how: "keep" | "plain" | "reference" | "none"
  text: string
}

export interface Header {
  name: string
  value: string
}

/** A provider while it is edited: every field as its input has it. An empty text is a key that is left out. */
export interface Draft {
  name: string
  vendor: string
  base_url: string
  adapter: string
  key: KeyDraft
  models: string[]
  is_active: boolean
  allow_private: boolean
  max_in_flight: string
  proxy: string
  headers: Header[]
  timeouts: Record<string, string>
  health: Record<string, string>
  quirks: Record<string, string>
  echo: Record<string, string>
  metadata: string
}

const MAPS = ["timeouts", "health", "quirks", "echo"] as const

export function emptyDraft(): Draft {
  const empty = { id: 0, name: "", base_url: null, adapter: "", models: [], is_active: true }
  return { ...draftOf(empty as unknown as Provider), key: { how: "plain", text: "" } }
}

/** A provider as its form shows it. */
export function draftOf(provider: Provider): Draft {
  const told = provider as unknown as Entry
  return {
    name: provider.name,
    vendor: provider.vendor ?? "",
    base_url: provider.base_url ?? "",
    adapter: provider.adapter,
    key: { how: "keep", text: "" },
    models: [...provider.models],
    is_active: provider.is_active,
    allow_private: provider.allow_private ?? false,
    max_in_flight: textOf(provider.max_in_flight),
    proxy: provider.proxy ?? "",
    headers: Object.entries(provider.headers ?? {}).map(([name, value]) => ({ name, value })),
    metadata: provider.metadata && Object.keys(provider.metadata).length ? JSON.stringify(provider.metadata, null, 2) : "",
    ...(Object.fromEntries(MAPS.map((map) => [map, textsOf(told[map] as Entry | undefined)])) as Pick<Draft, (typeof MAPS)[number]>),
  }
}

/** The JSON merge patch that makes of a provider what its draft says; empty when that is what it is. Throws when the metadata is no JSON object. */
export function patchOf(provider: Provider, draft: Draft): Entry {
  const old = provider as unknown as Entry
  const before = Object.fromEntries(Object.keys(entryOf(draft, old)).map((key) => [key, old[key] ?? undefined])) // what is not in the file, the API tells as null
  const patch = mergePatch({ ...before, allow_private: old.allow_private ?? false }, entryOf(draft, old))
  return { ...patch, ...keyOf(draft) }
}

/** A new provider, with no more than a person would have written. */
export function newOf(draft: Draft, preset: Preset | undefined): Entry {
  const entry: Entry = { ...entryOf(draft, {}), ...keyOf(draft) }
  if (preset && means(draft.name, preset)) delete entry.vendor
  if (preset && isSame(draft.base_url, preset.base_url)) delete entry.base_url
  if (draft.adapter === (preset?.adapter ?? "openai")) delete entry.adapter
  const isUsual = (value: unknown) => value == null || value === false || (Array.isArray(value) && !value.length)
  return Object.fromEntries(Object.entries(entry).filter(([key, value]) => (key === "is_active" ? value === false : !isUsual(value))))
}

/** What test-direct and discover take of a draft. */
export function unsavedOf(draft: Draft): Unsaved {
  return {
    base_url: draft.base_url.trim() || null,
    api_key: draft.key.how === "plain" ? draft.key.text.trim() || null : null,
    adapter: draft.adapter || null,
    vendor: draft.vendor || null,
    models: draft.models,
    allow_private: draft.allow_private,
  }
}

/** Whether the stored key would be used for another address: the server asks for it again then. */
export function hasMoved(provider: Provider, draft: Draft): boolean {
  return provider.api_key.set && draft.key.how === "keep" && !!draft.base_url && originOf(draft.base_url) !== originOf(provider.base_url ?? "")
}

/** What is wrong with the metadata as typed; null when nothing is. */
export function wrongMetadata(text: string): string | null {
  try {
    metadataOf(text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function entryOf(draft: Draft, old: Entry): Entry {
  const maps = MAPS.map((map) => [map, valuesOf(draft[map], (old[map] as Entry | undefined) ?? {})])
  const headers = draft.headers.filter((header) => header.name.trim()).map((header) => [header.name.trim(), header.value])
  return {
    name: draft.name.trim(),
    vendor: draft.vendor || undefined,
    base_url: draft.base_url.trim() || undefined,
    adapter: draft.adapter || undefined,
    models: draft.models,
    is_active: draft.is_active,
    allow_private: draft.allow_private,
    max_in_flight: valueOf(draft.max_in_flight),
    headers: headers.length ? Object.fromEntries(headers) : undefined,
    proxy: draft.proxy.trim() || undefined,
    metadata: metadataOf(draft.metadata),
    ...Object.fromEntries(maps),
  }
}

function keyOf(draft: Draft): Entry {
  const { how, text } = draft.key
  if (how === "none") return { api_key: null }
  return how !== "keep" && text.trim() ? { api_key: text.trim() } : {}
}

function metadataOf(text: string): Entry | undefined {
  if (!text.trim()) return undefined
  const value: unknown = JSON.parse(text)
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("It must be a map: {…}")
  return value as Entry
}

function textsOf(map: Entry | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, textOf(value)]))
}

function valuesOf(texts: Record<string, string>, old: Entry): Entry | undefined {
  const filled = Object.entries(texts).filter(([, text]) => text !== "")
  const values = filled.map(([key, text]) => [key, textOf(old[key]) === text ? old[key] : key === "text" ? text : valueOf(text)])
  return values.length ? Object.fromEntries(values) : undefined
}

function textOf(value: unknown): string {
  return value == null ? "" : String(value)
}

/** Numbers and switches are written as such; anything else is left for the server to judge. */
function valueOf(text: string): unknown {
  const told = text.trim()
  if (!told) return undefined
  if (told === "true" || told === "false") return told === "true"
  return /^-?\d+(\.\d+)?$/.test(told) ? Number(told) : told
}

/** Whether a provider of this name is taken for the vendor's without a word. */
export function means(name: string, preset: Preset): boolean {
  return name.trim().toLowerCase().replaceAll(/[_ ]/g, "-") === preset.name
}

function isSame(one: string, other: string | null): boolean {
  return one.trim().replace(/\/+$/, "") === (other ?? "").replace(/\/+$/, "")
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}
