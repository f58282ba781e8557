import { expect, test } from "vitest"
import { quirksOf } from "./fields"

const QUIRKS = {
  system: { enum: ["anywhere", "first"], description: "Where it takes `system` messages." },
  top_k: { enum: [true, false], description: "Whether it takes `top_k`." },
}

test("the quirks are those of the schema, with their values", () => {
  expect(quirksOf({ $defs: { ProviderConfig: { properties: { quirks: { properties: QUIRKS } } } } })).toEqual([
    { key: "system", label: "system", hint: "Where it takes system messages.", options: ["anywhere", "first"] },
    { key: "top_k", label: "top_k", hint: "Whether it takes top_k.", options: ["true", "false"] },
  ])
  expect(quirksOf({})).toEqual([])
})
