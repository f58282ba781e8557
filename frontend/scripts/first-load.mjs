// What the first page loads before it is whole, gzipped: `npm run build` ends with it, and fails when it is too much.
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"

const MOST = 250_000 // bytes; the editor is not among them, since it is loaded where it is used
const FIRST_PAGE = /^(OverviewPage|TrafficCharts)-/
const folder = process.argv[2] ?? join(import.meta.dirname, "../dist")
const assets = join(folder, "assets")

const html = readFileSync(join(folder, "index.html"))
const found = new Set([...html.toString().matchAll(/assets\/([\w.-]+)/g)].map((match) => match[1]))
for (const name of readdirSync(assets)) if (FIRST_PAGE.test(name)) found.add(name)
for (const name of found) {
  if (!name.endsWith(".js")) continue
  const text = readFileSync(join(assets, name), "utf8")
  for (const [, imported] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+)["']/g)) found.add(imported)
}

const sizes = [...found].map((name) => gzipSync(readFileSync(join(assets, name))).length)
const whole = sizes.reduce((all, size) => all + size, gzipSync(html).length)
console.log(`first load: ${(whole / 1000).toFixed(1)} kB of at most ${MOST / 1000} kB, in ${found.size + 1} files`)
if (whole > MOST) process.exit(1)
if ([...found].some((name) => name.startsWith("CodeEditor"))) throw new Error("the first page loads the editor")
