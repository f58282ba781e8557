import { describe, expect, test } from "vitest"
import { newNode, type DraftNode, type Mode } from "./draft"
import { dropAt, placed, stepFrom, tiersOf, whereabouts, type Place } from "./order"

/** `a0 b0 c1`: nodes in the order of the file, each with its priority. */
function nodesOf(text: string): DraftNode[] {
  return text.split(" ").map((word) => ({ ...newNode(word[0], [], Number(word.slice(1))), key: word.charCodeAt(0) }))
}

function textOf(nodes: readonly DraftNode[]): string {
  return nodes.map((node) => `${node.provider}${node.priority}`).join(" ")
}

const KEY = (name: string) => name.charCodeAt(0)

test("tiers are tried by priority, and have their nodes in the order of the file", () => {
  const tiers = tiersOf(nodesOf("a5 b-1 c5 d0"), "multi").map((tier) => [tier.priority, textOf(tier.nodes)])
  expect(tiers).toEqual([[-1, "b-1"], [0, "d0"], [5, "a5 c5"]])
  expect(tiersOf(nodesOf("a5 b-1"), "auto")).toHaveLength(1)
})

describe("a step", () => {
  const table: [Mode, string, string, -1 | 1, string | null][] = [
    ["auto", "a0 b0 c0", "b", -1, "b0 a0 c0"],
    ["auto", "a0 b0 c0", "b", 1, "a0 c0 b0"],
    ["auto", "a0 b0 c0", "a", -1, null],
    ["auto", "a0 b0 c0", "c", 1, null],
    ["auto", "a3 b0", "a", 1, "b0 a3"],
    ["multi", "a0 b0 c1", "a", 1, "b0 a0 c1"],
    ["multi", "a0 b0 c1", "b", 1, "a0 b1 c1"], // no line but its own changes
    ["multi", "a0 b0 c1", "c", -1, "a0 b0 c0"],
    ["multi", "c1 a0 b0", "c", -1, "a0 b0 c0"],
    ["multi", "a0 b0", "b", 1, "a0 b1"], // a tier of its own
    ["multi", "a0 b0", "a", -1, "a-1 b0"],
    ["multi", "a0 b1", "b", 1, null],
    ["multi", "a0 x2 b0", "a", 1, "x2 b0 a0"],
  ]
  test.each(table)("%s: %s, %s by %i → %s", (mode, before, name, step, after) => {
    const nodes = nodesOf(before)
    const place = stepFrom(nodes, mode, KEY(name), step)
    expect(place && textOf(placed(nodes, mode, KEY(name), place))).toBe(after)
  })
})

test("a node is put at any place of any tier", () => {
  const nodes = nodesOf("a0 b0 c1 d1")
  const table: [string, Place, string][] = [
    ["d", { priority: 0, index: 0 }, "d0 a0 b0 c1"],
    ["d", { priority: 0, index: 1 }, "a0 d0 b0 c1"],
    ["a", { priority: 1, index: 2 }, "b0 c1 d1 a1"],
    ["a", { priority: 7, index: 0 }, "a7 b0 c1 d1"],
    ["b", { priority: 0, index: 1 }, "a0 b0 c1 d1"],
  ]
  for (const [name, place, after] of table) expect(textOf(placed(nodes, "multi", KEY(name), place))).toBe(after)
})

test("where it is, to be read out", () => {
  expect(whereabouts(nodesOf("a0 b0 c1"), "multi", KEY("b"))).toBe("2 of 2 in tier 1, priority 0")
  expect(whereabouts(nodesOf("a0 b0 c1"), "auto", KEY("b"))).toBe("2 of 3")
})

describe("a drop", () => {
  const tiers = [
    { priority: 0, top: 0, bottom: 100, middles: [25, 75] },
    { priority: 4, top: 120, bottom: 170, middles: [145] },
  ]
  test.each<[number, Place]>([
    [-50, { priority: 0, index: 0 }],
    [30, { priority: 0, index: 1 }],
    [108, { priority: 0, index: 2 }],
    [113, { priority: 4, index: 0 }],
    [160, { priority: 4, index: 1 }],
    [300, { priority: 5, index: 0 }],
  ])("at %i", (y, place) => expect(dropAt(tiers, y, "multi")).toEqual(place))

  test("below one ring is its end", () => {
    expect(dropAt([{ priority: 0, top: 0, bottom: 100, middles: [25, 75] }], 999, "auto")).toEqual({ priority: 0, index: 2 })
    expect(dropAt([], 1, "auto")).toBeNull()
  })
})
