import { mergePatch } from "@/api/mergePatch"
import type { components } from "@/api/schema"

type Schemas = components["schemas"]
export type Route = Schemas["Route"]
export type Mode = Route["mode"]
export type Strategy = Route["strategy"]
export type RoutePatch = Schemas["RoutePatch"]
export type NewRoute = Schemas["NewRoute"]

/** A node as it is edited. `strategy` is empty where the route's holds; `metadata` is JSON, or empty. */
export interface DraftNode {
  key: number
  provider: string
  models: string[]
  strategy: Strategy | ""
  priority: number
  metadata: string
}

/** A route as it is edited: what is null or empty is left to `defaults`. */
export interface RouteDraft {
  name: string
  mode: Mode
  strategy: Strategy
  affinity: string
  match: string[]
  max_attempts: number | null
  retry_on: string[] | null
  on_loss: "" | "warn" | "reject"
  config: string
  nodes: DraftNode[]
}

/** Which failures let the next target be tried, in the order they are written. */
export const RETRIES = ["408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled", "auth"] as const
export const USUAL_RETRIES = RETRIES.filter((word) => word !== "auth")

let lastKey = 0

export function newNode(provider = "", models: string[] = [], priority = 0): DraftNode {
  return { key: ++lastKey, provider, models, strategy: "", priority, metadata: "" }
}

export function newDraft(): RouteDraft {
  return { name: "", mode: "auto", strategy: "failover", affinity: "none", match: [], max_attempts: null, retry_on: null, on_loss: "", config: "", nodes: [] }
}

export function draftOf(route: Route): RouteDraft {
  return {
    name: route.name,
    mode: route.mode,
    strategy: route.strategy,
    affinity: route.affinity ?? "none",
    match: [...(route.match ?? [])],
    max_attempts: route.max_attempts ?? null,
    retry_on: route.retry_on?.map(String) ?? null,
    on_loss: route.on_loss ?? "",
    config: jsonOf(route.config),
    nodes: route.nodes.map((node) => ({
      ...newNode(node.provider_name, [...node.models], node.priority),
      strategy: node.strategy === route.strategy ? "" : node.strategy,
      metadata: jsonOf(node.metadata),
    })),
  }
}

function jsonOf(value: object | undefined): string {
  return value && Object.keys(value).length ? JSON.stringify(value, null, 2) : ""
}

/** A map that was written as JSON; empty is an empty one. Throws a SyntaxError that says what is wrong. */
function mapOf(text: string): Record<string, unknown> {
  if (!text.trim()) return {}
  const value: unknown = JSON.parse(text)
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("This must be a JSON object: {…}.")
  return value as Record<string, unknown>
}

/** What is wrong with a map, in words; null when it is one. */
export function wrongMap(text: string): string | null {
  try {
    mapOf(text)
    return null
  } catch (error) {
    return `Not a JSON object: ${(error as Error).message}`
  }
}

/** What keeps a draft from being sent; what else may be wrong the server knows better. */
export function wrongIn(draft: RouteDraft): string | null {
  if (!draft.name.trim()) return "The route needs a name."
  const at = draft.nodes.findIndex((node) => !node.provider)
  if (at >= 0) return `Node ${at + 1} needs a provider.`
  if (wrongMap(draft.config)) return "`config` is not a JSON object."
  const bad = draft.nodes.findIndex((node) => wrongMap(node.metadata))
  return bad >= 0 ? `The metadata of node ${bad + 1} is not a JSON object.` : null
}

/** The whole route, to be created. Throws where `wrongIn` finds something. */
export function payloadOf(draft: RouteDraft): NewRoute {
  const kept = Object.entries(told(draft)).filter(([, value]) => value !== null)
  return { ...Object.fromEntries(kept), is_active: true } as NewRoute
}

/** A merge patch with what a person has changed, and nothing else. Throws where `wrongIn` finds something. */
export function patchOf(before: RouteDraft, now: RouteDraft): RoutePatch {
  const [old, wanted] = [told(before), told(now)]
  const changed = Object.entries(wanted).filter(([name, value]) => !same(value, old[name as keyof typeof old]))
  const patch: Record<string, unknown> = Object.fromEntries(changed)
  if (patch.config) patch.config = mergePatch(mapOf(before.config), mapOf(now.config))
  return patch as RoutePatch
}

function told(draft: RouteDraft) {
  const config = mapOf(draft.config)
  return {
    name: draft.name.trim(),
    mode: draft.mode,
    strategy: draft.strategy,
    affinity: draft.affinity === "none" ? null : draft.affinity,
    match: draft.match.length ? draft.match : null,
    max_attempts: draft.max_attempts,
    retry_on: draft.retry_on?.map((word) => (/^\d+$/.test(word) ? Number(word) : word)) ?? null,
    on_loss: draft.on_loss || null,
    config: Object.keys(config).length ? config : null,
    nodes: draft.nodes.map(toldNode),
  }
}

function toldNode(node: DraftNode) {
  const { provider, models, priority } = node
  return { provider, models, priority, metadata: mapOf(node.metadata), ...(node.strategy ? { strategy: node.strategy } : {}) }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** How a node is called in a sentence. */
export function nameOf(node: Pick<DraftNode, "provider" | "models">): string {
  if (!node.provider) return "a node without a provider"
  const [first, ...more] = node.models
  return `${node.provider}/${first ? `${first}${more.length ? ` +${more.length}` : ""}` : "*"}`
}
