import { expect, test } from "vitest"
import type { Preset } from "@/providers/draft"
import { choices, vendorsOf } from "./key"

const preset = (name: string, ...key_prefixes: string[]) => ({ name, key_prefixes, base_url: `https://${name}.example` }) as Preset
const PRESETS = [
  preset("openai", "sk-proj-", "sk-"),
  preset("anthropic", "sk-ant-"),
  preset("openrouter", "sk-or-"),
  preset("deepseek", "sk-"),
  preset("gemini", "AIza"),
  { ...preset("vllm"), base_url: null },
]

test.each([
  ["sk-proj-abc", ["openai"]],
  ["  sk-ant-api03-abc\n", ["anthropic"]],
  ["sk-or-v1-abc", ["openrouter"]],
  ["AIzaSyAbc", ["gemini"]],
  ["sk-abc", ["openai", "deepseek"]],
  ["sk-ant-", ["openai", "deepseek"]],
  ["abc", []],
  ["", []],
])("the key %j is of %o", (key, names) => {
  expect(vendorsOf(key, PRESETS).map((vendor) => vendor.name)).toEqual(names)
})

test("when a key does not tell, the likely ones come first and those without an address not at all", () => {
  expect(choices("sk-abc", PRESETS).map((vendor) => vendor.name)).toEqual(["openai", "deepseek", "anthropic", "openrouter", "gemini"])
})
