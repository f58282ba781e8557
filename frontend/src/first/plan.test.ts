import { expect, test } from "vitest"
import type { Preset } from "@/providers/draft"
import { added, isAsShown, nameOf, providerEntry, routeLines } from "./plan"

const OPENAI = { name: "openai", base_url: "https://api.openai.com/v1", adapter: "openai" } as Preset

test.each([
  ["https://api.example.com/v1", "example"],
  ["http://127.0.0.1:1234/v1", "local"],
  ["http://[::1]:1234/v1", "local"],
  ["http://localhost:1234", "local"],
  ["no address", "provider"],
])("%s is called %s", (url, name) => {
  expect(nameOf(url)).toBe(name)
})

test("a provider says no more than what was entered", () => {
  expect(providerEntry({ key: " sk-proj-1 ", vendor: OPENAI, baseUrl: "" }, [])).toEqual({ name: "openai", api_key: "sk-proj-1" })
  expect(providerEntry({ key: "k", vendor: OPENAI, baseUrl: "" }, ["openai"])).toEqual({ name: "openai-2", vendor: "openai", api_key: "k" })
  expect(providerEntry({ key: "", vendor: undefined, baseUrl: "http://127.0.0.1:9/v1" }, [])).toEqual({ name: "local", base_url: "http://127.0.0.1:9/v1" })
})

const DIFF = "--- router.yaml\n+++ router.yaml\n@@ -2 +2,3 @@\n   openai: {}\n+routes:\n+  smart: [openai/gpt-5.2]\n"

test("the lines that are shown are the lines that the server adds", () => {
  const lines = routeLines("smart", "openai", "gpt-5.2", true)
  expect(added(DIFF)).toEqual(lines)
  expect([isAsShown(DIFF, lines), isAsShown(DIFF, routeLines("smart", "openai", "gpt-5", true)), isAsShown(`${DIFF}-a: 1\n`, lines)]).toEqual([true, false, false])
})
