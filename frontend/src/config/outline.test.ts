import { describe, expect, test } from "vitest"
import { outline, placeAt } from "./outline"

/** The cursor is where the ‸ is. */
function at(text: string): string | null {
  const offset = text.indexOf("‸")
  const place = placeAt(text.replace("‸", ""), offset)
  return place && `${place.kind} ${place.path.join(".")} "${place.written}"`
}

describe("where the cursor is", () => {
  test.each([
    ["‸", 'key  ""'],
    ["prov‸", 'key  "prov"'],
    ["providers:\n  ‸", 'key providers ""'],
    ["providers:\n  openai:\n    ‸", 'key providers.openai ""'],
    ["providers:\n  openai:\n    base‸", 'key providers.openai "base"'],
    ["providers:\n  openai:\n    adapter: ‸", 'value providers.openai.adapter ""'],
    ["providers:\n  openai:\n    adapter: op‸", 'value providers.openai.adapter "op"'],
    ["providers:\n  a: {adapter: echo}\n  b: {ada‸", 'key providers.b "ada"'],
    ["providers:\n  a: {adapter: ec‸}", 'value providers.a.adapter "ec"'],
    ["providers:\n  a: {models: [x, ‸", 'value providers.a.models.[] ""'],
    ["providers:\n  a: {models: [x], ‸", 'key providers.a ""'],
    ["providers:\n  a: {\n    models: [x],\n    ad‸", 'key providers.a "ad"'],
    ["routes:\n  r:\n    nodes:\n      - ‸", 'either routes.r.nodes.[] ""'],
    ["routes:\n  r:\n    nodes:\n    - open‸", 'either routes.r.nodes.[] "open"'],
    ["routes:\n  r:\n    nodes:\n    - a/b\n    strat‸", 'key routes.r "strat"'],
    ["routes:\n  r:\n    nodes:\n      - provider: ‸", 'value routes.r.nodes.[].provider ""'],
    ["routes:\n  r:\n    nodes:\n      - provider: a\n        mod‸", 'key routes.r.nodes.[] "mod"'],
    ["routes:\n  r: [a/b, ‸", 'value routes.r.[] ""'],
    ["routes:\n  r: [{provider: ‸", 'value routes.r.[].provider ""'],
    ["providers:\n  a: {}\nroutes:\n  ‸", 'key routes ""'],
    ['providers:\n  "my one":\n    vendor: ‸', 'value providers.my one.vendor ""'],
    ["providers:\n  a: {base_url: http://x/v1, ‸", 'key providers.a ""'],
    ["a: 1 # not ‸", null],
    ["# ‸", null],
    ["a: {b: 1} # no‸", null],
  ])("%j", (text, expected) => expect(at(text)).toBe(expected))
})

test("every key and item, with its value", () => {
  const text = `# One file.
providers:
  demo: {adapter: echo, models: [one, "two words"]}   # a comment
  "quoted #1":
    base_url: 'http://127.0.0.1:1/v1'
    models:
    - tree:latest
routes:
  r: [demo/one]
`
  expect(outline(text).map((entry) => [entry.path.join("."), entry.value, text.slice(entry.from, entry.to)])).toEqual([
    ["providers", "", "providers:"],
    ["providers.demo", "{adapter: echo, models: [one, \"two words\"]}", "demo:"],
    ["providers.demo.adapter", "echo", "adapter"],
    ["providers.demo.models.[]", "one", "one"],
    ["providers.demo.models.[]", "two words", '"two words"'],
    ["providers.demo.models", '[one, "two words"]', "models"],
    ["providers.quoted #1", "", '"quoted #1":'],
    ["providers.quoted #1.base_url", "http://127.0.0.1:1/v1", "base_url:"],
    ["providers.quoted #1.models", "", "models:"],
    ["providers.quoted #1.models.[]", "tree:latest", "tree:latest"],
    ["routes", "", "routes:"],
    ["routes.r", "[demo/one]", "r:"],
    ["routes.r.[]", "demo/one", "demo/one"],
  ])
})
