import { describe, expect, test } from "vitest"
import { settingsFor } from "./settings"

const wanted = { address: "http://127.0.0.1:8000/", route: "llm-auto-route", key: "rk_0123" }

function partsOf(id: string, more: Partial<typeof wanted> = {}): Record<string, string> {
  const program = settingsFor({ ...wanted, ...more }).find((each) => each.id === id)!
  return Object.fromEntries(program.parts.map((part) => [part.label, part.text]))
}

test.each(settingsFor(wanted).map((program) => [program.name, program] as const))("%s is told address and key", (_, program) => {
  const told = program.parts.map((part) => part.text).join("\n")
  expect(told).toContain("http://127.0.0.1:8000")
  expect(told).not.toContain("8000//")
  expect(told).toContain("rk_0123")
})

describe("what each is told", () => {
  test("Cline: three values", () => {
    expect(partsOf("cline")).toEqual({ "Base URL": "http://127.0.0.1:8000/v1", "API key": "rk_0123", "Model ID": "llm-auto-route" })
  })

  test("Claude Code adds /v1 itself", () => {
    expect(partsOf("claude-code")["In a terminal"]).toContain("export ANTHROPIC_BASE_URL=http://127.0.0.1:8000\n")
  })

  test("Gemini CLI adds /v1beta itself, and is told its model when it starts", () => {
    const command = partsOf("gemini-cli")["In a terminal"]!
    expect(command).toContain("export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8000\n")
    expect(command).toMatch(/gemini -m llm-auto-route$/)
  })

  test("Codex speaks the Responses API, and has its key in a variable", () => {
    const file = partsOf("codex")["~/.codex/config.toml"]
    expect(file).toContain('wire_api = "responses"')
    expect(file).not.toContain("rk_0123")
  })

  test("opencode: a file that is JSON, with the route as its model", () => {
    const file = JSON.parse(partsOf("opencode")["opencode.json"]!)
    expect(file.model).toBe("routerd/llm-auto-route")
    expect(file.provider.routerd.models).toEqual({ "llm-auto-route": { name: "llm-auto-route" } })
  })

  test("Open WebUI in a container reaches this machine over its own network only", () => {
    expect(partsOf("open-webui")["In a terminal"]).toContain("--network=host")
    expect(partsOf("open-webui", { address: "https://llm.example.org/router" })["In a terminal"]).toContain("-p 3000:8080")
    expect(partsOf("open-webui")["Then open"]).toBe("http://localhost:8080")
    expect(partsOf("open-webui", { address: "https://llm.example.org/router" })["Then open"]).toBe("http://localhost:3000")
  })

  test("a name with a quote and a space stays one word", () => {
    const command = partsOf("curl", { route: "it's mine" })["In a terminal"]!
    expect(command).toContain(`-d '{"model":"it'\\''s mine"`)
    expect(partsOf("claude-code", { route: "it's mine" })["In a terminal"]).toContain(`ANTHROPIC_MODEL='it'\\''s mine'`)
  })
})
