import axe from "axe-core"
import { existsSync } from "node:fs"
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core"
import { afterAll, beforeAll, expect } from "vitest"

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium"
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

/** Why there is no browser here, if so: the tests then say that they are skipped. */
export const missing = existsSync(CHROMIUM) ? "" : `${CHROMIUM} is not installed`

/** One browser for all tests of a file. */
export function useBrowser(): { page: (url: string, options?: Parameters<Browser["newContext"]>[0]) => Promise<Page> } {
  let browser: Browser
  const contexts: BrowserContext[] = []
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET })
  })
  afterAll(async () => {
    await Promise.all(contexts.map((context) => context.close()))
    await browser?.close()
  })
  return {
    async page(url, options) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
      context.setDefaultTimeout(15_000)
      contexts.push(context)
      const page = await context.newPage()
      watch(page, url)
      return page
    },
  }
}

/** What no page may do: throw, break the Content-Security-Policy, or ask anybody else for anything. */
function watch(page: Page, url: string): void {
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`))
  page.on("console", (message) => {
    if (message.type() === "error" && /Content.Security.Policy|Uncaught/i.test(message.text())) faults.push(message.text())
  })
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) faults.push(`asked ${request.url()}`)
  })
}

const faults: string[] = []

export function expectNoFaults(): void {
  expect(faults.splice(0)).toEqual([])
}

/** No serious finding of axe-core on the page as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const result = await (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ["violations"] })
    return result.violations
      .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
      .map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`)
  })
  expect(found).toEqual([])
}
