import { expect, test } from "vitest"
import { emptyDraft, type Draft, type Provider } from "./draft"
import { whyNot } from "./look"

const SAVED = { base_url: "https://api.openai.com/v1", api_key: { set: true } } as Provider
const draft = (change: Partial<Draft>): Draft => ({ ...emptyDraft(), ...change })
const KEPT = { how: "keep", text: "" } as const

test.each([
  ["nothing was entered", draft({}), undefined, "Choose a vendor, or enter its address."],
  ["an address", draft({ base_url: "http://127.0.0.1:9" }), undefined, null],
  ["a vendor", draft({ vendor: "openai" }), undefined, null],
  ["the built-in echo", draft({ adapter: "echo" }), undefined, null],
  ["a reference", draft({ vendor: "openai", key: { how: "reference", text: "env:A" } }), undefined, "A reference is tested once it is saved."],
  ["a key for another address", draft({ base_url: "https://b.example", key: KEPT }), SAVED, "Enter the key again: it was given for another address."],
] as const)("%s", (_, entered, saved, why) => {
  expect(whyNot(entered, saved, false)).toBe(why)
  expect(whyNot(entered, saved, true)).toBe(null)
})
