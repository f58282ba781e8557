import { describe, expect, test } from "vitest"
import { draftOf, emptyDraft, hasMoved, newOf, patchOf, unsavedOf, wrongMetadata, type Draft, type Preset, type Provider } from "./draft"

const OPENAI = { name: "openai", base_url: "https://api.openai.com/v1", adapter: "openai" } as Preset

const PROVIDER = {
  id: 1,
  name: "openai",
  base_url: "https://api.openai.com/v1",
  adapter: "openai",
  models: ["gpt-5.2"],
  is_active: true,
  api_key: { set: true, source: "sealed", fingerprint: "3f9a" },
  status: "online",
  headers: { "x-team": "[redacted]", "x-old": "1" },
  timeouts: { connect: "5s", idle: 90 },
  metadata: { owner: "ops", tags: { a: 1 } },
} as unknown as Provider

describe("a patch holds what was changed and nothing else", () => {
  const rows: [string, (draft: Draft) => void, Record<string, unknown>][] = [
    ["nothing", () => {}, {}],
    ["another name", (draft) => (draft.name = "main"), { name: "main" }],
    ["a list as a whole", (draft) => draft.models.push("o5"), { models: ["gpt-5.2", "o5"] }],
    ["a number as a number", (draft) => (draft.max_in_flight = "20"), { max_in_flight: 20 }],
    ["what is no number as it is, for the server to refuse", (draft) => (draft.max_in_flight = "many"), { max_in_flight: "many" }],
    ["one entry of a map", (draft) => (draft.timeouts.total = "10m"), { timeouts: { total: "10m" } }],
    ["one entry of a map, gone", (draft) => (draft.timeouts.idle = ""), { timeouts: { idle: null } }],
    ["a map, gone", (draft) => (draft.timeouts = {}), { timeouts: null }],
    ["a quirk", (draft) => (draft.quirks = { system: "first", top_k: "true" }), { quirks: { system: "first", top_k: true } }],
    ["a header, gone; a hidden one stays hidden", (draft) => draft.headers.splice(1, 1), { headers: { "x-old": null } }],
    ["deep in the metadata", (draft) => (draft.metadata = '{"owner":"ops","tags":{}}'), { metadata: { tags: { a: null } } }],
    ["a key that was typed", (draft) => (draft.key = { how: "plain", text: " sk-1 " }), { api_key: "sk-1" }],
    ["a key that was to be typed", (draft) => (draft.key = { how: "plain", text: "" }), {}],
    ["a reference", (draft) => (draft.key = { how: "reference", text: "env:OPENAI_API_KEY" }), { api_key: "env:OPENAI_API_KEY" }],
    ["the key, gone", (draft) => (draft.key = { how: "none", text: "" }), { api_key: null }],
    ["another vendor at its own address", (draft) => Object.assign(draft, { vendor: "groq", base_url: "", adapter: "" }), { vendor: "groq", base_url: null, adapter: null }],
    ["a switch", (draft) => (draft.allow_private = true), { allow_private: true }],
  ]
  test.each(rows)("%s", (_, change, patch) => {
    const draft = draftOf(PROVIDER)
    change(draft)
    expect(patchOf(PROVIDER, draft)).toEqual(patch)
  })
})

describe("a new provider says no more than a person would have written", () => {
  const rows: [string, Partial<Draft>, Preset | undefined, Record<string, unknown>][] = [
    ["a vendor by its own name", { name: "OpenAI", vendor: "openai", adapter: "openai", key: { how: "plain", text: "sk-1" } }, OPENAI, { name: "OpenAI", api_key: "sk-1" }],
    ["a vendor by another name", { name: "work", vendor: "openai" }, OPENAI, { name: "work", vendor: "openai" }],
    ["the vendor's own address", { name: "openai", vendor: "openai", base_url: "https://api.openai.com/v1/" }, OPENAI, { name: "openai" }],
    ["an address of one's own", { name: "here", base_url: "http://127.0.0.1:9/v1", adapter: "openai" }, undefined, { name: "here", base_url: "http://127.0.0.1:9/v1" }],
    ["another wire format", { name: "openai", vendor: "openai", adapter: "responses" }, OPENAI, { name: "openai", adapter: "responses" }],
    ["switches that were moved", { name: "a", is_active: false, allow_private: true }, undefined, { name: "a", is_active: false, allow_private: true }],
  ]
  test.each(rows)("%s", (_, change, preset, entry) => {
    expect(newOf({ ...emptyDraft(), ...change }, preset)).toEqual(entry)
  })
})

test("a key that stays is asked for again when the origin is another", () => {
  const moved = (url: string) => hasMoved(PROVIDER, { ...draftOf(PROVIDER), base_url: url })
  expect([moved("https://api.openai.com/v2"), moved("https://eu.api.openai.com/v1"), moved("")]).toEqual([false, true, false])
  expect(hasMoved(PROVIDER, { ...draftOf(PROVIDER), base_url: "https://a.example", key: { how: "plain", text: "k" } })).toBe(false)
})

test("only a key that was typed is tried", () => {
  const draft = { ...emptyDraft(), base_url: " http://127.0.0.1:9/v1 ", key: { how: "reference" as const, text: "env:A" } }
  expect(unsavedOf(draft)).toEqual({ base_url: "http://127.0.0.1:9/v1", api_key: null, adapter: null, vendor: null, models: [], allow_private: false })
})

test("metadata is a JSON object or nothing", () => {
  expect([wrongMetadata(""), wrongMetadata('{"a": 1}')]).toEqual([null, null])
  expect(wrongMetadata("[1]")).toBe("It must be a map: {…}")
  expect(wrongMetadata("{")).toBeTruthy()
})
