import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectNoFaults, missing, useBrowser } from "./browser"
import { startDemo, TOKEN } from "./demo"
import { reduce } from "./png"
import { Routerd } from "./routerd"

const FOLDER = process.env.IMAGES ?? resolve(import.meta.dirname, "../../docs/images")
const MOST = 120_000 // bytes of a picture

type Ready = (page: Page) => Promise<unknown>

const see = (text: string): Ready => (page) => page.getByText(text).first().waitFor()

/** Every picture: its name, its path, and when it is all there. */
const PICTURES: readonly [name: string, path: string, ready: Ready][] = [
  ["overview", "/?range=24h", (page) => page.locator("canvas").nth(3).waitFor()],
  ["providers", "/providers", see("workstation")],
  ["provider", "/providers/openai", see("gpt-5.2-mini")],
  ["routes", "/routes", see("llm-auto-route")],
  ["route", "/routes/coding", see("qwen3-coder")],
  ["playground", `/playground?route=smart#token=${TOKEN}`, send],
  ["requests", "/requests", (page) => page.locator("tbody tr").nth(40).waitFor()],
  ["request", "/requests?route=smart&provider=anthropic", openFailover],
  ["config", "/config", (page) => page.getByText("Who answers").waitFor()],
  ["clients", "/clients", see("nightly-report")],
  ["backups", "/backups", see("Backups")],
  ["status", "/settings", see("Generation")],
]

describe.skipIf(missing)("pictures of the pages", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true })
    routerd = await startDemo()
  })
  afterAll(() => routerd?.stop())

  async function take(from: Routerd, name: string, path: string, ready: Ready, colorScheme: "light" | "dark" = "light"): Promise<void> {
    const page = await browser.page(from.url, { colorScheme, viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" })
    await page.goto(from.url + path)
    await ready(page)
    await page.waitForLoadState("load")
    await page.evaluate(hide, from.folder)
    await fit(page, path)
    const picture = reduce(await page.screenshot({ animations: "disabled" }))
    writeFileSync(join(FOLDER, `${name}.png`), picture)
    expectNoFaults()
    expect(picture.length).toBeLessThan(MOST)
    await page.close()
  }

  for (const [name, path, ready] of PICTURES) test(name, () => take(routerd, name, path, ready))
  test("overview-dark", () => take(routerd, "overview-dark", ...(PICTURES[0]!.slice(1) as [string, Ready]), "dark"))

  test("first-minutes", async () => {
    const empty = await Routerd.start("providers: {}\n")
    try {
      await take(empty, "first-minutes", "/", (page) => page.getByRole("textbox", { name: "API key" }).waitFor())
    } finally {
      await empty.stop()
    }
  })
})

/** As high as what there is to see, but the overview is seen as a whole. */
async function fit(page: Page, path: string): Promise<void> {
  const bottom = await page.locator("main").evaluate((main) => Math.max(...[...main.children].map((child) => child.lastElementChild!.getBoundingClientRect().bottom)))
  await page.setViewportSize({ width: 1280, height: Math.round(Math.min(Math.max(bottom + 24, 520), path.startsWith("/?") ? 1300 : 800)) })
}

async function send(page: Page): Promise<void> {
  await page.locator("#prompt").fill("Which way did this message go?")
  await page.getByRole("button", { name: "Send" }).click()
  await page.getByText("Answered by").waitFor()
}

async function openFailover(page: Page): Promise<void> {
  await page.locator("tbody tr").filter({ has: page.locator(".number .badge") }).first().getByRole("link").click()
  await page.getByRole("heading", { name: "Attempts" }).waitFor()
}

/** Where the demo happens to lie is nobody's business. */
function hide(folder: string): void {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode as Text
    if (text.data.includes(folder)) text.data = text.data.replaceAll(folder, "/etc/routerd")
  }
}
