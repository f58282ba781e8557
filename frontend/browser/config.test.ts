import { execFileSync } from "node:child_process"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `# The team's router: every comment stays.
providers:
  demo:   {adapter: echo, models: [echo, slow]}   # odd spaces stay, too
routes:
  llm-auto-route: [demo/echo]
  other: [demo/slow]
`

describe.skipIf(missing)("the config page", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
    git("init", "--quiet")
    git("add", "router.yaml")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=first")
  })
  afterAll(() => routerd?.stop())
  beforeEach(async () => {
    await routerd.save(CONFIG)
    await fetch(`${routerd.url}/api/config/reload`, { method: "POST" })
  })

  function git(...words: string[]): string {
    return execFileSync("git", words, { cwd: routerd.folder, encoding: "utf8" })
  }

  /** The lines of router.yaml that git sees as changed. */
  function changedLines(): string[] {
    return git("diff", "--unified=0", "router.yaml").split("\n").filter((line) => /^[+-](?![+-]{2})/.test(line))
  }

  /** The page with the cursor at a place of the file: the word that begins there is selected. */
  async function open(line: number, column: number, options = {}): Promise<Page> {
    const page = await browser.page(routerd.url, options)
    await page.goto(`${routerd.url}/config?line=${line}&column=${column}`)
    await page.locator(".cm-content:focus").waitFor()
    return page
  }

  async function openAndWrite(line: number, column: number, text: string): Promise<Page> {
    const page = await open(line, column)
    await page.keyboard.insertText(text)
    return page
  }

  async function save(page: Page): Promise<void> {
    await page.getByRole("button", { name: "Save…", exact: true }).click()
    const dialog = page.getByRole("dialog", { name: "Save router.yaml" })
    await dialog.getByRole("button", { name: "Save to router.yaml" }).click()
    await dialog.waitFor({ state: "hidden" })
  }

  test("an edit changes the lines that it means to, and no other", async () => {
    const page = await openAndWrite(6, 11, "demo/echo")
    await page.getByRole("button", { name: "Compare with what serves" }).click()
    await page.getByText("This could serve.").waitFor()
    await page.getByText("route other").waitFor()
    await page.keyboard.press("Escape")
    await page.getByRole("button", { name: "Save…", exact: true }).click()
    await page.getByRole("dialog", { name: "Save router.yaml" }).getByText("+  other: [demo/echo]").waitFor()
    expect(changedLines()).toEqual([]) // it is only shown so far
    await page.getByRole("button", { name: "Save to router.yaml" }).click()
    await page.getByText("Not saved.").waitFor({ state: "hidden" })
    expect(changedLines()).toEqual(["-  other: [demo/slow]", "+  other: [demo/echo]"])
    expectNoFaults()
  })

  test("a file from Windows keeps the ends of its lines", async () => {
    const theirs = CONFIG.replaceAll("\n", "\r\n")
    await routerd.save(theirs)
    await fetch(`${routerd.url}/api/config/reload`, { method: "POST" })
    const page = await openAndWrite(6, 11, "demo/echo")
    await save(page)
    await expect.poll(() => routerd.text()).toBe(theirs.replace("[demo/slow]", "[demo/echo]"))
    expectNoFaults()
  })

  test("keys and names are completed from the schema and the file", async () => {
    const page = await open(6, 11)
    await page.keyboard.press("Delete") // the target that is selected
    await page.keyboard.press("Control+Space")
    await page.getByRole("option", { name: "demo/echo" }).waitFor()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+End")
    await page.keyboard.type("def")
    await page.getByRole("option", { name: /^defaults/ }).waitFor()
    await page.getByText("What holds for routes and providers that do not say otherwise.").waitFor()
    expectNoFaults()
  })

  test("a save that comes too late is refused: three texts are put together, and saved again", async () => {
    const page = await openAndWrite(5, 20, "demo/slow")
    const theirs = CONFIG.replace("# The team's", "# Our team's").replace("llm-auto-route: [demo/echo]", "llm-auto-route: [demo/slow, demo/echo]")
    await routerd.save(theirs)
    await page.getByText("saved by somebody else").waitFor()
    await page.getByRole("button", { name: "Save…", exact: true }).click()
    const dialog = page.getByRole("dialog", { name: "The file was saved meanwhile" })
    const conflict = dialog.getByRole("group", { name: "Both changed this, line 5" })
    const together = dialog.getByRole("button", { name: "Put together and save…" })
    await conflict.waitFor()
    await expectAccessible(page)
    expect(await together.isDisabled()).toBe(true)
    await conflict.getByRole("radio", { name: /^Yours/ }).check()
    await together.click()
    await page.getByRole("button", { name: "Save to router.yaml" }).click()
    await page.getByText("Not saved.").waitFor({ state: "hidden" })
    expect(await routerd.text()).toBe(theirs.replace("[demo/slow, demo/echo]", "[demo/slow]"))
    expectNoFaults()
  })

  test("with changes in different places, both are there in the end", async () => {
    const page = await openAndWrite(6, 11, "demo/echo")
    const theirs = CONFIG.replace("# The team's", "# Our team's")
    await routerd.save(theirs)
    await page.getByRole("button", { name: "Put both together…" }).click()
    await page.getByRole("button", { name: "Put together and save…" }).click()
    await page.getByRole("button", { name: "Save to router.yaml" }).click()
    await page.getByText("Not saved.").waitFor({ state: "hidden" })
    await expect.poll(() => routerd.text()).toBe(theirs.replace("other: [demo/slow]", "other: [demo/echo]"))
    expectNoFaults()
  })

  for (const colorScheme of ["light", "dark"] as const) {
    test(`a broken file is fixed in the editor, in the ${colorScheme}`, async () => {
      const page = await open(1, 1, { colorScheme })
      await routerd.save(CONFIG.replace("adapter: echo", "adaptor: echo"))
      const banner = page.locator(".banner")
      await banner.getByText("The file on disk is not what serves.").waitFor()
      await banner.getByRole("button", { name: "router.yaml:3:12" }).click()
      await page.locator(".cm-content:focus").waitFor()
      await page.getByText("1 problem:").waitFor()
      await expectAccessible(page)
      await page.keyboard.insertText("adapter")
      await page.getByText("No problems.").waitFor()
      await save(page)
      await banner.waitFor({ state: "hidden" })
      expect(await routerd.text()).toBe(CONFIG)
      expectNoFaults()
    })
  }

  test("unsaved changes are not lost by going elsewhere", async () => {
    const page = await openAndWrite(6, 3, "another")
    await page.getByText("Not saved.").waitFor()
    await page.getByRole("link", { name: "Clients" }).click()
    const dialog = page.getByRole("dialog", { name: "Leave without saving?" })
    await dialog.getByRole("button", { name: "Stay here" }).click()
    expect(new URL(page.url()).pathname).toBe("/config")
    await page.getByText("Not saved.").waitFor()
    await page.getByRole("link", { name: "Clients" }).click()
    await dialog.getByRole("button", { name: "Leave" }).click()
    await page.getByRole("heading", { name: "Clients", level: 1 }).waitFor()
    expectNoFaults()
  })

  test("an earlier generation is looked at, and gone back to", async () => {
    const page = await openAndWrite(6, 11, "demo/echo")
    await save(page)
    await page.getByRole("tab", { name: "History" }).click()
    const newest = page.locator("tbody tr").first()
    await newest.getByText("serves").waitFor()
    await newest.getByRole("button", { name: /^Lines/ }).click()
    await page.getByRole("dialog").getByText("+  other: [demo/echo]").waitFor()
    await expectAccessible(page)
    await page.getByRole("button", { name: "Close" }).last().click()
    await page.locator("tbody tr").nth(1).getByRole("button", { name: /^Go back/ }).click()
    await page.getByRole("dialog").getByText("-  other: [demo/echo]").waitFor()
    await page.getByRole("button", { name: "Go back", exact: true }).click()
    await expect.poll(() => routerd.text()).toBe(CONFIG)
    expectNoFaults()
  })
})
