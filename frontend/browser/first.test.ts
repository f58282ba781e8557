import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Page } from "playwright-core"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { Upstream } from "./upstream"

const CONFIG = "# Ours.\nproviders: {}\n"
const KEY = "sk-loopback-0123456789abcdef"

/** How often somebody has to enter or press something. */
class Inputs {
  made = 0
  constructor(private readonly page: Page) {}

  async fill(label: string, text: string): Promise<void> {
    this.made += 1
    await this.page.getByLabel(label, { exact: true }).fill(text)
  }

  async press(name: string): Promise<void> {
    this.made += 1
    await this.page.getByRole("button", { name, exact: true }).click()
  }
}

async function open(browser: ReturnType<typeof useBrowser>, routerd: Routerd, colorScheme: "light" | "dark" = "light"): Promise<Page> {
  const page = await browser.page(routerd.url, { colorScheme })
  await page.goto(routerd.url, { waitUntil: "load" })
  await page.getByRole("heading", { name: "Paste an API key to begin" }).waitFor()
  return page
}

describe.skipIf(missing).sequential("the first minutes", () => {
  let upstream: Upstream
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    upstream = await Upstream.start()
    routerd = await Routerd.start(CONFIG)
  })
  afterEach(() => expectNoFaults())
  afterAll(async () => {
    await routerd?.stop()
    await upstream?.stop()
  })

  test("a vendor is told by its key; who shares a beginning is asked for", async () => {
    const page = await open(browser, routerd, "dark")
    const key = page.getByLabel("API key", { exact: true })
    for (const [text, vendor] of [
      ["sk-ant-api03-x", "Anthropic"],
      ["AIzaSyX", "Google Gemini"],
      ["gsk_x", "Groq"],
    ] as const) {
      await key.fill(text)
      await page.locator(".badge", { hasText: vendor }).waitFor()
    }
    await key.fill("sk-0123")
    const whose = page.getByLabel("Whose key is it?")
    await whose.waitFor()
    expect((await whose.locator("option").allInnerTexts()).slice(0, 4)).toEqual(["Choose…", "OpenAI", "DeepSeek", "Moonshot AI"])
    expect(await page.getByRole("button", { name: "Go on" }).isDisabled()).toBe(true)
    await expectAccessible(page)
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0)
  })

  test("who does not take the key says so, and nothing is written", async () => {
    const page = await open(browser, routerd)
    await page.getByRole("button", { name: "A server of your own" }).click()
    const inputs = new Inputs(page)
    await inputs.fill("Base URL", upstream.url)
    upstream.status = 401
    try {
      await inputs.press("Go on")
      await page.getByRole("alert").filter({ hasText: "does not take this" }).waitFor()
    } finally {
      upstream.status = 200
    }
    expect(await routerd.text()).toBe(CONFIG)
  })

  test("from nothing to an answer, by lines that a person would have written", async () => {
    const page = await open(browser, routerd)
    await expectAccessible(page)
    await page.getByRole("button", { name: "A server of your own" }).click()
    const inputs = new Inputs(page)
    await inputs.fill("Base URL", upstream.url)
    await inputs.fill("API key (optional)", KEY)
    await inputs.press("Go on")

    const shown = page.getByLabel("Changes of router.yaml")
    await shown.waitFor()
    const diff = (await shown.innerText()).trim().split("\n").filter((line) => line.startsWith("+"))
    expect(diff).toEqual(["+recipients:", "+  - age1… (made when it is saved)", "+providers:", `+  local: {base_url: ${upstream.url}, api_key: age:… (sealed when it is saved)}`, "+routes:", "+  smart: [local/fable-1]"])
    expect(await page.getByLabel("Model", { exact: true }).inputValue()).toBe("fable-1")
    await expectAccessible(page)
    await inputs.press("Write them")

    await page.getByRole("heading", { name: "smart answers now" }).waitFor()
    await inputs.fill("Message", "Tell me a story.")
    await inputs.press("Send")
    await page.locator("article[data-state=done]").waitFor()
    const turn = await page.locator("article").innerText()
    expect(turn).toContain("Once upon a time.")
    expect(turn).toContain("local")
    await expectAccessible(page)
    expect(inputs.made).toBe(6) // with an address, which a vendor's key doesn't need
    const chats = upstream.asked.filter((request) => request.path === "/v1/chat/completions")
    expect(chats).toMatchObject([{ key: KEY, body: { model: "fable-1", stream: true } }])

    const text = await routerd.text()
    expect(text.replace(/age1[0-9a-z]{58}/, "RECIPIENT").replace(/age:[A-Za-z0-9+/=]{100,}/, "SEALED")).toBe(
      `# Ours.\nrecipients:\n  - RECIPIENT\nproviders:\n  local: {base_url: ${upstream.url}, api_key: SEALED}\nroutes:\n  smart: [local/fable-1]\n`,
    )
    expect(routerd.log).not.toContain(KEY)

    await page.getByRole("link", { name: "Open the playground" }).click()
    await page.getByRole("heading", { name: "Playground" }).waitFor()
    expect(await page.getByLabel("Model", { exact: true }).inputValue()).toBe("smart")
  })
})
