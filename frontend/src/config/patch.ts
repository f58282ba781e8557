/** The text that a unified diff makes of another; null where the two don't fit. */
export function patched(text: string, diff: string): string | null {
  const lines = text.split("\n")
  const made: string[] = []
  let at = 0
  for (const hunk of hunksOf(diff)) {
    const from = hunk.count === 0 ? hunk.from : hunk.from - 1
    if (from < at || from > lines.length) return null
    made.push(...lines.slice(at, from))
    at = from
    for (const line of hunk.lines) {
      if (line[0] !== "+" && lines[at++] !== line.slice(1)) return null
      if (line[0] !== "-") made.push(line.slice(1))
    }
  }
  return [...made, ...lines.slice(at)].join("\n")
}

interface Hunk {
  from: number
  count: number
  lines: string[]
}

function hunksOf(diff: string): Hunk[] {
  const hunks: Hunk[] = []
  for (const line of diff.split("\n")) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@/.exec(line)
    if (head) hunks.push({ from: Number(head[1]), count: Number(head[2] ?? 1), lines: [] })
    else if (/^[ +-]/.test(line)) hunks.at(-1)?.lines.push(line)
  }
  return hunks
}
