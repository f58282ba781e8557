import { describe, expect, test } from "vitest"
import { draftOf, newDraft, newNode, patchOf, payloadOf, wrongIn, type Route, type RouteDraft } from "./draft"

const ROUTE = {
  id: 3,
  name: "by-tier",
  mode: "multi",
  strategy: "round-robin",
  is_active: true,
  config: { team: "a", limits: { day: 5 } },
  match: ["gpt-5*"],
  retry_on: [429, "5xx"],
  nodes: [
    { id: 1, api_id: 1, provider_name: "openai", models: ["gpt-5.2"], strategy: "round-robin", priority: 0, metadata: {} },
    { id: 2, api_id: 2, provider_name: "claude", models: [], strategy: "failover", priority: 1, metadata: { region: "eu" } },
  ],
  created_at: "",
  updated_at: "",
} as unknown as Route

function changed(change: (draft: RouteDraft) => void): object {
  const draft = draftOf(ROUTE)
  change(draft)
  return patchOf(draftOf(ROUTE), draft)
}

const NODES = [
  { provider: "openai", models: ["gpt-5.2"], priority: 0, metadata: {} },
  { provider: "claude", models: [], priority: 1, metadata: { region: "eu" }, strategy: "failover" },
]

describe("a patch says what was changed, and nothing else", () => {
  const table: [string, (draft: RouteDraft) => void, object][] = [
    ["nothing", () => {}, {}],
    ["a name", (draft) => (draft.name = " tiers "), { name: "tiers" }],
    ["the strategy: its nodes' own is not told", (draft) => (draft.strategy = "failover"), { strategy: "failover" }],
    ["no pattern", (draft) => (draft.match = []), { match: null }],
    ["an affinity", (draft) => (draft.affinity = "prompt"), { affinity: "prompt" }],
    ["attempts", (draft) => (draft.max_attempts = 5), { max_attempts: 5 }],
    ["retries as in defaults", (draft) => (draft.retry_on = null), { retry_on: null }],
    ["retries", (draft) => (draft.retry_on = ["408", "5xx"]), { retry_on: [408, "5xx"] }],
    ["a key of config that goes", (draft) => (draft.config = '{"team": "a", "limits": {}}'), { config: { limits: { day: null } } }],
    ["no config", (draft) => (draft.config = ""), { config: null }],
    ["the order of the nodes", (draft) => draft.nodes.reverse(), { nodes: [NODES[1], NODES[0]] }],
    ["a model", (draft) => (draft.nodes[0]!.models = ["gpt-5.3"]), { nodes: [{ ...NODES[0], models: ["gpt-5.3"] }, NODES[1]] }],
  ]
  test.each(table)("%s", (_, change, patch) => expect(changed(change)).toEqual(patch))
})

test("a new route leaves out what it does not say", () => {
  const draft = { ...newDraft(), name: "smart", nodes: [newNode("demo", ["echo"])] }
  expect(payloadOf(draft)).toEqual({
    name: "smart",
    mode: "auto",
    strategy: "failover",
    is_active: true,
    nodes: [{ provider: "demo", models: ["echo"], priority: 0, metadata: {} }],
  })
})

describe("what keeps a draft from being sent", () => {
  const table: [string, Partial<RouteDraft>, string | null][] = [
    ["nothing", {}, null],
    ["no name", { name: " " }, "The route needs a name."],
    ["no provider", { nodes: [newNode("demo"), newNode()] }, "Node 2 needs a provider."],
    ["a list for a map", { config: "[1]" }, "`config` is not a JSON object."],
    ["metadata that is no JSON", { nodes: [{ ...newNode("demo"), metadata: "{" }] }, "The metadata of node 1 is not a JSON object."],
  ]
  test.each(table)("%s", (_, change, wrong) => expect(wrongIn({ ...newDraft(), name: "a", ...change })).toBe(wrong))
})
