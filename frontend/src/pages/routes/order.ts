import type { DraftNode, Mode } from "./draft"

/** Nodes that are tried before those of the next tier. Outside of `multi` there is one. */
export interface Tier {
  priority: number
  nodes: DraftNode[]
}

/** A place in a route: in the tier of this priority, before the node that is there at `index` (not counting itself). */
export interface Place {
  priority: number
  index: number
}

/** The tiers in the order they are tried; inside of one, nodes stand as they do in the file. */
export function tiersOf(nodes: readonly DraftNode[], mode: Mode): Tier[] {
  if (mode !== "multi") return [{ priority: 0, nodes: [...nodes] }]
  const priorities = [...new Set(nodes.map((node) => node.priority))].sort((one, other) => one - other)
  return priorities.map((priority) => ({ priority, nodes: nodes.filter((node) => node.priority === priority) }))
}

/** The nodes with one of them at another place; lines that need not move stay where they are in the file. */
export function placed(nodes: readonly DraftNode[], mode: Mode, key: number, place: Place): DraftNode[] {
  const from = nodes.findIndex((node) => node.key === key)
  const node = nodes[from]!
  const others = nodes.filter((each) => each.key !== key)
  if (mode !== "multi") return [...others.slice(0, place.index), node, ...others.slice(place.index)]

  const put = { ...node, priority: place.priority }
  const mates = others.filter((each) => each.priority === place.priority)
  const at = (mate: DraftNode | undefined, list: readonly DraftNode[]) => list.findIndex((each) => each.key === mate?.key)
  const [before, after] = [mates[place.index - 1], mates[place.index]]
  const isInPlace = (!before || at(before, nodes) < from) && (!after || at(after, nodes) > from)
  if (isInPlace) return nodes.map((each) => (each.key === key ? put : each))
  const to = after ? at(after, others) : at(before, others) + 1
  return [...others.slice(0, to), put, ...others.slice(to)]
}

/** Where one step up (-1) or down (1) leads; null when there is nowhere to go. Beyond the last tier is a new one. */
export function stepFrom(nodes: readonly DraftNode[], mode: Mode, key: number, step: -1 | 1): Place | null {
  const tiers = tiersOf(nodes, mode)
  const at = tiers.findIndex((tier) => tier.nodes.some((node) => node.key === key))
  const tier = tiers[at]
  if (!tier) return null
  const index = tier.nodes.findIndex((node) => node.key === key) + step
  if (index >= 0 && index < tier.nodes.length) return { priority: tier.priority, index }
  const next = tiers[at + step]
  if (next) return { priority: next.priority, index: step < 0 ? next.nodes.length : 0 }
  return mode === "multi" && tier.nodes.length > 1 ? { priority: tier.priority + step, index: 0 } : null
}

/** Where a node now is, to be read out. */
export function whereabouts(nodes: readonly DraftNode[], mode: Mode, key: number): string {
  const tiers = tiersOf(nodes, mode)
  const at = tiers.findIndex((tier) => tier.nodes.some((node) => node.key === key))
  const tier = tiers[at]!
  const place = `${tier.nodes.findIndex((node) => node.key === key) + 1} of ${tier.nodes.length}`
  return mode === "multi" ? `${place} in tier ${at + 1}, priority ${tier.priority}` : place
}

/** A tier as it is on the screen: its edges, and the middles of its rows but for the one that is dragged. */
export interface TierBox {
  priority: number
  top: number
  bottom: number
  middles: number[]
}

const BEYOND = 16 // pixels below the last tier: a tier of its own is meant

/** Where a node that is dragged to `y` would be put. */
export function dropAt(tiers: readonly TierBox[], y: number, mode: Mode): Place | null {
  const last = tiers.at(-1)
  if (!last) return null
  if (mode === "multi" && y > last.bottom + BEYOND) return { priority: last.priority + 1, index: 0 }
  const distance = (tier: TierBox) => Math.max(tier.top - y, y - tier.bottom, 0)
  const nearest = tiers.reduce((best, tier) => (distance(tier) < distance(best) ? tier : best))
  return { priority: nearest.priority, index: nearest.middles.filter((middle) => middle < y).length }
}
