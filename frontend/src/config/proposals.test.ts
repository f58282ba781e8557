import { describe, expect, test } from "vitest"
import { proposalsAt } from "./proposals"
import { aboutPath, type Schema } from "./schema"

const files: string = "node:fs" // the pages' own types know no Node
const { readFileSync } = await import(/* @vite-ignore */ files)
const schema = JSON.parse(readFileSync("../schemas/router.schema.json", "utf8")) as Schema

const PROVIDERS = "providers:\n  demo: {adapter: echo, models: [one, two]}\n  open: {}\n"

function proposed(text: string): string[] {
  const offset = text.indexOf("‸")
  return proposalsAt(schema, text.replace("‸", ""), offset)?.proposals.map((each) => each.apply) ?? []
}

describe("what is proposed", () => {
  test("the sections of the file, but for those that it has", () => {
    expect(proposed("providers: {}\n‸")).toContain("routes: ")
    expect(proposed("providers: {}\n‸")).not.toContain("providers: ")
  })

  test.each([
    ["providers:\n  openai:\n    ‸", ["vendor: ", "base_url: ", "api_key: "]],
    ["providers:\n  openai: {‸", ["vendor: ", "base_url: "]],
    ["providers:\n  openai:\n    adapter: ‸", ["openai", "responses", "anthropic", "gemini", "echo"]],
    ["providers:\n  openai: {is_active: ‸", ["true", "false"]],
    ["providers:\n  openai:\n    quirks:\n      ‸", ["max_tokens_field: "]],
    ["providers:\n  openai:\n    timeouts: {connect: ‸", ["5s"]],
    [`${PROVIDERS}routes:\n  r: [‸`, ["demo/one", "demo/two", "open/"]],
    [`${PROVIDERS}routes:\n  r:\n    nodes:\n      - ‸`, ["demo/one", "provider: ", "models: "]],
    [`${PROVIDERS}routes:\n  r:\n    nodes:\n      - {provider: ‸`, ["demo", "open"]],
    [`${PROVIDERS}routes:\n  r:\n    nodes:\n      - {provider: demo, models: [‸`, ["one", "two"]],
    [`${PROVIDERS}routes:\n  r:\n    mode: ‸`, ["auto", "specific", "multi"]],
    ["routes:\n  smart: []\nclients:\n  me: {routes: [‸", ["smart"]],
    ["defaults:\n  retry_on: [‸", ["429", "5xx", "exhausted"]],
  ])("%j", (text, expected) => expect(proposed(text)).toEqual(expect.arrayContaining(expected)))

  test.each(["# ‸", "providers:\n  ‸", "providers:\n  a: {metadata: {‸"])("nothing: %j", (text) => expect(proposed(text)).toEqual([]))

  test("what the file has itself, not what the schema has as an example", () => {
    expect(proposed(`${PROVIDERS}routes:\n  r: [‸`)).toEqual(["demo/one", "demo/two", "open/"])
  })

  test("a model that YAML would take for something else is quoted", () => {
    expect(proposed("providers:\n  a: {models: ['5', qwen:8b]}\nroutes:\n  r:\n    nodes:\n      - {provider: a, models: [‸")).toEqual(['"5"', "qwen:8b"])
  })
})

test("what a key is for", () => {
  expect(aboutPath(schema, ["providers", "openai", "api_key"])).toMatch(/^Its key/)
  expect(aboutPath(schema, ["defaults"])).toMatch(/^What holds/)
  expect(aboutPath(schema, ["routes", "r", "nodes", "[]", "priority"])).toMatch(/^The tier/)
  expect(aboutPath(schema, ["nothing"])).toBeNull()
})
