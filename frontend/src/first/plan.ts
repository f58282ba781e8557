import { emptyDraft, newOf, type Draft, type Preset } from "@/providers/draft"
import type { Entry } from "@/api/mergePatch"
import { freeName } from "@/providers/names"

/** What was entered, or chosen. */
export interface Entered {
  key: string
  vendor: Preset | undefined
  baseUrl: string
}

/** The draft of the provider that this makes; its name is its vendor's, or what its address says. */
export function draftFor({ key, vendor, baseUrl }: Entered, taken: readonly string[]): Draft {
  const name = freeName(vendor?.name ?? nameOf(baseUrl), taken)
  return { ...emptyDraft(), name, vendor: vendor?.name ?? "", base_url: baseUrl.trim(), key: { how: "plain", text: key.trim() } }
}

export function providerEntry(entered: Entered, taken: readonly string[]): Entry {
  return newOf(draftFor(entered, taken), entered.vendor)
}

export function routeEntry(name: string, provider: string, model: string): Entry {
  return { name, nodes: [{ provider, models: [model] }] }
}

/** The lines that a route of one target adds to router.yaml. */
export function routeLines(name: string, provider: string, model: string, isFirst: boolean): string[] {
  return [...(isFirst ? ["routes:"] : []), `  ${name}: [${provider}/${model}]`]
}

/** The lines that a diff adds; null when it takes any away. */
export function added(diff: string): string[] | null {
  const lines = diff.split("\n").filter((line) => !/^(\+\+\+|---)/.test(line))
  return lines.some((line) => line.startsWith("-")) ? null : lines.filter((line) => line.startsWith("+")).map((line) => line.slice(1))
}

/** Whether the server would add these very lines. */
export function isAsShown(diff: string, lines: readonly string[]): boolean {
  return JSON.stringify(added(diff)?.filter(Boolean)) === JSON.stringify(lines)
}

/** `https://api.example.com/v1` → `example`; an address of this machine or network → `local`. */
export function nameOf(baseUrl: string): string {
  if (!URL.canParse(baseUrl)) return "provider"
  const { hostname } = new URL(baseUrl)
  const labels = hostname.split(".")
  if (labels.length < 2 || /^[\d.]+$|^\[/.test(hostname)) return "local"
  return labels.at(-2)!
}
